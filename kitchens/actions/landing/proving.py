"""`kitchen verify`: the proof, from git alone, that everything that landed was attested, certified and allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from typing import Any

from kitchens.actions.gates.gating import GatePlan, plan_gate, policy_at
from kitchens.actions.gates.signing import ALLOWED
from kitchens.actions.house import House
from kitchens.actions.kitchens import BRANCHES, REGISTRATIONS, Kitchen, Kitchens
from kitchens.actions.landing.certifying import recompute
from kitchens.actions.landing.history import Step, baseline_of, own_beginning, since_baseline, steps
from kitchens.actions.landing.merging import reconciled_in
from kitchens.actions.ruling import fault_at
from kitchens.gate.affected import Affected
from kitchens.gate.ancestry import Ancestry, contains
from kitchens.gate.certificate import Uncertified
from kitchens.gate.fingerprint import RULES
from kitchens.gate.permission import refusal
from kitchens.git.history import first_parents, objects_of
from kitchens.git.moving.promotions import TAGS
from kitchens.git.moving.rollbacks import restored
from kitchens.git.objects import missing
from kitchens.store.attestations import REF as ATTESTATIONS
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.tuples import NamedTuple

#: What damaged records and objects are called by those who read them.
_DAMAGE = ("registration", "git-object")


#: What is wrong with a commit below which there is no history that anybody proved.
_APART = "begins a history of its own, apart from the one that is proved"

#: In place of a recipe: the whole of a commit, in which nothing can be read without its `kitchens.toml`.
_ALL = ""

#: How many commits' ancestors are kept at once: each takes a bit for each other.
MANY = 20_000


class Proof(NamedTuple):
    """What one step showed: its faults, whether somebody who may sign vouches for all that it had to show, and whether
    attestations are all that it may lack, or that something there cannot be read. `asked` are the recipes of which it had to show something; it is `mended` when a
    later step had to instead, because nobody could read them here."""

    faults: tuple[str, ...]
    signed: bool
    attestable: bool
    asked: frozenset[str] = frozenset()
    mended: bool = False
    unreadable: bool = False


def verify(house: House, name: str | None) -> dict[str, Any]:
    """Ask of every step since the baseline that each recipe it changed is attested, and that a merge is exactly
    what its sides add up to. A step is a landing, or a plain commit.

    `unsigned` means that nothing is wrong, and that nobody whose signature counts vouches for all of it. What did not
    land through `kitchen` (a plain commit, GitHub's own button) and has no fault is `uncertified`: attested, and no
    record says what it is made of. A plain commit that nobody could read, and no gate could run, is `mended` once a later
    one can be read: that one must show all that it differs in from the last before both.
    """
    # Git believes what lies under an id; this is the one command that must not.
    house.repository.objects.distrust()
    try:
        kitchens = Kitchens(house)
        kitchen = kitchens.get(name or kitchens.root)
    except EnvironmentFailure as failure:
        return _damaged(house, name, _damage(house, failure))
    faults: list[dict[str, Any]] = []
    uncertified: list[str] = []
    mended: list[str] = []
    signed, later = True, frozenset[str]()
    try:
        ancestry = _ancestry(house, since_baseline(house, kitchens, kitchen))
        walked = list(steps(house, kitchens, kitchen))
        house.repository.objects.foresee([step.commit for step in walked], "recipes")
    except EnvironmentFailure as failure:
        return _damaged(house, kitchen.name, _damage(house, failure))
    with _foreseen(house, walked):
        for step in walked:
            try:
                proof = _proof(house, kitchen, step, ancestry, later)
            except EnvironmentFailure as failure:
                faults.append(_fault(step.commit, _damage(house, failure)))
                continue
            more = {"unreadable": True} if proof.unreadable else {}
            faults += [{"commit": step.commit, "why": why, **more} for why in proof.faults]
            if step.landing is None and not proof.faults:
                (mended if proof.mended else uncertified).append(step.commit)
            signed, later = signed and proof.signed, later | proof.asked
    if (beginning := own_beginning(house, kitchens, kitchen, walked)) is not None:
        faults.append({"commit": beginning, "why": _APART})
    faults += _unreadable(house, kitchens, kitchen, [each["why"] for each in faults])
    landings = sum(step.landing is not None for step in walked)
    status = "broken" if faults else "verified" if signed and landings else "unsigned"
    return {
        "kitchen": kitchen.name,
        "status": status,
        "landings": landings,
        "faults": faults,
        "uncertified": uncertified,
        "mended": mended,
    }


@contextmanager
def _foreseen(house: House, walked: Sequence[Step]) -> Iterator[None]:
    """Read in a few questions what the landings say that they showed; what is damaged is told by who comes to it."""
    shown = [
        (step.commit, recipe, fingerprint)
        for step in walked
        if step.landing
        for recipe, fingerprint in step.landing.recipes
    ]
    objects = house.repository.objects
    with ExitStack() as stack:
        with suppress(EnvironmentFailure):
            entries = [objects.entry(commit, f"recipes/{recipe}") for commit, recipe, _ in shown]
            objects.learn([entry.oid for entry in entries if entry is not None and entry.kind == "tree"])
            stack.enter_context(house.attestations.still(fingerprint for _, _, fingerprint in shown))
            _foresee_signers(house, walked)
        yield


def _foresee_signers(house: House, walked: Sequence[Step]) -> None:
    """Ask at once who signed what the landings show: one after the other, to ask takes longer than all else."""
    named: dict[bytes, list[str]] = {}
    today = house.view(walked[0].commit).source.read(ALLOWED) if walked else None
    for step in walked:
        if step.landing is not None and step.landing.recipes:
            content = house.repository.objects.read(step.previous, ALLOWED) or today
            if content is not None:
                named.setdefault(content, []).extend(fingerprint for _, fingerprint in step.landing.recipes)
    for content, fingerprints in named.items():
        house.attestations.look(fingerprints, house.signers(content))


def _damaged(house: House, name: str | None, damage: EnvironmentFailure) -> dict[str, Any]:
    """The answer when nobody can say any more which commits there are to prove."""
    tip = house.repository.objects.resolve(f"refs/heads/{name}" if name else "HEAD")
    return {
        "kitchen": name,
        "status": "broken",
        "landings": 0,
        "faults": [_fault(tip, damage)],
        "uncertified": [],
        "mended": [],
    }


def _fault(commit: str | None, damage: EnvironmentFailure) -> dict[str, Any]:
    return {"commit": commit, "why": damage.message, "damaged": True}


def _damage(house: House, failure: EnvironmentFailure) -> EnvironmentFailure:
    """The failure when it is about something damaged, or the damage that made git fail; else the failure is raised:
    it says nothing about what landed."""
    if failure.code in _DAMAGE:
        return failure
    if failure.code != "git":
        raise failure
    try:
        _read_all(house)
    except EnvironmentFailure as damage:
        if damage.code in _DAMAGE:
            return damage
    raise failure


def _read_all(house: House) -> None:
    """Read what the walks of git itself pass, and what they end at. Raises for the first that is damaged."""
    objects, refs = house.repository.objects, house.repository.refs
    for tag in objects.damaged([*refs.refs(TAGS).values()]):
        raise missing(tag)
    trees: set[str] = set()
    blobs: set[str] = set()
    seen: set[str] = set()
    waiting = {*refs.refs(BRANCHES, REGISTRATIONS, ATTESTATIONS).values()}
    while waiting:
        seen |= waiting
        commits = objects.commits(sorted(waiting))
        trees |= {commit.tree for commit in commits}
        waiting = {parent for commit in commits for parent in commit.parents} - seen
    while trees:
        seen |= trees
        objects.learn(sorted(trees))
        lines = [entry for tree in sorted(trees) for entry in objects.entries(tree)]
        trees = {entry.oid for entry in lines if entry.kind == "tree"} - seen
        blobs |= {entry.oid for entry in lines if entry.kind == "blob"}
    for blob in objects.damaged(sorted(blobs)):
        raise missing(blob)


def _unreadable(
    house: House, kitchens: Kitchens, kitchen: Kitchen, told: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """What else of the history and of its records is not what its id says: a file that landed stands in no proof but by
    its id. All files at the tip count, also those from before the baseline; what faults were `told` is not said twice."""
    objects, refs = (
        house.repository.objects,
        house.repository.refs.refs(ATTESTATIONS, f"{TAGS}{kitchen.name}/"),
    )
    tree = objects.commit(kitchen.tip).tree
    try:
        found = objects_of(house.repository, [kitchen.tip, *refs.values()], baseline_of(kitchens))
        found = {**objects_of(house.repository, [tree], None), **found}
    except EnvironmentFailure as failure:
        if not told:
            yield _fault(kitchen.tip, _damage(house, failure))
        return
    for oid in objects.damaged(list(found)):
        if not any(oid in why for why in told):
            yield _fault(kitchen.tip, missing(oid, found[oid]))


class Unproved(NamedTuple):
    """A step that may not arrive, and what is wrong with it. What lacks attestations only is `untested`."""

    commit: str
    why: str
    untested: bool


def unproved(house: House, kitchens: Kitchens, kitchen: Kitchen, until: str | None) -> list[Unproved]:
    """The steps that brought `kitchen` from `until` (None: from the baseline) to its tip and that do not verify, or that
    the policy does not let arrive at this moment, newest first."""
    found, later = [], frozenset[str]()
    walked = list(takewhile(lambda step: step.commit != until, steps(house, kitchens, kitchen)))
    for step in walked:
        proof = _proof(house, kitchen, step, None, later)
        later |= proof.asked
        now = tuple(_now(house, step, until))
        if faults := proof.faults + now:
            found.append(Unproved(step.commit, faults[0], proof.attestable and not now))
    if until is not None and any(step.kitchen.name != kitchen.name for step in walked):
        # What landed above passed under the rules of there; that it comes here is a move under those of here.
        settings = kitchen.registered.settings if kitchen.registered else {}
        arrival = Step(until, kitchen.tip, None, kitchen, settings)
        arrived = _attested(house, kitchen, arrival, frozenset())
        found += [Unproved(kitchen.tip, why, untested=True) for why in arrived.faults[:1]]
    if until is None and (beginning := own_beginning(house, kitchens, kitchen, walked)) is not None:
        found.append(Unproved(beginning, _APART, untested=False))
    return found


def _now(house: House, step: Step, until: str | None) -> Iterator[str]:
    """What the policy says at this moment. A plain commit has no record of the time at which it was made; a landing has
    one that whoever made it wrote, so in a freeze it comes too late, unless the kitchen is new here altogether."""
    landing = step.landing
    if landing is not None and until is None:
        return
    policy = policy_at(house, step.previous, step.kitchen.name, looking_back=True)
    rollback = landing is not None and landing.status == "rolled-back"
    found = refusal(policy, step.kitchen.name, house.now(), rollback=rollback)
    if found is None or (landing is not None and found.code != "frozen"):
        return
    yield f"{'is no landing' if landing is None else 'comes too late'}: {found.why}"


def _ancestry(house: House, commits: list[str]) -> Ancestry | None:
    if len(commits) > MANY:
        return None
    read = house.repository.objects.commits(commits)
    return Ancestry([(oid, commit.parents) for oid, commit in zip(commits, read, strict=True)])


def _proof(
    house: House, kitchen: Kitchen, step: Step, ancestry: Ancestry | None, later: frozenset[str]
) -> Proof:
    """What a step shows; `later` is what those after it were asked for."""
    faults = [*_uncertified(house, step, ancestry), *_unallowed(house, step)]
    proof = _attested(house, kitchen, step, later)
    return proof._replace(faults=(*faults, *proof.faults), attestable=proof.attestable and not faults)


def _uncertified(house: House, step: Step, ancestry: Ancestry | None) -> Iterator[str]:
    """Why a landing is not what its record says. A plain commit has no record, and what lands elsewhere is attested
    only."""
    landing = step.landing
    if landing is None:
        return
    if landing.status != "merged":
        if not contains(step.commit, step.previous, house.repository.objects.commits):
            yield f"its landing is recorded as one from `{step.previous[:12]}`, which it does not contain"
        elif landing.status == "rolled-back" and restored(house.repository, step.commit) is None:
            yield "was recorded as a rollback, and its tree is not the earlier one that it names"
        return
    if landing.certificate is None:
        yield "was merged without a certificate"
        return
    try:
        found = recompute(
            house.repository,
            step.commit,
            step.previous,
            again=False,
            ancestry=ancestry,
            reconciled=landing.certificate.reconciled,
        )
    except (Uncertified, InvalidInput) as reason:
        yield f"the merge is not what its sides add up to: {reason}"
        return
    if found != landing.certificate:
        yield "its certificate is not that of this merge"
    names = landing.source.split(", ")
    if len(names) > 1:
        yield from _unlinked(house, step, names, ancestry)


def _unlinked(house: House, step: Step, names: Sequence[str], ancestry: Ancestry | None) -> Iterator[str]:
    """Why what lies between is not the merges of the kitchens that landed together, one on the other: the landing
    itself only says that it brings all of it."""
    commit = house.repository.objects.commit(step.commit).parents[1]
    for name in reversed(names):
        made = house.repository.objects.commit(commit)
        try:
            recompute(
                house.repository,
                commit,
                next(iter(made.parents), step.previous),
                again=False,
                ancestry=ancestry,
                reconciled=reconciled_in(made.message),
            )
        except (Uncertified, InvalidInput) as reason:
            yield f"its merge of `{name}` ({commit[:12]}) is not what its sides add up to: {reason}"
            return
        commit = made.parents[0]
    if commit != step.previous:
        yield f"it names {len(names)} kitchens, and brings more"


def _unallowed(house: House, step: Step) -> Iterator[str]:
    """What the policy of then said against a landing. Only a landing is on record with its time."""
    landing = step.landing
    if landing is None:
        return
    policy = policy_at(house, step.previous, step.kitchen.name, looking_back=True)
    rollback = landing.status == "rolled-back"
    seen = bool(
        policy.approvals
        and rollback
        and restored(house.repository, step.commit) in first_parents(house.repository, step.previous)
    )
    found = refusal(policy, step.kitchen.name, landing.when, rollback=rollback, seen=seen)
    if found is not None:
        yield (
            "landed in a freeze"
            if found.code == "frozen"
            else "landed without the approvals that were asked for"
        )


def _attested(house: House, kitchen: Kitchen, step: Step, later: frozenset[str]) -> Proof:
    """What this step would have had to show and nobody attested; and whether what it showed is signed. What nobody could
    read is shown by the `later` step in which it can be read again."""
    if (unread := fault_at(house, step.commit)) is not None:
        if step.landing is None and _ALL in later:
            return Proof((), signed=True, attestable=True, mended=True)
        return Proof((_unreadable_at(unread),), signed=False, attestable=False, unreadable=True)
    settings = [step.settings] if step.settings is not None else _settings(house, step.kitchen)
    proof = Proof((), signed=False, attestable=True)
    for one in settings:
        try:
            plan = plan_gate(
                house,
                step.commit,
                step.kitchen,
                step.previous,
                rules_at=step.previous,
                settings=one,
                broken_is_red=True,
            )
        except InvalidInput as fault:
            proof = Proof((_unreadable_at(fault),), signed=False, attestable=False, unreadable=True)
            continue
        proof = _shown(house, kitchen, plan, later if step.landing is None else frozenset())
        if not proof.faults:
            return proof
    return proof


def _shown(house: House, kitchen: Kitchen, plan: GatePlan, later: frozenset[str]) -> Proof:
    faulty = {one.recipe: one.fault for one in plan.runs if one.fault is not None}
    broken = [fault for recipe, fault in faulty.items() if recipe not in later]
    lacking = [one for one in plan.runs if one.fault is None]
    faults = [_unreadable_at(fault) for fault in broken]
    faults += [f"{_named(one)} {_lack(house, plan, one)}: {one.why}" for one in lacking]
    asked = frozenset(one.recipe for one in plan.recipes if one.fault is None)
    signed = not faults and _is_signed(house, kitchen, plan)
    return Proof(tuple(faults), signed, not broken, asked | {_ALL}, len(broken) < len(faulty), bool(broken))


def _unreadable_at(fault: InvalidInput) -> str:
    where = f"{fault.file}:{fault.line}: " if fault.file and fault.line else ""
    return f"cannot be read: {where}{fault.message}"


def _named(one: Affected) -> str:
    if one.recipe == RULES:
        return "its change of the rules"
    return f"recipe `{one.recipe}` ({one.variation or 'as it is'})"


def _lack(house: House, plan: GatePlan, one: Affected) -> str:
    """What is wrong with what is stored for a recipe, if anything is."""
    found = house.attestations.look([one.fingerprint])[one.fingerprint]
    if found.damaged:
        return f"has an attestation, by run {found.damaged[0]}, that was changed after it was written"
    if not found.attestations:
        return "was never attested"
    isolation = None if one.recipe == RULES else plan.isolation
    counting = [each for each in found.attestations if isolation in (None, each.runtime)]
    if not counting:
        return f"was attested in {found.attestations[0].runtime} only, and {isolation} is asked for"
    if all(each.retries > plan.retries for each in counting):
        return f"was red first, and run again {counting[0].retries} times, where {plan.retries} are allowed"
    return f"was attested by run {counting[0].run}, which nobody in `{ALLOWED}` signed"


def _is_signed(house: House, kitchen: Kitchen, plan: GatePlan) -> bool:
    """Whether each attestation is signed by somebody allowed then; where nobody was named then, by somebody today."""
    proofs = [one for one in plan.recipes if one.attestation is not None]
    if plan.signers is not None or not proofs:
        return True
    today = house.view(kitchen.tip).source.read(ALLOWED)
    if today is None:
        return False
    found = house.attestations.find([one.fingerprint for one in proofs], house.signers(today))
    return all(any(one.signer for one in attestations) for attestations in found.values())


def _settings(house: House, kitchen: Kitchen) -> list[Mapping[str, Any]]:
    """A plain commit may be attested under any settings that the kitchen had, or, as `kitchen test` does it, that
    its parent had: git does not say which were in force when it was made."""
    found: list[Mapping[str, Any]] = []
    for name in (kitchen.name, kitchen.parent):
        for registered in house.registrations.history(name) if name else ():
            if registered.settings not in found:
                found.append(registered.settings)
    return found or [{}]
