"""A red gate may be run again on the same tree; what turns green is known as flaky from then on."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import COOKBOOK, Desk

RETRIES = f"{COOKBOOK}\n[gate]\nretries = %d\nquality = [%s]\n"


def recipe(desk: Desk, reds: int) -> str:
    """A recipe whose node fails so many times on this machine, and whose test then has its say."""
    seen = desk.folder.parent / "seen"
    return f"""
[nodes.fetch]
run = "echo x >> {seen}; test $(wc -l < {seen}) -gt {reds}"
[nodes.count]
needs = ["fetch"]
run = "echo rows=$(wc -l < {seen}) > $KITCHEN_OUTPUT"
outputs = {{ rows = "integer" }}
[[nodes.count.tests]]
name = "enough rows"
output = "rows"
above = {reds + 1}
"""


@pytest.fixture
def patient(desk: Desk) -> Desk:
    """Production allows two retries, and a recipe waits in dev that is green at the third time."""
    desk.commit("kitchens.toml", RETRIES % (2, ""))
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/wobbly/recipe.toml", recipe(desk, 1), "dev")
    return desk


def attested(desk: Desk, recipe: str) -> dict[str, object]:
    """What the newest statement about a recipe says."""
    listed = desk.git("ls-tree", "-r", "--name-only", "refs/attestations/gate").splitlines()
    files = [json.loads(desk.git("show", f"refs/attestations/gate:{path}")) for path in listed]
    found = [one["predicate"] for one in files if one["predicate"]["recipe"] == recipe]
    return max(found, key=lambda predicate: predicate["when"])


def test_what_turns_green_lands_and_is_known_as_flaky(patient: Desk) -> None:
    """In the verdict, the attestation, and `recipe show`."""
    document = patient.json("merge", "dev")
    (verdict,) = document["gate"]["recipes"]
    flaky = ["fetch", "count: enough rows"]
    assert (verdict["status"], verdict["retries"], verdict["flaky"]) == ("passed", 2, flaky)
    assert "`fetch`, `count: enough rows` are flaky: red 2 times before" in verdict["warnings"][-1]
    predicate = attested(patient, "wobbly")
    assert (predicate["retries"], predicate["flaky"]) == (2, flaky)
    shown = patient.json("recipe", "show", "wobbly")["flaky"]
    assert [(one["name"], one["times"], one["run"]) for one in shown] == [
        (name, 1, verdict["run"]) for name in flaky
    ]
    assert "flaky      count: enough rows  once, last 2" in patient.kitchen("recipe", "show", "wobbly").out
    assert patient.json("verify")["faults"] == []
    assert patient.json("recipe", "show", "counts")["flaky"] == []


def test_a_kitchen_without_retries_does_not_count_such_a_verdict(patient: Desk) -> None:
    """Nor one that allows fewer: it runs again there."""
    assert patient.json("test", "dev")["gate"]["recipes"][0]["retries"] == 2
    patient.commit("kitchens.toml", RETRIES % (1, ""))
    (row,) = (one for one in patient.json("preview", "dev")["recipes"] if one["recipe"] == "wobbly")
    assert row["gated"]


def test_red_to_the_end_is_red(desk: Desk) -> None:
    """After so many retries, and the change is told how often."""
    desk.commit("kitchens.toml", RETRIES % (1, ""))
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/wobbly/recipe.toml", recipe(desk, 5), "dev")
    (verdict,) = desk.json("merge", "dev", status=1)["gate"]["recipes"]
    assert (verdict["status"], verdict["retries"], verdict["flaky"]) == ("failed", 1, [])
    assert verdict["warnings"] == ["it was retried once on the same tree"]
    assert len(desk.json("order", "list", "--recipe", "wobbly")) == 2


def test_quality_is_retried_too(desk: Desk) -> None:
    """By its command."""
    seen = desk.folder.parent / "seen"
    command = f"echo x >> {seen}; test $(wc -l < {seen}) -gt 1"
    desk.commit("kitchens.toml", RETRIES % (1, f'"{command}"'))
    desk.json("create", "dev", "--no-test")
    desk.commit("note.md", "note\n", "dev")
    (verdict,) = desk.json("merge", "dev")["gate"]["recipes"]
    assert (verdict["status"], verdict["flaky"]) == ("passed", [f"quality: {command}"])


def test_a_broken_machine_is_no_red(patient: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not retried, and nothing is flaky because of it."""
    text = (patient.path("dev") / "kitchens.toml").read_text()
    patient.commit("kitchens.toml", text.replace('kind = "process"', 'kind = "docker"'), "dev")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{patient.folder}/no-engine.sock")
    assert patient.json("merge", "dev", status=5)["error"]["code"] == "environment"
    assert patient.json("order", "list", "--recipe", "wobbly") == []
