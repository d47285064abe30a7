"""The workflow that `kitchen init` writes, run as GitHub would run it, against a real remote."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.github import Runner, load
from tests.desk import Desk

WORKFLOW = Path(__file__).resolve().parents[2] / "templates" / "workflow" / ".github"
RECIPE = "recipes/hello/recipe.toml"


class Hub:
    """A cookbook at GitHub, and a maintainer's clone of it."""

    def __init__(self, desk: Desk, top: Path) -> None:
        self.desk = desk
        self.origin = top / "hub.git"
        self._runners = top / "runners"
        self._count = 0
        desk.git("init", "--quiet", "--bare", str(self.origin))
        assert desk.kitchen("init").status == 0
        settings = (desk.folder / "kitchens.toml").read_text().replace('kind = "auto"', 'kind = "process"')
        desk.write("kitchens.toml", settings)
        desk.save("processes")
        desk.git("remote", "add", "origin", str(self.origin))
        assert desk.kitchen("create", "dev", "--no-test").status == 0
        self.push("refs/heads/*", "refs/kitchens/*")

    def push(self, *refs: str) -> None:
        """What the maintainer has, to GitHub."""
        self.desk.git("push", "--quiet", "origin", *(f"{ref}:{ref}" for ref in refs))

    def pull_request(self, number: int, changes: Mapping[str, tuple[str, str]]) -> str:
        """Somebody's branch with texts replaced, and the merge with production that GitHub makes of it."""
        git = self.desk.git
        git("switch", "--quiet", "--detach", "production")
        for path, (old, new) in changes.items():
            text = (self.desk.folder / path).read_text()
            assert old in text
            self.desk.write(path, text.replace(old, new))
        head = self.desk.save(f"pull request {number}")
        git("switch", "--quiet", "production")
        merge = self.merged(head)
        git("push", "--quiet", "origin", f"{merge}:refs/pull/{number}/merge")
        return head

    def merged(self, head: str) -> str:
        """A merge commit as GitHub makes it."""
        git = self.desk.git
        tree = git("merge-tree", "--write-tree", "production", head)
        return git("commit-tree", tree, "-p", "production", "-p", head, "-m", "Merge pull request")

    def press_the_button(self, head: str) -> str:
        """GitHub lands a pull request, and the maintainer fetches all there is."""
        landed = self.merged(head)
        self.desk.git("push", "--quiet", "origin", f"{landed}:refs/heads/production")
        self.desk.git("pull", "--quiet", "--ff-only", "origin", "production")
        self.desk.git("fetch", "--quiet", "origin", "+refs/attestations/*:refs/attestations/*")
        return landed

    def runner(self, kind: str, ref: str, **facts: Any) -> Runner:
        """A fresh machine for one run of the workflow."""
        self._count += 1
        github = {"event_name": kind, "ref": ref, "actor": "ada", "base_ref": "", **facts}
        return Runner(self._runners / str(self._count), self.origin, github)

    def gate(self, number: int, **facts: Any) -> Runner:
        """A machine that is to gate a pull request."""
        return self.runner("pull_request", f"refs/pull/{number}/merge", base_ref="production", **facts)

    def refs(self) -> str:
        """What GitHub holds."""
        return self.desk.git("ls-remote", str(self.origin))


@pytest.fixture
def hub(empty: Desk, tmp_path: Path) -> Hub:
    """A cookbook as `kitchen init` writes it, at GitHub, with a kitchen `dev`."""
    return Hub(empty, tmp_path)


def test_a_green_pull_request_lands_attested_and_not_certified(hub: Hub) -> None:
    """By GitHub's own button; GitHub's queue, and every later run, find it attested."""
    head = hub.pull_request(1, {RECIPE: ("days = 28", "days = 35")})
    runner = hub.gate(1)

    steps = runner.run("gate")

    assert runner.green, steps
    assert "| hello (test) | ✅ passed | recipe changed |" in runner.summary
    assert "| hello | visitors | every day has a line | ✅ passed | 35 | equals 35 |" in runner.summary
    assert "t0ken" not in "".join(step.out for step in steps.values())
    hub.desk.git(
        "push", "--quiet", "origin", f"{hub.merged(head)}:refs/heads/gh-readonly-queue/production/pr-1"
    )
    queued = hub.runner(
        "merge_group",
        "refs/heads/gh-readonly-queue/production/pr-1",
        event={"merge_group": {"base_ref": "refs/heads/production"}},
    )
    assert "Gate" in queued.run("gate") and queued.green
    assert "| hello (test) | ✅ attested |" in queued.summary
    assert "| hello | visitors | every day has a line | ✅ attested | 35 |" in queued.summary
    landed = hub.press_the_button(head)
    proof = hub.desk.json("verify")
    assert (proof["status"], proof["landings"], proof["faults"]) == ("unsigned", 0, [])
    assert proof["uncertified"][0] == landed
    assert f"{landed[:10]} attested, not certified" in hub.desk.kitchen("verify").out


