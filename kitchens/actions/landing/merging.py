"""`kitchen merge`: a kitchen's work into its parent, through the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from kitchens.actions.gates.gating import GatePlan, plan_gate
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.landing.moving import MovePlan, land, unchanged
from kitchens.actions.sharing.arriving import arrive, settle
from kitchens.git import history
from kitchens.git.checkouts.worktrees import dirty_meanwhile
from kitchens.git.merging import Merge, commit_tree, merge_commits
from kitchens.git.refs import Moved
from kitchens.model.gate import Conflict, Move
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

#: The trailer of a merge for each rollback that it kept out.
RECONCILED = "Reconciled: "

#: How often a merge starts again because somebody else landed first. Whoever has checkouts to bring along, or a slow
#: line to the remote, loses most races against those who have not.
ATTEMPTS = 100


def merge(
    house: House, name: str, into: str | None, message: str | None, *, take_rollback: bool = False
) -> Move:
    """Merge kitchen `name` into `into` (default: its parent) through the gate; starts again when somebody else
    landed meanwhile (what was attested stays attested). Where the cookbook has a remote, it lands there.

    A rollback that comes down from a kitchen above does not take away what the target has: it is reconciled, unless
    `take_rollback` asks for it.

    Raises `InvalidInput` for modified tracked files in the source's checkout and for a checkout of the
    target in the way; `EnvironmentFailure` when others landed `ATTEMPTS` times in a row.
    """
    for _ in range(ATTEMPTS):
        kitchens = Kitchens(house)
        arrival = arrive(house, kitchens)
        if arrival is not None:
            arrival = settle(house, arrival, sides(Kitchens(house), name, into)[1].name)
            kitchens = Kitchens(house)
        try:
            with clean_meanwhile(kitchens, sides(kitchens, name, into)[0]) as notes:
                plan = plan_merge(kitchens, name, into, message, take_rollback=take_rollback)
                if isinstance(plan, Move):
                    return replace(plan, notes=(*plan.notes, *notes()))
                return land(house, plan, arrival, before=notes)
        except Moved:
            house.note(f"`{into or kitchens.get(name).parent}` moved meanwhile; merging again")
    raise EnvironmentFailure(
        f"`{into or name}` moved {ATTEMPTS} times while this merge was tested; nothing was merged",
        "try again",
    )


def plan_merge(
    kitchens: Kitchens, name: str, into: str | None, message: str | None, *, take_rollback: bool = False
) -> MovePlan | Move:
    """The candidate commit and its gate; a `Move` when nothing is to be done, or git cannot settle it."""
    house = kitchens.house
    source, target = sides(kitchens, name, into)
    repository = house.repository
    if history.is_ancestor(repository, source.tip, target.tip):
        tree = repository.objects.commit(target.tip).tree
        return unchanged(source, target, tree, lost_again(kitchens, source, target))
    merged, reconciled = added_up(kitchens, source, target, take_rollback=take_rollback)
    if merged.tree is None:
        conflicts = tuple(Conflict(one.path, one.kind) for one in merged.conflicts)
        return Move(
            "conflict",
            source.name,
            target.name,
            None,
            None,
            conflicts=conflicts,
            reconciled=reconciled,
        )
    gate = plan_gate(house, merged.tree, target, target.tip, source=source)
    commit = commit_tree(
        repository,
        merged.tree,
        (target.tip, source.tip),
        message_of(source.name, target.name, gate, message, reconciled),
        house.identity,
        house.now(),
    )
    gate = replace(gate, commit=commit)
    return MovePlan(
        "merged",
        source,
        target,
        commit,
        merged.tree,
        gate,
        notes=lost_again(kitchens, source, target),
        base=merged.base,
        reconciled=reconciled,
    )


def added_up(
    kitchens: Kitchens,
    source: Kitchen,
    target: Kitchen,
    *,
    take_rollback: bool = False,
    tip: str | None = None,
) -> tuple[Merge, tuple[str, ...]]:
    """What both sides add up to, and the rollbacks of a kitchen above that are kept out of it; on top of `tip`, where
    it is not the target's own."""
    repository, ours = kitchens.house.repository, tip or target.tip
    if take_rollback or source.name not in kitchens.above(target):
        return merge_commits(repository, ours, source.tip).named({ours: "HEAD", source.tip: source.name}), ()
    from kitchens.actions.landing.reconciling import merge_down

    merged, reconciled = merge_down(repository, ours, source.tip)
    return merged.named({ours: "HEAD", source.tip: source.name}), reconciled


