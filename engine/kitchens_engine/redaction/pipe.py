"""The way from a process to its log, where the log must not hold everything that the process says."""

from __future__ import annotations

import os

from kitchens_engine.redaction.stream import Redactor

TYPE_CHECKING = False  # `typing` itself costs as much as all else here
if TYPE_CHECKING:
    from collections.abc import Iterable

_PIECE = 1 << 16
#: More than a pipe can hold.
_MOST = 1 << 21


class Pipe:
    """Reads what a process says from `descriptor` and appends it to `log` without the hidden `texts`.

    Both descriptors are its own from now on. It must be heard whenever there is something to
    read; it is `over` when nobody can say any more, or the log cannot be written: then
    whoever goes on talking gets an error, as if it had written the log itself.
    """

    def __init__(self, descriptor: int, log: int, texts: Iterable[bytes]) -> None:
        self.descriptor = descriptor
        self._log = log
        self._redactor = Redactor(texts)
        self.over = False

    def hear(self) -> bool:
        """Pass on one piece; waits for it where the descriptor waits. False when there was none."""
        try:
            piece = os.read(self.descriptor, _PIECE)
            said = self._redactor.feed(piece) if piece else self._redactor.finish()
            while said:
                said = said[os.write(self._log, said) :]
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        if not piece:
            self.close()
        return bool(piece)

    def drain(self) -> None:
        """Pass on what was said until now. The descriptor must not wait."""
        for _ in range(_MOST // _PIECE):
            if self.over or not self.hear():
                return

    def close(self) -> None:
        """Hear nothing more."""
        if not self.over:
            self.over = True
            os.close(self.descriptor)
            os.close(self._log)
