"""How one graph moves on: who may start, and who is skipped and why. Knows no processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

from kitchens_engine.outcome import Status
from kitchens_engine.state.plan import successors_of
from kitchens_engine.tuples import NamedTuple


class Next(NamedTuple):
    """A node whose needs have all ended: it may start, or `skip` says why it does not."""

    name: str
    skip: str | None = None


class Flow:
    """The progress of one graph. Every node is announced once, and must then be told as ended.

    `needs` are the edges inside the graph; they hold no circle. The `always` ones may start
    however what they need has ended.
    """

    def __init__(self, needs: Mapping[str, Sequence[str]], always: Collection[str] = ()) -> None:
        self._needs = needs
        self._always = always
        self._successors = successors_of(needs)
        self._waiting = {name: len(needed) for name, needed in needs.items()}
        self._ended: dict[str, Status] = {}
        self._lenient: set[str] = set()
        self._blocked: dict[str, str] = {}

    @property
    def done(self) -> bool:
        """Whether every node has ended."""
        return len(self._ended) == len(self._needs)

    def first(self) -> list[Next]:
        """The nodes that need nothing."""
        return [Next(name) for name, count in self._waiting.items() if count == 0]

    def end(self, name: str, status: Status, blocks: Collection[str] | None = None) -> list[Next]:
        """Tell the end of a node. Returns what it set free; those with a reason have ended as skipped already.

        A failure keeps all from running that need the node; with `blocks`, just those, which come after it.
        """
        if blocks is not None:
            self._lenient.add(name)
            for other in blocks:
                self._blocked.setdefault(other, f"a test of `{name}` failed that blocks it")
        freed: list[Next] = []
        ended = deque([(name, status)])
        while ended:
            name, status = ended.popleft()
            self._ended[name] = status
            for successor in self._successors.get(name, ()):
                self._waiting[successor] -= 1
                if self._waiting[successor]:
                    continue
                skip = None if successor in self._always else self._why_skipped(successor)
                freed.append(Next(successor, skip))
                if skip is not None:
                    ended.append((successor, Status.SKIPPED))
        return freed

    def _why_skipped(self, name: str) -> str | None:
        """A failure upstream blocks; a skip does so only when nothing that the node needs ran."""
        if name in self._blocked:
            return self._blocked[name]
        for needed in self._needs[name]:
            cause = self._cause(needed)
            if cause is not None:
                self._blocked[name] = cause
                return cause
        if all(self._ended[needed] is Status.SKIPPED for needed in self._needs[name]):
            names = "`, `".join(self._needs[name])
            return f"`{names}` {'was' if len(self._needs[name]) == 1 else 'were'} skipped"
        return None

    def _cause(self, needed: str) -> str | None:
        """Why a node that needs this one cannot run, if it cannot."""
        # An `always` node ran whatever came before it, so only its own end counts.
        if needed in self._blocked and needed not in self._always:
            return self._blocked[needed]
        status = self._ended[needed]
        if status is Status.FAILED and needed not in self._lenient:
            return f"`{needed}` failed"
        return f"`{needed}` was cancelled" if status is Status.CANCELLED else None
