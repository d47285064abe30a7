"""Which failures are worth another try, and how long to wait before it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from kitchens_engine.tuples import NamedTuple

CONSTANT = "constant"
EXPONENTIAL = "exponential"
BACKOFFS = (CONSTANT, EXPONENTIAL)

#: Why a try failed, in the words of `retry_on`; a process that ended badly is `exit:<status>`.
TIMEOUT = "timeout"
LOST = "lost"
TEST = "test"
OTHER = "other"

_EXIT = r"exit:(\d{1,3})(?:-(\d{1,3}))?"
_SENTENCE = "`{}` is no failure; write `timeout`, `lost`, `test`, `exit:75`, `exit:64-78` or `matches:` with a pattern"


class Occasion(NamedTuple):
    """One entry of `retry_on`: a kind of failure, exit statuses from `low` to `high`, or a pattern of the log."""

    kind: str
    low: int = 0
    high: int = 0
    pattern: str = ""

    @classmethod
    def parse(cls, text: str) -> Occasion:
        """`timeout`, `lost`, `test`, `exit:75`, `exit:64-78`, `matches:reset by peer`. ValueError with a sentence."""
        if text in (TIMEOUT, LOST, TEST):
            return cls(text)
        if found := re.fullmatch(_EXIT, text):
            low, high = int(found[1]), int(found[2] or found[1])
            if not 1 <= low <= high <= 255:
                raise ValueError(
                    f"`{text}` names no exit statuses; they go from 1 to 255, the lower one first"
                )
            return cls("exit", low, high)
        kind, _, pattern = text.partition(":")
        if kind != "matches" or not pattern:
            raise ValueError(_SENTENCE.format(text))
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"`{pattern}` is no regular expression: {error}") from None
        return cls("matches", pattern=pattern)

    def is_met(self, cause: str, said: Callable[[], str]) -> bool:
        """Whether a try that failed for `cause` is such a failure; `said` is the end of its log."""
        match self.kind:
            case "exit":
                return cause.startswith("exit:") and self.low <= int(cause[5:]) <= self.high
            case "matches":
                return cause != TEST and re.search(self.pattern, said()) is not None
            case _:
                return cause == self.kind


class Retry(NamedTuple):
    """How a node is tried again: at most `times`, `delay` seconds after the first failure.

    With `exponential` each delay is twice the one before, but none is longer than `longest`.
    `jitter` is the share of a delay, from 0 to 1, by which it may be shorter. `on` empty
    means every failure but that of a test.
    """

    times: int = 0
    delay: float = 0.0
    backoff: str = CONSTANT
    longest: float | None = None
    jitter: float = 0.0
    on: tuple[Occasion, ...] = ()

    def wants(self, cause: str, said: Callable[[], str]) -> bool:
        """Whether a failure for `cause` is one to try again after."""
        if not self.on:
            return cause != TEST
        return any(occasion.is_met(cause, said) for occasion in self.on)

    def pause(self, failures: int, spread: str) -> float:
        """The seconds to wait after so many failures (from 1).

        `spread` names the try: it draws the jitter, so that many nodes which failed together do not
        come back together, and the same try always waits as long.
        """
        seconds = self.delay
        if self.backoff == EXPONENTIAL:
            seconds *= 2.0 ** min(failures - 1, 60)
        if self.longest is not None:
            seconds = min(seconds, self.longest)
        if not self.jitter:
            return seconds
        drawn = zlib.crc32(spread.encode()) / 2**32
        return seconds * (1 - self.jitter * drawn)


ONCE = Retry()
