"""`kitchen repair`: adopt or remove what a crash left, by what refs and folders say, and tell of each thing.

Every command finishes or undoes what a claim names. What nobody wrote down, or what a user's own `rm` and `git branch
-D` took apart, is found here. Work is adopted; what might be somebody's is kept and named.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import REGISTRATIONS, Kitchens
from kitchens.actions.life.upkeep import Finding, carry_out, removal
from kitchens.actions.sharing.arriving import remote_of
from kitchens.git.checkouts import worktrees
from kitchens.git.checkouts.records import directories, last_commit, place_of
from kitchens.git.claims import alone, standing
from kitchens.git.moving.healing import heal
from kitchens.git.repository import git_directory
from kitchens.git.sharing import remotes
from kitchens.model.kitchen import Registration
from kitchens.model.names import KitchenName
from kitchens_engine.errors import EnvironmentFailure, KitchensError

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine

#: How we call folders that are of use for a moment, beside their place.
_FOR_A_MOMENT = (".making-", ".removing-")

#: Seconds for which a creation may hold its registration without a branch.
_PATIENCE = 60.0


def repair(house: House, *, dry_run: bool = False) -> dict[str, Any]:
    """Find what a crash left, and adopt or remove it unless `dry_run`; tell of each.

    `house` is one that was not healed, so that what healing does is told too.
    """
    cut_off = _cut_off(house)
    if not dry_run:
        for path in heal(house.repository):
            cut_off.append(Finding("file", str(path), "somebody edited it while a landing was cut off"))
    found = cut_off + plan_repair(house)
    return carry_out(found, dry_run=dry_run)


def plan_repair(house: House) -> list[Finding]:
    """What is found beside claims: each with what is to be done about it."""
    kitchens = Kitchens(house)
    claimed = _claimed(house)
    return [
        *_registrations(house, kitchens),
        *_worktrees(house, kitchens),
        *_folders(house, kitchens, claimed),
        *_data(house, kitchens, claimed),
        *_temporary(house, claimed),
        *_on_engines(house),
        *_notes(house, kitchens),
    ]


def _cut_off(house: House) -> list[Finding]:
    """What claims of the dead name: healing finishes or undoes it."""
    found = []
    for what, alive in standing(house.repository.claims):
        if alive:
            continue
        names = (what.get(key) for key in ("branch", "path", "folder", "ref"))
        name = next((str(each) for each in names if each), str(what["process"]))
        why = f"process {what['process']} was killed in it"
        found.append(Finding(str(what["purpose"]), name, why, "healed", lambda: None))
    return found


def _claimed(house: House) -> set[str]:
    """The folders and refs that somebody, dead or alive, has written down as his."""
    whole = [what for what, _ in standing(house.repository.claims)]
    return {str(what[key]) for what in whole for key in ("folder", "path", "git", "ref") if what.get(key)}


def _unless_claimed(house: House, what: Path | str, act: Callable[[], object]) -> Callable[[], object]:
    """Whoever makes such a thing claims it first: looked at now, after it was found, a new one is seen."""

    def carefully() -> None:
        if str(what) in _claimed(house):
            raise KitchensError("somebody is at it now")
        act()

    return carefully


def _registrations(house: House, kitchens: Kitchens) -> Iterator[Finding]:
    """Registrations whose branch is gone: cut off in `create`, or somebody deleted the branch."""
    theirs = _at_remote(house)
    for name in kitchens.registered:
        # One that others have needs no branch here.
        if name in kitchens.branches or name in theirs:
            continue
        oid = house.repository.refs.read(REGISTRATIONS + name)
        folder = kitchens.folder / name
        last = _last(house, folder, name)
        if last is not None:
            yield Finding(
                "branch",
                name,
                f"its branch is gone, and its worktree in {folder} was at {last[:12]}",
                "restored",
                partial(_restore, house, name, last),
            )
        elif name == kitchens.root:
            # It says where proof begins, and what landed.
            gone = kitchens.rootless()
            yield Finding("registration", name, f"{gone.message}; {gone.hints[0]}")
        elif oid is not None:
            yield Finding(
                "registration",
                name,
                "it has no branch",
                "removed",
                partial(_unregister, house, name, oid),
            )


def _at_remote(house: House) -> set[str]:
    """The kitchens that are registered at the cookbook's remote, as far as was heard."""
    remote = remote_of(house)
    if remote is None:
        return set()
    there = remotes.seen(house.repository, remote)
    return {ref.removeprefix(REGISTRATIONS) for ref in there if ref.startswith(REGISTRATIONS)}


