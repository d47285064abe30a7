"""What an order run or a gate has of services: a kitchen's own, or fresh ones that go at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.actions.services.home import entered, home_of, used
from kitchens.actions.services.states import Wanted
from kitchens.containers.choose import ProcessChoice
from kitchens.model.cookbook import Cookbook
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.ports import DEFAULT, GATE, Source
from kitchens_engine.recipe import EMPTY
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.actions.house import House
    from kitchens.actions.services.seeding import Seeder
    from kitchens.containers.choose import DockerChoice
    from kitchens.containers.engine import Engine
    from kitchens.containers.services.service import Spec


class Joined(NamedTuple):
    """The network in which services are reached by name (None: there are none), and the ids of their images."""

    network: str | None = None
    digests: Mapping[str, str] = EMPTY


@contextmanager
def joined(
    house: House,
    choice: DockerChoice | ProcessChoice,
    cookbook: Cookbook,
    source: Source,
    wanted: Wanted,
    *,
    run: str,
    checkout: Path,
    network: str,
) -> Iterator[Joined]:
    """The services of the cookbook, ready, for the time of the block. Nothing is started where nodes could reach none.

    Raises `NotReady` or `EnvironmentFailure` when one does not become so.
    """
    from kitchens.actions.services.idling import sweep

    if network == "none":
        if not isinstance(choice, ProcessChoice):
            sweep(house, choice.engine)
        yield Joined()
        return
    engine = _engine(choice, cookbook)
    from kitchens.actions.services.seeding import Seeder
    from kitchens.actions.services.specifying import specify

    scope = GATE if wanted.kitchen is None else DEFAULT
    user = None if wanted.kitchen is None else wanted.kitchen.name
    specs = specify(
        house, engine, cookbook, source, wanted.secrets, scope, lambda path: checkout / path, user
    )
    seeder = Seeder(
        cookbook, source, lambda _: checkout, wanted.secrets, wanted.kitchen is None, wanted.recipes
    )
    kitchen = wanted.kitchen
    if kitchen is None:
        with _fresh(house, engine, seeder, specs, run) as found:
            yield found
        return
    from kitchens.actions.services.raising import raise_services

    home = home_of(house, kitchen, cookbook.name)
    with ExitStack() as stack:
        with entered(house, home):
            # Held before it is let go, and past it: nobody stops for idleness what is just coming up.
            stack.enter_context(used(home))
            home.idle_after(cookbook.runtime.idle)
            raised = raise_services(house, engine, home, specs, seeder)
        sweep(house, engine)
        yield Joined(raised.network, raised.digests)


def _engine(choice: DockerChoice | ProcessChoice, cookbook: Cookbook) -> Engine:
    """The engine that runs the nodes runs the services too: what is no container reaches them by no name."""
    if not isinstance(choice, ProcessChoice):
        return choice.engine
    name = next(iter(cookbook.services))
    if cookbook.runtime.kind == "process":
        raise InvalidInput(
            f"service `{name}` needs containers, and `runtime.kind` is `process`",
            'say `kind = "docker"` in `[runtime]`, or take the service out',
            code="service",
            file="kitchens.toml",
        )
    raise EnvironmentFailure(f"service `{name}` needs containers: {choice.why}", code="service")


@contextmanager
def _fresh(
    house: House, engine: Engine, seeder: Seeder, specs: Mapping[str, Spec], run: str
) -> Iterator[Joined]:
    """Services that nobody used before, in a network of their own; gone at the end, whatever happens: who is killed
    leaves labels by which the next one clears up."""
    from kitchens.actions.services.seeding import distrust_seeds, seeds_of
    from kitchens.actions.services.starting import judged, start_all
    from kitchens.containers import networks, owners
    from kitchens.containers.services.service import Fresh, create
    from kitchens.containers.sweeping import remove_all, sweep_networks

    owners.sweep(engine)
    sweep_networks(engine)
    labels = owners.labels(seeder.cookbook.name, "gate", run)
    own = f"{owners.LABEL}gate={run}-{os.urandom(4).hex()}"
    seeded: dict[str, tuple[str, ...]] = {}
    name, _, value = own.partition("=")
    labels[name] = value
    try:
        inside = networks.make_inside(engine, f"kitchens-gate-{value}", labels)

        def made(spec: Spec) -> tuple[str, int | None, bool]:
            seeds = seeds_of(house, engine, spec, seeder)
            seeded[spec.name] = tuple(seeds.values())
            fresh = Fresh(f"kitchens-gate-{value}-{spec.name}", labels, inside, seeds=seeds)
            return create(engine, spec, fresh), None, False

        started = start_all(house, engine, specs, made, house.note)
        distrust_seeds(house, started, seeded)
        judged(house, started, specs)
        yield Joined(inside, {one.name: one.digest for one in started})
    except EnvironmentFailure:
        # An engine that is gone removes nothing: what is said is what came first.
        with suppress(EnvironmentFailure):
            remove_all(engine, own)
        raise
    except BaseException:
        remove_all(engine, own)
        raise
    else:
        remove_all(engine, own)
