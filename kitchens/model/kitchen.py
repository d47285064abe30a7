"""What is registered about a kitchen, in `refs/kitchens/<name>`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from kitchens.model.names import KitchenName
from kitchens_engine.tuples import NamedTuple


class Certificate(NamedTuple):
    """What a second computation agreed to: the merge of both `sides` (the target's tip, then what came into it), whose
    merge bases are `bases`, is exactly `tree`. `digest` (hex) also covers the paths at which content was mixed. `reconciled` are the
    rollbacks that came with the other side, and whose effect was kept out: the bases are then those of the stand-in."""

    bases: tuple[str, ...]
    sides: tuple[str, str]
    tree: str
    digest: str
    reconciled: tuple[str, ...] = ()


class Landing(NamedTuple):
    """A move of a kitchen's branch through the gate, written down before the branch moves.

    It counts as done exactly when the branch contains `commit`. `status` is `merged`,
    `promoted` or `rolled-back`; `source` the kitchen it came from; `recipes` what the
    gate had to show, as pairs of recipe and fingerprint. A merge carries its `certificate`.
    """

    status: str
    previous: str
    commit: str
    source: str
    who: str
    when: datetime
    recipes: tuple[tuple[str, str], ...] = ()
    certificate: Certificate | None = None


class Provision(NamedTuple):
    """An ingredient that a template runs in a new kitchen. `status` is `waiting`, `started`, `done` or `undone`;
    `run` the last order run of it, `undone_by` that of its `rollback`."""

    ingredient: str
    inputs: Mapping[str, Any] = MappingProxyType({})
    rollback: str | None = None
    status: str = "waiting"
    run: str | None = None
    undone_by: str | None = None


class Made(NamedTuple):
    """The `template` that a kitchen was made from, with all `words` that stand in its files, and what it runs.

    `at` is the commit whose tree holds the template; None for one of ours.
    """

    template: str
    at: str | None
    words: Mapping[str, Any]
    provision: tuple[Provision, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything was run."""
        return all(step.status == "done" for step in self.provision)


class Registration(NamedTuple):
    """Who made a kitchen, from what, and its settings. Settings never travel with a merge.

    `parent` is None for the root kitchen only. `baseline` (root only) is the commit from
    which `verify` walks. `adopted` says that the branch was there before the kitchen.
    `settings` are variables by name (tables nested), above the recipes' own. `made`
    tells of the template that it was made from.
    """

    name: KitchenName
    parent: KitchenName | None
    permanent: bool
    owner: str
    created: datetime
    expires: datetime | None = None
    baseline: str | None = None
    adopted: bool = False
    settings: Mapping[str, Any] = MappingProxyType({})
    landing: Landing | None = None
    made: Made | None = None

    def with_settings(self, settings: Mapping[str, Any]) -> Registration:
        """The same kitchen under other settings."""
        return self._replace(settings=settings)

    def with_landing(self, landing: Landing) -> Registration:
        """The same kitchen with this landing as its newest."""
        return self._replace(landing=landing)


class Attestation(NamedTuple):
    """The proof that a tree passed the gate of one recipe: verdict and evidence.

    `fingerprint` (hex) is what was tested; `recipe` its name; `runtime` is `process` or
    `docker`; `toolchain` the image's digest or the environment's hash; `run` the order
    run; `commit` and `tree` where it was seen first; `measures` `<node path>: <test>` → value;
    `parts` the folders of recipes that the verdict is about → their trees. `signer` is
    who vouches for it, of those whose signatures count where it is read. It was red `retries` times before, on the
    same tree: by the tests and nodes that `flaky` names. `services` maps the services that it ran beside to the ids
    of their images.
    """

    fingerprint: str
    recipe: str
    variation: str | None
    commit: str
    tree: str
    runtime: str
    toolchain: str
    run: str
    runner: str
    who: str
    when: datetime
    measures: Mapping[str, Any] = MappingProxyType({})
    parts: Mapping[str, str] = MappingProxyType({})
    signer: str | None = None
    retries: int = 0
    flaky: tuple[str, ...] = ()
    services: Mapping[str, str] = MappingProxyType({})


class Identity(NamedTuple):
    """Who acts: git's `user.name` and `user.email`."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"
