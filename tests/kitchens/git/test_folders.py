"""Folders of our own."""

from __future__ import annotations

from pathlib import Path

from kitchens.git.checkouts.folders import make_spread


def test_a_folder_of_folders_is_made_whatever_the_file_system(tmp_path: Path) -> None:
    """With all above it; one that is there stays as it is."""
    place = tmp_path / "a" / "b"
    make_spread(place)
    (place / "run").mkdir()
    make_spread(place)
    assert (place / "run").is_dir()
