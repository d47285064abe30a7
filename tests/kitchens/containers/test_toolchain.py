"""Toolchains of the process runtime: one per content, made once, told apart from what is broken."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kitchens.containers.toolchains import requirements as pip
from kitchens.containers.toolchains.toolchain import (
    ProcessToolchain,
    compile_all,
    make_process_toolchain,
)
from kitchens.model.toolchain import toolchain_key
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from tests.processes import gone

Make = Callable[..., ProcessToolchain]


@pytest.fixture
def told() -> list[str]:
    """What was said while making."""
    return []


@pytest.fixture
def make(tmp_path: Path, told: list[str]) -> Make:
    """Makes toolchains from wheels in a folder, without a network and with another need than the worker's."""
    for name, version in (("salt", "1.0"), ("salt", "2.0"), ("sauce", "1.0")):
        _wheel(tmp_path / "wheels", name, version)
    here = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels")}

    def make(requirements: bytes | None, **environment: str) -> ProcessToolchain:
        return make_process_toolchain(
            requirements,
            tmp_path / "cache",
            sys.executable,
            {**here, **environment},
            told.append,
            needs=("sauce",),
        )

    return make


def test_without_requirements_it_is_our_own_interpreter(make: Make, tmp_path: Path, told: list[str]) -> None:
    """Nothing is made."""
    toolchain = make(None)

    assert toolchain.python == sys.executable
    assert toolchain.path_entries == (str(Path(sys.executable).parent),)
    assert told == []
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_requirements_are_installed_once(make: Make, told: list[str]) -> None:
    """The same file is the same environment, in no time; another file is another one."""
    first = make(b"salt==1.0\n")
    again = make(b"salt==1.0\n")
    other = make(b"salt==2.0\n")

    assert first == again
    assert first.id != other.id
    assert told == ["making the toolchain of `requirements.txt`, once"] * 2
    assert [_version(toolchain, "salt") for toolchain in (first, other)] == ["1.0", "2.0"]
    assert _version(first, "sauce") == "1.0"


@pytest.mark.slow
def test_a_half_made_one_is_made_again(make: Make, tmp_path: Path) -> None:
    """What a killed process left is not taken for done."""
    toolchain = make(b"salt\n")
    folder = Path(toolchain.python).parents[1]
    (folder / "kitchens.done").unlink()
    for path in folder.rglob("salt*"):
        path.unlink() if path.is_file() else None

    make(b"salt\n")

    assert _version(toolchain, "salt") == "2.0"


@pytest.mark.slow
def test_two_at_once_make_one(make: Make, told: list[str]) -> None:
    """The second waits for the first, and says so."""
    made: list[ProcessToolchain] = []
    threads = [threading.Thread(target=lambda: made.append(make(b"salt==1.0\n"))) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made[0] == made[1]
    assert sorted(told) == [
        "another process makes the toolchain of `requirements.txt`: waiting",
        "making the toolchain of `requirements.txt`, once",
    ]


@pytest.mark.slow
def test_a_requirement_that_nobody_has_is_invalid(make: Make, tmp_path: Path) -> None:
    """The sentence has what pip says, the hint the whole story; nothing half-made stays."""
    with pytest.raises(InvalidInput) as caught:
        make(b"pepper==1.0\n")

    assert "pepper==1.0" in caught.value.message
    assert caught.value.file == "requirements.txt"
    assert Path(caught.value.hints[0].removeprefix("what it said: ")).is_file()
    assert not list((tmp_path / "cache").glob("toolchains/*/"))


@pytest.mark.slow
def test_a_network_that_is_away_says_nothing_about_the_requirements(make: Make) -> None:
    """An index that refuses connections is the environment's failure."""
    with pytest.raises(EnvironmentFailure, match="could not reach"):
        make(b"salt==3.0\n", PIP_NO_INDEX="0", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0")


@pytest.mark.parametrize(
    "line", [b"-r other.txt", b"-c bounds.txt", b"-e .", b"./folder", b"  --requirement=x"]
)
def test_other_files_are_refused(make: Make, line: bytes) -> None:
    """They would not be part of the toolchain's key. File and line are named."""
    with pytest.raises(InvalidInput) as caught:
        make(b"salt\n" + line + b"\n")

    assert (caught.value.file, caught.value.line) == ("requirements.txt", 2)


def test_a_cache_that_cannot_be_written_is_the_environments_failure(make: Make, tmp_path: Path) -> None:
    """The folder is named."""
    (tmp_path / "cache").write_text("a file")

    with pytest.raises(EnvironmentFailure, match=str(tmp_path)):
        make(b"salt\n")


def test_with_hashes_our_own_needs_are_installed_apart() -> None:
    """Beside a requirement with a hash pip accepts none that has none."""
    assert pip.installs(b"a==1 --hash=sha256:00\n", "f") == [["-r", "f"], [*pip.NEEDS]]
    assert pip.installs(b"a==1\n", "f") == [["-r", "f", *pip.NEEDS]]
    assert pip.installs(None, "f") == [[*pip.NEEDS]]


def test_the_key_is_equal_exactly_when_all_is_equal() -> None:
    """No two different toolchains share one, however their parts are cut."""
    asked = [
        {"image": "a"},
        {"image": "b"},
        {"image": "a", "requirements": b""},
        {"image": "a", "requirements": b"x"},
        {"image": "ax"},
        {"dockerfile": "a", "context": "x"},
        {"dockerfile": "ax", "context": ""},
        {"requirements": b"a"},
        {},
    ]
    keys = [toolchain_key(**parts) for parts in asked]  # type: ignore[arg-type]

    assert len(set(keys)) == len(asked)
    assert keys == [toolchain_key(**parts) for parts in asked]  # type: ignore[arg-type]


def _version(toolchain: ProcessToolchain, name: str) -> str:
    ask = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run(
        [toolchain.python, "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()


def _wheel(folder: Path, name: str, version: str) -> None:
    folder.mkdir(exist_ok=True)
    facts = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{facts}/RECORD", "")


def test_what_compiles_for_ever_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """What is compiled saves time; without it all works as well."""
    python, pids = tmp_path / "python", tmp_path / "pids"
    python.write_text(f"#!/bin/sh\nsleep 300 & echo $! $$ > {pids}; wait\n")
    python.chmod(0o755)

    compile_all(python, tmp_path, os.environ, tmp_path / "log", within=0.5)

    for pid in pids.read_text().split():
        gone(int(pid))


def test_what_is_installed_is_compiled_but_for_tests(tmp_path: Path) -> None:
    """Those of the installed are imported by nobody."""
    for name in ("salt/__init__.py", "salt/tests/taste.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("GRAINS = 3\n")

    compile_all(Path(sys.executable), tmp_path, os.environ, tmp_path / "log")

    assert [path.parent.parent.name for path in tmp_path.rglob("*.pyc")] == ["salt"]