def test_a_red_pull_request_of_a_fork_is_annotated_and_shares_nothing(hub: Hub) -> None:
    """At the test's line of the recipe, and on the page; landed all the same, `verify` finds it."""
    head = hub.pull_request(1, {RECIPE: ("equals = 7", "equals = 8")})
    before = hub.refs()
    runner = hub.gate(1, event={"pull_request": {"head": {"repo": {"fork": True}}}})

    steps = runner.run("gate")

    assert not runner.green
    assert steps["Gate"].status == 1
    assert (
        "::error file=recipes/hello/recipe.toml,line=26,title=hello%3A weekdays%3A a week has seven days::"
        "measured 7, limit equals 8\n" in steps["Gate"].out
    )
    assert "❌ failed" in runner.summary and "measured 7, limit equals 8" in runner.summary
    assert "Push" not in steps and hub.refs() == before
    hub.press_the_button(head)
    assert hub.desk.json("verify", status=1)["status"] == "broken"


def test_what_two_gates_attest_at_once_is_shared_whole(hub: Hub) -> None:
    """The second to push keeps what the first one wrote."""
    hub.pull_request(1, {RECIPE: ("days = 28", "days = 35")})
    hub.pull_request(2, {RECIPE: ("days = 28", "days = 42")})
    slow, fast = hub.gate(1), hub.gate(2)
    steps = slow.steps("gate")
    while next(steps).name != "Gate":
        pass
    assert "Push" in fast.run("gate")
    assert [step.status for step in steps] == [0]
    hub.desk.git("fetch", "--quiet", "origin", "+refs/attestations/*:refs/attestations/*")
    stored = hub.desk.git("ls-tree", "-r", "--name-only", "refs/attestations/gate").splitlines()
    assert len(stored) == 2


def test_a_promotion_on_demand_moves_the_remote(hub: Hub) -> None:
    """Branch, registration and tag in one step."""
    tip = hub.desk.commit(RECIPE, (hub.desk.path("dev") / RECIPE).read_text().replace("= 28", "= 35"), "dev")
    hub.push("refs/heads/dev")
    facts: dict[str, Any] = {"event": {"inputs": {"kitchen": "dev", "to": "production"}}}
    runner = hub.runner("workflow_dispatch", "refs/heads/production", **facts)

    steps = runner.run("promote")

    assert runner.green, steps
    assert f"{tip}\trefs/heads/production" in hub.refs()
    assert "refs/tags/promoted/production/1" in hub.refs() and "refs/attestations/gate" in hub.refs()
    assert "promoted: `production`" in runner.summary
    hub.desk.git("fetch", "--quiet", "origin", "+refs/*:refs/*", "--update-head-ok")
    hub.desk.git("reset", "--quiet", "--hard", folder=hub.desk.folder)
    proof = hub.desk.json("verify")
    assert (proof["landings"], proof["faults"]) == (1, [])


def test_the_workflow_and_its_actions_keep_to_the_schemas_of_github() -> None:
    """Those that `check-jsonschema` ships."""
    kinds = {
        "vendor.github-workflows": sorted(WORKFLOW.glob("workflows/*.yml")),
        "vendor.github-actions": sorted(WORKFLOW.glob("actions/*/action.yml")),
    }
    assert [len(files) for files in kinds.values()] == [1, 2]
    for schema, files in kinds.items():
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, files)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_steps_are_bash_that_parses() -> None:
    """All of them name what they need of GitHub by the environment: nothing of an event is pasted into a script."""
    jobs = load(WORKFLOW / "workflows" / "kitchen.yml")["jobs"].values()
    actions = [load(file)["runs"] for file in WORKFLOW.glob("actions/*/action.yml")]
    scripts = [step["run"] for each in (*jobs, *actions) for step in each["steps"] if "run" in step]
    assert len(scripts) >= 6
    for script in scripts:
        assert "${{" not in script
        assert subprocess.run(["bash", "-n"], check=False, input=script, text=True).returncode == 0
