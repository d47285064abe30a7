"""What a run finds around it, and what it answers where little things go wrong."""

from __future__ import annotations

import pytest

from tests.cli.conftest import COOKBOOK, Desk


def test_code_quality_finds_the_tools_of_the_toolchain(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As nodes do: the toolchain comes first on PATH, not what the caller happens to have."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    quality = "[gate]\nquality = [\"python3 -c 'import duckdb'\"]\n"
    desk.commit("kitchens.toml", COOKBOOK + quality)
    document = desk.json("create", "dev")
    assert [(one["recipe"], one["status"]) for one in document["gate"]["recipes"]] == [
        ("counts", "passed"),
        ("[gate] quality", "passed"),
    ]
