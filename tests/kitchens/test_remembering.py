"""What follows from the refs alone is worked out once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kitchens.actions.life.remembering import FEW, remembered

REFS = {f"refs/heads/k{number}": "1" * 40 for number in range(FEW)}


def looks(file: Path, refs: dict[str, str], rows: list[dict[str, Any]]) -> bool:
    """Whether it looked, and did not go by what it remembers."""
    asked = []

    def look() -> list[dict[str, Any]]:
        asked.append(True)
        return rows

    assert remembered(file, refs, look) == rows
    return bool(asked)


def test_it_looks_again_when_a_ref_moved(tmp_path: Path) -> None:
    """And only then; few refs are looked at each time."""
    file = tmp_path / "cache" / "list.json"
    assert looks(file, REFS, [{"name": "one"}])
    assert not looks(file, REFS, [{"name": "one"}])
    moved = {**REFS, "refs/heads/k0": "2" * 40}
    assert looks(file, moved, [{"name": "two"}])
    assert looks(file, dict(list(REFS.items())[1:]), [{"name": "three"}])
    assert [path.name for path in file.parent.iterdir()] == ["list.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"of": 1}', b"\xff"])
def test_a_file_that_cannot_be_read_is_no_hindrance(tmp_path: Path, content: bytes) -> None:
    """Nor one that cannot be written."""
    file = tmp_path / "list.json"
    file.write_bytes(content)
    assert looks(file, REFS, [{"name": "one"}])
    assert not looks(file, REFS, [{"name": "one"}])
    (tmp_path / "file").write_text("")
    assert looks(tmp_path / "file" / "list.json", REFS, [])
