"""What is decided about services without an engine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Barrier, Event
from types import SimpleNamespace
from typing import cast

import pytest

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen
from kitchens.actions.services import looking, raising, starting
from kitchens.actions.services.home import SERVICE, Home
from kitchens.actions.services.seeding import Seeder
from kitchens.containers import networks, objects, stopping
from kitchens.containers.engine import ContainerEnded, Engine, Image
from kitchens.containers.objects import Found
from kitchens.containers.services import ports
from kitchens.containers.services.service import Spec, is_listening
from kitchens.containers.stopping import is_heard

TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   2: 030AD50A:0050 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:0CEA 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
   1: 00000000000000000000000001000000:0CEB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
"""


@pytest.mark.parametrize(
    ("port", "seen"), [(5432, False), (8080, True), (80, False), (3306, True), (3307, False)]
)
def test_a_port_is_open_when_others_can_reach_its_listener(port: int, seen: bool) -> None:
    """A listener on the loopback only, or a connection, is none."""
    assert is_listening(TABLE, port) is seen


def test_a_port_stays_the_same_while_it_is_free() -> None:
    """One that is taken by a listener, or kept for another kitchen, is passed over."""
    first = ports.choose("a", None, ())
    assert ports.FIRST <= first <= ports.LAST
    assert ports.choose("a", None, ()) == first
    assert ports.choose("a", None, {first}) != first
    with socket.socket() as taken:
        taken.bind((ports.HOST, first))
        taken.listen()
        assert ports.choose("a", first, ()) != first
    assert ports.choose("b", first, ()) == first


def test_a_network_for_ports_that_went_meanwhile_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever removes the last other kitchen takes it along; any other refusal is told as it is."""
    made: list[str] = []
    refusals: list[ContainerEnded | None] = [
        ContainerEnded("it could not be started: network kitchens-ports not found"),
        None,
    ]

    def start(*_: object) -> None:
        if (refusal := refusals.pop(0)) is not None:
            raise refusal

    monkeypatch.setattr(starting, "start", start)
    monkeypatch.setattr(networks, "make_ports", lambda *_: made.append("made"))
    engine, spec = cast("Engine", None), cast("Spec", None)
    assert not starting._begun(engine, spec, lambda _: ("c", None, False)).ran
    assert made == ["made"]

    refusals.append(ContainerEnded("no such image"))
    with pytest.raises(ContainerEnded, match="no such image"):
        starting._begun(engine, spec, lambda _: ("c", None, False))


def test_a_port_that_was_taken_before_the_start_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is made once more, on another one; a refusal for another reason is told as it is."""
    asked: list[str] = []

    def start(_engine: Engine, _spec: Spec, container: str) -> None:
        if container == "on 20000":
            raise ContainerEnded("it could not be started: address already in use")

    def made(_: Spec) -> tuple[str, int, bool]:
        port = 20000 + len(asked)
        asked.append(f"on {port}")
        return asked[-1], port, False

    monkeypatch.setattr(starting, "start", start)
    monkeypatch.setattr(ports, "is_free", lambda port: port != 20000)
    begun = starting._begun(cast("Engine", None), cast("Spec", None), made)
    assert (asked, begun.container, begun.port) == (["on 20000", "on 20001"], "on 20001", 20001)

    asked.clear()
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    with pytest.raises(ContainerEnded, match="in use"):
        starting._begun(cast("Engine", None), cast("Spec", None), made)


def test_a_service_has_its_time_from_its_own_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """However long it takes to make the data that it begins with; and a look at it takes of that time, too."""
    clock, took, looks = [0.0], [0.0, 100.0], iter((False, True))

    def passes(seconds: float) -> None:
        clock[0] += seconds

    def made(_: Spec) -> tuple[str, None, bool]:
        passes(took.pop())
        return "c", None, False

    def is_ready(*_: object) -> bool:
        passes(20)
        return next(looks)

    house = cast("House", SimpleNamespace(watch=lambda: nullcontext(Event()), state=tmp_path))
    image = cast("Image", SimpleNamespace(name="i", id="i"))
    specs = {"it": Spec("it", image, "key", port=80, ready_within=30)}
    for name, what in (
        ("time", SimpleNamespace(monotonic=lambda: clock[0])),
        ("start", lambda *_: None),
        ("is_ready", is_ready),
        ("Wait", lambda: lambda: None),
        ("_why_ended", lambda *_: None),
    ):
        monkeypatch.setattr(starting, name, what)
    monkeypatch.setattr(objects, "last_lines", lambda *_: [])
    (seeded,) = starting.start_all(house, cast("Engine", None), specs, made, lambda _: None)
    assert (seeded.status, seeded.seconds) == ("ready", 40)

    looks = iter((False, False, True))
    (slow,) = starting.start_all(house, cast("Engine", None), specs, made, lambda _: None)
    assert (slow.status, slow.seconds) == ("failed", 40)


