"""A Docker engine of a test's own, to be killed, stopped and started again: nothing of it is shared with the machine.

It lives in namespaces of its own: a second engine beside another would take that one's bridge and rules away.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PATIENCE = 15.0
#: They end with their first process, and all that runs in them with them.
_ENTER = ("--net", "--mount", "--pid")
#: Its first process: not for ever, whatever happens to the test, and a shell, because it buries whom nobody waits for.
_HOLD = "for _ in $(seq 300); do sleep 1; done"


class OwnEngine:
    """An engine in the namespaces that `holder`, a process id, keeps open."""

    def __init__(self, folder: Path, holder: int) -> None:
        self._socket = folder / "socket"
        self.address = f"unix://{self._socket}"
        self._holder = holder
        self._log = folder / "log"
        self._settings = folder / "settings.json"
        # In a file and not in arguments, by which `.ci/engine` finds engines for everybody.
        told = {
            "hosts": [self.address],
            "data-root": str(folder / "data"),
            "exec-root": str(folder / "run"),
            "pidfile": str(folder / "pid"),
            "bridge": "none",
            "iptables": False,
            "ip6tables": False,
        }
        self._settings.write_text(json.dumps(told))
        self._entered: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""
        with self._log.open("ab") as log:
            self._entered = subprocess.Popen(
                [
                    "nsenter",
                    f"--target={self._holder}",
                    *_ENTER,
                    "--",
                    "dockerd",
                    "--config-file",
                    self._settings,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self._entered.poll() is None and time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Send the engine a signal."""
        assert self._entered is not None
        os.kill(_only_child(self._entered.pid), number)
        if number == signal.SIGCONT:
            # What entered the namespaces for it has stopped with it.
            self._entered.send_signal(number)

    def kill(self) -> None:
        """End it as a crash would: nothing of it is cleared up."""
        self.signal(signal.SIGKILL)
        self.ended()

    def ended(self, *, at_once: bool = False) -> None:
        """Wait until it has ended, which something else sees to; what entered the namespaces for it ends with it, or
        `at_once`."""
        if self._entered is not None:
            if at_once:
                self._entered.kill()
            self._entered.wait(_PATIENCE)

    def docker(self, *words: str, fed: bytes | None = None) -> str:
        """Type `docker WORDS` at it."""
        words = ("docker", f"--host={self.address}", *words)
        return subprocess.run(
            words, input=fed, check=True, capture_output=True, timeout=_PATIENCE
        ).stdout.decode()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
                return b" 200 " in connection.recv(64)
            except OSError:
                return False


@contextmanager
def own_engine() -> Iterator[OwnEngine]:
    """An engine that answers, gone afterwards with all that it made; skipped where this user may not have one."""
    if missing := [name for name in ("dockerd", "unshare", "nsenter") if shutil.which(name) is None]:
        pytest.skip(f"an engine of one's own needs `{missing[0]}`")
    if os.geteuid() != 0:
        pytest.skip("only root can start an engine of one's own")
    # A socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="own-engine-"))
    held = subprocess.Popen(
        ["unshare", *_ENTER, "--fork", "--kill-child", "--mount-proc", "sh", "-c", _HOLD],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    engine = None
    try:
        engine = OwnEngine(folder, _namespaced(held))
        engine.start()
        yield engine
    finally:
        held.kill()
        held.communicate()
        if engine is not None:
            engine.ended(at_once=True)
        # What ran there is being ended by the kernel, and writes no more once it is.
        deadline = time.monotonic() + _PATIENCE
        while folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.05)


def _namespaced(held: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if held.poll() is not None:
            pytest.skip(f"no namespaces of one's own here: {(held.communicate()[1] or b'').decode().strip()}")
        for child in _children(held.pid):
            if Path(f"/proc/{child}/comm").read_text().strip() == "sh":
                return child
        time.sleep(0.01)
    raise AssertionError("the namespaces could not be had in time")


def _children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _only_child(process: int) -> int:
    (child,) = _children(process)
    return child