def lost_again(kitchens: Kitchens, source: Kitchen, target: Kitchen) -> tuple[str, ...]:
    """What to know where the target took back work of the source that is not above it: it stays away."""
    if source.name in kitchens.above(target):
        return ()
    from kitchens.actions.landing.reconciling import taken_out

    rollback = taken_out(kitchens.house.repository, target.tip, source.tip)
    if rollback is None:
        return ()
    note = (
        f"rollback {rollback[:10]} took work out of `{target.name}` that `{source.name}` has, and this does not bring it "
        f"back; to land it again, `kitchen merge {target.name} --into {source.name}` first"
    )
    return (note,)


def sides(kitchens: Kitchens, name: str, into: str | None) -> tuple[Kitchen, Kitchen]:
    """The kitchen `name` and the one that it goes into (default: its parent)."""
    source = kitchens.get(name)
    target = kitchens.get(into) if into else kitchens.parent_of(source)
    if source.name == target.name:
        raise InvalidInput(f"`{name}` cannot be merged into itself")
    return source, target


def clean(kitchens: Kitchens, source: Kitchen, what: str = "merged") -> tuple[str, ...]:
    """Refuse a source whose checkout has modified tracked files; mention untracked ones."""
    with clean_meanwhile(kitchens, source, what) as notes:
        return notes()


@contextmanager
def clean_meanwhile(
    kitchens: Kitchens, source: Kitchen, what: str = "merged"
) -> Iterator[Callable[[], tuple[str, ...]]]:
    """The same beside what is done inside, which asks for the notes before it acts. What it raises before counts only
    when there is nothing to refuse."""
    checkouts = kitchens.checkouts_of(source.name)
    with ExitStack() as looks:
        found = [looks.enter_context(dirty_meanwhile(kitchens.house.repository, each)) for each in checkouts]

        def notes() -> tuple[str, ...]:
            mentioned: list[str] = []
            for checkout, look in zip(checkouts, found, strict=True):
                modified, untracked = look()
                if modified:
                    raise InvalidInput(
                        f"`{source.name}` has uncommitted changes in {_some(modified)}; nothing was {what}",
                        f"commit them in {checkout}, or `git stash`",
                        code="dirty",
                    )
                mentioned += untracked
            return (f"untracked and not merged: {_some(tuple(mentioned))}",) if mentioned else ()

        try:
            yield notes
        except InvalidInput:
            notes()
            raise


def _some(paths: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:3])
    return f"{shown} and {len(paths) - 3} more" if len(paths) > 3 else shown


def message_of(
    source: str, target: str, gate: GatePlan, message: str | None, reconciled: tuple[str, ...] = ()
) -> str:
    """The commit message: what the user said, and trailers that say what was gated, and which rollbacks kept out."""
    trailers = [f"Kitchen: {source}", *gated_trailers(gate)]
    trailers += [f"{RECONCILED}{rollback}" for rollback in reconciled]
    return with_trailers(message, f"Merge kitchen '{source}' into {target}", trailers)


def reconciled_in(message: str) -> tuple[str, ...]:
    """The rollbacks that a merge says in its message that it kept out."""
    lines = message.split("\n")
    return tuple(line.removeprefix(RECONCILED) for line in lines if line.startswith(RECONCILED))


def with_trailers(message: str | None, usual: str, trailers: Sequence[str]) -> str:
    """What the user said (nothing, or only blanks: what is usual), and trailers. Those that the user's words end with
    stay trailers: git reads the last paragraph only."""
    said = (message or "").strip() or usual
    body, _, last = said.rpartition("\n\n")
    apart = "\n" if body and all(map(_is_trailer, last.split("\n"))) else "\n\n"
    return said + apart + "\n".join(trailers) + "\n"


def _is_trailer(line: str) -> bool:
    key, colon, value = line.partition(": ")
    return bool(colon and value) and key.replace("-", "").isalnum()


def gated_trailers(gate: GatePlan) -> list[str]:
    """What the gate had to show, a trailer for each recipe."""
    return [
        f"Gated: {one.recipe} "
        + ("deleted" if one.deleted else f"{one.variation or 'as it is'} {one.fingerprint}")
        for one in gate.recipes
    ]
