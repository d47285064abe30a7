"""What follows from the refs alone is worked out once, and remembered until one of them moves."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kitchens import __version__

#: With fewer kitchens, looking costs no more than remembering.
FEW = 20


def remembered(
    file: Path, refs: Mapping[str, str], look: Callable[[], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """What `look` gives, from `file` when it was written for just these refs, by this version. The file can go at any
    time; where it cannot be written nothing is remembered."""
    if len(refs) < FEW:
        return look()
    # The refs themselves: a hash of them would cost an import that takes longer.
    key = "\n".join((__version__, *(f"{ref} {oid}" for ref, oid in refs.items())))
    with suppress(OSError, ValueError, TypeError, KeyError):
        known = json.loads(file.read_bytes())
        if known["of"] == key:
            rows: list[dict[str, Any]] = known["rows"]
            return rows
    rows = look()
    unnamed = file.with_name(f"{file.name}.{os.getpid()}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        unnamed.write_text(json.dumps({"of": key, "rows": rows}))
        unnamed.replace(file)
    return rows