def test_who_waits_for_services_hears_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that takes its minute is named meanwhile."""
    told: list[str] = []
    looks = {"quick": iter((True,)), "slow": iter((False, False, True))}

    @contextmanager
    def life_signs(what: str, tell: Callable[[str], object]) -> Iterator[Callable[[str], object]]:
        yield lambda line: tell(f"{what}: {line}")

    house = cast("House", SimpleNamespace(watch=lambda: nullcontext(Event()), state=tmp_path))
    image = cast("Image", SimpleNamespace(name="i", id="i"))
    specs = {name: Spec(name, image, "key", port=80) for name in looks}
    monkeypatch.setattr(starting, "life_signs", life_signs)
    monkeypatch.setattr(starting, "start", lambda *_: None)
    monkeypatch.setattr(starting, "is_ready", lambda _engine, spec, _container: next(looks[spec.name]))
    monkeypatch.setattr(starting, "Wait", lambda: lambda: None)
    monkeypatch.setattr(starting, "_why_ended", lambda *_: None)
    starting.start_all(house, cast("Engine", None), specs, lambda spec: (spec.name, None, False), told.append)
    assert [line for line in told if line.startswith("waiting")] == [
        "waiting for services: `quick`, `slow`",
        "waiting for services: `slow`",
        "waiting for services: `slow`",
    ]


def test_volumes_are_made_when_their_seed_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A seed may take minutes, in which nobody would hold them."""
    done: list[str] = []
    monkeypatch.setattr(objects, "volumes", lambda *_: [])
    monkeypatch.setattr(objects, "make_volume", lambda *_: done.append("volume"))
    monkeypatch.setattr(raising, "seeds_of", lambda *_: done.append("seed") or {})
    monkeypatch.setattr(raising, "create", lambda *_: done.append("container") or "c")
    spec = Spec("it", cast("Image", None), "key", volumes=("/data",))
    home = Home("k", "", "id", tmp_path)
    raising._made(cast("Engine", None), cast("House", None), home, spec, "n", cast("Seeder", None))
    assert done == ["seed", "volume", "container"]


def test_show_asks_for_all_containers_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An engine takes a second for each; services are told in order, and the toolchain beside them."""
    together = Barrier(3)

    def usage(_engine: Engine, container: str) -> tuple[int, int]:
        together.wait(60)
        return {"a": 1, "b": 2, "t": 3}[container], 0

    def found(_engine: Engine, _mine: str, what: str) -> list[Found]:
        if what != SERVICE:
            return [Found("t", "", "running", "image", {})]
        return [Found(name, "", "running", "image", {SERVICE: name}) for name in "ba"]

    monkeypatch.setattr(objects, "usage", usage)
    monkeypatch.setattr(objects, "containers", found)
    monkeypatch.setattr(looking, "connect", lambda _: None)
    monkeypatch.setattr(looking, "home_of", lambda *_: Home("k", "", "id", tmp_path))
    house = cast("House", SimpleNamespace(environment={}, state=tmp_path))
    told = looking.containers_facts(house, cast("Kitchen", SimpleNamespace()))
    assert [(one["name"], one["memory"]) for one in told["services"]] == [("a", 1), ("b", 2)]
    assert told["toolchain"]["memory"] == 3


def test_services_are_stopped_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many a service does not listen when it is asked to end, and whoever comes along waits for all of them."""
    together = Barrier(2)
    monkeypatch.setattr(stopping, "stop", lambda *_: together.wait(60))
    stopping.stop_all(cast("Engine", None), ["a", "b"])


def test_who_hears_a_signal() -> None:
    """Who catches it, or blocks it to wait for it; not who ignores it or leaves it be."""
    status = "Name:\tredis\nSigQ:\t0/1\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000004000\n"
    assert [number for number in range(1, 32) if is_heard(status, number)] == [2, 15]
