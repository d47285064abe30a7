"""Logs as they come: whole lines, whichever node wrote them."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from kitchens.actions.house import House

#: How often is looked for more, in seconds.
_POLL = 0.2


def follow_logs(house: House, run: str, node: str | None, out: IO[bytes]) -> str:
    """Print what the nodes of a run write, each line with the name of its node, until the run has ended; how it stands then."""
    from kitchens.actions.orders.runs import Logs

    seen: dict[Path, int] = {}
    with Logs(house, run, node) as logs:
        while True:
            # Asked first: what the run wrote until its end is printed after it is known to have ended.
            status = logs.status()
            goes_on = status in ("running", "queued")
            for name, path, ended in logs.growing():
                seen[path] = _print_lines(
                    out, f"{name} | ", path, seen.get(path, 0), whole=goes_on and not ended
                )
            out.flush()
            if not goes_on:
                return status
            time.sleep(_POLL)


def print_log(out: IO[bytes], label: str, path: Path) -> None:
    """Print a log as the node wrote it, byte for byte; with a `label`, before each of its lines."""
    if label:
        _print_lines(out, label, path, 0, whole=False)
        return
    with suppress(FileNotFoundError), path.open("rb") as file:
        shutil.copyfileobj(file, out)


def _print_lines(out: IO[bytes], label: str, path: Path, offset: int, *, whole: bool) -> int:
    """Print the lines from `offset` on, only `whole` ones if more may come, and give back where the next look begins."""
    mark = label.encode()
    with suppress(FileNotFoundError), path.open("rb") as file:
        if file.seek(0, 2) < offset:  # its middle was cut out: what is behind the cut comes next
            return file.tell()
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n") and whole:
                break
            offset += len(line)
            out.write(mark + line if line.endswith(b"\n") else mark + line + b"\n")
    return offset
