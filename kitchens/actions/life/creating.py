"""`kitchen create`: registration, branch (the commit point), worktree, settings, data, and its gate."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kitchens.actions.cookbook.readable import recipes_at
from kitchens.actions.gates.gating import plan_gate
from kitchens.actions.gates.judging import carry_out_gate
from kitchens.actions.house import House
from kitchens.actions.kitchens import REGISTRATIONS, Kitchen, Kitchens
from kitchens.actions.landing.moving import implied_registration
from kitchens.actions.life.filling import copied, parse_filling
from kitchens.actions.life.naming import fetched, refuse_taken, refuse_taken_there
from kitchens.actions.life.settings import assigned
from kitchens.actions.orders.ordering import carry_out_order, plan_order
from kitchens.actions.sharing.arriving import arrive_if_possible
from kitchens.actions.sharing.leaving import share
from kitchens.git.checkouts import worktrees
from kitchens.git.checkouts.folders import remove_folder
from kitchens.git.claims import alone
from kitchens.git.moving.deletion import creation
from kitchens.git.refs import Moved
from kitchens.model.gate import Gate
from kitchens.model.kitchen import Made, Provision, Registration
from kitchens.model.names import KitchenName
from kitchens_engine.durations import seconds
from kitchens_engine.errors import EnvironmentFailure, InvalidInput, KitchensError
from kitchens_engine.language.check import checked

#: How often a creation looks again because somebody else was faster.
_ATTEMPTS = 20

#: Seconds for which one creation waits for another's registration and branch.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A kitchen as it is asked for. What is None or empty is decided by the template, then by the cookbook; `name` is
    empty until somebody said it."""

    name: str
    parent: str | None = None
    permanent: bool = False
    adopt: bool = False
    ttl: str | None = None
    data: str | None = None
    assignments: Sequence[str] = ()
    template: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """A kitchen to make. `half_made` is the registration that a crashed `create` left, with its commit."""

    registration: Registration
    parent: Kitchen
    tip: str
    path: Path
    data: Path
    data_from: Path | None
    data_recipe: str | None
    half_made: str | None


@dataclass(frozen=True, slots=True)
class Created:
    """The kitchen that was made, and what its gate said (`unneeded` with `--no-test`). `order` is the document of
    the order run that filled its data."""

    registration: Registration
    commit: str
    path: Path
    gate: Gate
    order: dict[str, Any] | None = None
    made: Made | None = None
    #: Whether its template failed, so that it was taken back and the kitchen with it.
    removed: bool = False

    @property
    def red(self) -> bool:
        """Whether there is something to mend: its gate, its data, or its template."""
        if self.removed:
            return True
        failed = self.order is not None and self.order["status"] not in ("passed", "warned")
        return failed or self.gate.status == "red"

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        registration = self.registration
        document: dict[str, Any] = {
            "kitchen": registration.name,
            "parent": registration.parent,
            "branch": registration.name,
            "commit": self.commit,
            "path": str(self.path),
            "gate": self.gate.document(),
        }
        if self.order is not None:
            document["order"] = self.order
        if self.made is not None:
            document["template"] = self.made.template
            document["provision"] = [
                {
                    "ingredient": step.ingredient,
                    "status": step.status,
                    "run": step.run,
                    "undone_by": step.undone_by,
                }
                for step in self.made.provision
            ]
            document["removed"] = self.removed
        return document


def create(house: House, wanted: Wanted, *, test: bool = True) -> Created:
    """Make a kitchen; look again when somebody else made or moved something meanwhile. Where the cookbook has
    a remote that can be reached, it starts from what is there, and others see it at once.

    One that a template was not done with, since its creation was cut off, is made whole.
    """
    arrive_if_possible(house)
    if (begun := _begun(house, wanted)) is not None:
        return carry_out_create(house, begun, test=test)
    for _ in range(_ATTEMPTS):
        plan = plan_create(house, wanted)
        try:
            register_kitchen(house, plan)
        except Moved:
            continue
        for one in [] if wanted.adopt else fetched(house, wanted.name):
            house.note(
                f"`{one}` is another branch of this name; `{wanted.name}` begins at `{plan.parent.name}`"
            )
        share(house, [plan.registration.name], branches=True)
        return carry_out_create(house, plan, test=test)
    raise EnvironmentFailure(f"others make kitchens all the time; `{wanted.name}` was not made", "try again")


