"""bubblewrap around the process runtime, where it is installed and this machine lets it work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from kitchens_engine.tuples import NamedTuple

#: Says no to it, for one user.
VARIABLE = "KITCHENS_BUBBLEWRAP"
_PATIENCE = 10
#: The command is the first process of its world, which ends with it, whatever else runs there.
_WORLD = (
    "--unshare-user",
    "--unshare-pid",
    "--as-pid-1",
    "--unshare-ipc",
    "--new-session",
    # Whoever is root keeps them otherwise, and with them undoes all that is read-only.
    "--cap-drop",
    "ALL",
    "--ro-bind",
    "/",
    "/",
)
#: Settings of the kernel are root's, whatever it may do otherwise: it only has to be called so.
_KERNEL = "/proc/sys"
_OWN = ("--dev", "/dev", "--proc", "/proc", "--ro-bind", _KERNEL, _KERNEL, "--tmpfs", "/run")
_NO_NETWORK = "--unshare-net"
#: Places that are the run's own inside; what lies there and is needed is put back, to be read.
_MASKED = (Path("/tmp"), Path("/run"), Path("/dev"))
#: Names in a home folder under which secrets usually lie. Nodes have another home; these they cannot even read.
_SECRETS = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".git-credentials", ".pgpass",
    ".config/gcloud", ".config/gh", ".config/kitchens",
)  # fmt: skip


class Bubblewrap(NamedTuple):
    """What a look for it found: `program` when it works here, else `why` it does not."""

    program: str | None
    why: str


def find_bubblewrap(environment: Mapping[str, str], cache: Path) -> Bubblewrap:
    """Whether it is installed and works, which is tried once in each boot of the machine. `KITCHENS_BUBBLEWRAP=no`
    leaves it alone."""
    program = wanted(environment)
    if program is None:
        return Bubblewrap(None, "bubblewrap is not installed")
    facts = [program, os.stat(program).st_mtime_ns, os.getuid(), _boot(), *_OWN]
    note = cache / "bubblewrap.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["facts"] == facts:
            return Bubblewrap(program if known["works"] else None, known["why"])
    why = _trial(program)
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        part = note.with_name(f".{note.name}.{os.getpid()}")
        part.write_text(json.dumps({"facts": facts, "works": not why, "why": why}), encoding="utf-8")
        part.replace(note)
    return Bubblewrap(None if why else program, why)


def wanted(environment: Mapping[str, str]) -> str | None:
    """The program, where it is installed and nobody said no."""
    if environment.get(VARIABLE, "").lower() in ("no", "0", "off", "false"):
        return None
    return shutil.which("bwrap", path=environment.get("PATH"))


def words(
    program: str,
    *,
    checkout: Path,
    data: Path,
    folder: Path,
    temporary: Path,
    network: str,
    needed: tuple[Path, ...],
    environment: Mapping[str, str],
) -> tuple[str, ...]:
    """The words before a command that runs in a world of its own: this machine to be read, the run's folders to be
    written, no network but an `open` one, no process but its own. `needed` stays visible wherever it lies."""
    found = [program, *_WORLD, *_OWN, "--bind", str(temporary), "/tmp"]
    if network == "open":
        found += ["--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"]
    else:
        found.append(_NO_NETWORK)
    found += _hidden(environment)
    for path in dict.fromkeys((*needed, *map(Path, environment.get("PATH", "").split(":")))):
        if any(path.is_relative_to(masked) and path != masked for masked in _MASKED):
            found += ["--ro-bind-try", str(path), str(path)]
    found += ["--bind", str(checkout), str(checkout)]
    # Hooks put there would run outside, when the user calls git.
    found += ["--ro-bind-try", str(checkout / ".git"), str(checkout / ".git")]
    for path in (data, folder):
        found += ["--bind", str(path), str(path)]
    return (*found, "--")


def needed_by_python() -> tuple[Path, ...]:
    """Where this interpreter and its libraries lie."""
    return tuple(map(Path, dict.fromkeys((sys.base_prefix, sys.prefix))))


def _hidden(environment: Mapping[str, str]) -> Iterator[str]:
    home = Path(environment.get("HOME") or "/nowhere")
    for path in (home / name for name in _SECRETS):
        if path.is_dir():
            yield from ("--tmpfs", str(path))
        elif path.exists():
            yield from ("--ro-bind", "/dev/null", str(path))


def _trial(program: str) -> str:
    """Why it does not work; empty when it does."""
    command = [program, *_WORLD, *_OWN, "--tmpfs", "/tmp", _NO_NETWORK, "--", "/bin/sh", "-c", "exit 0"]
    try:
        tried = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not work here: {error}"
    if tried.returncode == 0:
        return ""
    said = tried.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"bubblewrap does not work here: {said[-1] if said else f'it ended with {tried.returncode}'}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
