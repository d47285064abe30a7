"""What a run looks like from its events: what runs, what ended how."""

from __future__ import annotations

from collections import Counter

from kitchens_engine.ports import Event
from kitchens_engine.tuples import NamedTuple


class Running(NamedTuple):
    """A node that runs. `since` is on the observer's clock; `of` is how many attempts it has, 0 when that is unknown."""

    since: float
    attempt: int = 1
    of: int = 0


class RunProgress:
    """The facts of one run, kept up to date event by event. Kinds that are not known change nothing."""

    def __init__(self, run: str, now: float, event: Event) -> None:
        self.run = run
        self.began = now
        self.recipe = str(event.detail.get("recipe") or "")
        self.variation = event.detail.get("variation")
        self.running: dict[str, Running] = {}
        self.retrying: dict[str, float] = {}
        self.ended: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.tests: Counter[str] = Counter()
        #: Nodes that an earlier part of the run has done.
        self.kept: set[str] = set()
        #: Nodes that hold others, as their paths tell.
        self.groups: set[str] = set()
        self._total = int(event.detail.get("total") or 0)

    @property
    def total(self) -> int:
        """How many nodes the run has, as far as is known: some make others while they run."""
        return max(self._total, len(self.ended) + len(self.running))

    def hear(self, event: Event, now: float) -> None:
        """Take one event in."""
        node, detail = event.node, event.detail
        match event.kind:
            case "test-ended":
                self.tests[str(detail.get("status"))] += 1
            case "node-started" if node is not None:
                self._start(
                    node, Running(now, int(detail.get("attempt") or 1), int(detail.get("attempts") or 0))
                )
            case "node-retried" if node is not None:
                self.running.pop(node, None)
                self.retrying[node] = now + float(detail.get("delay") or 0)
            case "node-ended" if node is not None:
                self._end(node, str(detail.get("status")))
            case "node-kept" if node is not None:
                self._end(node, str(detail.get("status")))
                self.kept.add(node)

    def _start(self, node: str, running: Running) -> None:
        self._forget(node)
        self.retrying.pop(node, None)
        self.running[node] = running
        self.groups.update(groups_of(node))

    def _end(self, node: str, status: str) -> None:
        self.running.pop(node, None)
        self.retrying.pop(node, None)
        self._forget(node)
        self.ended[node] = status
        self.counts[status] += 1

    def _forget(self, node: str) -> None:
        """A nested recipe that is tried again runs its nodes once more."""
        self.kept.discard(node)
        status = self.ended.pop(node, None)
        if status is not None:
            self.counts[status] -= 1


def groups_of(path: str) -> tuple[str, ...]:
    """The nodes around a node, outermost first: nested recipes (`in/x`) and what fans out (`x[3]`)."""
    groups = []
    while path := path[: path.rindex("[")] if path.endswith("]") and "[" in path else path.rpartition("/")[0]:
        groups.append(path)
    return tuple(reversed(groups))
