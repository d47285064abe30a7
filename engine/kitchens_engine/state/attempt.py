"""One try of one node: its token, and the folder where its files lie.

Paths are text here: of a run's thousands of small files, pathlib costs more than the files.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kitchens_engine.state import left
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.values import from_outside

#: In letters, each of which may take four bytes; a path has at most 4,096, with the run's folder and the file's name.
_LONGEST = 600


class Attempt(NamedTuple):
    """The files of one try. `folder` is `<run>/nodes/<path>.<number>`, or `<run>/tests/<recipe>`.

    One folder a try: making a folder costs more than all else that is written of a node.
    """

    token: str
    folder: str

    @property
    def log(self) -> str:
        """What its processes wrote."""
        return f"{self.folder}/log.txt"

    @property
    def home(self) -> str:
        """The HOME of its processes: the try's own folder."""
        return self.folder

    @property
    def output(self) -> str:
        """Where its processes write their outputs, one `name=value` a line."""
        return f"{self.folder}/output.txt"

    @property
    def value(self) -> str:
        """What a test's command printed."""
        return f"{self.folder}/value.txt"

    @property
    def files(self) -> tuple[str, ...]:
        """All that its processes write for us, or we for them, but the log."""
        return self.output, self.value, self.request, self.result

    @property
    def request(self) -> str:
        """What the worker is asked."""
        return f"{self.folder}/request.json"

    @property
    def result(self) -> str:
        """What the worker answers, last."""
        return f"{self.folder}/result.json"

    @property
    def begun(self) -> bool:
        """Whether anybody ever began it: the folder is made first."""
        return os.path.lexists(self.folder)

    def began(self) -> datetime:
        """About when it was begun."""
        return datetime.fromtimestamp(os.lstat(self.folder).st_mtime, UTC)

    def make_folder(self) -> None:
        """The folder; it may be there already."""
        _make(self.folder)

    def note(self, message: str) -> None:
        """Add a line of the runner's own to the log."""
        with contextlib.suppress(OSError):  # a node may have put something else in its place
            left.append(self.log, f"{message}\n")

    def ask(self, token: str, request: Mapping[str, Any]) -> None:
        """Write the worker's request under the token of one process; an older result is gone."""
        Path(self.result).unlink(missing_ok=True)
        text = json.dumps({**request, "token": token})
        left.write(self.request, text)

    def requested(self) -> str | None:
        """The token of the process that the worker was last asked for; None when it was not asked."""
        try:
            return str(json.loads(left.read(self.request))["token"])
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError):
            return ""  # cut off while it was written

    def answer(self, token: str) -> dict[str, Any] | None:
        """The worker's result, if it is there and answers that very request."""
        try:
            result = from_outside(left.read(self.result).decode("utf-8", "replace"))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(result, dict) or result.get("token") != token:
            return None
        return result

    def outputs(self, texts: Collection[str] = ()) -> dict[str, Any]:
        """What its processes wrote as outputs; values are JSON where they parse, else text.

        Those in `texts` are text whatever they look like: a version `1.10` is no number.
        """
        try:
            text = left.read(self.output).decode("utf-8", "replace")
        except FileNotFoundError:
            return {}
        found: dict[str, Any] = {}
        for line in text.split("\n"):  # and at no other letter that Unicode calls the end of a line
            name, sign, value = line.partition("=")
            if sign and (name := name.strip()):
                meant = value_of(value)
                found[name] = value.strip() if name in texts and not isinstance(meant, str) else meant
        return found

    def size(self) -> int:
        """How much its processes wrote so far, in bytes."""
        try:
            return os.lstat(self.log).st_size
        except FileNotFoundError:
            return 0

    def tail(self, most: int) -> str:
        """The end of the log, of at most so many bytes."""
        try:
            return left.read(self.log, last=most).decode("utf-8", "replace")
        except OSError:
            return ""

    def last_line(self, after: int = 0) -> str | None:
        """The last line of the log that says anything beyond its first `after` bytes, shortened."""
        try:
            own = (
                left.read(self.log, last=4096)[-max(0, self.size() - after) :] if self.size() > after else b""
            )
            lines = own.decode("utf-8", "replace").splitlines()
        except OSError:
            return None
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), None)


def folder_name(path: str) -> str:
    """A node's path as the name of a folder: without the brackets of `clean[0]`, which a shell would take for a pattern.

    One so deep that no system would take the path is named by a hash, in a folder of the first that is around it.
    """
    if len(path) > _LONGEST:
        from hashlib import blake2b

        return f"{folder_name(path.partition('/')[0])}/{blake2b(path.encode(), digest_size=16).hexdigest()}"
    return path.replace("[", ".").replace("]", "") if "[" in path else path


def _make(folder: str) -> None:
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)


def value_of(text: str) -> Any:
    """JSON where it parses and we can write it again, else the text."""
    try:
        return from_outside(text)
    except ValueError:
        return text.strip()
