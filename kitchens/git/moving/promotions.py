"""Annotated tags `promoted/<kitchen>/<n>`: what was promoted to a kitchen, counted up, for whoever has git alone.

A tag is made after the branch moved. It is written down before, as a claim, so that the next command makes the tag of a
promotion whose process was killed in between.
"""

from __future__ import annotations

import os
from datetime import datetime

from kitchens.git.claims import Claim, claim
from kitchens.git.history import is_ancestor
from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens.model.kitchen import Identity
from kitchens_engine.errors import EnvironmentFailure

PURPOSE = "promotion"
TAGS = "refs/tags/promoted/"


def announce(
    repository: Repository, kitchen: str, commit: str, message: str, identity: Identity, when: datetime
) -> Claim:
    """Write down that `kitchen` is about to be promoted to `commit`; `finish` makes the tag, or forgets it."""
    return claim(
        repository.claims,
        PURPOSE,
        kitchen=kitchen,
        commit=commit,
        message=message,
        name=identity.name,
        email=identity.email,
        moment=when.isoformat(),
    )


def draft(
    repository: Repository, kitchen: str, commit: str, message: str, identity: Identity, when: datetime
) -> tuple[str, str]:
    """The next tag of a promotion, stored but not named yet: the ref that it will have, and its id."""
    from kitchens.git.pack import tag

    prefix = f"{TAGS}{kitchen}/"
    numbers = [ref.removeprefix(prefix) for ref in repository.refs.refs(prefix)]
    number = 1 + max((int(last) for last in numbers if last.isdecimal()), default=0)
    ref = f"{prefix}{number}"
    width = repository.objects.width
    made = tag(commit, ref.removeprefix("refs/tags/"), message, identity, when, width)
    repository.objects.write([made])
    return ref, made.oid


def finish(repository: Repository, held: Claim) -> str | None:
    """Tag the promotion if its branch moved; the tag's name. When the tag cannot be written, the next command tries."""
    what = held.what
    try:
        tip = repository.refs.branch(what["kitchen"])
        landed = tip is not None and is_ancestor(repository, what["commit"], tip)
        name = _tagged(repository, held) if landed else None
    except EnvironmentFailure:
        # The promotion itself is done, and stays so.
        os.close(held.descriptor)
        return None
    held.release()
    return name


def _tagged(repository: Repository, held: Claim) -> str:
    """The tag of this promotion, made unless it is there."""
    what = held.what
    prefix = f"{TAGS}{what['kitchen']}/"
    while True:
        known = {ref: ref.removeprefix(prefix) for ref in repository.refs.refs(prefix)}
        commits = repository.objects.resolve_all([f"{ref}^{{commit}}" for ref in known])
        for ref, commit in zip(known, commits, strict=True):
            if commit == what["commit"] and known[ref].isdecimal():
                return ref.removeprefix("refs/tags/")
        ref, made = draft(
            repository,
            what["kitchen"],
            what["commit"],
            what["message"],
            Identity(what["name"], what["email"]),
            datetime.fromisoformat(what["moment"]),
        )
        try:
            repository.refs.move(ref, made, None, "kitchen: promoted")
        except Moved:
            continue
        return ref.removeprefix("refs/tags/")
