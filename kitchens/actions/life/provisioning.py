"""What a template runs in a new kitchen, and takes back: one order run for each step, told in the registration.

Each step is written down before it starts and after it ends. Killed between, the same `kitchen create` goes on, and
`kitchen delete` takes back whatever was started: an ingredient of a template, and its rollback, may run twice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.life.shelves import Shelved, load_template
from kitchens.actions.orders.ordering import OrderPlan, carry_out_order
from kitchens.gate.fingerprint import build_context
from kitchens.git.checkouts.checkout import write_tree
from kitchens.git.claims import alone
from kitchens.git.refs import Moved
from kitchens.model.kitchen import Made
from kitchens.model.template import fill_text
from kitchens.store.toml import document as toml
from kitchens_engine.errors import EnvironmentFailure, Failed, InvalidInput

PASSED = ("passed", "warned")

_ATTEMPTS = 50

#: For so many seconds one command waits for another that works on the same template.
_PATIENCE = 24 * 3600.0

_NAME = re.compile(r"\w[\w.-]*")


def provision(house: House, name: str) -> bool:
    """Run what the template of kitchen `name` asks for and what was not done yet; whether all of it is done.

    Where a step fails, it and those before it are taken back. One process at a time does it, or takes it back; the
    second waits, says so, and finds what is left to do. Raises `InvalidInput` when the kitchen was deleted meanwhile.
    """
    with _working(house, name):
        Kitchens(house).get(name)
        return _provision(house, name)


def _provision(house: House, name: str) -> bool:
    for index, step in enumerate(_made(house, name).provision):
        if step.status == "done":
            continue
        _write(house, name, index, f"provision {step.ingredient}", status="started")
        run, passed = _run(house, name, step.ingredient, step.inputs)
        _write(
            house,
            name,
            index,
            f"provisioned {step.ingredient}",
            status="done" if passed else "started",
            run=run,
        )
        if not passed:
            _withdraw(house, name)
            return False
    return True


@contextmanager
def withdrawn(house: House, name: str) -> Iterator[None]:
    """Take back what was started in kitchen `name`, the last step first, and let nobody begin anew until the block ends.
    Raises `Failed` where that fails; what was taken back before stays so."""
    with _working(house, name):
        _withdraw(house, name)
        yield


def _working(house: House, name: str) -> AbstractContextManager[None]:
    def waiting() -> None:
        house.note(f"another command works on the template of `{name}`: waiting")

    return alone(house.repository.claims, f"template-{name.replace('/', '%')}", _PATIENCE, waiting)


def _withdraw(house: House, name: str) -> None:
    steps = _made(house, name).provision
    for index in reversed(range(len(steps))):
        step = steps[index]
        if step.status not in ("started", "done"):
            continue
        run = None
        if step.rollback is not None:
            run, passed = _run(house, name, step.rollback, step.inputs)
            if not passed:
                raise Failed(
                    f"`{step.rollback}`, which takes back what `{step.ingredient}` did for `{name}`, failed",
                    f"`kitchen order show {run}`",
                    f"`kitchen delete {name} --force` leaves what it made",
                    code="rollback",
                )
        _write(house, name, index, f"took back {step.ingredient}", status="undone", undone_by=run)


def check_provision(house: House, shelved: Shelved, commit: str) -> None:
    """Raise `InvalidInput` for an ingredient that neither the template nor the cookbook at `commit` has."""
    for step in shelved.template.provision:
        for name in filter(None, (step.ingredient, step.rollback)):
            own = f"ingredients/{name}/recipe.toml"
            if own not in shelved.files and house.repository.objects.entry(commit, own) is None:
                raise InvalidInput(
                    f"template `{shelved.template.name}` runs the ingredient `{name}`, which is neither in it nor in the cookbook",
                    code="no-ingredient",
                )


def _run(house: House, name: str, ingredient: str, inputs: Mapping[str, Any]) -> tuple[str, bool]:
    """An order run of one ingredient in a kitchen: its id, and whether it passed."""
    kitchens = Kitchens(house)
    kitchen = kitchens.get(name)
    made = _made(house, name)
    recipe = _recipe(made, ingredient)
    with _bench(house, kitchen, made, ingredient, inputs) as checkout:
        plan = OrderPlan(
            kitchen=kitchen,
            recipe=recipe,
            variation=None,
            assignments=(),
            nodes=None,
            checkout=checkout,
            pooled=False,
            data=kitchens.data_folder(name),
            dirty=False,
            commit=kitchen.tip,
        )
        document = carry_out_order(house, plan)
    return str(document["run"]), document["status"] in PASSED


@contextmanager
def _bench(
    house: House, kitchen: Kitchen, made: Made, ingredient: str, inputs: Mapping[str, Any]
) -> Iterator[Path]:
    """A checkout with the kitchen's ingredients, those of the template over them, and a recipe of one node."""
    cookbook = house.view(kitchen.tip).cookbook
    runtime = cookbook.runtime
    build = None if runtime.build is None else build_context(runtime.build) or runtime.build
    paths = ["kitchens.toml", "kitchens.lock", "ingredients", *cookbook.gate.shared]
    paths += [path for path in (runtime.requirements, build) if path is not None]
    folder = house.state / "gates" / f"provision-{os.urandom(8).hex()}"
    with house.claimed(folder):
        checkout = folder / "tree"
        write_tree(
            house.repository.objects, house.repository.objects.commit(kitchen.tip).tree, checkout, paths
        )
        for path, content in load_template(house, made.template, made.at).files.items():
            if path.startswith("ingredients/"):
                _put(checkout, path, _filled(content, made.words))
        node = {"ingredient": ingredient, **({"inputs": dict(inputs)} if inputs else {})}
        recipe = {"description": f"Template `{made.template}`", "nodes": {"run": node}}
        _put(checkout, f"recipes/{_recipe(made, ingredient)}/recipe.toml", toml(recipe))
        yield checkout


