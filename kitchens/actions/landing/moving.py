"""What merge, promote and rollback share: the gate on a candidate, then the landing by one compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.actions.gates.gating import GatePlan
from kitchens.actions.gates.judging import carry_out_gate
from kitchens.actions.gates.signing import require_signature
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen
from kitchens.actions.landing.certifying import certifying
from kitchens.gate.permission import refusal
from kitchens.git.claims import Claim, claim
from kitchens.git.moving.healing import TEMPORARY
from kitchens.git.moving.landing import LandingPlan, carry_out, plan_landing
from kitchens.git.moving.promotions import announce, draft, finish
from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens.model.gate import Gate, Move
from kitchens.model.kitchen import Certificate, Landing, Registration
from kitchens.model.refusal import Refusal
from kitchens_engine.errors import KitchensError

if TYPE_CHECKING:
    from kitchens.actions.sharing.arriving import Arrival


@dataclass(frozen=True)
class MovePlan:
    """A move of `target` to `commit`, which came from `source`, and the gate that it must pass.

    `status` is what it will be called when it lands: `merged`, `promoted` or `rolled-back` (from itself). `base` is the
    merge base by which a merge was made, `reconciled` the rollbacks that it kept out; `tag` is the message of the tag
    that tells of it, if one is to be made.
    """

    status: str
    source: Kitchen
    target: Kitchen
    commit: str
    tree: str
    gate: GatePlan
    notes: tuple[str, ...] = ()
    base: str | None = None
    reconciled: tuple[str, ...] = ()
    #: The kitchens that it brings, when they are several.
    named: str | None = None
    tag: str | None = None
    #: Whether the target had this very tree at its tip before.
    seen: bool = False

    @property
    def words(self) -> str:
        """The move in the words of reflogs and audit trails."""
        return f"{self.status} {self.named or self.source.name}"


def land(
    house: House,
    plan: MovePlan,
    arrival: Arrival | None = None,
    *,
    before: Callable[[], tuple[str, ...]] = tuple,
) -> Move:
    """Pass the gate and move the target; with `arrival` at the remote that it came from, and then here. `before` is
    asked before anything is tested or moved; it may refuse, and gives notes. Raises `Moved` when somebody else moved it meanwhile,
    `InvalidInput` when an edited file of a checkout is in the way, and `EnvironmentFailure` for a merge that a
    second computation does not agree with; nothing has moved then. What the target's policy forbids is refused before
    any gate runs, and once more before it moves: a freeze may have begun meanwhile."""
    if (refused := _refusal(plan, house.now())) is not None:
        return _refused(replace(plan, notes=before()), refused, Gate())
    with _certifying(house, plan) as certified:
        landing = plan_landing(
            house.repository, plan.target.name, plan.target.tip, plan.commit, at_once=not plan.gate.runs
        )
        certificate = certified and certified()
    plan = replace(plan, notes=(*plan.notes, *before()))
    if plan.gate.runs:
        require_signature(house, plan.gate.sign, plan.gate.signers, plan.source.name, plan.target.name)
    with candidate(house.repository, plan.commit, house.now()) if plan.gate.runs else nullcontext():
        gate = carry_out_gate(house, plan.gate)
    if gate.status == "red":
        return _move(plan, "red", gate)
    when = house.now()
    if (refused := _refusal(plan, when)) is not None:
        return _refused(plan, refused, gate)
    registration = _registration(house, plan, certificate, when)
    if arrival is None:
        left, tag = _land_here(house, plan, landing, registration)
    else:
        left, tag = _land_there(house, plan, landing, registration, arrival)
    for path in left:
        house.note(f"{path} was edited in this very moment and left as it is")
    return replace(_move(plan, plan.status, gate), tag=tag)


def _certifying(house: House, plan: MovePlan) -> AbstractContextManager[Callable[[], Certificate] | None]:
    """The second computation of a merge, beside what is done inside. Whatever else lands is a commit as it is."""
    if plan.status != "merged":
        return nullcontext()
    return certifying(house.repository, plan.commit, plan.target.tip, plan.base, plan.reconciled)


def _land_here(
    house: House, plan: MovePlan, landing: LandingPlan, registration: Registration
) -> tuple[list[Path], str | None]:
    """The local branch is the commit point."""
    told = _announced(house, plan)
    try:
        left = carry_out(
            landing,
            lambda: house.registrations.drafted(
                registration, plan.target.registered_at, plan.words, house.identity, house.now()
            ),
            f"kitchen: {plan.words}",
        )
    finally:
        tag = finish(house.repository, told) if told else None
    return left, tag


def _land_there(
    house: House, plan: MovePlan, landing: LandingPlan, registration: Registration, arrival: Arrival
) -> tuple[list[Path], str | None]:
    """The remote's branch is the commit point: the checkouts here are ready, it is pushed, and they follow."""
    from kitchens.actions.sharing.arriving import follow
    from kitchens.actions.sharing.leaving import landed_at, push_landing, pushing

    name, before = plan.target.name, plan.target.registered_at
    pushed = False
    tag: tuple[str, str] | None = None

    def commit_point() -> None:
        nonlocal pushed, tag
        identity, now = house.identity, house.now()
        drafted = house.registrations.draft(
            registration, [before] if before else [], plan.words, identity, now
        )
        if plan.tag is not None:
            tag = draft(house.repository, name, plan.commit, plan.tag, identity, now)
        push_landing(house, arrival, name, plan.commit, drafted, tag, held)
        pushed = True
        if tag is not None:
            with suppress(Moved):
                house.repository.refs.move(tag[0], tag[1], None, "kitchen: promoted")
        landed_at(house, arrival, name, drafted)

    with pushing(house, arrival.remote) as held:
        try:
            left = carry_out(landing, commit_point, f"kitchen: {plan.words}")
        except KitchensError:
            if not pushed:
                raise
            # It has landed: what could not be done here is done by whoever looks at the remote next.
            left = []
            apart = follow(house, arrival.remote, name, plan.commit)
            if apart is not None:
                house.note(f"it has landed at `{arrival.remote}`; {apart.why}")
    return left, None if tag is None else tag[0].removeprefix("refs/tags/")


