"""The toolchain of the process runtime: made once per content, shared by all kitchens with the same."""

from __future__ import annotations

import hashlib
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from kitchens.containers.lock import alone
from kitchens.containers.toolchains import requirements as pip
from kitchens.model.toolchain import toolchain_key
from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.tuples import NamedTuple

__all__ = ["ProcessToolchain", "make_process_toolchain", "toolchain_key"]

_FORMAT = 1
_DONE = "kitchens.done"
#: What nodes do not import, and so need not have compiled.
_NOT_IMPORTED = "/(tests|pip|setuptools)/"
#: How many seconds it may take to compile what is installed.
_COMPILED_WITHIN = 300.0


class ProcessToolchain(NamedTuple):
    """An interpreter of this machine with the worker's needs. `path_entries` go first in PATH.

    `id` is the evidence that runs and attestations carry.
    """

    python: str
    path_entries: tuple[str, ...]
    id: str


def make_process_toolchain(
    requirements: bytes | None,
    cache: Path,
    interpreter: str,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
    name: str = "requirements.txt",
    needs: tuple[str, ...] = pip.NEEDS,
) -> ProcessToolchain:
    """The toolchain for these requirements (None: `interpreter` as it is), building it where it is missing.

    `environment` is what pip gets: proxies, its index, the CA bundle. `name` is the
    file's name in messages. InvalidInput for requirements that cannot be met;
    EnvironmentFailure for all else. Two processes at once build one.
    """
    version = _version(interpreter)
    if requirements is None:
        return ProcessToolchain(interpreter, (str(Path(interpreter).parent),), f"python-{version}")
    pip.check(requirements, name)
    key = hashlib.sha256(
        b"\n".join((b"%d" % _FORMAT, version.encode(), *map(str.encode, needs), requirements))
    )
    folder = cache / "toolchains" / f"venv-{key.hexdigest()[:32]}"
    if not (folder / _DONE).exists():
        try:
            with alone(
                folder.with_suffix(".lock"), tell, f"another process makes the toolchain of `{name}`: waiting"
            ):
                if not (folder / _DONE).exists():
                    tell(f"making the toolchain of `{name}`, once")
                    _build(folder, requirements, interpreter, environment, name, needs)
        except OSError as error:
            raise EnvironmentFailure(
                f"the toolchain could not be made in {folder}: {error.strerror}"
            ) from error
    with suppress(OSError):
        os.utime(folder / _DONE)
    binaries = folder / "bin"
    return ProcessToolchain(str(binaries / "python"), (str(binaries),), f"venv-{key.hexdigest()}")


def toolchains(cache: Path) -> list[tuple[Path, float]]:
    """The toolchains that are kept, and when each was last used, in seconds since 1970."""
    found = sorted((cache / "toolchains").glob(f"venv-*/{_DONE}"))
    return [(done.parent, done.stat().st_mtime) for done in found]


def remove_toolchain(folder: Path, tell: Callable[[str], object]) -> None:
    """Remove one; whoever needs it makes it again."""
    import shutil

    with alone(folder.with_suffix(".lock"), tell, "another process makes this toolchain: waiting"):
        # First the mark that it is whole: cut off here, it is made anew.
        (folder / _DONE).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".log").unlink(missing_ok=True)


def _build(
    folder: Path,
    requirements: bytes,
    interpreter: str,
    environment: Mapping[str, str],
    name: str,
    needs: tuple[str, ...],
) -> None:
    """Build in place, a marker last: a virtual environment does not survive a move."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    log = folder.with_suffix(".log")
    log.unlink(missing_ok=True)
    made = _run([interpreter, "-m", "venv", str(folder)], environment, log)
    if made:
        shutil.rmtree(folder, ignore_errors=True)
        raise EnvironmentFailure(
            f"`{interpreter} -m venv` ended with {made}",
            "on Debian and Ubuntu: `apt install python3-venv`",
            f"what it said: {log}",
        )
    file = folder / "requirements.txt"
    file.write_bytes(requirements)
    for arguments in pip.installs(requirements, str(file), needs):
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--no-compile", "--no-input"]
        if _run([*command, "--disable-pip-version-check", "--log", str(log), *arguments], environment, None):
            said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
            shutil.rmtree(folder, ignore_errors=True)
            raise pip.failure(said, name, log)
    compile_all(folder / "bin" / "python", folder / "lib", environment, log)
    (folder / _DONE).touch()


def compile_all(
    python: Path,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    within: float = _COMPILED_WITHIN,
) -> None:
    """Compile what lies in a folder by all processors, once, and not by every node anew: pandas takes a second.

    What cannot be compiled is not imported. What is not done `within` so many seconds is left to who imports it: where the
    machine gives Python no more processes, its pool of them waits for ever.
    """
    command = [str(python), "-I", "-m", "compileall", "-qq", "-j", "0", "-x", _NOT_IMPORTED, str(folder)]
    with log.open("ab") as output:
        running = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )
        try:
            with suppress(subprocess.TimeoutExpired):
                running.wait(within)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()


def _run(command: list[str], environment: Mapping[str, str], log: Path | None) -> int:
    with (log or Path("/dev/null")).open("ab") as output:
        return subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        ).returncode


def _version(interpreter: str) -> str:
    """The interpreter's version and platform, such as `3.11.2-x86_64`. Our own is not asked."""
    if interpreter == sys.executable:
        return f"{platform.python_version()}-{platform.machine()}"
    ask = "import platform as p; print(p.python_version() + '-' + p.machine())"
    try:
        answer = subprocess.run([interpreter, "-I", "-c", ask], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EnvironmentFailure(f"the interpreter `{interpreter}` does not run: {error}") from error
    return answer.stdout.strip()
