"""Repositories that want programs of theirs to run: nothing that a cookbook's configuration names is executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import RECIPE, Desk

HOOKS = (
    "applypatch-msg commit-msg fsmonitor-watchman post-checkout post-commit post-index-change post-merge"
    " post-rewrite pre-auto-gc pre-commit pre-merge-commit pre-push pre-rebase prepare-commit-msg"
    " reference-transaction push-to-checkout update post-update pre-receive post-receive"
)


@pytest.fixture
def canaries(desk: Desk) -> Path:
    """A folder in which each program of the repository leaves its name when it is run."""
    folder = desk.folder.parent / "canaries"
    folder.mkdir()

    def canary(name: str) -> str:
        file = desk.folder.parent / f"run-{name}"
        file.write_text(f'#!/bin/sh\ntouch "{folder}/{name}"\nexec cat\n')
        file.chmod(0o755)
        return str(file)

    for hook in HOOKS.split():
        Path(desk.folder, ".git", "hooks", hook).symlink_to(canary(hook))
    for key, name in (
        ("core.fsmonitor", "fsmonitor"),
        ("core.hooksPath", "hooks-path"),
        ("core.pager", "pager"),
        ("core.editor", "editor"),
        ("diff.external", "diff-external"),
        ("diff.odd.textconv", "textconv"),
        ("diff.odd.command", "diff-command"),
        ("merge.other.driver", "merge-driver"),
        ("gpg.program", "gpg"),
        ("gpg.ssh.program", "gpg-ssh"),
        ("core.sshCommand", "ssh"),
        ("core.askPass", "askpass"),
        ("credential.helper", "credential"),
        ("core.alternateRefsCommand", "alternates"),
        ("uploadpack.packObjectsHook", "pack-objects"),
        ("sequence.editor", "sequence-editor"),
        ("interactive.diffFilter", "diff-filter"),
    ):
        desk.git("config", key, canary(name))
    desk.git("config", "commit.gpgSign", "true")
    desk.git("config", "tag.gpgSign", "true")
    return folder


def work(desk: Desk) -> list[str]:
    """A kitchen's whole life; its statuses."""
    desk.json("create", "dev")
    path = desk.path("dev")
    quiet = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "commit.gpgSign=false")
    desk.write("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), path)
    desk.write("recipes/counts/-rf", "a name that looks like an option\n", path)
    desk.write("--output=x", "another\n", path)
    desk.git(*quiet, "add", "--all", folder=path)
    desk.git(*quiet, "commit", "--quiet", "-m", "--amend", folder=path)
    for canary in (desk.folder.parent / "canaries").iterdir():
        canary.unlink()
    seen = [str(desk.json("preview", "dev")["conflicts"]), desk.kitchen("diff", "dev").out[:0]]
    seen += [desk.json("merge", "dev")["status"], desk.json("verify")["status"]]
    desk.json("list")
    desk.json("doctor")
    desk.json("order", "run", "counts")
    desk.json("create", "idea", "--from", "dev")
    desk.json("delete", "idea")
    return seen


def test_no_program_of_the_repository_is_run(desk: Desk, canaries: Path) -> None:
    """Hooks, monitors, pagers, drivers, helpers: none of them, in the whole life of a kitchen."""
    assert work(desk) == ["[]", "", "merged", "unsigned"]
    assert sorted(file.name for file in canaries.iterdir()) == []
    assert Path(desk.folder, "--output=x").read_text() == "another\n"
    assert Path(desk.folder, "recipes/counts/-rf").exists()


def test_filters_are_not_run_by_a_gate(desk: Desk) -> None:
    """A filter that attributes ask for and configuration names runs neither in previews nor in gates nor in proofs;
    where a user's own checkout is brought along, it does, as `git merge` runs it: files in it may need it."""
    ran = desk.folder.parent / "ran"
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), "dev")
    desk.commit(".gitattributes", "* filter=odd\n", "dev")
    for verb in ("clean", "smudge"):
        desk.git("config", f"filter.odd.{verb}", f'sh -c "touch {ran}; cat"')
    desk.json("preview", "dev")
    document = desk.json("test", "production", "--commit", desk.tip("dev"))
    assert document["gate"]["status"] == "green"
    desk.json("verify")
    desk.json("verify", "dev")
    assert not ran.exists()
