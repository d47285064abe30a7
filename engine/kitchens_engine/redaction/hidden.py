"""What one run knows and must not tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitchens_engine.outcome import TestRecord
from kitchens_engine.redaction.stream import MARK, Redactor

_MARK = MARK.decode()


class Hidden:
    """Grows with every secret that the run hands out. Until then nothing costs anything."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._texts: frozenset[bytes] = frozenset()
        self._redactor = Redactor(())

    @property
    def texts(self) -> tuple[bytes, ...]:
        """Every form of every hidden value."""
        return tuple(self._texts)

    def hide(self, value: str) -> None:
        """From now on nothing that the run writes holds the value."""
        if value in self._values:
            return
        from kitchens_engine.redaction.forms import forms

        self._values.add(value)
        self._texts |= forms(value)
        self._redactor = Redactor(self._texts)

    def text(self, text: str) -> str:
        """The text with `***` in the place of hidden values."""
        return self.data(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def data(self, data: bytes) -> bytes:
        """The same for bytes."""
        return self._redactor.whole(data) if self._texts else data

    def words(self, text: str | None) -> str | None:
        """The same where there may be no text at all."""
        return None if text is None else self.text(text)

    def value(self, value: Any) -> Any:
        """A JSON-safe value in which each text or number that holds something hidden is `***` as a whole."""
        if not self._texts:
            return value
        match value:
            case Mapping():
                return {self.text(str(key)): self.value(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self.value(inner) for inner in value]
            case None | bool():
                return value
            case _:
                shown = str(value)
                return value if self.text(shown) == shown else _MARK

    def test(self, test: TestRecord) -> TestRecord:
        """A test as it may be recorded: judged before, by what was really measured."""
        if not self._texts:
            return test
        return test._replace(
            value=self.value(test.value),
            limits=self.value(test.limits),
            message=self.words(test.message),
        )


#: Outside of a run nothing is known, so there is nothing to hide.
NOTHING = Hidden()