def _refusal(plan: MovePlan, when: datetime) -> Refusal | None:
    rollback = plan.status == "rolled-back"
    return refusal(plan.gate.policy, plan.target.name, when, rollback=rollback, seen=plan.seen)


def _refused(plan: MovePlan, why: Refusal, gate: Gate) -> Move:
    return replace(_move(plan, "refused", gate), refusal=why)


def _announced(house: House, plan: MovePlan) -> Claim | None:
    if plan.tag is None:
        return None
    return announce(house.repository, plan.target.name, plan.commit, plan.tag, house.identity, house.now())


@contextmanager
def candidate(repository: Repository, commit: str, now: datetime) -> Iterator[None]:
    """Keep `commit` from being collected while it is tested; when we are killed, the next command removes ours."""
    from kitchens_engine.records import new_run_id

    ref = f"refs/candidates/{new_run_id(now)}"
    held = claim(repository.claims, TEMPORARY, ref=ref)
    try:
        repository.refs.move(ref, commit, None, "kitchen: candidate")
        yield
    finally:
        repository.refs.drop(ref)
        held.release()


def _move(plan: MovePlan, status: str, gate: Gate) -> Move:
    return Move(
        status=status,
        kitchen=plan.source.name,
        into=plan.target.name,
        commit=plan.commit,
        tree=plan.tree,
        gate=gate,
        notes=plan.notes,
        reconciled=plan.reconciled,
    )


def _registration(
    house: House, plan: MovePlan, certificate: Certificate | None, when: datetime
) -> Registration:
    """The target's registration with the landing, written before its branch moves: it counts when the branch contains
    it."""
    landing = Landing(
        status=plan.status,
        previous=plan.target.tip,
        commit=plan.commit,
        source=plan.named or plan.source.name,
        who=str(house.identity),
        when=when,
        recipes=plan.gate.shown,
        certificate=certificate,
    )
    registered = plan.target.registered or implied_registration(house, plan.target)
    return registered.with_landing(landing)


def implied_registration(house: House, kitchen: Kitchen) -> Registration:
    """The registration of a kitchen that only `kitchens.toml` named so far."""
    return Registration(
        name=kitchen.name,
        parent=kitchen.parent,
        permanent=kitchen.permanent,
        owner=str(house.identity),
        created=house.now(),
        adopted=True,
    )


def unchanged(source: Kitchen, target: Kitchen, tree: str, notes: tuple[str, ...] = ()) -> Move:
    """The target already contains the source."""
    return Move("unchanged", source.name, target.name, target.tip, tree, notes=notes)