def plan_create(house: House, wanted: Wanted) -> CreatePlan:
    """Check everything that can be checked before anything is made."""
    kitchens = Kitchens(house)
    new, adopt = KitchenName.parse(wanted.name), wanted.adopt
    cookbook = kitchens.cookbook
    if adopt and new not in kitchens.branches:
        refuse_taken_there(house, cookbook, new)
    refuse_taken(kitchens, new, adopt)
    if not adopt:
        refuse_taken_there(house, cookbook, new)
    declared = cookbook.kitchens.get(new) if cookbook else None
    permanent = wanted.permanent or declared is not None
    above = _above(kitchens, wanted, new, declared.parent if declared else None)
    tip = kitchens.branches[new] if adopt else above.tip
    _check_cookbook(house, new if adopt else above.name, tip, adopt=adopt, parent=above.name)
    made = None
    if wanted.template is not None:
        made, tip, wanted = _of_template(house, wanted.template, new, tip, wanted)
    view, now = house.view(tip), house.now()
    registration = Registration(
        name=new,
        parent=above.name,
        permanent=permanent,
        owner=str(house.identity),
        created=now,
        expires=_expiry(now, wanted.ttl, permanent),
        adopted=adopt,
        settings=assigned(recipes_at(view) if wanted.assignments else [], {}, wanted.assignments),
        made=made,
    )
    path = kitchens.checkout_of(new) or kitchens.folder / new
    kitchens.require_folder()
    if not adopt and path.exists() and any(path.iterdir() if path.is_dir() else [path]):
        raise InvalidInput(
            f"{path} is in the way of the worktree of `{new}`; nothing was changed", "move it aside"
        )
    filling = parse_filling(wanted.data or house.view(above.tip).cookbook.data)
    if filling.recipe is not None:
        checked(view.shelf, [filling.recipe], pools=view.cookbook.pools)
    copy = kitchens.data_folder(above.name) if filling.copy else None
    half_made = house.repository.refs.read(f"refs/kitchens/{new}")
    return CreatePlan(
        registration, above, tip, path, kitchens.data_folder(new), copy, filling.recipe, half_made
    )


def register_kitchen(house: House, plan: CreatePlan) -> None:
    """Copy the data, write the registration, then the branch, which is the commit point. Raises `Moved` when
    somebody else was faster; nothing has changed then."""
    _set_baseline(house)
    copying = copied(house, str(plan.registration.parent), plan.data_from, plan.data)
    with copying as data, alone(house.repository.claims, "create", PATIENCE):
        _refuse_made(house, plan)
        folders = [] if data is None else [plan.data]
        with creation(house.repository, plan.registration.name, ref=_ref(plan), folders=folders):
            if data is not None:
                # Nobody's yet: the kitchen is not there.
                remove_folder(plan.data)
                data.rename(plan.data)
            _found(house, plan)


def _refuse_made(house: House, plan: CreatePlan) -> None:
    """Raise `Moved` when somebody else made this kitchen since it was planned: its data is not ours to replace."""
    refs, branch = house.repository.refs, f"refs/heads/{plan.registration.name}"
    if (found := refs.read(_ref(plan))) != plan.half_made:
        raise Moved(_ref(plan), plan.half_made, found)
    if not plan.registration.adopted and (found := refs.read(branch)) is not None:
        raise Moved(branch, None, found)


def _ref(plan: CreatePlan) -> str:
    return f"{REGISTRATIONS}{plan.registration.name}"


def _found(house: House, plan: CreatePlan) -> None:
    """The registration, then the branch."""
    refs, registration = house.repository.refs, plan.registration
    branch = f"refs/heads/{registration.name}"
    house.register(registration, plan.half_made, f"create from {registration.parent}")
    if not registration.adopted:
        refs.move(branch, plan.tip, None, "kitchen create")


def carry_out_create(house: House, plan: CreatePlan, *, test: bool = True) -> Created:
    """Check out a registered kitchen, fill its data, then run the gate on its tree under the parent's rules. A
    red gate or a failed order run leaves the kitchen: one needs it to mend."""
    registration = plan.registration
    worktrees.ensure(house.repository, plan.path, registration.name)
    plan.data.mkdir(parents=True, exist_ok=True)
    if registration.made is not None:
        from kitchens.actions.life.deleting import delete
        from kitchens.actions.life.provisioning import provision

        with _staying(house, registration.name, "its template was not done with; the same command goes on"):
            whole = provision(house, registration.name)
        made = _made_now(house, registration)
        if not whole:
            delete(house, registration.name, force=True)
            return Created(registration, plan.tip, plan.path, Gate(), made=made, removed=True)
        registration = registration._replace(made=made)
        share(house, [registration.name])
    order = None if plan.data_recipe is None else _order_data(house, registration.name, plan.data_recipe)
    gate = Gate()
    if test:
        with _staying(house, registration.name, "its gate was not run to its end"):
            gate = carry_out_gate(house, plan_gate(house, plan.tip, plan.parent, None, broken_is_red=True))
    return Created(registration, plan.tip, plan.path, gate, order, registration.made)


