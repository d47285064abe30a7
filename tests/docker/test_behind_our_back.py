"""Somebody else lays hands on what a kitchen has on the engine: the next `up` makes it good."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from typing import Any

import pytest

from kitchens.containers import objects
from kitchens.containers.engine import Engine
from kitchens.containers.owners import LABEL
from kitchens.containers.stopping import stop
from tests.docker.services import NOTHING, Processes, census, web
from tests.docker.test_services import begin, book, desk, empty

__all__ = ["book", "desk", "empty"]

pytestmark = pytest.mark.docker

ASK = "import urllib.request as u; print(u.urlopen('http://shop:8080/', timeout=9).read().decode())"
KEEPS = "date >> /data/index.html; exec httpd -f -p 8080 -h /data"


def only(engine: Engine, name: str, what: str = "service") -> str:
    """The one container of a cookbook that is a service, or a toolchain."""
    (found,) = objects.containers(engine, f"{LABEL}cookbook={name}", f"{LABEL}{what}")
    return found.id


def served(service: dict[str, Any]) -> list[str]:
    """What a service answers on its port of this machine, in lines."""
    with urllib.request.urlopen(f"http://{service['address']}/", timeout=5) as answer:
        return str(answer.read().decode()).splitlines()


def test_a_network_that_was_removed_under_stopped_services_is_made_again(
    book: Processes, engine: Engine
) -> None:
    """As `docker network prune` does it; what the service stored is still there."""
    name = begin(book, web("shop", KEEPS, 'volumes = ["/data"]\n'))
    book.json("create", "dev", "--no-test")
    book.json("up", "dev")
    stop(engine, only(engine, name), 0)
    stop(engine, only(engine, name, "toolchain"), 0)
    (network,) = objects.networks(engine, f"{LABEL}cookbook={name}")
    assert objects.remove_network(engine, network)
    (again,) = book.json("up", "dev")["services"]
    assert (again["status"], len(served(again))) == ("ready", 2)


def test_a_service_that_was_taken_out_of_its_network_comes_back(book: Processes, engine: Engine) -> None:
    """Although it runs, and its port answers: nodes would not reach it by its name."""
    name = begin(book, web("shop"))
    book.json("create", "dev", "--no-test")
    book.json("up", "dev")
    (network,) = objects.networks(engine, f"{LABEL}cookbook={name}")
    with engine.asked("take it out") as api:
        api.disconnect_container_from_network(only(engine, name), network, force=True)
    book.json("up", "dev")
    assert "shop" in book.kitchen("exec", "dev", "--", "python3", "-c", ASK).out


def test_a_stopped_service_whose_port_was_taken_gets_another_one(book: Processes, engine: Engine) -> None:
    """And says so; what it stored is still there."""
    name = begin(book, web("shop", KEEPS, 'volumes = ["/data"]\n'))
    book.json("create", "dev", "--no-test")
    (first,) = book.json("up", "dev")["services"]
    stop(engine, only(engine, name), 0)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", first["port"]))
        taken.listen()
        answer = book.kitchen("up", "dev", "--json")
        assert answer.status == 0, answer
        (again,) = answer.document["services"]
        assert f"port {first['port']} of service `shop` is taken by somebody else" in answer.err
        assert again["port"] != first["port"]
        assert len(served(again)) == 2


def test_a_service_that_was_restarted_without_its_secrets_gets_them(book: Processes, engine: Engine) -> None:
    """`docker restart` leaves it waiting for them."""
    book.keep("shop/word", "open sesame")
    command = "echo $WORD > /index.html; exec httpd -f -p 8080 -h /"
    name = begin(book, web("shop", command, 'env = { WORD = "vault:shop/word" }\n'))
    book.json("create", "dev", "--no-test")
    book.json("up", "dev")
    stop(engine, only(engine, name), 0)
    engine.start(only(engine, name))
    (again,) = book.json("up", "dev")["services"]
    assert (again["status"], served(again)) == ("ready", ["open sesame"])
    since = objects.state_of(engine, only(engine, name))["StartedAt"]
    book.json("up", "dev")
    assert objects.state_of(engine, only(engine, name))["StartedAt"] == since


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ('command = ["serf"]\n', '"serf"'),
        ('command = ["sleep", "60"]\nhealth = "serf"\n', "its health command ended with 127"),
        ('command = ["sleep", "60"]\nmemory = "1m"\n', "memory"),
        ("", "says nothing of what to run"),
    ],
)
def test_a_service_that_no_machine_could_start_is_red(book: Processes, wrong: str, why: str) -> None:
    """The change is wrong, not the machine: exit 1, of a gate too."""
    begin(book, f'[services.shop]\nimage = "kitchens-test/busybox:static"\n{wrong}')
    gate = book.json("create", "dev", status=1)["gate"]
    assert gate["status"] == "red"
    up = book.json("up", "dev", status=1)
    assert up["services"][0]["status"] == "failed"
    assert why in up["services"][0]["why"]
    assert book.json("list")[1]["state"] == "red"


def test_who_changes_an_init_file_is_told_that_the_data_stays(book: Processes, engine: Engine) -> None:
    """It is run when data is new, as the image does it."""
    book.write("shop/init.sh", "echo one > /data/index.html")
    settings = 'volumes = ["/data"]\ninit = ["shop/init.sh"]\n'
    # It ends when it is asked to: the seed's maker waits for that.
    command = "trap exit TERM; sh /docker-entrypoint-initdb.d/init.sh; httpd -p 8080 -h /data; while :; do sleep 0.1; done"
    begin(book, web("shop", command, settings))
    book.json("create", "dev", "--no-test")
    said = [book.kitchen("up", "dev").err]
    book.write("shop/init.sh", "true", book.path("dev"))
    said.append(book.kitchen("up", "dev").err)
    book.json("down", "dev", "--volumes")
    said.append(book.kitchen("up", "dev").err)
    assert ["its data stays as it is" in each for each in said] == [False, True, False]
    assert "`kitchen down dev --volumes` lets it begin anew" in said[1]


def test_a_kitchen_that_is_deleted_under_its_order_takes_no_record_along(
    book: Processes, engine: Engine
) -> None:
    """The order ends with exit 5 and a sentence, and its logs are there; nothing is left on the engine."""
    name = begin(book, "")
    book.json("create", "dev", "--no-test")
    book.commit("recipes/long/recipe.toml", '[nodes.a]\nrun = "touch begun; sleep 60"\n', "dev")
    book.git("merge", "--quiet", "dev")
    book.json("up", "dev")
    order = subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", "order", "run", "long", "--kitchen", "dev"],
        cwd=book.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    begun = book.path("dev") / "recipes/long/begun"
    while not begun.exists():
        assert order.poll() is None
        time.sleep(0.05)
    book.json("delete", "dev", "--force")
    _, said = order.communicate()
    assert (order.returncode, "was lost" in said) == (5, True), said
    (run,) = (book.folder / ".git/kitchens/runs").iterdir()
    assert not run.is_symlink()
    assert (run / "nodes/a.1/log.txt").is_file()
    assert census(engine, name) == NOTHING
