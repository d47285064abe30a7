"""Which runtime it is, and why: said in one line."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kitchens.containers.choose import DockerChoice, ProcessChoice, choose_runtime
from kitchens.containers.engine import EngineUnreachable, connect
from kitchens.containers.toolchains.source import ImageSource
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

Choose = Callable[..., ProcessChoice | DockerChoice]


@pytest.fixture
def choose(tmp_path: Path) -> Choose:
    """Chooses on a machine where no engine answers."""

    def choose(kind: str, image: str | None = "python:3.12-slim") -> ProcessChoice | DockerChoice:
        return choose_runtime(
            kind,
            ImageSource("key", {"worker.py": b""}, image),
            worker=tmp_path / "worker.py",
            interpreter=sys.executable,
            cache=tmp_path,
            environment={
                "DOCKER_HOST": f"unix://{tmp_path}/no.sock",
                "PATH": os.environ["PATH"],
                "KITCHENS_BUBBLEWRAP": "no",
            },
            tell=print,
        )

    return choose


def test_auto_without_an_engine_is_the_process_runtime(choose: Choose) -> None:
    """The line says which, that it isolates less, and why."""
    choice = choose("auto")

    assert choice.kind == "process"
    assert choice.why.startswith("runtime process, isolated less than docker: no Docker engine answers")
    assert "\n" not in choice.why


def test_auto_without_an_image_is_the_process_runtime(choose: Choose) -> None:
    """There is nothing to start a container from."""
    assert choose("auto", image=None).why.endswith("`[runtime]` names no image")


def test_process_is_what_it_is_told(choose: Choose) -> None:
    """Our own interpreter, whose version is the evidence."""
    choice = choose("process")

    assert (choice.kind, choice.made.python) == ("process", sys.executable)
    assert choice.toolchain.startswith("python-3.")


def test_docker_without_an_engine_is_the_environments_failure(choose: Choose) -> None:
    """Nothing else is taken instead of what was asked for."""
    with pytest.raises(
        EnvironmentFailure, match=r"`runtime\.kind` is `docker`, but no Docker engine answers"
    ):
        choose("docker")


def test_another_kind_is_invalid(choose: Choose) -> None:
    """The hint has the right spellings."""
    with pytest.raises(InvalidInput) as caught:
        choose("dokcer")

    assert caught.value.hints == ("one of `auto`, `docker`, `process`",)


def test_an_engine_that_hangs_is_given_up(tmp_path: Path) -> None:
    """A socket that takes the question and never answers costs two seconds."""
    before = time.monotonic()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(f"{tmp_path}/deaf.sock")
        deaf.listen()
        with pytest.raises(EngineUnreachable):
            connect({"DOCKER_HOST": f"unix://{tmp_path}/deaf.sock"})

    assert time.monotonic() - before < 30  # two, on a machine with nothing else to do


def test_what_is_no_engine_is_said_so(tmp_path: Path) -> None:
    """An answer that is not an engine's is none."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(f"{tmp_path}/other.sock")
        other.listen()
        other.settimeout(5)

        def answer() -> None:
            with other.accept()[0] as connection:
                connection.recv(1024)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(EngineUnreachable, match="is no Docker engine"):
            connect({"DOCKER_HOST": f"unix://{tmp_path}/other.sock"})
        thread.join()
