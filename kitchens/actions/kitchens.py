"""The kitchens of a house: registrations, branches and policies folded into one view."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from kitchens.actions.house import House
from kitchens.git.checkouts.worktrees import checkouts
from kitchens.model.cookbook import Cookbook, Policy
from kitchens.model.kitchen import Registration
from kitchens.model.names import KitchenName
from kitchens_engine.errors import EnvironmentFailure, InvalidFiles, InvalidInput
from kitchens_engine.toml.nearest import hints
from kitchens_engine.tuples import NamedTuple

BRANCHES = "refs/heads/"
REGISTRATIONS = "refs/kitchens/"


class Kitchen(NamedTuple):
    """One kitchen as it stands now. `registered` is None for one that only `kitchens.toml` names."""

    name: KitchenName
    parent: KitchenName | None
    permanent: bool
    policy: Policy
    tip: str
    registered: Registration | None
    registered_at: str | None

    @property
    def protected(self) -> bool:
        """Whether it moves only by promote, rollback and gated merges."""
        return bool(self.policy.protected)


class Kitchens:
    """All kitchens as they stood when their refs were read, which is once; registrations are read when asked for."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._registrations: dict[str, Registration] = {}

    @cached_property
    def _refs(self) -> dict[str, str]:
        return self.house.repository.refs.refs(BRANCHES, REGISTRATIONS)

    @property
    def refs(self) -> Mapping[str, str]:
        """The refs that decide: branches and registrations, by their full names."""
        return self._refs

    @cached_property
    def branches(self) -> dict[str, str]:
        """Branch name → tip."""
        return {ref[len(BRANCHES) :]: oid for ref, oid in self._refs.items() if ref.startswith(BRANCHES)}

    @cached_property
    def registered(self) -> tuple[str, ...]:
        """The names that have a registration, sorted; a half-made kitchen has no branch yet."""
        return tuple(sorted(ref[len(REGISTRATIONS) :] for ref in self._refs if ref.startswith(REGISTRATIONS)))

    @cached_property
    def root(self) -> KitchenName:
        """The root kitchen. Raises `InvalidInput` when this repository is no cookbook."""
        for name in self.registered:
            seen = {name}
            found = self.registration(name)
            while found is not None and found.parent is not None and found.parent not in seen:
                seen.add(found.parent)
                parent = self.registration(found.parent)
                if parent is None:
                    break
                found = parent
            if found is not None and found.parent is None:
                return found.name
        return self._unregistered_root()

    def _unregistered_root(self) -> KitchenName:
        """A clone in which nothing was registered yet: `kitchens.toml` of its checkout names production."""
        text = self.house.repository.objects.read("HEAD", "kitchens.toml")
        if text is not None:
            cookbook = self.house.view("HEAD").cookbook
            if cookbook.production in self.branches:
                return KitchenName.parse(cookbook.production)
            raise InvalidInput(
                f"`kitchens.toml` names `{cookbook.production}` as production, and there is no such branch here",
                "`kitchen init` joins the cookbook, and fetches it"
                if cookbook.remote
                else f"`git branch {cookbook.production} origin/{cookbook.production}`",
                code="no-production",
            )
        raise InvalidInput(
            "this repository is no cookbook yet", "`kitchen init` makes it one", code="no-cookbook"
        )

    def registration(self, name: str) -> Registration | None:
        """What is registered about `name`."""
        found = self._read(name)
        return None if found is None else found[0]

    def _read(self, name: str) -> tuple[Registration, str] | None:
        oid = self._refs.get(f"{REGISTRATIONS}{name}")
        if oid is None:
            return None
        self._learn([name])
        return self._registrations[name], oid

    def _learn(self, names: Iterable[str]) -> None:
        """Read the registrations that are not read yet, in one go."""
        new = [name for name in names if name not in self._registrations]
        found = self.house.registrations.at([self._refs[f"{REGISTRATIONS}{name}"] for name in new])
        self._registrations |= zip(new, found, strict=True)

    @cached_property
    def cookbook(self) -> Cookbook | None:
        """`kitchens.toml` at production's tip, or, while it cannot be read, as it was last; None while it is not
        committed, or nobody could ever read it."""
        tip = self.branches.get(self.root)
        if tip is None or not self.house.view(tip).oid("kitchens.toml"):
            return None
        try:
            return self.house.view(self.in_force(tip)).cookbook
        except (InvalidInput, InvalidFiles):
            return None

    def in_force(self, tip: str) -> str:
        """The commit whose rules count at a kitchen's `tip`."""
        from kitchens.actions.ruling import fault_at, in_force

        if fault_at(self.house, tip) is None:
            return tip
        root = self.registration(self.root)
        return in_force(self.house, tip, root.baseline if root else None)

    def require_rules(self) -> None:
        """Raise the fault of production's `kitchens.toml` when it cannot be read: nobody knows then what is protected,
        or where the changes of a permanent kitchen go."""
        tip = self.branches.get(self.root)
        if tip is None or not (view := self.house.view(tip)).oid("kitchens.toml"):
            return
        try:
            _ = view.cookbook
        except InvalidInput as fault:
            raise (fault if fault.hints else self.unruled(self.root, fault)) from None

    def unruled(self, name: str, fault: InvalidInput) -> InvalidInput:
        """The fault of a `kitchens.toml` at the tip of kitchen `name` that cannot be read, with the way out."""
        tip = self.branches[name]
        before = self.in_force(tip)
        act = (
            f"a commit in `{name}` itself mends it"
            if before == tip
            else f"`kitchen rollback {name} --to {before[:12]}` brings back what could be read; so does a merge"
        )
        return InvalidInput(
            f"at the tip of `{name}`, whose rules count: {fault.message}",
            *fault.hints[:1],
            act,
            file=fault.file,
            line=fault.line,
        )

    @cached_property
    def names(self) -> tuple[KitchenName, ...]:
        """Every kitchen that has a branch: registered, or named as permanent by production's `kitchens.toml`."""
        named: set[str] = set() if self.cookbook is None else set(self.cookbook.kitchens)
        found = {*self.registered, *named, self.root} & set(self.branches)
        return tuple(KitchenName(name) for name in sorted(found))

    def all(self) -> list[Kitchen]:
        """Every kitchen, by name."""
        self._learn(self.registered)
        return [self.get(name) for name in self.names]

    def get(self, name: str) -> Kitchen:
        """The kitchen `name`. Raises `InvalidInput` with the nearest name when there is none."""
        known = self.names
        if name not in known and name == self.root:
            raise self.rootless()
        if name not in known:
            act = hints(name, known)
            if name in self.branches:
                act = (f"the branch is there: `kitchen create {name} --adopt` makes it a kitchen",)
            raise InvalidInput(f"no kitchen named `{name}`", *act, code="no-kitchen")
        policy = Policy() if self.cookbook is None else self.cookbook.policy(name)
        named = self.cookbook is not None and self.cookbook.is_permanent(name)
        found = self._read(name)
        registered = None if found is None else found[0]
        # Production's `kitchens.toml` decides where it speaks: a stage that is put between later counts too.
        parent = policy.parent or (registered.parent if registered else None)
        if parent is None and name != self.root:
            parent = self.root
        return Kitchen(
            name=KitchenName(name),
            parent=None if name == self.root else KitchenName(str(parent)),
            permanent=name == self.root or named or bool(registered and registered.permanent),
            policy=policy,
            tip=self.branches[name],
            registered=registered,
            registered_at=None if found is None else found[1],
        )

    def parent_of(self, kitchen: Kitchen) -> Kitchen:
        """The parent. Raises `InvalidInput` for the root, and when the parent is gone."""
        if kitchen.parent is None:
            raise InvalidInput(f"`{kitchen.name}` is the root kitchen and has no parent", code="no-parent")
        if kitchen.permanent:
            self.require_rules()
        if kitchen.parent not in self.branches:
            raise InvalidInput(
                f"`{kitchen.parent}`, the parent of `{kitchen.name}`, is gone",
                f"`kitchen merge {kitchen.name} --into NAME` lands in another kitchen",
                code="no-parent",
            )
        return self.get(kitchen.parent)

    def above(self, kitchen: Kitchen) -> list[str]:
        """The parent, its parent, and so on up to the root, as far as they are there."""
        found: list[str] = []
        while kitchen.parent in self.branches and kitchen.parent not in found:
            kitchen = self.get(str(kitchen.parent))
            found.append(kitchen.name)
        return found

    def children_of(self, name: str) -> list[str]:
        """The kitchens made from `name`, sorted."""
        return list(self._children.get(name, ()))

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one in self.all():
            if one.parent is not None and one.parent != one.name:
                found.setdefault(one.parent, []).append(one.name)
        return found

    def checkout_of(self, name: str) -> Path | None:
        """Where the kitchen's branch is checked out, if anywhere."""
        return self.checkouts.get(name)

    def checkouts_of(self, name: str) -> tuple[Path, ...]:
        """Every checkout of the kitchen's branch: `git worktree add --force` makes a second one."""
        return tuple(path for branch, path in self._checkouts if branch == name)

    @cached_property
    def checkouts(self) -> dict[str, Path]:
        """Branch → the checkout that holds it: the kitchen's own where there are several."""
        found: dict[str, Path] = {}
        for branch, path in self._checkouts:
            if branch not in found or path == self.folder / branch:
                found[branch] = path
        return found

    @cached_property
    def _checkouts(self) -> tuple[tuple[str, Path], ...]:
        known = checkouts(self.house.repository)
        return tuple((branch, path) for path, branch in known if branch is not None and path.exists())

    def here(self) -> Kitchen:
        """The kitchen whose checkout holds the current folder. Raises `InvalidInput` when none does."""
        here = self.house.repository.here
        for branch, path in self._checkouts:
            if path.samefile(here) and branch in self.names:
                return self.get(branch)
        if self.root not in self.branches:
            raise self.rootless()
        raise InvalidInput(
            "the current folder is no kitchen's checkout", "name the kitchen", code="no-kitchen"
        )

    def rootless(self) -> InvalidInput:
        """The fault of a root kitchen without a branch: nothing was committed yet, or somebody took it away."""
        if not self.branches:
            return InvalidInput(
                f"production `{self.root}` has no commit yet",
                "`git add` and `git commit` the first files",
                code="no-commit",
            )
        return InvalidInput(
            f"the branch `{self.root}` of production is gone",
            f"`git branch {self.root} COMMIT` brings it back, or `git branch -m NAME {self.root}` when it was renamed",
            code="no-production",
        )

    @cached_property
    def folder(self) -> Path:
        """The folder beside the repository that holds the worktrees (`[cookbook] worktrees`)."""
        pattern = "../{repository}.kitchens" if self.cookbook is None else self.cookbook.worktrees
        top = self.house.repository.top
        return (top / pattern.replace("{repository}", top.name)).resolve()

    def require_folder(self) -> None:
        """Raise `EnvironmentFailure` where that folder cannot be made, or be written: asked before anything is made."""
        near = next(path for path in (self.folder, *self.folder.parents) if os.path.lexists(path))
        if not near.is_dir() or not os.access(near, os.W_OK | os.X_OK):
            raise EnvironmentFailure(
                f"`{self.folder}` cannot be written, and it is where kitchens and their data lie",
                f'make `{near}` writable, or name another place: `worktrees = "FOLDER"` in `[cookbook]` of kitchens.toml',
                code="disk",
            )

    def worktree_path(self, name: str) -> Path:
        """Where the worktree of `name` lies, or would lie."""
        return self.checkout_of(name) or self.folder / name

    def checkout(self, name: str) -> Path:
        """The checkout of a kitchen; made when a crash or a user took it away."""
        from kitchens.git.checkouts import worktrees

        kitchen = self.get(name)
        path = self.worktree_path(kitchen.name)
        if self.checkout_of(kitchen.name) is None:
            worktrees.ensure(self.house.repository, path, kitchen.name)
        return path

    def pooled_checkout(self, name: str) -> Path:
        """Where a kitchen's commit is checked out clean; runs that are under way at once have one each beside it."""
        return self.house.state / "checkouts" / name / "tree"

    def data_folder(self, name: str) -> Path:
        """The kitchen's data folder. No kitchen can be named `.data`."""
        return self.folder / ".data" / name
