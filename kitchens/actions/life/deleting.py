"""`kitchen delete`: everything of a kitchen goes, no work is lost: the tip stays 30 days in `refs/deleted/`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import REGISTRATIONS, Kitchen, Kitchens
from kitchens.actions.services.home import Home, changing, home_of, is_gone, remember_gone
from kitchens.actions.sharing.leaving import share
from kitchens.git import history
from kitchens.git.checkouts import worktrees
from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.moving.deletion import deletion
from kitchens.git.refs import Moved
from kitchens.store.queues import PREFIX, Queues
from kitchens_engine.errors import EnvironmentFailure, InvalidInput, KitchensError, Refused


@dataclass(frozen=True, slots=True)
class DeletePlan:
    """A kitchen to delete, after all that could refuse it."""

    kitchen: Kitchen
    worktree: Path | None
    data: Path
    top: Path


def delete(house: House, name: str, *, force: bool = False) -> dict[str, Any]:
    """Plan and carry out; looks again when the kitchen was moved or deleted by somebody else meanwhile."""
    while True:
        tip = Kitchens(house).branches.get(name)
        with ExitStack() as held:
            try:
                plan = plan_delete(house, name, force=force)
                _take_back(house, plan.kitchen, held, force=force)
            except KitchensError:
                if Kitchens(house).branches.get(name) == tip:
                    raise
                continue
            try:
                return carry_out_delete(house, plan)
            except Moved:
                # Somebody else's doing. What fails otherwise is ours, and the branch may have gone before it.
                if Kitchens(house).branches.get(name) == tip:
                    raise


def plan_delete(
    house: House,
    name: str,
    *,
    force: bool = False,
    without: Collection[str] = (),
    kitchens: Kitchens | None = None,
) -> DeletePlan:
    """Refuse (exit 4) the root, a protected kitchen, one with children, unmerged commits or changed files; the
    last two not with `force`. The kitchens in `without` are about to go: neither children, nor a home for commits.
    `kitchens` is what was read already."""
    kitchens = kitchens or Kitchens(house)
    kitchen = kitchens.get(name)
    kitchens.require_rules()
    if kitchen.parent is None or kitchen.protected:
        why = "is the root kitchen" if kitchen.parent is None else "is protected"
        raise Refused(f"`{name}` {why} and cannot be deleted", kitchen=name)
    if children := [child for child in kitchens.children_of(name) if child not in without]:
        raise Refused(
            f"`{name}` is the parent of `{children[0]}`; nothing was deleted",
            "delete that one first",
            kitchen=name,
        )
    checkout = kitchens.checkout_of(name)
    for path in kitchens.checkouts_of(name):
        if path == house.repository.top or path != checkout:
            act = (
                f"-C {path} switch {kitchens.root}"
                if path == house.repository.top
                else f"worktree remove {path}"
            )
            raise InvalidInput(
                f"`{name}` is checked out in {path}; nothing was deleted", f"`git {act}` first"
            )
    if not force:
        _refuse_loss(house, kitchens, kitchen, checkout, without)
    return DeletePlan(kitchen, checkout, kitchens.data_folder(name), kitchens.folder)


def carry_out_delete(house: House, plan: DeletePlan) -> dict[str, Any]:
    """Remember the tip, delete the branch (the commit point), then what hangs on it."""
    kitchen, repository = plan.kitchen, house.repository
    lock = plan.data.with_name(f"{plan.data.name}.lock")
    folders = (plan.data, lock, house.state / "checkouts" / kitchen.name)
    home = home_of(house, kitchen, "")
    # What it has on an engine is removed after its branch, maybe by a later command: it is written down before.
    images = _images_of(house, kitchen)
    if home.folder.is_dir() or images:
        remember_gone(house, home, images)
    waiting = Queues(repository).read(kitchen.name).names
    # From the first ref to the last file it is short, and half of it would help nobody: ^C waits.
    with (
        house.watch(),
        deletion(
            repository,
            kitchen.name,
            ref=REGISTRATIONS + kitchen.name,
            worktree=plan.worktree,
            folders=folders,
            tops=(plan.top, plan.top / ".data", house.state / "checkouts"),
            others=(PREFIX + kitchen.name,),
        ),
    ):
        kept = house.registrations.remove(kitchen.name, kitchen.tip, house.now())
    if (house.state / "services").is_dir():
        _remove_containers(house, home, images)
    share(house, [kitchen.name])
    if waiting:
        house.note(f"its queue went with it: `{'`, `'.join(waiting)}` waited there")
    if plan.worktree is None and ((left := plan.top / kitchen.name) / ".git").is_file():
        house.note(
            f"{left} stays: `{kitchen.name}` was not checked out in it any more, so it may be somebody's work"
        )
    return {"kitchen": kitchen.name, "status": "deleted", "commit": kitchen.tip, "kept": kept}


def _take_back(house: House, kitchen: Kitchen, held: ExitStack, *, force: bool) -> None:
    """What the kitchen's template made elsewhere goes first, while the kitchen is there to do it; as long as `held` is,
    nobody makes it again."""
    made = kitchen.registered.made if kitchen.registered else None
    # A step that was not started yet may be by now.
    if made is None or not any(step.status != "undone" and step.rollback for step in made.provision):
        return
    # Runs recipes, which few deletions do.
    from kitchens.actions.life.provisioning import withdrawn

    try:
        held.enter_context(withdrawn(house, kitchen.name))
    except KitchensError as error:
        if not force:
            error.message = f"{error.message}; nothing was deleted"
            raise
        house.note(f"{error.message}; what it made stays")


def _images_of(house: House, kitchen: Kitchen) -> list[str]:
    """The images that were made for it alone."""
    if not (house.cache / "toolchains" / "used").is_dir():
        return []
    # What there is to know of images is paid for by whoever has some.
    from kitchens.actions.cookbook.images import images_of

    try:
        return images_of(house, kitchen)
    except KitchensError:
        return []  # what cannot be read of it keeps nobody from deleting it


def _remove_containers(house: House, home: Home, images: Sequence[str]) -> None:
    """With an engine that does not answer, the next command that reaches one does it."""
    from kitchens.actions.services.idling import clear_gone, clear_one
    from kitchens.actions.services.lodging import settle
    from kitchens.containers.engine import connect

    with changing(house, home):
        # Somebody who was let in before the branch went may have made the first of them only now.
        if home.folder.is_dir():
            remember_gone(house, home, images)
        elif not images and not is_gone(house, home):
            return
        settle(home, house.state / "runs")
        remove_folder(home.folder)
        try:
            engine = connect(house.environment)
            clear_one(house, engine, home, images)
            clear_gone(house, engine)
        except EnvironmentFailure as failure:
            house.note(f"its containers go when an engine answers again: {failure.message}")


def _refuse_loss(
    house: House, kitchens: Kitchens, kitchen: Kitchen, checkout: Path | None, without: Collection[str]
) -> None:
    if checkout is not None:
        modified, untracked = worktrees.dirty(house.repository, checkout)
        if changed := (*modified, *untracked):
            raise Refused(
                f"`{kitchen.name}` has uncommitted files such as `{changed[0]}`; nothing was deleted",
                f"commit them, or `kitchen delete {kitchen.name} --force`",
                code="unmerged",
                kitchen=kitchen.name,
            )
    others = [
        tip for branch, tip in kitchens.branches.items() if branch != kitchen.name and branch not in without
    ]
    if not any(
        history.is_ancestor(house.repository, kitchen.tip, tip) for tip in _likely(kitchens, kitchen, others)
    ):
        raise Refused(
            f"`{kitchen.name}` has commits that no other branch contains; nothing was deleted",
            f"`kitchen merge {kitchen.name}` lands them, `kitchen delete {kitchen.name} --force` gives them up",
            code="unmerged",
            kitchen=kitchen.name,
        )


def _likely(kitchens: Kitchens, kitchen: Kitchen, others: list[str]) -> list[str]:
    """The parent's tip first: it answers nearly always."""
    parent = kitchens.branches.get(kitchen.parent or "")
    return sorted(others, key=lambda tip: tip != parent)
