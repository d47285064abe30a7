"""What a push may do to a shared repository: a protected kitchen moves only to a commit that verifies, and nobody
rewrites what was written down, or what it looks like. Everything else is free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kitchens.actions.house import House
from kitchens.actions.kitchens import BRANCHES, REGISTRATIONS, Kitchens
from kitchens.actions.landing.proving import unproved
from kitchens.git.history import is_ancestor, since
from kitchens.git.proposed import ProposedRefs
from kitchens.git.repository import Repository
from kitchens.model.cookbook import Cookbook
from kitchens.store.folding import union
from kitchens_engine.errors import EnvironmentFailure, InvalidFiles, InvalidInput
from kitchens_engine.tuples import NamedTuple

ATTESTATIONS = "refs/attestations/"
PROMOTED = "refs/tags/promoted/"
REPLACED = "refs/replace/"


class Update(NamedTuple):
    """A ref that a push would move from `old` to `new`; None: it is not there."""

    ref: str
    old: str | None
    new: str | None


class Objection(NamedTuple):
    """Why a push is refused, and what would get the change in."""

    why: str
    hint: str | None = None


def parse_updates(lines: Iterable[str]) -> list[Update]:
    """What git tells a pre-receive hook: `<old> <new> <ref>` in each line, zeros for absent."""
    found = []
    for line in lines:
        old, new, ref = line.rstrip("\n").split(" ", 2)
        found.append(Update(ref, old if old.strip("0") else None, new if new.strip("0") else None))
    return found


def objections(house: House, updates: Iterable[Update]) -> Iterator[Objection]:
    """What speaks against a push, judged by the rules at the production's tip that is there now: a push does not choose
    its own examiner. Its objects are readable, its refs not moved yet."""
    repository = house.repository
    # A symbolic ref that names a protected kitchen is another way in.
    updates = [each._replace(ref=repository.refs.followed(each.ref)) for each in updates]
    proposed = ProposedRefs(
        repository.git, repository.objects, repository.common, {each.ref: each.new for each in updates}
    )
    after = house.over(repository._replace(refs=proposed))
    guard = _Guard(house, after)
    for each in updates:
        if each.ref.startswith(BRANCHES):
            yield from guard.branch(each)
        elif each.ref.startswith(REGISTRATIONS):
            yield from guard.registration(each)
        elif each.ref.startswith(ATTESTATIONS):
            yield from _attestations(repository, each)
        elif each.ref.startswith(REPLACED) and each.new is not None:
            # We look at what was committed; git shows everybody else, and whoever deploys from there, something else.
            yield Objection(
                f"`{each.ref}` would show another object under the id of one that may have been tested",
                "commit the change, and land it",
            )
        elif each.ref.startswith(PROMOTED) and each.old is not None:
            yield Objection(
                f"`{each.ref.removeprefix('refs/tags/')}` tells of a promotion, and stays as it is"
            )


class _Guard:
    def __init__(self, before: House, after: House) -> None:
        self._before = Kitchens(before)
        self._after = Kitchens(after)
        self._house = after
        self._rules = _rules(self._before) or _rules(self._after)
        self._root = _root(self._before) or _root(self._after)

    def branch(self, update: Update) -> Iterator[Objection]:
        """A protected kitchen is not deleted, not rewound, and goes only where everything verifies."""
        name, repository = update.ref.removeprefix(BRANCHES), self._house.repository
        if update.new is None:
            if name == self._root or self._protected(name):
                yield Objection(f"`{name}` is {self._kind(name)} and cannot be deleted")
            return
        if not self._protected(name, update.old):
            return
        if update.old is not None and not is_ancestor(repository, update.old, update.new):
            yield Objection(
                f"`{name}` is protected, and commits that landed in it do not go away",
                f"`kitchen rollback {name}` restores an earlier tree as a new commit",
            )
            return
        yield from self._proof(name, update)

    def registration(self, update: Update) -> Iterator[Objection]:
        """A registration is a chain that only grows; of the cookbook's root it says where proof begins."""
        name, repository = update.ref.removeprefix(REGISTRATIONS), self._house.repository
        if update.new is None:
            if name == self._root or self._protected(name):
                yield Objection(f"`{name}` is {self._kind(name)}, and its registration cannot be deleted")
            return
        if update.old is not None and not is_ancestor(repository, update.old, update.new):
            yield Objection(
                f"the registration of `{name}` would lose what others wrote",
                "`kitchen sync` folds theirs into yours",
            )
            return
        try:
            versions = self._house.registrations.at(since(repository, update.new, update.old))
        except EnvironmentFailure as damage:
            yield Objection(damage.message)
            return
        before = None if update.old is None else self._house.registrations.at([update.old])[0]
        for version in versions:
            if version.name != name:
                yield Objection(f"the registration of `{name}` is one of `{version.name}`")
            elif before is not None and before.baseline not in (None, version.baseline):
                # A version on the other side of a fold may not know it yet; what counts is the one on top.
                if version == versions[0]:
                    yield Objection(
                        f"the baseline of `{name}` is where its proof begins, and stays where it is"
                    )
            elif version.parent is None and name != self._root:
                yield Objection(f"`{name}` would be a second root kitchen beside `{self._root}`")
            elif version.parent is not None and name == self._root:
                # Nobody could tell any more whose `kitchens.toml` says what is protected.
                yield Objection(f"`{name}` is the root kitchen, and would be below `{version.parent}`")

    def _proof(self, name: str, update: Update) -> Iterator[Objection]:
        try:
            kitchen = self._after.get(name)
            found = unproved(self._house, self._after, kitchen, update.old)
        except (InvalidInput, InvalidFiles) as fault:
            yield Objection(
                f"`{name}` is protected, and cannot be proved: {fault.message}",
                "`kitchen sync` brings what proves it, too",
            )
            return
        except EnvironmentFailure as damage:
            if damage.code not in ("registration", "git-object"):
                raise
            yield Objection(f"`{name}` is protected, and cannot be proved: {damage.message}")
            return
        for one in found[-1:]:
            short = one.commit[:12]
            mended = f"`kitchen test --commit {short} --into {name}` and then `kitchen sync` get it in when it is green"
            yield Objection(
                f"`{name}` is protected, and commit `{short}` {one.why}", mended if one.untested else None
            )

    def _protected(self, name: str, tip: str | None = None) -> bool:
        """Whether the rules protect it. In a repository to which production was pushed before anything was registered,
        and whose HEAD is elsewhere, they are those at its own `tip`."""
        rules = self._rules
        if rules is None and tip is not None and (view := self._house.view(tip)).oid("kitchens.toml"):
            try:
                rules = view.cookbook if view.cookbook.production == name else None
            except (InvalidInput, InvalidFiles):
                rules = None
        return rules is not None and bool(rules.policy(name).protected)

    def _kind(self, name: str) -> str:
        return "the root kitchen" if name == self._root else "protected"


def _attestations(repository: Repository, update: Update) -> Iterator[Objection]:
    """Attestations only become more."""
    if update.old is None:
        return
    if update.new is None:
        yield Objection(f"`{update.ref}` is the proof of what landed, and cannot be deleted")
    elif (
        not is_ancestor(repository, update.old, update.new)
        or union(repository, update.old, update.new) != repository.objects.commit(update.new).tree
    ):
        yield Objection(
            f"`{update.ref}` would lose attestations that are there",
            "`kitchen sync` folds them into yours",
        )


def _rules(kitchens: Kitchens) -> Cookbook | None:
    """`kitchens.toml` at production's tip, where there is one."""
    try:
        return kitchens.cookbook
    except (InvalidInput, InvalidFiles):
        return None


def _root(kitchens: Kitchens) -> str | None:
    try:
        return kitchens.root
    except (InvalidInput, InvalidFiles):
        return None
