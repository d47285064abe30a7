"""The data that a service begins with is made once, and copied from then on."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.actions.house import House
from kitchens.actions.services.starting import judged, start_all
from kitchens.actions.services.states import NotReady, Started
from kitchens.containers import owners
from kitchens.containers.services.seeds import Seeding, distrust, forget_unused, seed
from kitchens.containers.services.service import Spec
from kitchens.gate.fingerprint import build_context
from kitchens.gate.scope import scope_of
from kitchens.model.cookbook import FILE, Cookbook
from kitchens.model.gate import failures_of
from kitchens_engine.errors import InvalidInput
from kitchens_engine.outcome import Status
from kitchens_engine.ports import Secrets, Source
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine


class Seeder(NamedTuple):
    """What a recipe that seeds a service needs: the cookbook's files, a checkout that holds these of its paths, and the
    vault in the scope of a gate or of a kitchen. What is about to run itself (`running`) seeds nothing before."""

    cookbook: Cookbook
    source: Source
    checkout: Callable[[Sequence[str]], Path]
    secrets: Secrets
    gate: bool
    running: frozenset[str] = frozenset()


def seeds_of(house: House, engine: Engine, spec: Spec, seeder: Seeder) -> dict[str, str]:
    """Folder inside → the volume that a new one begins with, made where there is none; nothing for a service without
    init files and without a seed. Two passwords have two seeds, since the one is in the data."""
    recipe = seeder.cookbook.services[spec.name].seed
    if recipe in seeder.running:
        recipe = None
    if not spec.files and recipe is None:
        return {}
    if not spec.volumes:
        if recipe is None:
            return {}
        raise InvalidInput(
            f"service `{spec.name}` has a seed, and its image names no volume to keep it in",
            f'say where its data lies: `volumes = ["/data"]` in `[services.{spec.name}]`',
            file=FILE,
        )
    facts = [spec.key, *(f"{name}={value}" for name, value in sorted(spec.secret.items()))]
    fill = None
    if recipe is not None:
        facts += [recipe, _content(seeder, recipe)]
        fill = partial(_fill, house, engine, spec, recipe, seeder)
    key = hmac.new(_salt(house.cache), "\0".join(facts).encode(), hashlib.sha256).hexdigest()

    def wait(container: str) -> None:
        alone = {spec.name: spec._replace(needs=())}
        started = start_all(house, engine, alone, lambda _: (container, None, True), lambda _: None)
        judged(house, started, alone)

    made = seed(
        engine, spec, Seeding(key, owners.labels("", "seed", key[:16]), wait, fill), house.cache, house.note
    )
    forget_unused(engine, house.cache)
    return made


def distrust_seeds(house: House, started: Sequence[Started], seeded: Mapping[str, Sequence[str]]) -> None:
    """A seed on whose copy a service does not come up may be damaged: whoever comes next begins with a new one. `seeded`
    names, by service, the volumes that the containers begin with."""
    for one in started:
        volumes = seeded.get(one.name, ()) if one.status == "failed" else ()
        for volume in volumes:
            distrust(house.cache, volume)
        if volumes:
            house.note(f"the data that `{one.name}` began with may be damaged: the next start makes it anew")


def _fill(house: House, engine: Engine, spec: Spec, name: str, seeder: Seeder, inside: str) -> None:
    """Run the recipe beside the service, in a data folder of its own. Raises `NotReady` when it does not pass."""
    # A gate and an order bring their services up, and this is a small order of its own.
    from kitchens.actions.cookbook.toolchain import chosen
    from kitchens.actions.orders.running import Equipment, Place, opened, run_order
    from kitchens.containers import place as containers
    from kitchens.gate.connections import gate_urls
    from kitchens_engine.language.shelf import Shelf
    from kitchens_engine.order import KitchenFacts, Order
    from kitchens_engine.records import new_run_id
    from kitchens_engine.trying.environment import allowed
    from kitchens_engine.variables.resolve import resolve

    cookbook, runtime = seeder.cookbook, seeder.cookbook.runtime
    shelf = Shelf(seeder.source)
    recipe = shelf.recipe(name)
    urls = {each: connection.url for each, connection in cookbook.connections.items()}
    checkout = seeder.checkout([*_folders(seeder, name), *_toolchain_paths(cookbook)])
    choice = chosen(house, seeder.source, cookbook, checkout, kind="docker")
    run = new_run_id(house.now())
    folder, data = house.state / "runs" / run, house.state / "gates" / run
    folder.mkdir(parents=True)
    place = containers.Place(
        checkout,
        data,
        folder,
        cookbook.name,
        "seed",
        run,
        "kitchen",
        containers.Limits.of(runtime),
        allowed(house.environment),
        inside=inside,
    )
    with house.claimed(data):
        data.mkdir(parents=True)
        with opened(choice, place) as there:
            order = Order(
                run=run,
                order=run,
                shelf=shelf,
                root=checkout,
                recipe=name,
                variation=None,
                variables=resolve(recipe, None, {}, (), gate=seeder.gate),
                settings={},
                nodes=None,
                kitchen=KitchenFacts(name="seed", parent=None, data=data),
                folder=folder,
                started=house.now(),
                toolchain=choice.toolchain,
                gate=seeder.gate,
                log_limit=runtime.log_limit,
                disk_limit=runtime.disk,
                pools=cookbook.pools,
                pools_folder=house.state / "pools",
                connections=gate_urls(cookbook) if seeder.gate else urls,
                secrets=seeder.secrets,
            )
            record = run_order(
                house, order, Place(checkout, data, folder, Equipment(there, choice.toolchain))
            )
    if record.status not in (Status.PASSED, Status.WARNED):
        failures = failures_of(record.document())
        said = f": {failures[0].name}: {failures[0].why or 'it failed'}" if failures else ""
        why = f"its seed, recipe `{name}`, {record.status} in run {record.run}{said}"
        raise NotReady((Started(spec.name, "failed", None, spec.image.name, spec.image.id, why=why),))


def _folders(seeder: Seeder, recipe: str) -> tuple[str, ...]:
    from kitchens_engine.language.shelf import Shelf

    scope = scope_of(Shelf(seeder.source), recipe)
    if scope.faults:
        raise scope.faults[0]
    return (*scope.folders, *seeder.cookbook.gate.shared)


def _toolchain_paths(cookbook: Cookbook) -> tuple[str, ...]:
    build = cookbook.runtime.build
    return () if build is None else (build_context(build),)


def _content(seeder: Seeder, recipe: str) -> str:
    """A hash of everything that the recipe reaches, as it lies there, uncommitted edits included."""
    digest = hashlib.sha256()

    def take(path: str) -> None:
        content = seeder.source.read(path)
        if content is not None:
            digest.update(b"%s\0%d\0" % (path.encode("utf-8", "surrogateescape"), len(content)))
            digest.update(content)
            return
        for name in seeder.source.names(path):
            take(f"{path}/{name}")

    for folder in _folders(seeder, recipe):
        take(folder.rstrip("/"))
    return digest.hexdigest()


def _salt(cache: Path) -> bytes:
    """What makes the hashes of secrets in the names of seeds worth nothing to whoever reads those."""
    path = cache / "seeds" / ".salt"
    with suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".salt.{os.getpid()}")
    new.touch(0o600)
    new.write_bytes(os.urandom(32))
    with suppress(FileExistsError):  # whoever was faster is right
        os.link(new, path)
    new.unlink()
    return path.read_bytes()
