"""What the queue's planner sees, and what it may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

#: The changes, in the queue's order, that a candidate merges one after the other onto the target's tip.
Candidate: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A change that waits. Changes that share none of their `touches` (recipes) do not depend on each other."""

    name: str
    touches: frozenset[str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The queue at one moment.

    `verdicts` says of each tested candidate whether it was green; `running` are those under test, by job; `workers` is
    how many may be tested at once. `passed` and `failed` count how the changes before these ended. What has landed is
    part of the tip, so no candidate names it any more.
    """

    waiting: tuple[Change, ...]
    verdicts: Mapping[Candidate, bool]
    running: Mapping[str, Candidate]
    workers: int
    passed: int = 0
    failed: int = 0

    def started(self, job: str, candidate: Candidate) -> Snapshot:
        """With one more candidate under test."""
        return replace(self, running={**self.running, job: candidate})

    def ended(self, job: str, *, green: bool) -> Snapshot:
        """With the verdict of a job."""
        verdicts = {**self.verdicts, self.running[job]: green}
        return replace(self, verdicts=verdicts).stopped(job)

    def stopped(self, job: str) -> Snapshot:
        """Without a job, which found nothing."""
        return replace(self, running={one: of for one, of in self.running.items() if one != job})


@dataclass(frozen=True, slots=True)
class Land:
    """These changes have passed together, and everything before them that they depend on has landed."""

    changes: Candidate


@dataclass(frozen=True, slots=True)
class Drop:
    """All before `change` passed, and `candidate`, which adds only this one, was red."""

    change: str
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Cancel:
    """The verdict of this job is of no use any more."""

    job: str


@dataclass(frozen=True, slots=True)
class Test:
    """Test this candidate."""

    __test__ = False

    candidate: Candidate


Action: TypeAlias = Land | Drop | Cancel | Test
