"""A PostgreSQL server of the tests' own: in a temporary folder, on a free port of the loopback, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "s3cr3t/with:odd@signs"


class Missing(Exception):
    """Why there is no server to be had here."""


@dataclass(frozen=True)
class Postgres:
    """A server that runs: its port, and a user `app` with `PASSWORD`, who may do anything."""

    port: int

    def url(self, password: str, database: str = "postgres") -> str:
        """The URL with this in the password's place, as it is."""
        return f"postgresql://app:{password}@127.0.0.1:{self.port}/{database}"


@contextmanager
def started() -> Iterator[Postgres]:
    """A server for the time of the block. Raises `Missing`."""
    binaries = _binaries()
    # Not pytest's folder, which other users cannot enter, and the server must not be root's.
    folder = Path(tempfile.mkdtemp(prefix="kitchens-postgres-"))
    as_user = _as_user(folder)
    try:
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        data = str(folder / "data")
        _run([*as_user, str(binaries / "initdb"), "-D", data, "-U", "app", "-A", "scram-sha-256",
              "--pwfile", str(folder / "password"), "--no-sync", "-E", "UTF8", "--locale", "C"])  # fmt: skip
        port = _free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*as_user, str(binaries / "postgres"), "-D", data, *words], stdout=log, stderr=log, cwd=folder
            )
        try:
            _until_it_answers(port, server, folder / "log")
            yield Postgres(port)
        finally:
            server.terminate()
            server.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """The newest of Debian's, which are real binaries, or what is in PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        raise Missing("PostgreSQL's server is not installed: `apt install postgresql`")
    return Path(initdb).parent


def _as_user(folder: Path) -> list[str]:
    """How root becomes somebody whom PostgreSQL accepts."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _run(words: list[str]) -> None:
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise Missing(f"`{words[-1]}`: {ended.stderr.strip()}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _until_it_answers(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user="app", password=PASSWORD, dbname="postgres"
            ).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise Missing(f"the server did not start: {log.read_text()}") from None
            time.sleep(0.05)
