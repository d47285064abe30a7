"""Bad input gets one sentence, the documented exit status, and changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import COOKBOOK, RECIPE, Desk


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[nodes.a\n", "recipe.toml"),
        ('[nodes.a]\nrnu = "true"\n', "`run`"),
        ("[nodes.a]\nrun = 3\n", "run"),
        ('[nodes.a]\nrun = "true"\nneeds = ["a"]\n', "itself"),
        ('[nodes.a]\nsql = "missing.sql"\n', "missing.sql"),
    ],
)
def test_a_broken_recipe_blocks_only_what_reaches_it(desk: Desk, text: str, words: str) -> None:
    """The merge of the broken recipe is exit 2 with file and line; dev stays."""
    desk.json("create", "dev")
    desk.commit("recipes/bad/recipe.toml", text, "dev")
    before = desk.refs()
    answer = desk.kitchen("merge", "dev")
    assert answer.status == 2, answer.err
    assert answer.err.startswith("error: recipes/bad/recipe.toml:")
    assert words in answer.err
    assert "Traceback" not in answer.err
    assert desk.refs() == before


def test_an_unaffected_broken_recipe_blocks_nothing(desk: Desk) -> None:
    """It was broken before the change and the change does not touch it."""
    desk.commit("recipes/bad/recipe.toml", "[nodes.a\n")
    desk.kitchen("create", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), "dev")
    assert desk.json("merge", "dev")["status"] == "merged"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cookbook\n", "kitchens.toml:"),
        (COOKBOOK.replace("kind =", "knid ="), "`kind`"),
        (COOKBOOK.replace('"process"', '"docker2"'), "kind"),
    ],
)
def test_a_broken_cookbook_file_is_named(desk: Desk, text: str, words: str) -> None:
    """With file, line and the nearest spelling."""
    desk.json("create", "idea")
    path = desk.path("idea")
    desk.write("kitchens.toml", text, path)
    answer = desk.kitchen("order", "run", "counts", folder=path)
    assert answer.status == 2
    assert words in answer.err


def test_a_repository_without_commits_is_one_sentence(empty: Desk) -> None:
    """Before and after `init`."""
    empty.git("init", "--quiet")
    assert empty.kitchen("list").status == 2
    assert empty.kitchen("init").status == 0
    answer = empty.kitchen("create", "dev")
    assert answer.status == 2
    assert "commit" in answer.err


def test_without_an_identity_the_two_commands_are_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence; nothing was made."""
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_"))]:
        monkeypatch.delenv(name)
    before = desk.refs()
    answer = desk.kitchen("create", "dev")
    assert answer.status == 2
    assert "git config --global user.name" in answer.err
    assert "git config --global user.email" in answer.err
    assert desk.refs() == before


def test_docker_asked_for_and_not_there_is_the_environment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 5: it says nothing about the change."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    desk.commit("kitchens.toml", COOKBOOK.replace('"process"', '"docker"'))
    answer = desk.kitchen("order", "run", "counts")
    assert answer.status == 5, answer.err
    assert "Traceback" not in answer.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_sentence(desk: Desk) -> None:
    """Exit 5."""
    git = desk.folder / ".git"
    git.chmod(0o555)
    try:
        assert desk.kitchen("create", "dev").status == 5
    finally:
        git.chmod(0o755)


def test_a_bug_of_ours_is_one_line_with_a_log(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 70; the traceback lies in the file that the line names."""
    monkeypatch.setattr("kitchens.actions.life.listing.list_kitchens", lambda house: 1 / 0)
    answer = desk.kitchen("list")
    assert answer.status == 70
    assert len(answer.err.splitlines()) == 1
    log = Path(answer.err.split(" is in ")[1].strip())
    assert "ZeroDivisionError" in log.read_text()
    log.unlink()


def test_a_service_is_refused_with_its_line(desk: Desk) -> None:
    """By `recipe check` as by a run: nothing could start it."""
    desk.commit("kitchens.toml", COOKBOOK + '\n[services.warehouse]\nimage = "postgres:17"\n')
    line = len(COOKBOOK.splitlines()) + 2
    answer = desk.kitchen("order", "run", "counts")
    assert answer.status == 2
    assert answer.err.startswith(f"error: kitchens.toml:{line}: `[services.warehouse]` cannot be started")
    (fault,) = [one for one in desk.json("recipe", "check", status=2) if one["severity"] == "error"]
    assert (fault["file"], fault["line"], fault["key"]) == ("kitchens.toml", line, "services.warehouse")
