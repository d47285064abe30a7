"""What a kitchen's policy forbids is refused before any gate runs: freeze windows, and approvals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kitchens.actions.gates.gating import EVERYTHING
from kitchens.actions.kitchens import Kitchens
from kitchens.actions.landing.merging import plan_merge
from kitchens.actions.landing.moving import MovePlan, land
from kitchens.cli.desk import Desk as CommandDesk
from kitchens.cli.stop import StopSignal
from tests.cli.conftest import COOKBOOK, RECIPE, Desk

FROZEN = 'freeze = [{ from = 2020-01-01, to = 2099-12-31, reason = "inventory" }]'
WHY = "`production` is frozen until 2100-01-01 00:00 UTC (inventory); `production` has not moved"


def policy(desk: Desk, rules: str, kitchen: str | None = None) -> None:
    """Commit such a policy of production."""
    desk.commit("kitchens.toml", COOKBOOK.replace("protected = true", f"protected = true\n{rules}"), kitchen)


@pytest.fixture
def frozen(desk: Desk) -> Desk:
    """A change waits in dev, and production is frozen."""
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), "dev")
    desk.json("merge", "dev")
    policy(desk, FROZEN)
    desk.json("merge", "production", "--into", "dev")
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 5"), "dev")
    return desk


@pytest.mark.parametrize("words", [("merge", "dev"), ("promote", "dev"), ("queue", "run")])
def test_nothing_lands_in_a_freeze(frozen: Desk, words: tuple[str, ...]) -> None:
    """Refused in one sentence, before any gate runs; what waits in a queue still waits."""
    frozen.json("queue", "add", "dev")
    before, runs = frozen.refs(), frozen.json("order", "list")
    document = frozen.json(*words, status=4)
    assert (document["status"], document["code"], document["why"]) == ("refused", "frozen", WHY)
    assert document["until"] == "2100-01-01T00:00:00Z"
    assert (frozen.refs(), frozen.json("order", "list")) == (before, runs)
    answer = frozen.kitchen(*words)
    assert answer.status == 4
    assert answer.out.startswith(f"refused: {WHY}")


def test_the_preview_tells_of_a_freeze(frozen: Desk) -> None:
    """And still says what would be gated."""
    document = frozen.json("preview", "dev")
    assert document["refused"]["why"] == WHY
    assert [one["gated"] for one in document["recipes"]] == [True]
    assert f"refused: {WHY}" in frozen.kitchen("preview", "dev").out


def test_a_rollback_is_allowed_in_a_freeze(frozen: Desk) -> None:
    """And the proof holds."""
    answer = frozen.kitchen("merge", "dev")
    assert "hint: `kitchen rollback production` is allowed in a freeze" in answer.err
    assert frozen.json("rollback", "production")["status"] == "rolled-back"
    assert frozen.json("verify")["faults"] == []


def test_a_change_cannot_lift_the_freeze_that_it_meets(frozen: Desk) -> None:
    """The rules are those of the target's tip; other kitchens are not frozen."""
    policy(frozen, "", "dev")
    assert frozen.json("merge", "dev", status=4)["code"] == "frozen"
    frozen.json("create", "late", "--from", "dev")
    frozen.commit("late.md", "late\n", "late")
    assert frozen.json("merge", "late")["status"] == "merged"


def test_a_stage_that_is_frozen_stops_a_promotion_and_earlier_ones_stay(frozen: Desk) -> None:
    """As a red one does."""
    frozen.json("create", "feature", "--from", "dev")
    frozen.commit("note.md", "note\n", "feature")
    document = frozen.json("promote", "feature", status=4)
    assert [stage["status"] for stage in document["stages"]] == ["promoted", "refused"]
    assert frozen.tip("dev") == frozen.tip("feature")


def test_a_freeze_that_begins_while_a_gate_runs_counts(desk: Desk) -> None:
    """What was green is attested, and nothing moves."""
    begins = datetime.now(UTC) + timedelta(seconds=2)
    policy(desk, f"freeze = [{{ from = {begins.isoformat()}, to = 2099-12-31 }}]")
    desk.json("create", "dev", "--no-test")
    wait = f"until test $(date +%s) -gt {int(begins.timestamp())}; do sleep 0.05; done"
    desk.commit("recipes/slow/recipe.toml", f"[nodes.n]\nrun = '{wait}'\n", "dev")
    before = desk.tip("production")
    document = desk.json("merge", "dev", status=4)
    assert (document["code"], document["gate"]["status"]) == ("frozen", "green")
    assert desk.tip("production") == before
    assert [one["gated"] for one in desk.json("preview", "dev")["recipes"] if one["recipe"] == "slow"] == [
        False
    ]


def test_a_landing_in_a_freeze_is_a_fault(desk: Desk) -> None:
    """Whoever had a program that knows no freeze is found by `verify`."""
    desk.json("create", "dev")
    policy(desk, FROZEN)
    desk.commit("note.md", "note\n", "dev")
    house = CommandDesk(str(desk.folder), as_json=False, stop=StopSignal(), quiet=True).house
    with house.repository:
        plan = plan_merge(Kitchens(house), "dev", None, None)
        assert isinstance(plan, MovePlan)
        assert land(house, replace(plan, gate=replace(plan.gate, policy=EVERYTHING))).status == "merged"
    assert [fault["why"] for fault in desk.json("verify", status=1)["faults"]] == ["landed in a freeze"]


def test_approvals_refuse_until_they_exist(desk: Desk) -> None:
    """Every landing but the way back to what was there."""
    desk.json("create", "dev")
    desk.commit("note.md", "note\n", "dev")
    desk.json("merge", "dev")
    policy(desk, "approvals = 2")
    desk.commit("note.md", "another\n", "dev")
    document = desk.json("merge", "dev", status=4)
    assert (document["status"], document["code"]) == ("refused", "approvals")
    assert "`production` asks for 2 approvals" in document["why"]
    assert desk.json("rollback", "production")["status"] == "rolled-back"
    assert desk.json("verify")["faults"] == []
