"""Who reaches whom is kept from one command to the next, and believed only as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from kitchens.actions.gates import recalling
from kitchens.actions.gates.recalling import Recall
from kitchens.gate import reach


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a process of its own."""
    monkeypatch.setattr(reach, "_KNOWN", {})


def next_process() -> None:
    """Nothing is known but what was kept."""
    reach._KNOWN.clear()


def kept(file: Path) -> list[str]:
    """What a command finds."""
    next_process()
    with Recall(file):
        return sorted(reach.readable())


def test_what_was_read_is_kept(tmp_path: Path) -> None:
    """What cannot be read is not; whoever learned nothing writes nothing."""
    file = tmp_path / "cache" / "reach.json"
    with Recall(file):
        reach.note("recipes", "1", ("recipes/base", "ingredients/x"))
        reach.note("recipes", "2", None)
    assert kept(file) == ["recipes 1"]
    assert reach.directly("recipes", "1") == ("recipes/base", "ingredients/x")
    with pytest.raises(reach.Unknown):
        reach.directly("ingredients", "1")
    file.unlink()
    with Recall(file):
        pass
    assert not file.exists()


def test_two_at_once_lose_nothing_that_was_there(tmp_path: Path) -> None:
    """Of two that read the same file, the later writer keeps what the first wrote."""
    file = tmp_path / "reach.json"
    one, other = Recall(file), Recall(file)
    one.__enter__(), other.__enter__()
    reach.note("recipes", "1", ())
    one.__exit__()
    next_process()
    reach.note("recipes", "2", ())
    other.__exit__()
    assert kept(file) == ["recipes 1", "recipes 2"]
    assert [path.name for path in tmp_path.iterdir()] == ["reach.json"]


@pytest.mark.parametrize("harm", ["cut", "changed", "another version", "nonsense"])
def test_a_file_that_is_not_as_it_was_written_is_not_believed(
    tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One changed byte could spare a recipe its gate."""
    file = tmp_path / "reach.json"
    with Recall(file):
        reach.note("recipes", "1", ("recipes/base",))
    whole = file.read_bytes()
    match harm:
        case "cut":
            file.write_bytes(whole[:-2])
        case "changed":
            file.write_bytes(whole.replace(b"base", b"case"))
        case "another version":
            monkeypatch.setattr(recalling, "__version__", "99")
        case "nonsense":
            file.write_bytes(b"\xff\n[")
    assert kept(file) == []


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go; and so does what a command that was killed left beside, after a while."""
    monkeypatch.setattr(reach, "MANY", 3)
    monkeypatch.setattr(recalling, "STALE", -1.0)
    file = tmp_path / "reach.json"
    (tmp_path / "reach.json.1").write_text("half")
    for number in range(5):
        next_process()
        with Recall(file):
            reach.note("recipes", str(number), ())
    assert kept(file) == ["recipes 2", "recipes 3", "recipes 4"]
    assert [path.name for path in tmp_path.iterdir()] == ["reach.json"]
