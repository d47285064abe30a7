"""`kitchen queue run`: bring in what waits, as the planner of `kitchens.queue` says."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kitchens.actions.gates.gating import policy_at
from kitchens.actions.gates.signing import require_signature
from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.landing.moving import land
from kitchens.actions.queueing.chaining import Link, Stuck, chain, landing_of
from kitchens.actions.queueing.trying import Trials
from kitchens.actions.queueing.waiting import leave
from kitchens.actions.sharing.arriving import Arrival, arrive, refreshed, settle
from kitchens.gate.permission import refusal
from kitchens.git import history
from kitchens.git.claims import alone
from kitchens.git.refs import Moved
from kitchens.model.gate import Conflict
from kitchens.model.names import KitchenName
from kitchens.model.refusal import Refusal
from kitchens.queue.planner import plan
from kitchens.queue.snapshot import Cancel, Candidate, Change, Drop, Land, Snapshot, Test
from kitchens.store.queues import Queues
from kitchens_engine.errors import Interrupted, InvalidInput

#: For so many seconds a run waits until another one on the same queue is done.
PATIENCE = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Left:
    """Why a kitchen left the queue: it `merged`, was `unchanged`, `red`, in `conflict`, or `refused` for what cannot be
    read or is gone. `reconciled` are the rollbacks that came down with it, and whose effect was kept out."""

    kitchen: str
    status: str
    commit: str | None = None
    gate: dict[str, Any] | None = None
    conflicts: tuple[Conflict, ...] = ()
    why: str | None = None
    reconciled: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        document = {
            "kitchen": self.kitchen,
            "status": self.status,
            "commit": self.commit,
            "gate": self.gate,
            "conflicts": [{"path": one.path, "kind": one.kind} for one in self.conflicts],
            "why": self.why,
        }
        return document | ({"reconciled": list(self.reconciled)} if self.reconciled else {})


def run_queue(house: House, into: KitchenName, workers: int, policy: str) -> dict[str, Any]:
    """Bring in what waits for `into`, also what is added meanwhile, until nothing waits.

    Where the policy of `into` lets nothing land, that is the answer, and all that waits goes on waiting.

    Nothing is lost when it is stopped: what waits still waits, and what was green is attested. One at a time runs a
    queue; a second one waits, and finds what is left. Raises `EnvironmentFailure` when a gate could not be run.
    """

    def waiting() -> None:
        house.note(f"another process runs the queue of `{into}`: waiting")

    with alone(house.repository.claims, f"queue-{into.replace('/', '%')}", PATIENCE, waiting):
        run = _Run(house, into, workers, policy)
        with house.watch() as stop, Trials(house, into) as trials:
            run.play(trials, stop)
        return run.document()


@dataclass
class _Run:
    """One run of a queue: what it has learnt, and what became of what waited."""

    house: House
    into: KitchenName
    workers: int
    policy: str
    left: list[Left] = field(default_factory=list)
    gates: int = 0
    jobs: int = 0
    #: Why a candidate was red, until it is known who is to blame.
    reasons: dict[str, Left] = field(default_factory=dict)
    touches: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)
    #: Where we left the target.
    tip: str | None = None
    #: Jobs on a tip that somebody else moved: their red says nothing about what would land now.
    outdated: set[str] = field(default_factory=set)
    refusal: Refusal | None = None
    #: What the remote has, if the cookbook has one, and whether we must look again.
    arrival: Arrival | None = None
    behind: bool = True

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        statuses = {one.status for one in self.left}
        status = "red" if statuses & {"red", "refused"} else "conflict" if "conflict" in statuses else "done"
        changes = [one.document() for one in self.left]
        document = {"into": self.into, "status": status, "changes": changes, "gates": self.gates}
        return (
            document if self.refusal is None else document | self.refusal.document() | {"status": "refused"}
        )

    def play(self, trials: Trials, stop: threading.Event) -> None:
        """Ask the planner, do what it says, and wait for a verdict, until nothing waits."""
        snapshot = Snapshot((), {}, {}, self.workers)
        while True:
            if stop.is_set():
                raise Interrupted("interrupted; what waits still waits, and what was green is attested")
            self._catch_up()
            kitchens = Kitchens(self.house)
            target = kitchens.get(self.into)
            queue = Queues(self.house.repository).read(self.into)
            policy = policy_at(self.house, target.tip, target.name)
            self.refusal = refusal(policy, target.name, self.house.now()) if queue.names else None
            if self.refusal is not None:
                return
            if self.tip not in (None, target.tip):
                # Somebody else landed: what was red may be green now; what was green is attested.
                snapshot = replace(snapshot, verdicts={})
                self.outdated |= snapshot.running.keys()
            sources = self._sources(kitchens, target, queue.names)
            waiting = tuple(Change(name, self._touches(target, source)) for name, source in sources.items())
            snapshot = replace(snapshot, waiting=waiting, passed=queue.passed, failed=queue.failed)
            actions, snapshot = plan(snapshot, self.policy)
            for job in [action.job for action in actions if isinstance(action, Cancel)]:
                trials.cancel(job)
            if not sources:
                return
            decided = [action for action in actions if isinstance(action, Land | Drop)]
            self.tip = target.tip
            # What follows a landing that came to nothing was decided on top of it.
            if not all(self._decide(sources, one) for one in decided):
                for job in snapshot.running:
                    trials.cancel(job)
                snapshot = replace(snapshot, verdicts={}, running={})
            if decided:
                continue
            tests = [action.candidate for action in actions if isinstance(action, Test)]
            before = len(snapshot.verdicts)
            for candidate in tests:
                snapshot = self._test(trials, target, sources, candidate, snapshot)
            if len(snapshot.verdicts) == before:
                snapshot = self._wait(trials, stop, snapshot)

    def _catch_up(self) -> None:
        """Fetch what others landed at the remote, at the beginning and whenever they were faster."""
        if self.behind:
            self.arrival = arrive(self.house)
            self.arrival = settle(self.house, self.arrival, self.into)
            self.behind = False

    def _sources(
        self, kitchens: Kitchens, target: Kitchen, names: Sequence[KitchenName]
    ) -> dict[str, Kitchen]:
        """The kitchens that wait, by what the planner calls them: name and tip. What is gone, or is in the target
        already, leaves."""
        found = {}
        for name in names:
            if name not in kitchens.names:
                self._leave(Left(name, "refused", why="the kitchen is gone"), failed=1)
                continue
            source = kitchens.get(name)
            if history.is_ancestor(self.house.repository, source.tip, target.tip):
                self._leave(Left(name, "unchanged", target.tip))
                continue
            found[f"{name}@{source.tip}"] = source
        return found

    def _touches(self, target: Kitchen, source: Kitchen) -> frozenset[str]:
        """The recipes that a change affects and the files that it changes: who shares none does not depend on it."""
        key = (source.name, source.tip, target.tip)
        if key not in self.touches:
            self.touches[key] = self._touched(target, source)
        return self.touches[key]

    def _touched(self, target: Kitchen, source: Kitchen) -> frozenset[str]:
        try:
            links = chain(self.house, target, [source])
        except InvalidInput:
            return frozenset()
        if isinstance(links, Stuck):
            return frozenset(f"file {one.path}" for one in links.conflicts)
        changes = history.diff_names(self.house.repository, target.tip, links[0].tree)
        files = {f"file {path}" for after, _, before in changes for path in (after, before) if path}
        return frozenset(files | {f"recipe {one.recipe}" for one in links[0].gate.recipes})

    def _test(
        self,
        trials: Trials,
        target: Kitchen,
        sources: dict[str, Kitchen],
        candidate: Candidate,
        snapshot: Snapshot,
    ) -> Snapshot:
        """Start the gate of a candidate; what git or its files refuse is red without one, what is attested is green."""
        self.jobs += 1
        job = str(self.jobs)
        snapshot = snapshot.started(job, candidate)
        last = sources[candidate[-1]].name
        try:
            links = chain(self.house, target, [sources[name] for name in candidate])
        except InvalidInput as fault:
            where = f"{fault.file}:{fault.line}: " if fault.file and fault.line else ""
            self.reasons[candidate[-1]] = Left(last, "refused", why=f"{where}{fault.message}")
            return snapshot.ended(job, green=False)
        if isinstance(links, Stuck):
            self.reasons[candidate[-1]] = Left(last, "conflict", conflicts=links.conflicts)
            return snapshot.ended(job, green=False)
        if not links[-1].gate.runs:
            return snapshot.ended(job, green=True)
        gate = links[-1].gate
        require_signature(self.house, gate.sign, gate.signers, last, target.name)
        names = ", ".join(f"`{link.source.name}`" for link in links)
        self.house.note(f"testing {names}")
        self.gates += 1
        trials.start(job, links[-1].commit)
        return snapshot

    def _wait(self, trials: Trials, stop: threading.Event, snapshot: Snapshot) -> Snapshot:
        tried = trials.next(stop)
        if tried is None:
            return snapshot
        if tried.job in self.outdated and not tried.green:
            return snapshot.stopped(tried.job)
        name = snapshot.running[tried.job][-1]
        if not tried.green:
            status = "red" if tried.gate is not None else "refused"
            self.reasons[name] = Left(name.rpartition("@")[0], status, gate=tried.gate, why=tried.why)
        return snapshot.ended(tried.job, green=tried.green)

    def _decide(self, sources: dict[str, Kitchen], decision: Land | Drop) -> bool:
        """Land or drop; whether it came to that."""
        if isinstance(decision, Drop):
            self._leave(self.reasons[decision.change], failed=1)
            return True
        return self._land([sources[name] for name in decision.changes])

    def _land(self, sources: Sequence[Kitchen]) -> bool:
        """Land what passed together; False when somebody else moved the target so that it does not pass any more."""
        while sources:
            target = Kitchens(self.house).get(self.into)
            try:
                links = chain(self.house, target, sources)
                if isinstance(links, Stuck):
                    return False
                landing, count = landing_of(self.house, target, links)
                self.arrival = refreshed(self.house, self.arrival)
                move = land(self.house, landing, self.arrival)
            except Moved:
                self.behind = True
                return False
            if move.status in ("red", "refused"):
                return False
            self.tip = move.commit
            self._landed(links[:count], move.commit)
            sources = sources[count:]
        return True

    def _landed(self, links: Sequence[Link], commit: str | None) -> None:
        for link in links:
            self._leave(Left(link.source.name, "merged", commit, reconciled=link.reconciled), passed=1)

    def _leave(self, left: Left, *, passed: int = 0, failed: int = 0) -> None:
        leave(self.house, self.into, left.kitchen, left.status, passed=passed, failed=failed)
        self.left.append(left)
        self.house.note(f"`{left.kitchen}`: {left.status}")
