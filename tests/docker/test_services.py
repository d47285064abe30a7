"""A kitchen's own services: they come up in order, are reached, fail as what they are, and leave nothing."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from kitchens.containers import objects
from kitchens.containers.engine import Engine
from kitchens.containers.lock import alone
from kitchens.containers.owners import LABEL
from kitchens.containers.sweeping import remove_all
from tests.desk import Desk, desk, empty
from tests.docker.services import (
    COUNTS,
    FILL,
    GATE_PASSWORD,
    NOTHING,
    PASSWORD,
    POSTGRES,
    SCHEMA,
    Processes,
    census,
    settings,
    web,
)

__all__ = ["desk", "empty"]

pytestmark = pytest.mark.docker

NAME = "services-of-tests"


@pytest.fixture
def book(
    desk: Desk,
    engine: Engine,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Processes]:
    """A desk in a cookbook with services; whatever the test leaves on the engine goes with it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    # Seeds are this test's own, and go with it.
    cache = tmp_path / "cache"
    monkeypatch.setenv("KITCHENS_CACHE", str(cache))
    # As they run at the same time, no two may have one name, however long theirs are.
    name = f"{NAME}-{request.node.name}"[:50] + f"-{secrets.token_hex(4)}"
    found = Processes(desk.folder, lambda: ("", ""))
    found.name = name  # type: ignore[attr-defined]
    yield found
    remove_all(engine, f"{LABEL}cookbook={name}")
    for seed in (cache / "seeds").glob("[0-9a-f]*[0-9a-f]"):
        remove_all(engine, f"{LABEL}seed={seed.name}")


def begin(book: Processes, services: str, runtime: str = "") -> str:
    """Commit the services to production; the cookbook's name."""
    name: str = book.name  # type: ignore[attr-defined]
    book.commit("kitchens.toml", settings(name, services, runtime))
    return name


def test_postgres_in_a_kitchen_and_in_its_gate(book: Processes, engine: Engine) -> None:
    """Reached by name by an order and by its port from outside; a gate has one of its own; its data is made once by init
    files and a recipe, and copied; nothing shows the password, and after `delete` nothing is left."""
    book.keep("warehouse/password", PASSWORD)
    book.write("warehouse/schema.sql", SCHEMA)
    book.write("recipes/counts/recipe.toml", COUNTS)
    book.write("recipes/fill/recipe.toml", FILL)
    name = begin(book, POSTGRES)
    created = book.kitchen("create", "dev", "--json")
    assert (created.status, "in its scope `gate`" in created.out) == (2, True), created
    book.keep("warehouse/password", GATE_PASSWORD, "gate")

    gate = book.json("test", "dev", "--recipe", "counts")["gate"]
    assert [one["status"] for one in gate["recipes"]] == ["passed"]
    assert census(engine, name) == NOTHING
    ref = "refs/attestations/gate"
    (file,) = book.git("ls-tree", "-r", "--name-only", ref).splitlines()
    image = engine.image("kitchens-test/postgres:bookworm")
    assert image is not None
    assert json.loads(book.git("show", f"{ref}:{file}"))["predicate"]["services"] == {"warehouse": image.id}

    (up,) = book.json("up", "dev")["services"]
    run = book.json("order", "run", "counts", "--kitchen", "dev")
    assert (up["status"], run["status"]) == ("ready", "passed")
    with psycopg.connect(host="127.0.0.1", port=up["port"], user="postgres", password=PASSWORD) as connection:
        connection.execute("insert into prices values ('more', 1)")
    inspected = subprocess.run(
        ["docker", "inspect", *census(engine, name)["containers"]], check=True, capture_output=True, text=True
    ).stdout
    assert PASSWORD not in inspected

    began = book.json("order", "list", "--recipe", "fill")
    assert len(began) == 2  # once for the gate's password, once for the kitchens'
    book.json("create", "other", "--no-test")
    assert book.json("order", "run", "counts", "--kitchen", "other")["status"] == "passed"
    assert len(book.json("order", "list", "--recipe", "fill")) == 2
    book.json("delete", "other")

    book.json("down", "dev")
    assert [len(found) for found in census(engine, name).values()] == [0, 0, 1]
    (again,) = book.json("up", "dev")["services"]
    assert again["port"] == up["port"]
    with psycopg.connect(host="127.0.0.1", port=up["port"], user="postgres", password=PASSWORD) as connection:
        assert connection.execute("select count(*) from prices").fetchone() == (1006,)

    book.json("delete", "dev")
    assert census(engine, name) == NOTHING
    assert not (book.folder / ".git/kitchens/services/dev").exists()


