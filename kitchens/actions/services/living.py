"""`kitchen up`, `down`, `pause`, `resume`: the containers of a kitchen as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kitchens.actions.cookbook.secrets import secrets_of
from kitchens.actions.cookbook.settings import cookbook_in
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.services.home import (
    SERVICE,
    Home,
    changing,
    engine_of,
    entered,
    home_of,
    in_use,
    used,
)
from kitchens.actions.services.idling import sweep
from kitchens.actions.services.raising import raise_services, remove_services
from kitchens.actions.services.seeding import Seeder
from kitchens.actions.services.specifying import specify
from kitchens.actions.services.states import NotReady, Started
from kitchens.actions.services.warming import Kept, start_warm, toolchain_for
from kitchens.containers import objects, owners
from kitchens.containers.engine import Engine, EngineUnreachable, connect
from kitchens.containers.stopping import stop_keepers
from kitchens.containers.sweeping import Removed, remove_all, sweep_networks
from kitchens.gate.fingerprint import build_context
from kitchens.model.cookbook import Cookbook, missing_files
from kitchens_engine.errors import Interrupted, InvalidFiles, InvalidInput
from kitchens_engine.ports import DEFAULT, Source


def up(house: House, name: str) -> dict[str, Any]:
    """Start the services of a kitchen as its files say now, and beside them the container of its toolchain, and wait until
    all are ready. Where nodes are processes of this machine there is nothing to start.

    Raises `NotReady` for a service that never was; `EnvironmentFailure` for one that once was.
    """
    kitchen = Kitchens(house).get(name)
    cookbook, source = settings_of(house, kitchen)
    home = home_of(house, kitchen, cookbook.name)
    if cookbook.services:
        _refuse_processes(cookbook)
    engine = _engine(house, cookbook)
    if engine is None:
        return _document(kitchen, "unchanged", [], None)
    secrets = secrets_of(house, cookbook, kitchen.name)
    with _checkout(house, kitchen) as checkout, entered(house, home), used(home):
        home.idle_after(cookbook.runtime.idle)
        specs = specify(
            house,
            engine,
            cookbook,
            source,
            secrets,
            DEFAULT,
            lambda path: checkout([path]) / path,
            kitchen.name,
        )
        build = cookbook.runtime.build
        folder = checkout(() if build is None else [build_context(build)])
        toolchain = toolchain_for(house, engine, cookbook, source, folder)
        owners.sweep(engine)
        sweep_networks(engine)
        warm = Kept(None)

        def warm_up(network: str | None) -> None:
            nonlocal warm
            inside = None if cookbook.runtime.network == "none" else network
            warm = start_warm(house, toolchain, home, cookbook, kitchen, inside)

        try:
            seeder = Seeder(cookbook, source, checkout, secrets, gate=False)
            started: tuple[Started, ...] = ()
            if specs:
                started = raise_services(house, engine, home, specs, seeder, warm_up).started
            else:
                remove_services(engine, home)
                warm_up(None)
                (home.folder / "state").write_text("up", encoding="ascii")
        except NotReady as red:
            red.about = _document(kitchen, "red", [one.document() for one in red.started], warm.container)
            raise
        except (KeyboardInterrupt, Interrupted):
            if warm.new and warm.container is not None:
                engine.remove(warm.container)
            raise
    sweep(house, engine)
    return _document(kitchen, "up", [one.document() for one in started], warm.container)


def down(house: House, name: str, *, volumes: bool = False) -> dict[str, Any]:
    """Remove the containers and networks of a kitchen; its volumes stay, unless told otherwise."""
    kitchen = Kitchens(house).get(name)
    home = home_of(house, kitchen, "")
    try:
        engine = engine_of(house, home)
    except InvalidInput:
        return {"kitchen": kitchen.name, "status": "down", **Removed()._asdict()}
    with changing(house, home):
        removed = clear(engine, home, volumes=volumes)
    sweep(house, engine)
    return {"kitchen": kitchen.name, "status": "down", **removed._asdict()}


def clear(engine: Engine, home: Home, *, volumes: bool) -> Removed:
    """Remove what a kitchen has on the engine; where its volumes stay, what its services store is whole. Whoever calls holds
    `changing`."""
    if not volumes:
        stop_keepers(engine, objects.containers(engine, home.mine, SERVICE))
    removed = remove_all(engine, home.mine, volumes=volumes)
    home.unmark("state")
    if volumes:
        for mark in home.folder.glob("unfinished-*"):
            mark.unlink(missing_ok=True)
    return removed


def pause(house: House, name: str) -> dict[str, Any]:
    """Freeze the containers of a kitchen: they keep their memory and take no processor. While an order, `exec` or `shell`
    uses it, its toolchain goes on."""
    return _each(house, name, "running", "paused", objects.pause)


def resume(house: House, name: str) -> dict[str, Any]:
    """Let paused containers go on."""
    return _each(house, name, "paused", "up", objects.resume)


def _each(house: House, name: str, state: str, status: str, act: Any) -> dict[str, Any]:
    kitchen = Kitchens(house).get(name)
    home = home_of(house, kitchen, "")
    engine = engine_of(house, home)
    with changing(house, home):
        found = [one for one in objects.containers(engine, home.mine) if one.state == state]
        if status == "paused" and in_use(home):
            # An order would take its silence for its end.
            found = [one for one in found if SERVICE in one.labels]
        if not found:
            raise InvalidInput(
                f"no container of `{name}` is {state}; nothing was done",
                f"`kitchen up {name}` starts them"
                if state == "running"
                else f"`kitchen show {name}` shows them",
                code="service",
            )
        for one in found:
            act(engine, one.id)
        home.mark("used")
        (home.folder / "state").write_text(status, encoding="ascii")
    return {
        "kitchen": kitchen.name,
        "status": status,
        "services": sorted(one.labels[SERVICE] for one in found if SERVICE in one.labels),
    }


def settings_of(house: House, kitchen: Kitchen) -> tuple[Cookbook, Source]:
    """`kitchens.toml` and the files beside it: of a sandbox as they lie in its worktree, uncommitted edits included,
    of a permanent kitchen those of its tip."""
    checkout = Kitchens(house).checkout_of(kitchen.name)
    if kitchen.permanent or checkout is None:
        view = house.view(kitchen.tip)
        return view.cookbook, view.source
    source = house.source(checkout)
    cookbook = cookbook_in(checkout)
    faults = missing_files(source.read("kitchens.toml") or b"", source)
    if errors := tuple(fault for fault in faults if fault.severity == "error"):
        raise InvalidFiles(errors)
    return cookbook, source


@contextmanager
def _checkout(house: House, kitchen: Kitchen) -> Iterator[Callable[[Sequence[str]], Path]]:
    """Gives a folder with the kitchen's files that holds these paths: its worktree, or, where that need not be what
    counts, one that they are written to."""
    import tempfile

    from kitchens.git.checkouts.checkout import write_tree

    checkout = Kitchens(house).checkout_of(kitchen.name)
    if not kitchen.permanent and checkout is not None:
        yield lambda _: checkout
        return
    with tempfile.TemporaryDirectory(prefix="kitchens-files-") as name:
        tree = house.repository.objects.commit(kitchen.tip).tree

        def written(paths: Sequence[str]) -> Path:
            folder = Path(tempfile.mkdtemp(dir=name))
            write_tree(house.repository.objects, tree, folder, paths)
            return folder

        yield written


def _engine(house: House, cookbook: Cookbook) -> Engine | None:
    """The engine that a kitchen's containers are on; None where it needs none, or has none and can do without."""
    runtime = cookbook.runtime
    if runtime.kind == "process" or not (cookbook.services or runtime.image or runtime.build):
        return None
    try:
        return connect(house.environment)
    except EngineUnreachable as error:
        if cookbook.services or runtime.kind == "docker":
            raise
        house.note(f"nothing was started: {error.message}")
        return None


def _refuse_processes(cookbook: Cookbook) -> None:
    if cookbook.runtime.kind == "process":
        raise InvalidInput(
            f"service `{next(iter(cookbook.services))}` needs containers, and `runtime.kind` is `process`",
            'say `kind = "docker"` in `[runtime]`, or take the service out',
            code="service",
            file="kitchens.toml",
        )


def _document(
    kitchen: Kitchen, status: str, services: list[dict[str, Any]], toolchain: str | None
) -> dict[str, Any]:
    return {"kitchen": kitchen.name, "status": status, "services": services, "toolchain": toolchain}
