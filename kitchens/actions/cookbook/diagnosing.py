"""`kitchen doctor`: what this machine has, what the cookbook lacks, and what a crash left."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kitchens.actions.cookbook.recipes import check_recipes
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchens
from kitchens.git.command import Git
from kitchens_engine.errors import KitchensError

#: What `find_bubblewrap` says where there is something to install.
NOT_INSTALLED = "bubblewrap is not installed"

#: Where git notes which object it shows in place of another.
REPLACED = "refs/replace/"

#: Less free space than this is worth a warning, in bytes.
LITTLE_DISK = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `status` is `ok`, `warning` or `error`; `hint` is the act that mends it."""

    name: str
    status: str
    message: str
    hint: str | None = None


def diagnose(
    open_house: Callable[[], House], folder: Path, cache: Path, environment: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Look at everything; nothing that is wrong with one thing keeps the others from being looked at."""
    findings = [_git(folder, environment), _python(), _engine(environment)]
    findings += [_processes(environment, cache), _disk(cache)]
    try:
        house = open_house()
    except KitchensError as error:
        findings.append(_from_error("repository", error))
        return [asdict(finding) for finding in findings]
    findings += [
        _checked("repository", lambda: _repository(house)),
        _checked("identity", lambda: Finding("identity", "ok", str(house.identity))),
        _checked("cookbook", lambda: _cookbook(house)),
        _checked("recipes", lambda: _recipes(house)),
        _checked("kitchens", lambda: _kitchens(house)),
    ]
    return [asdict(finding) for finding in findings]


def _checked(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except KitchensError as error:
        return _from_error(name, error)


def _from_error(name: str, error: KitchensError) -> Finding:
    return Finding(name, "error", error.message, error.hints[0] if error.hints else None)


def _git(folder: Path, environment: Mapping[str, str]) -> Finding:
    git = Git(folder, environment)

    def look() -> Finding:
        git.require_version()
        return Finding("git", "ok", f"git {'.'.join(map(str, git.version()))}")

    return _checked("git", look)


def _python() -> Finding:
    version = sys.version.split()[0]
    return Finding("python", "ok", f"Python {version}, the toolchain of a cookbook without requirements")


def _engine(environment: Mapping[str, str]) -> Finding:
    from kitchens.containers.engine import EngineUnreachable, connect

    try:
        engine = connect(environment)
    except EngineUnreachable as error:
        return Finding(
            "docker",
            "warning",
            f"{error.message}; nodes run as processes",
            "start a Docker engine for real isolation",
        )
    answers = f"engine {engine.version} answers: nodes run in hardened containers"
    if engine.lifts:
        keys = "`, `".join(engine.lifts)
        return Finding(
            "docker",
            "warning",
            f"{answers}, and nothing holds them to `{keys}`",
            "a rootless engine needs version 2 of the kernel's cgroups for that" if engine.rootless else None,
        )
    return Finding("docker", "ok", answers)


def _processes(environment: Mapping[str, str], cache: Path) -> Finding:
    """What the process runtime keeps apart on this machine, and what it does not."""
    from kitchens.containers.nodes.bubblewrap import find_bubblewrap

    found = find_bubblewrap(environment, cache)
    if found.program is None:
        return Finding(
            "processes",
            "warning",
            f"{found.why}; a node that runs as a process has its own process group, environment, home and temporary "
            "folder, and limits on memory, processes and disk that are looked after each second; this user's files, "
            "processes and network stay in reach",
            None if found.why != NOT_INSTALLED else "on Debian and Ubuntu: `apt install bubblewrap`",
        )
    return Finding(
        "processes",
        "ok",
        f"`{found.program}` works: a node that runs as a process sees only its run's processes, writes only to its "
        "checkout, data and temporary folder, and has no network but an `open` one; it can read what this user can, "
        "except where secrets usually lie, and memory is looked after each second",
    )


def _disk(cache: Path) -> Finding:
    existing = next(one for one in (cache, *cache.parents) if one.exists())
    free = shutil.disk_usage(existing).free
    status = "ok" if free >= LITTLE_DISK else "warning"
    return Finding("disk", status, f"{free / (1 << 30):.1f} GiB free for toolchains in {cache}")


def _repository(house: House) -> Finding:
    common = house.repository.common
    trouble = house.repository.git.disk_trouble()
    if trouble:
        return Finding("repository", "warning", *trouble)
    for ref in house.repository.refs.refs(REPLACED):
        oid = ref.removeprefix(REPLACED)
        return Finding(
            "repository",
            "warning",
            f"`{ref}` has git show another object under that id; what was tested and landed is the object itself",
            f"`git replace -d {oid}`",
        )
    return Finding("repository", "ok", f"{common} can be written")


def _cookbook(house: House) -> Finding:
    kitchens = Kitchens(house)
    root = kitchens.root
    if root not in kitchens.branches:
        raise kitchens.rootless()
    cookbook = house.view(kitchens.branches[root]).cookbook
    if cookbook.production != root:
        return Finding(
            "cookbook",
            "warning",
            f"`kitchens.toml` names `{cookbook.production}` as production, and it is `{root}`",
            f'`production = "{root}"` in its `[cookbook]`',
        )
    return Finding("cookbook", "ok", f"`{cookbook.name}`, production is `{root}`")


def _recipes(house: House) -> Finding:
    here = house.repository.here
    if house.repository.fileless:
        return Finding("recipes", "ok", "not looked at: a bare repository has no files")
    found = check_recipes(house.source(here, lenient=True), here, None)
    faults = [fault for fault in found if fault.severity == "error"]
    if faults:
        first = faults[0]
        return Finding(
            "recipes",
            "error",
            f"{len(faults)} fault{'' if len(faults) == 1 else 's'}, the first in {first.file}:{first.line}: {first.message}",
            "`kitchen recipe check`",
        )
    return Finding("recipes", "ok", "no faults")


def _kitchens(house: House) -> Finding:
    kitchens = Kitchens(house)
    there = {*kitchens.branches, kitchens.root}
    half_made = [name for name in kitchens.registered if name not in there]
    if half_made:
        return Finding(
            "kitchens",
            "warning",
            f"`{half_made[0]}` is registered and has no branch",
            f"`kitchen create {half_made[0]}` makes it, `kitchen repair` forgets it",
        )
    count = len(kitchens.names)
    return Finding("kitchens", "ok", f"{count} kitchen{'' if count == 1 else 's'}")
