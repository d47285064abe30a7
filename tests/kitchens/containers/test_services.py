"""What is decided about services without an engine."""

from __future__ import annotations

import socket
from typing import cast

import pytest

from kitchens.actions.services import starting
from kitchens.containers import networks
from kitchens.containers.engine import ContainerEnded, Engine
from kitchens.containers.services import ports
from kitchens.containers.services.service import Spec, is_listening

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
    starting._start(engine, spec, "c")
    assert made == ["made"]

    refusals.append(ContainerEnded("no such image"))
    with pytest.raises(ContainerEnded, match="no such image"):
        starting._start(engine, spec, "c")
