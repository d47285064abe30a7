"""What keeps the processes of a run apart from the rest of this machine."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from kitchens_engine.runtimes.consumption import Limits
from kitchens_engine.tuples import NamedTuple


class Confinement(NamedTuple):
    """The words before the keeper's own (a program that starts it in a smaller world, or none), the folder for
    temporary files with its name in there, and the limits."""

    words: tuple[str, ...] = ()
    temporary: Path | None = None
    inside: str | None = None
    limits: Limits = Limits()

    def environment(self) -> dict[str, str]:
        """What processes must know of it. The folder is made."""
        if self.temporary is None:
            return {}
        # Somebody else's folder of that name is not ours to use; and there may be no place to make one.
        with suppress(FileExistsError):
            try:
                self.temporary.mkdir(mode=0o700)
            except FileNotFoundError:
                return {}
        found = self.temporary.lstat()
        if not self.temporary.is_dir() or self.temporary.is_symlink() or found.st_uid != os.getuid():
            return {}
        return {"TMPDIR": self.inside or str(self.temporary)}

    def clear(self) -> None:
        """Nothing runs in it any more."""
        if self.temporary is None:
            return
        try:
            os.rmdir(self.temporary)  # mostly it is empty
        except OSError:
            with suppress(OSError):
                if self.temporary.lstat().st_uid == os.getuid():
                    shutil.rmtree(self.temporary, ignore_errors=True)
