"""Commits that restore an earlier tree: they say so in a trailer, and the objects alone prove it."""

from __future__ import annotations

from kitchens.git.history import is_ancestor
from kitchens.git.repository import Repository

#: The trailer of a rollback's commit: the whole id of the commit whose tree it restores.
RESTORES = "Restores: "


def restored(repository: Repository, commit: str) -> str | None:
    """The earlier commit whose tree the rollback `commit` restores; None for a commit that is no rollback.

    What the message says counts only where it is true: the same tree, of a commit that the parent contains.
    """
    made = repository.objects.commit(commit)
    named = [line.removeprefix(RESTORES) for line in made.message.split("\n") if line.startswith(RESTORES)]
    if not named or len(made.parents) != 1 or len(named[-1]) != repository.objects.width:
        return None
    earlier = repository.objects.resolve(f"{named[-1]}^{{commit}}")
    if earlier is None or repository.objects.tree(earlier) != made.tree:
        return None
    return earlier if is_ancestor(repository, earlier, made.parents[0]) else None