def _last(house: House, folder: Path, name: str) -> str | None:
    """The commit that the worktree in `folder` last had of the branch `name`, if it is still there."""
    try:
        own = git_directory(folder)
        if (own / "HEAD").read_text(encoding="utf-8").strip() != f"ref: refs/heads/{name}":
            return None
    except (OSError, EnvironmentFailure):
        return None
    commit = last_commit(own)
    return None if commit is None else house.repository.objects.resolve(f"{commit}^{{commit}}")


def _restore(house: House, name: str, commit: str) -> None:
    house.repository.refs.move(f"refs/heads/{name}", commit, None, "kitchen repair")


def _unregister(house: House, name: str, oid: str) -> None:
    # A creation that is under way has its registration first.
    with alone(house.repository.claims, "create", _PATIENCE):
        if house.repository.refs.branch(name) is None:
            house.repository.refs.delete(REGISTRATIONS + name, oid)


def _worktrees(house: House, kitchens: Kitchens) -> Iterator[Finding]:
    """Worktrees that git knows and whose folder is gone."""
    for each in worktrees.worktrees(house.repository):
        if each.prunable and each.locked in (None, worktrees.HALF_MADE):
            yield Finding(
                "worktree",
                str(each.path),
                "its folder is gone"
                + (f"; `kitchen path {each.branch}` makes it anew" if each.branch else ""),
                "forgotten",
                partial(worktrees.forget_lost, house.repository, each.path),
            )


def _folders(house: House, kitchens: Kitchens, claimed: set[str]) -> Iterator[Finding]:
    """Folders beside the repository, where worktrees lie, that git knows nothing of."""
    known = {place_of(own) for own in directories(house.repository)} | {house.repository.top}
    for folder in _below(kitchens.folder, known):
        name = folder.relative_to(kitchens.folder).as_posix()
        if str(folder) in claimed:
            continue
        if folder.name.startswith(_FOR_A_MOMENT):
            why = "a worktree was made or removed in it, and nobody is at it"
            yield Finding(
                "folder", str(folder), why, "removed", _unless_claimed(house, folder, removal(house, folder))
            )
        elif (folder / ".git").is_file() and _is_of(house, folder) and name in kitchens.branches:
            if kitchens.checkout_of(name) is None:
                why = "git has forgotten this worktree; its files stay as they are"
                act = partial(worktrees.readmit, house.repository, folder, name)
                yield Finding("worktree", str(folder), why, "adopted", act)
                if name not in kitchens.names:
                    yield _adoption(
                        house, kitchens, name, f"its worktree is {folder}, and nobody registered it"
                    )
            else:
                yield Finding("folder", str(folder), f"`{name}` is checked out elsewhere")
        elif _loaded(folder):
            yield Finding("folder", str(folder), "it is no kitchen's; look at it, and move or delete it")
    for name in sorted(set(kitchens.branches) - set(kitchens.names)):
        if kitchens.checkout_of(name) == kitchens.folder / name and kitchens.data_folder(name).is_dir():
            yield _adoption(
                house, kitchens, name, "it has a worktree and data here, and nobody registered it"
            )