def test_services_start_in_the_order_of_their_needs_and_are_reached_by_name(
    book: Processes, engine: Engine
) -> None:
    """By the nodes of their kitchen; a node reaches neither this machine nor another kitchen's service."""
    checks = '\nhealth = "wget -q -O - http://127.0.0.1:8080/"\n'
    name = begin(book, web("front", more='needs = ["back"]\n') + web("back", more=checks))
    code = "import urllib.request as u; print('said=' + u.urlopen('http://{host}:8080/', timeout=3).read().decode().strip())"
    ask = "".join(
        f'[nodes.{host}]\nrun = """\npython3 -c "{code.format(host=host)}" >> $KITCHEN_OUTPUT\n"""\n'
        for host in ("front", "back")
    )
    book.json("create", "dev", "--no-test")
    book.commit("recipes/counts/recipe.toml", ask, "dev")

    up = book.json("up", "dev")
    run = book.json("order", "run", "counts", "--kitchen", "dev")
    (front, back) = up["services"]
    assert [node["outputs"] for node in run["nodes"]] == [{"said": "front"}, {"said": "back"}]
    assert urllib.request.urlopen(f"http://{front['address']}/", timeout=3).read() == b"front\n"
    assert front["port"] != back["port"]
    made = {one.labels["org.kitchens.service"]: objects.state_of(engine, one.id)["StartedAt"]
            for one in objects.containers(engine, f"{LABEL}cookbook={name}", f"{LABEL}service")}  # fmt: skip
    assert made["back"] < made["front"]

    other = book.json("create", "other", "--no-test") and book.json("up", "other")["services"]
    theirs = next(one for one in other if one["name"] == "back")["container"]
    network = objects.networks(engine, f"{LABEL}cookbook={name}", f"{LABEL}kitchen=other")[0]
    with engine.asked("look") as api:
        facts = api.inspect_container(theirs)["NetworkSettings"]["Networks"]
        address = next(one["IPAddress"] for one in facts.values() if one["NetworkID"] == network)
    blocked = (
        "import socket\nfor to in [('{address}', 8080), ('{gateway}', {port}), ('169.254.169.254', 80)]:\n"
        " try: socket.create_connection(to, 2); raise SystemExit(f'reached {{to}}')\n except OSError: pass\n"
    ).format(address=address, gateway=address.rpartition(".")[0] + ".1", port=front["port"])
    book.write("recipes/counts/try.py", blocked, book.path("dev"))
    book.commit("recipes/counts/recipe.toml", '[nodes.a]\nrun = "python3 try.py"\n', "dev")
    assert book.json("order", "run", "counts", "--kitchen", "dev")["status"] == "passed"


def test_without_a_network_services_are_for_this_machine_only(book: Processes, engine: Engine) -> None:
    """`up` starts them as it is asked to; nodes reach none, so that an order does not start any."""
    name = begin(book, web("front"), 'network = "none"')
    book.json("create", "dev", "--no-test")
    reach = ("exec", "dev", "--", "python3", "-c", "import socket; socket.create_connection(('front', 8080))")
    assert book.kitchen(*reach).status == 1
    assert census(engine, name) == NOTHING

    (service,) = book.json("up", "dev")["services"]

    assert urllib.request.urlopen(f"http://{service['address']}/", timeout=5).read() == b"front\n"
    assert "gaierror" in book.kitchen(*reach).err


def test_a_service_that_never_was_ready_is_red_and_one_that_was_is_the_environments_failure(
    book: Processes, engine: Engine
) -> None:
    """With its last lines; a gate says the same; what needs it is not started."""
    once = "if [ -e /data/x ]; then echo no more; exit 3; fi; touch /data/x; " + "exec httpd -f -p 8080"
    begin(book, web("bad", "echo broken here; exit 4") + web("after", more='needs = ["bad"]\n'))
    created = book.json("create", "dev", status=1)
    (failure,) = created["gate"]["recipes"][0]["failures"]
    assert (failure["node"], failure["why"]) == ("service bad", "it ended with status 4\nbroken here")
    red = book.json("up", "dev", status=1)
    assert [(one["name"], one["status"], one["log"]) for one in red["services"]] == [
        ("bad", "failed", ["broken here"]),
        ("after", "waiting", []),
    ]
    run = book.json("order", "run", "counts", "--kitchen", "dev", status=1)
    why = "service `bad` does not become ready: it ended with status 4"
    assert (run["status"], run["nodes"], run["why"]) == ("failed", [], why)

    book.commit("kitchens.toml", settings(book.name, web("bad", once, 'volumes = ["/data"]\n')), "dev")  # type: ignore[attr-defined]
    assert book.json("up", "dev")["status"] == "up"
    book.json("down", "dev")
    answer = book.kitchen("up", "dev")
    assert answer.status == 5
    assert "service `bad`, which was ready before, does not become so: it ended with status 3" in answer.err
    assert "no more" in answer.err
    book.json("down", "dev", "--volumes")
    assert book.json("up", "dev")["status"] == "up"