def _above(kitchens: Kitchens, wanted: Wanted, new: KitchenName, stated: str | None) -> Kitchen:
    """The kitchen that it starts from. For a permanent one that `kitchens.toml` names, the file has the word."""
    if stated and wanted.parent and wanted.parent != stated:
        raise InvalidInput(
            f"`kitchens.toml` makes `{stated}` the parent of `{new}`; nothing was changed",
            f"`kitchen create {new}`, or change `[kitchens.{new}] parent` first",
            code="parent",
        )
    if stated and stated not in kitchens.names:
        raise InvalidInput(
            f"`kitchens.toml` makes `{stated}` the parent of `{new}`, and there is no such kitchen yet",
            f"`kitchen create {stated}` first",
            code="no-kitchen",
        )
    return kitchens.get(wanted.parent or stated or kitchens.root)


def _check_cookbook(house: House, name: str, tip: str, *, adopt: bool, parent: str) -> None:
    """Raise `InvalidInput` for a tip that holds no cookbook, or one whose settings cannot be read."""
    view = house.view(tip)
    if not view.oid("kitchens.toml"):
        raise InvalidInput(
            f"`{name}` has no `kitchens.toml` in its last commit, so it cannot be a kitchen",
            f"`git merge {parent}` brings it there" if adopt else "`kitchen init` writes one; commit it",
            code="no-cookbook",
        )
    _ = view.cookbook


def _begun(house: House, wanted: Wanted) -> CreatePlan | None:
    """The rest of a creation by this template that was cut off, or is under way; None when there is none."""
    if wanted.template is None:
        return None
    kitchens = Kitchens(house)
    if wanted.name not in kitchens.names:
        return None
    kitchen = kitchens.get(wanted.name)
    registered = kitchen.registered
    if registered is None or registered.made is None or registered.made.template != wanted.template:
        return None
    if registered.made.whole:
        return None
    path = kitchens.worktree_path(kitchen.name)
    data = kitchens.data_folder(kitchen.name)
    return CreatePlan(
        registered, kitchens.parent_of(kitchen), kitchen.tip, path, data, None, None, kitchen.registered_at
    )


def _of_template(
    house: House, template: str, name: KitchenName, tip: str, wanted: Wanted
) -> tuple[Made, str, Wanted]:
    """What is registered of a template, the commit that has its services and connections, and what is wanted with
    what the template says of it."""
    if wanted.adopt:
        raise InvalidInput("`--adopt` takes a branch as it is; a template is for a new one", code="usage")
    # What templates need is paid for by whoever uses one.
    from kitchens.actions.life.provisioning import check_provision
    from kitchens.actions.life.serving import with_services
    from kitchens.actions.life.shelves import find_template
    from kitchens.model.template import answered, filled, own_words

    shelved = find_template(house, template, tip)
    check_provision(house, shelved, tip)
    found = shelved.template
    words = own_words(name, house.view(tip).cookbook.name)
    # Tells what was made for this very kitchen from what was there before.
    words["mark"] = f"kitchen {name} {os.urandom(8).hex()}"
    words = {**words, **answered(found, wanted.answers, words)}
    steps = tuple(
        Provision(step.ingredient, filled(step.inputs, words), step.rollback) for step in found.provision
    )
    said = filled(found.kitchen, words)
    wanted = replace(
        wanted,
        ttl=wanted.ttl or said.get("ttl"),
        data=wanted.data or said.get("data"),
        assignments=(*said.get("set", ()), *wanted.assignments),
    )
    return Made(found.name, shelved.at, words, steps), with_services(house, found, words, tip), wanted


def _made_now(house: House, registration: Registration) -> Made | None:
    found = Kitchens(house).registration(registration.name)
    return registration.made if found is None else found.made


def _expiry(now: datetime, ttl: str | None, permanent: bool) -> datetime | None:
    if ttl is None:
        return None
    if permanent:
        raise InvalidInput("a permanent kitchen has no time to live", "leave `--ttl` out")
    try:
        if (lives := seconds(ttl)) <= 0:
            raise ValueError(f"`{ttl}` is no time to live in")
        return now + timedelta(seconds=lives)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"`--ttl`: {error}") from None


def _set_baseline(house: House) -> None:
    """The first kitchen of a cookbook fixes where `verify` begins: production's tip at this moment."""
    while True:
        kitchens = Kitchens(house)
        root = kitchens.get(kitchens.root)
        registered = root.registered or implied_registration(house, root)
        if registered.baseline is not None:
            return
        with suppress(Moved):  # somebody else wrote there meanwhile, maybe this very thing
            house.register(registered._replace(baseline=root.tip), root.registered_at, "baseline")


def _order_data(house: House, name: str, recipe: str) -> dict[str, Any]:
    """Run `recipe` in the new kitchen for its first data."""
    with _staying(house, name, f"recipe `{recipe}` did not fill its data, and its gate was not run"):
        return carry_out_order(house, plan_order(house, recipe, kitchen=name))


@contextmanager
def _staying(house: House, name: str, what: str) -> Iterator[None]:
    """Whatever ends the command in here, the kitchen is made, and its user hears of it."""
    try:
        yield
    except KitchensError:
        house.note(f"`{name}` was made and stays; {what}")
        raise
