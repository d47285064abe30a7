"""`prune` takes what has had its time, `repair` what a crash left; neither takes anybody's work."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from kitchens.cli import desk as desks
from kitchens.containers import engine
from tests.cli.conftest import Desk


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    """The clock of the next commands."""
    monkeypatch.setattr(desks.Desk, "now", lambda self: datetime.now(UTC) + timedelta(**by))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Toolchains of other tests are not this one's to prune."""
    monkeypatch.setenv("KITCHENS_CACHE", str(tmp_path / "cache"))


def found(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Kind, name (the last part of a path) and what was done of each finding."""
    return {(one["kind"], Path(one["name"]).name, one["did"]) for one in document["findings"]}


def test_an_expired_kitchen_goes_and_its_tip_stays_a_month(desk: Desk, monkeypatch: Any) -> None:
    """First told, then done; 30 days later its tip goes too."""
    desk.json("create", "idea", "--ttl", "2h", "--no-test")
    desk.json("create", "other", "--no-test")
    assert desk.json("prune") == {"status": "unchanged", "dry_run": False, "findings": []}
    later(monkeypatch, hours=3)
    before = desk.refs()
    assert found(desk.json("prune", "--dry-run")) == {("kitchen", "idea", "deleted")}
    assert desk.refs() == before
    assert found(desk.json("prune")) == {("kitchen", "idea", "deleted")}
    assert [one["name"] for one in desk.json("list")] == ["production", "other"]
    assert "refs/deleted/idea" in desk.refs()
    later(monkeypatch, days=31, hours=4)
    assert {kind for kind, _, _ in found(desk.json("prune"))} == {"deleted"}
    assert "refs/deleted/" not in desk.refs()


def test_work_that_is_nowhere_else_is_kept(desk: Desk, monkeypatch: Any) -> None:
    """Commits, files and kitchens made from it: exit 4, and the rest goes all the same; `--force` gives it up."""
    for name in ("commits", "files", "clean"):
        desk.json("create", name, "--ttl", "1h", "--no-test")
    desk.json("create", "child", "--from", "clean", "--no-test")
    desk.commit("NOTES.md", "mine\n", "commits")
    desk.write("NOTES.md", "mine\n", desk.path("files"))
    desk.json("create", "empty", "--ttl", "1h", "--no-test")
    later(monkeypatch, hours=2)
    document = desk.json("prune", status=4)
    assert document["status"] == "refused"
    assert found(document) == {
        ("kitchen", "commits", "kept"),
        ("kitchen", "files", "kept"),
        ("kitchen", "clean", "kept"),
        ("kitchen", "empty", "deleted"),
    }
    assert (desk.path("files") / "NOTES.md").exists()
    desk.json("delete", "child")
    assert desk.json("prune", "--force")["status"] == "done"
    assert [one["name"] for one in desk.json("list")] == ["production"]


def test_a_parent_and_its_child_that_both_expired_go_together(desk: Desk, monkeypatch: Any) -> None:
    """Unless the one holds the only copy of the other's work."""
    desk.json("create", "team", "--ttl", "1h", "--no-test")
    desk.json("create", "part", "--from", "team", "--ttl", "1h", "--no-test")
    later(monkeypatch, hours=2)
    assert len(found(desk.json("prune"))) == 2
    later(monkeypatch)
    desk.json("create", "team", "--ttl", "1h", "--no-test")
    desk.commit("NOTES.md", "x\n", "team")
    desk.json("create", "part", "--from", "team", "--ttl", "1h", "--no-test")
    later(monkeypatch, hours=2)
    assert found(desk.json("prune", status=4)) == {
        ("kitchen", "part", "deleted"),
        ("kitchen", "team", "kept"),
    }


def test_what_has_landed_goes_where_it_is_asked(desk: Desk) -> None:
    """A kitchen that is new has landed nothing."""
    desk.json("create", "dev", "--no-test")
    desk.json("create", "done", "--from", "dev", "--no-test")
    desk.json("create", "new", "--from", "dev", "--no-test")
    desk.commit("NOTES.md", "x\n", "done")
    desk.json("merge", "done")
    desk.json("create", "newer", "--from", "dev", "--no-test")
    assert desk.json("prune")["findings"] == []
    assert found(desk.json("prune", "--merged")) == {("kitchen", "done", "deleted")}


def test_checkouts_and_toolchains_go_when_nobody_used_them(
    desk: Desk, monkeypatch: Any, tmp_path: Path
) -> None:
    """They are made again when they are missed."""
    monkeypatch.setenv("KITCHENS_CACHE", str(tmp_path / "cache"))
    chain = tmp_path / "cache/toolchains/venv-00"
    chain.mkdir(parents=True)
    (chain / "kitchens.done").touch()
    slot = desk.folder / ".git/kitchens/pool/00000-x/tree"
    slot.mkdir(parents=True)
    desk.json("order", "run", "counts")
    assert desk.json("prune")["findings"] == []
    later(monkeypatch, days=31)
    assert found(desk.json("prune")) == {
        ("toolchain", "venv-00", "removed"),
        ("checkout", "00000-x", "removed"),
        ("checkout", "tree", "removed"),
    }
    assert not chain.exists() and not slot.exists()
    later(monkeypatch)
    assert desk.json("order", "run", "counts")["status"] == "passed"


def test_nothing_is_repaired_in_a_sound_cookbook(desk: Desk) -> None:
    """Whatever stands is as it was."""
    desk.json("create", "team/idea", "--no-test")
    desk.json("order", "run", "counts", "--kitchen", "team/idea")
    desk.git("branch", "plain")
    desk.git("worktree", "add", "-q", "../elsewhere", "plain")
    before = desk.refs()
    assert desk.json("repair") == {"status": "unchanged", "dry_run": False, "findings": []}
    assert desk.refs() == before


def test_what_a_crash_left_is_adopted_or_removed_and_told(desk: Desk) -> None:
    """Registration, worktree, folder, data, gate and candidate that nobody holds; work is adopted."""
    for name in ("half", "lost", "forgotten", "bare", "kept", "gone"):
        desk.json("create", name, "--no-test")
    desk.json("delete", "gone")
    house = desk.path("kept").parent
    tip = desk.commit("NOTES.md", "work\n", "lost")
    desk.write("NOTES.md", "edited\n", desk.path("forgotten"))
    # Somebody, or a crash, took these apart.
    shutil.rmtree(desk.path("half"))
    desk.git("worktree", "prune")
    desk.git("branch", "-q", "-D", "half")
    desk.git("update-ref", "-d", "refs/heads/lost")
    shutil.rmtree(desk.folder / ".git/worktrees/forgotten")
    shutil.rmtree(desk.path("bare"))
    desk.git("update-ref", "-d", "refs/kitchens/kept")
    (house / ".making-abc/x").mkdir(parents=True)
    (house / "strange").mkdir()
    (house / "strange/file").touch()
    (house / ".data/.kept.0badc0de").mkdir()
    (house / ".data/strange").mkdir()
    (house / ".data/gone").mkdir()
    (desk.folder / ".git/kitchens/gates/run").mkdir(parents=True)
    desk.git("update-ref", "refs/candidates/x", "HEAD")
    wanted = {
        ("registration", "half", "removed"),
        ("branch", "lost", "restored"),
        ("worktree", "forgotten", "adopted"),
        ("worktree", "bare", "forgotten"),
        ("branch", "kept", "adopted"),
        ("folder", ".making-abc", "removed"),
        ("folder", "strange", "kept"),
        ("data", ".kept.0badc0de", "removed"),
        ("data", "strange", "kept"),
        ("data", "gone", "removed"),
        ("gate", "run", "removed"),
        ("candidate", "x", "removed"),
    }
    before = desk.refs()
    assert found(desk.json("repair", "--dry-run")) == wanted
    assert desk.refs() == before
    assert found(desk.json("repair")) == wanted
    assert desk.tip("lost") == tip
    assert desk.git("status", "--porcelain", folder=house / "forgotten") == "?? NOTES.md"
    assert {one["name"] for one in desk.json("list")} == {"production", "bare", "forgotten", "kept", "lost"}
    assert desk.path("bare").is_dir()
    assert (house / "strange/file").exists()
    assert {did for _, _, did in found(desk.json("repair"))} == {"kept"}
    desk.git("fsck", "--strict")


def test_an_object_that_git_shows_otherwise_is_named(desk: Desk) -> None:
    """We look at what was committed; whoever uses git beside us should know."""
    good = desk.tip("production")
    desk.git("replace", good, desk.commit("README.md", "other\n"))
    findings = {one["name"]: one for one in desk.json("doctor")}
    assert findings["repository"]["status"] == "warning"
    assert findings["repository"]["hint"] == f"`git replace -d {good}`"


def test_an_engine_that_holds_nobody_to_limits_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a rootless one does on a machine with the first version of cgroups."""
    facts = {
        "SecurityOptions": ["name=rootless"],
        "MemoryLimit": False,
        "PidsLimit": False,
        "CpuCfsQuota": True,
    }
    monkeypatch.setattr(engine, "connect", lambda _: engine.Engine(cast("engine.Sdk", None), None, "", facts))
    (found,) = [one for one in desk.json("doctor") if one["name"] == "docker"]
    assert (found["status"], "nothing holds them to `memory`, `pids`" in found["message"]) == (
        "warning",
        True,
    )


def test_production_whose_branch_is_gone_keeps_its_record(desk: Desk) -> None:
    """It says where proof begins and what landed; what brings the branch back is said, here and elsewhere."""
    desk.json("create", "dev")
    before = desk.git("rev-parse", "refs/kitchens/production")
    desk.git("branch", "-m", "production", "main")
    (found,) = desk.json("repair")["findings"]
    assert (found["name"], found["did"], "git branch -m" in found["why"]) == ("production", "kept", True)
    assert desk.git("rev-parse", "refs/kitchens/production") == before
    for words in (("test", "production"), ("order", "run", "counts")):
        assert "is gone" in desk.json(*words, status=2)["error"]["message"]
    findings = {one["name"]: one for one in desk.json("doctor", status=2)}
    assert "is gone" in findings["cookbook"]["message"]
    desk.git("branch", "-m", "main", "production")
    assert desk.json("verify")["faults"] == []


def test_what_was_cut_off_is_told(desk: Desk) -> None:
    """What any other command would heal without a word."""
    desk.json("create", "idea", "--no-test")
    claims = desk.folder / ".git/kitchens/locks"
    gate = desk.folder / ".git/kitchens/gates/run"
    gate.mkdir(parents=True)
    dead = {"purpose": "temporary", "process": 1 << 22, "start": "1", "boot": "another", "when": 0.0}
    text = str(dead | {"folder": str(gate)}).replace("'", '"')
    (claims / "00.claim").write_text(f"{text}\n")
    assert found(desk.json("repair", "--dry-run")) == {("temporary", "run", "healed")}
    assert gate.exists()
    assert found(desk.json("repair")) == {("temporary", "run", "healed")}
    assert not gate.exists()
    assert os.listdir(claims) == [name for name in os.listdir(claims) if not name.endswith(".claim")]