def _adoption(house: House, kitchens: Kitchens, name: str, why: str) -> Finding:
    root = kitchens.root
    if remote_of(house) is not None:
        # Others may have deleted it: whoever has it here decides.
        return Finding("branch", name, f"{why}; `kitchen create {name} --adopt` makes it a kitchen")

    def act() -> None:
        registration = Registration(
            name=KitchenName.parse(name),
            parent=root,
            permanent=False,
            owner=str(house.identity),
            created=house.now(),
            adopted=True,
        )
        house.register(registration, None, "repair: adopted")

    return Finding("branch", name, why, "adopted", act)


def _below(top: Path, known: set[Path]) -> Iterator[Path]:
    """The folders in `top` that are neither known nor on the way to one that is (`team/` of `team/x`)."""
    try:
        names = sorted(os.listdir(top))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        path = top / name
        if name == ".data" or path in known or path.is_symlink() or not path.is_dir():
            continue
        if any(each.is_relative_to(path) for each in known) or (
            not (path / ".git").exists() and any((each / ".git").exists() for each in path.glob("*/"))
        ):
            yield from _below(path, known)
        else:
            yield path


def _is_of(house: House, folder: Path) -> bool:
    """Whether a folder says that it was a worktree of this repository."""
    try:
        return git_directory(folder).parent == house.repository.common / "worktrees"
    except KitchensError:
        return False


def _loaded(folder: Path) -> bool:
    return any(True for _ in folder.iterdir())


def _data(house: House, kitchens: Kitchens, claimed: set[str]) -> Iterator[Finding]:
    """Data of kitchens that are gone, and copies that were cut off."""
    top = kitchens.folder / ".data"
    deleted = {str(each.name) for each in house.registrations.deleted()}
    names = {*kitchens.names, *kitchens.registered, *kitchens.branches}
    for folder in _data_folders(top, {kitchens.data_folder(name) for name in names}):
        name = folder.relative_to(top).as_posix()
        if str(folder) in claimed:
            continue
        if folder.name.startswith(".") and folder.name.rpartition(".")[0]:
            why = "a copy of data that was cut off"
            yield Finding(
                "data", str(folder), why, "removed", _unless_claimed(house, folder, removal(house, folder))
            )
        elif name in deleted:
            act = partial(_forget_data, house, name, folder)
            yield Finding("data", str(folder), f"`{name}` was deleted", "removed", act)
        else:
            yield Finding("data", str(folder), "it is no kitchen's; look at it, and move or delete it")


def _forget_data(house: House, name: str, folder: Path) -> None:
    # A creation that is under way puts its data into place first.
    with alone(house.repository.claims, "create", _PATIENCE):
        if house.repository.refs.branch(name) is not None:
            raise KitchensError(f"`{name}` was made anew")
        removal(house, folder)()


def _data_folders(top: Path, known: set[Path]) -> Iterator[Path]:
    try:
        found = sorted(path for path in top.iterdir() if path.is_dir() and not path.is_symlink())
    except FileNotFoundError:
        return
    for path in found:
        if path in known:
            continue
        if any(each.is_relative_to(path) for each in known):
            yield from _data_folders(path, known)
        else:
            yield path


def _temporary(house: House, claimed: set[str]) -> Iterator[Finding]:
    """What is of use to a running command only, and no claim names."""
    gates = house.state / "gates"
    for folder in sorted(gates.iterdir()) if gates.is_dir() else ():
        if str(folder) not in claimed:
            yield Finding(
                "gate",
                str(folder),
                "nobody runs it",
                "removed",
                _unless_claimed(house, folder, removal(house, folder)),
            )
    for ref in house.repository.refs.refs("refs/candidates/"):
        if ref not in claimed:
            drop = _unless_claimed(house, ref, partial(house.repository.refs.drop, ref))
            yield Finding("candidate", ref, "nobody tests it", "removed", drop)


