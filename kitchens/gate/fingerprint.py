"""The fingerprint of a recipe: a hash over everything that its gate's verdict depends on.

It is made of git object ids, never of file times or paths on a machine, so that a laptop
and a CI machine share attestations, and `verify` needs nothing but git.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kitchens.gate.scope import Scope, scope_of
from kitchens.gate.tree import TreeView
from kitchens.model.cookbook import Cookbook, Runtime
from kitchens.model.images import pins_for, read_images
from kitchens.model.pins import LOCK_FILE
from kitchens.model.toolchain import toolchain_key
from kitchens_engine.errors import InvalidInput
from kitchens_engine.recipe import EMPTY, Recipe
from kitchens_engine.tuples import NamedTuple

#: Raised when the meaning of a fingerprint changes; every older attestation then stops counting.
FORMAT = 1

#: The pseudo recipe under which `[gate] quality` is attested. No recipe folder can have this name.
QUALITY = "[gate] quality"

#: The pseudo recipe under which a change of the rules is vouched for, where only signatures count.
RULES = "[gate] rules"

_NETWORKS = ("none", "kitchen", "open")


class Examiner(NamedTuple):
    """Who examines: the target's rules and settings. A change never chooses its own examiner.

    `variation` gates a recipe that has it; `shared` paths join every fingerprint; `network`
    is the most that a candidate may have; `settings` are the target kitchen's own.
    """

    variation: str = "test"
    shared: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()
    network: str = "open"
    settings: Mapping[str, Any] = EMPTY

    @classmethod
    def of(cls, cookbook: Cookbook, settings: Mapping[str, Any]) -> Examiner:
        """The examiner that `cookbook` (at the target's tip) and the target's settings make."""
        return cls(
            variation=cookbook.gate.variation,
            shared=tuple(cookbook.gate.shared),
            quality=tuple(cookbook.gate.quality),
            network=cookbook.runtime.network,
            settings=settings,
        )


class Examined(NamedTuple):
    """One recipe of one tree under one examiner.

    `digest` is the fingerprint; when `fault` is set the recipe cannot be read, and the digest
    only tells whether anything about it changed.
    """

    recipe: str
    variation: str | None
    digest: str
    scope: Scope | None
    fault: InvalidInput | None = None


def examine(view: TreeView, name: str, examiner: Examiner) -> Examined:
    """The fingerprint of recipe `name` in the tree of `view`, under `examiner`."""
    # The recipe language is paid for by a change that touches a recipe.
    from kitchens_engine.variables.resolve import resolve

    scope = scope_of(view.shelf, name)
    recipe = scope.members[f"recipes/{name}"]
    facts: dict[str, Any] = {
        "format": FORMAT,
        "recipe": name,
        "folders": {folder: view.oid(folder) for folder in scope.folders},
        "shared": {path: view.oid(path) for path in sorted(examiner.shared)},
    }
    if recipe is None or scope.faults:
        return Examined(name, None, _digest({**facts, "broken": True}), scope, scope.faults[0])
    variation = examiner.variation if examiner.variation in recipe.variations else None
    try:
        variables = resolve(recipe, variation, examiner.settings, (), gate=True)
        cookbook = view.cookbook
        toolchain = toolchain_of(view)
        images = _images_seen(view, scope)
    except InvalidInput as fault:
        return Examined(name, variation, _digest({**facts, "broken": True}), scope, fault)
    facts |= {
        "variation": variation,
        "variables": variables,
        "settings": _settings_seen(scope, examiner.settings),
        "cookbook": _cookbook_seen(cookbook, scope, examiner),
        "toolchain": toolchain,
    } | ({"images": images} if images else {})
    if made := _services_made_of(view):
        facts["service files"] = made
    return Examined(name, variation, _digest(facts), scope)


def examine_quality(view: TreeView, examiner: Examiner) -> Examined | None:
    """The fingerprint of `[gate] quality` on the whole tree; None when the target asks for none."""
    if not examiner.quality:
        return None
    facts = {
        "format": FORMAT,
        "quality": list(examiner.quality),
        "tree": view.oid(""),
        "toolchain": toolchain_of(view),
    }
    return Examined(QUALITY, None, _digest(facts), None)


def examine_rules(
    after: Mapping[str, str | None], before: Mapping[str, str | None], tip: str
) -> Examined | None:
    """The fingerprint of a change of the rules at the target's `tip`, from the ids of the files that hold them; None
    when it leaves them alone.

    It counts on that tip only: who was among the signers once cannot bring back the rules of then.
    """
    if after == before:
        return None
    return Examined(RULES, None, _digest({"format": FORMAT, "rules": dict(after), "tip": tip}), None)


def differing(view: TreeView, name: str, one: Examiner, other: Examiner) -> tuple[str, ...]:
    """The variables of a recipe that have another value under `one` than under `other`, sorted; none when it cannot
    be read."""
    from kitchens_engine.variables.resolve import resolve

    try:
        recipe = view.shelf.recipe(name)
        variation = one.variation if one.variation in recipe.variations else None
        ours, theirs = (resolve(recipe, variation, each.settings, (), gate=True) for each in (one, other))
    except InvalidInput:
        return ()
    return tuple(sorted(key for key in ours if ours[key] != theirs.get(key)))


def _images_seen(view: TreeView, scope: Scope) -> dict[str, str]:
    """The pins of the images that nodes have for their own; their names are in the recipes."""
    from kitchens_engine.language.reach import images_of

    images = images_of(_recipes(scope))
    locked = read_images(view.source.read(LOCK_FILE)) if images else {}
    return {image: locked[image].content for image in images if image in locked}


def toolchain_of(view: TreeView) -> str:
    """The key of the toolchain that the tree asks for: the same for both runtimes."""
    runtime = view.cookbook.runtime
    requirements = runtime.requirements
    return toolchain_key(
        image=runtime.image if runtime.build is None else None,
        dockerfile=runtime.build,
        context=None if runtime.build is None else view.oid(build_context(runtime.build)),
        requirements=None if requirements is None else view.source.read(requirements),
        bases={name: pin.content for name, pin in pins_for(view.cookbook, view.source.read).items()},
        packages=runtime.packages,
    )


def build_context(dockerfile: str) -> str:
    """The folder that a Dockerfile at this path is built in."""
    return dockerfile.rpartition("/")[0]


def narrower(one: str, other: str) -> str:
    """The narrower of two `[runtime] network` values."""
    return min(one, other, key=_NETWORKS.index)


def _settings_seen(scope: Scope, settings: Mapping[str, Any]) -> dict[str, Any]:
    declared = {name for recipe in _recipes(scope) for name in recipe.variables}
    return {name: value for name, value in settings.items() if name in declared}


def _cookbook_seen(cookbook: Cookbook, scope: Scope, examiner: Examiner) -> dict[str, Any]:
    runtime = cookbook.runtime
    used = {
        node.connection for recipe in _recipes(scope) for node in recipe.nodes.values() if node.connection
    }
    pools = {node.pool for recipe in _recipes(scope) for node in recipe.nodes.values() if node.pool}
    seen: dict[str, Any] = {
        "network": narrower(runtime.network, examiner.network),
        "limits": [runtime.memory, runtime.cpus, runtime.pids],
        "connections": {name: repr(cookbook.connections.get(name)) for name in sorted(used)},
        "services": {name: repr(service) for name, service in sorted(cookbook.services.items())},
    }
    if runtime.disk != Runtime().disk:
        seen["disk"] = runtime.disk
    # How many places a pool has changes no verdict; that it is there does.
    return seen | ({"pools": found} if (found := sorted(pools & cookbook.pools.keys())) else {})


def _services_made_of(view: TreeView) -> dict[str, str | None]:
    """The files that the cookbook's services are built, initialised and seeded with, and the pins of their images."""
    paths: set[str] = set()
    services = view.cookbook.services.values()
    locked = read_images(view.source.read(LOCK_FILE)) if services else {}
    pins = {
        f"image {each.image}": locked[each.image].content
        for each in services
        if each.image and each.image in locked
    }
    for service in services:
        paths |= {*service.init}
        if service.build is not None:
            paths.add(build_context(service.build))
        if service.seed is not None:
            paths |= set(scope_of(view.shelf, service.seed).folders)
    return {path: view.oid(path) for path in sorted(paths)} | pins


def _recipes(scope: Scope) -> list[Recipe]:
    return [recipe for recipe in scope.members.values() if recipe is not None]


def _digest(facts: Mapping[str, Any]) -> str:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