def test_a_service_that_says_nothing_of_itself_must_at_least_run(book: Processes, engine: Engine) -> None:
    """Without a port and a health command there is nothing to ask; one that has ended is not ready."""
    text = web("mute", "echo broken here; exit 6").replace("port = 8080\n", "")
    assert "port" not in text
    begin(book, text)
    book.json("create", "dev", "--no-test")
    (mute,) = book.json("up", "dev", status=1)["services"]
    assert (mute["status"], mute["why"], mute["log"]) == (
        "failed",
        "it ended with status 6",
        ["broken here"],
    )


def test_a_dockerfile_of_a_service_that_is_wrong_is_named(book: Processes) -> None:
    """As that of a toolchain: exit 2 for a step that fails, 5 for an image to begin with that cannot be had."""
    book.write("shop/Dockerfile", "FROM kitchens-test/busybox:static\nRUN exit 3\n")
    begin(book, '[services.shop]\nbuild = "shop/Dockerfile"\n')
    book.json("create", "dev", "--no-test")
    error = book.json("up", "dev", status=2)["error"]
    assert (error["file"], "cannot be built" in error["message"]) == ("shop/Dockerfile", True)
    assert "what it said: " in error["hint"]
    book.write("shop/Dockerfile", "FROM kitchens-test/no-such:image\n", book.path("dev"))
    assert book.json("up", "dev", status=5)["error"]["code"] == "image-missing"


def test_up_and_delete_at_once_leave_nothing(book: Processes, engine: Engine) -> None:
    """Whoever comes second waits, and does what is still to be done."""
    name = begin(book, web("front", more='volumes = ["/data"]\n'))
    book.json("create", "dev", "--no-test")
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "kitchens.cli.main", verb, "dev"],
            cwd=book.folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        for verb in ("up", "delete", "up", "up")
    ]
    said = [one.communicate(timeout=60)[1] for one in running]
    assert not any("bug" in each for each in said), said
    assert {one.returncode for one in running} <= {0, 2}, said
    assert running[1].returncode == 0
    assert census(engine, name) == NOTHING


def test_what_was_cut_off_and_what_was_deleted_without_an_engine_is_cleared_away(
    book: Processes, engine: Engine, tmp_path: Path
) -> None:
    """A killed `up` is nobody's obstacle; ^C leaves no container; what `delete` could not remove goes with the next
    command that speaks to the engine."""
    name = begin(book, web("front", "sleep 1; exec httpd -f -p 8080", 'volumes = ["/data"]\n'))
    book.json("create", "other", "--no-test")
    for number in (signal.SIGKILL, signal.SIGINT):
        book.json("create", "dev", "--no-test")
        with subprocess.Popen(
            [sys.executable, "-m", "kitchens.cli.main", "up", "dev"], cwd=book.folder, stderr=subprocess.PIPE
        ) as running:
            deadline = time.monotonic() + 60
            while not census(engine, name)["containers"] and time.monotonic() < deadline:
                time.sleep(0.02)
            running.send_signal(number)
            assert running.wait(60) == (130 if number == signal.SIGINT else -number)
        assert bool(census(engine, name)["containers"]) is (number == signal.SIGKILL)
        assert book.json("up", "dev")["status"] == "up"
        book.json("delete", "dev")
        assert census(engine, name) == NOTHING

    book.json("create", "dev", "--no-test")
    book.json("up", "dev")
    with pytest.MonkeyPatch.context() as away:
        away.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
        answer = book.kitchen("delete", "dev")
        assert (answer.status, "its containers go when an engine answers again" in answer.err) == (0, True), (
            answer
        )
        assert book.kitchen("up", "other").status == 5
        assert [one["name"] for one in book.json("list")] == ["production", "other"]
    with alone(book.folder / ".git/kitchens/services/.dev.lock", print, ""):
        book.json("down", "other")  # somebody is at it: it is left to him, and stays written down
    assert len(census(engine, name)["containers"]) == 2
    book.json("down", "other")
    assert census(engine, name) == NOTHING