def _recipe(made: Made, ingredient: str) -> str:
    # Registrations come from other clones, too.
    for name in (made.template, ingredient):
        if not _NAME.fullmatch(name):
            raise InvalidInput(f"`{name}` is no name of a template or an ingredient", code="template")
    return f"template-{made.template}-{ingredient}"


def _filled(content: bytes, words: Mapping[str, Any]) -> bytes:
    try:
        return fill_text(content.decode(), words).encode()
    except UnicodeDecodeError:
        return content


def _put(top: Path, name: str, content: bytes) -> None:
    path = top / name
    # The tree's own links stay links in a checkout: through one we would write elsewhere.
    if any(above.is_symlink() for above in path.parents if above.is_relative_to(top) and above != top):
        raise InvalidInput(
            f"`{name}` lies behind a link, and a template is not written through one", code="template"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise EnvironmentFailure(f"`{path}` cannot be written: {error.strerror}", code="disk") from error


def _made(house: House, name: str) -> Made:
    registered = Kitchens(house).registration(name)
    return registered.made if registered and registered.made else Made("", None, {})


def _write(house: House, name: str, index: int, reason: str, **changes: Any) -> None:
    """Note how a step stands; look again when somebody else wrote the registration meanwhile."""

    def changed(made: Made) -> Made:
        steps = list(made.provision)
        steps[index] = steps[index]._replace(
            **{key: value for key, value in changes.items() if value is not None}
        )
        return made._replace(provision=tuple(steps))

    _rewrite(house, name, reason, changed)


def _rewrite(house: House, name: str, reason: str, change: Callable[[Made], Made]) -> None:
    for _ in range(_ATTEMPTS):
        kitchen = Kitchens(house).get(name)
        registered = kitchen.registered
        if registered is None or registered.made is None:
            raise InvalidInput(f"`{name}` was changed by somebody else meanwhile", code="moved")
        try:
            house.register(registered._replace(made=change(registered.made)), kitchen.registered_at, reason)
        except Moved:
            continue
        return
    raise EnvironmentFailure(
        f"the registration of `{name}` was changed by others {_ATTEMPTS} times", "try again"
    )
