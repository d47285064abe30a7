"""What an earlier runner, or an earlier run, left: which nodes need not run again, and which were cut off.

                       runner killed                        failed, cancelled
    run ── running ───────────────▶ interrupted       run ──────────────────▶ ended
               ▲                        │                                       │
               └──── the same run ──────┘                       a new run, which names it

The same run goes on where it was: whatever had ended stays so, red or green, and a process in
flight is taken over if it still can be. A new run keeps what was green, and runs the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from kitchens_engine.outcome import AttemptRecord, NodeRecord, RunRecord, Status
from kitchens_engine.state.states import ENDED

_GREEN = frozenset((Status.PASSED, Status.WARNED, Status.SKIPPED))
#: What ends with its graph, without a verdict of its own.
_ENDED_ITSELF = ENDED - {Status.CANCELLED}


class Past:
    """The record of the run that is taken up. `continued` says that the very same run goes on.

    `again` names nodes (by path) that run anew although they were green, and with them all
    that needs them.
    """

    def __init__(
        self,
        record: RunRecord,
        attempts: Iterable[AttemptRecord] = (),
        *,
        continued: bool,
        again: Iterable[str] = (),
    ) -> None:
        self.record = record
        self.continued = continued
        self._again = frozenset(again)
        self._tries: dict[str, list[AttemptRecord]] = {}
        for attempt in attempts if continued else ():
            self._tries.setdefault(attempt.path, []).append(attempt)

    @cached_property
    def nodes(self) -> dict[str, NodeRecord]:
        """All its nodes by their paths."""
        return {node.path: node for node in self.record.walk()}

    def kept(self, paths: Mapping[str, str], needs: Mapping[str, Sequence[str]]) -> dict[str, NodeRecord]:
        """The nodes of one graph that have ended for good: they and all that they need, as it was.

        `paths` are its nodes' by name, each after all that it `needs`.
        """
        settled = _ENDED_ITSELF if self.continued else _GREEN
        found: dict[str, NodeRecord] = {}
        for name, path in paths.items():
            node = self.nodes.get(path)
            if node is None or node.status not in settled or self._runs_again(path):
                continue
            if all(needed in found for needed in needs[name]):
                found[name] = node if self.continued else _from(node, self.record.run)
        return found

    def waiting(self, name: str, path: str) -> NodeRecord:
        """The record of a node that is to run: what it began with in the same run stays."""
        node = self.nodes.get(path) if self.continued else None
        if node is None:
            return NodeRecord(name, path)
        return NodeRecord(name, path, started=node.started, attempts=node.attempts)

    def numbers(self) -> dict[str, int]:
        """The number of the last try of each node in the same run; no number is ever used twice."""
        if not self.continued:
            return {}
        numbers = {path: node.attempts for path, node in self.nodes.items()}
        for path, tries in self._tries.items():
            numbers[path] = max(numbers.get(path, 0), tries[-1].number)
        return numbers

    def retries_left(self, retries: int, path: str) -> int:
        """How often a node with so many `retries` may still be tried again; to be cut off does not count."""
        tries = self._tries.get(path)
        if tries is None:  # of recipes and ingredients no tries are recorded: all before the last one failed
            last = self.nodes.get(path) if self.continued else None
            return max(0, retries - max(0, last.attempts - 1)) if last else retries
        return max(0, retries - sum(one.status is Status.FAILED for one in tries))

    def cut_off(self) -> dict[str, datetime]:
        """The nodes whose last try had begun and not ended, with the moment at which it began."""
        found: dict[str, datetime] = {}
        for path, node in self.nodes.items() if self.continued else ():
            tries = self._tries.get(path, [])
            if node.status is not Status.RUNNING or (tries and tries[-1].number == node.attempts):
                continue
            began = node.started or self.record.started
            if tries:
                began = tries[-1].started + timedelta(seconds=tries[-1].seconds or 0)
            found[path] = began
        return found

    def since(self, path: str, began: datetime) -> datetime:
        """When a try of the same run began that was cut off; with it, the tries before it that were, too."""
        for attempt in reversed(self._tries.get(path, ())):
            if attempt.status is not Status.INTERRUPTED:
                break
            began = attempt.started
        return began

    def _runs_again(self, path: str) -> bool:
        """Whether it, what holds it, or something inside it was asked for again."""
        return any(
            path == other
            or path.startswith((f"{other}/", f"{other}["))
            or other.startswith((f"{path}/", f"{path}["))
            for other in self._again
        )


def _from(node: NodeRecord, run: str) -> NodeRecord:
    why = node.why if node.status is Status.SKIPPED else f"kept from order run {run}"
    return node._replace(why=why, nodes=tuple(_from(inner, run) for inner in node.nodes))