def _on_engines(house: House) -> Iterator[Finding]:
    """What carries the labels of kitchens that are gone, and what runs and gates of the dead left. No engine is asked
    where no kitchen ever had a container, or will."""
    if not _has_services(house):
        return
    from kitchens.actions.services.home import HOME, HOUSE, house_of
    from kitchens.containers import owners
    from kitchens.containers.engine import connect
    from kitchens.containers.owners import LABEL
    from kitchens.containers.services.seeds import half_made
    from kitchens.containers.sweeping import Left, everything, remove

    try:
        engine = connect(house.environment)
        found = everything(engine, f"{HOUSE}={house_of(house)}")
        dead = [left for left in everything(engine, owners.MACHINE) if owners.is_dead(left.labels)]
        seeds = half_made(engine, house.cache)
    except EnvironmentFailure as failure:
        yield Finding("engine", "docker", f"what is there cannot be looked through: {failure.message}")
        return
    for left in dead:
        why = "whoever ran something in it was killed"
        yield Finding(left.kind, left.name, why, "removed", partial(remove, engine, left))
    for key, name in seeds:
        act = partial(_forget_seed, house, engine, key, name)
        yield Finding("volume", name, "the seed in it was not made to its end", "removed", act)
    homes, names = _homes(house)

    def removed(left: Left) -> None:
        # A kitchen is registered before it has anything here: looked at now, a new one is seen.
        if left.labels.get(HOME) in _homes(house)[0]:
            raise KitchensError("its kitchen was made meanwhile")
        remove(engine, left)

    for left in found:
        if left.labels.get(HOME) in homes:
            continue
        name = left.labels.get(LABEL + "kitchen", "")
        if left.kind == "volume" and name in names:
            why = f"it is of an earlier life of `{name}`; `docker volume rm {left.name}` if it is of no use"
            yield Finding(left.kind, left.name, why)
        else:
            why = f"its kitchen `{name}` is gone"
            yield Finding(left.kind, left.name, why, "removed", partial(removed, left))


def _notes(house: House, kitchens: Kitchens) -> Iterator[Finding]:
    """What is noted here of the containers of kitchens that are gone: the next of that name would take it for its own."""
    from kitchens.actions.services.noted import known

    for name, folder in sorted(known(house).items()):
        if name not in {*kitchens.names, *kitchens.registered, *kitchens.branches}:
            why = f"it tells of the containers of `{name}`, which is gone"
            yield Finding("notes", str(folder), why, "removed", partial(_forget_notes, house, name, folder))


def _forget_notes(house: House, name: str, folder: Path) -> None:
    from kitchens.actions.services.home import Home, changing
    from kitchens.actions.services.lodging import settle

    home = Home(name, "", "", folder)
    # Whoever starts something in a kitchen holds this, and looks then whether the kitchen is there.
    with changing(house, home):
        if name in Kitchens(house).names:
            raise KitchensError(f"`{name}` was made anew")
        settle(home, house.state / "runs")
        removal(house, folder)()


def _forget_seed(house: House, engine: Engine, key: str, name: str) -> None:
    from kitchens.containers.services.seeds import forget_half_made

    if not forget_half_made(engine, house.cache, key, name):
        raise KitchensError("somebody makes it now")


def _has_services(house: House) -> bool:
    if (house.state / "services").is_dir():
        return True
    try:
        cookbook = Kitchens(house).cookbook
        return cookbook is not None and bool(cookbook.services)
    except KitchensError:
        return False


def _homes(house: House) -> tuple[set[str], set[str]]:
    """The lives that kitchens have now, those included whose branch can come back; and the names of all."""
    from kitchens.actions.services.home import home_of

    kitchens = Kitchens(house)
    standing = kitchens.all()
    half = [
        standing[0]._replace(name=KitchenName(name), registered=kitchens.registration(name))
        for name in kitchens.registered
        if name not in kitchens.branches
    ]
    return {home_of(house, one, "").id for one in (*standing, *half)}, {
        *kitchens.registered,
        *kitchens.branches,
    }
