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


def test_a_cookbook_does_not_land_without_its_file(desk: Desk) -> None:
    """Nobody would know any more what is protected; a rollback to before there was one is refused, too."""
    desk.json("create", "idea", "--no-test")
    path = desk.path("idea")
    desk.git("rm", "-r", "-q", "kitchens.toml", "recipes", folder=path)
    commit = desk.save("nothing left", path)
    before = desk.refs()
    for words in (("merge", "idea"), ("promote", "idea"), ("preview", "idea")):
        assert desk.json(*words, status=2)["error"]["code"] == "no-cookbook"
    assert desk.refs() == before
    desk.git("merge", "-q", "idea")
    desk.git("revert", "--no-edit", "HEAD")
    assert desk.json("rollback", "production", "--to", commit, status=2)["error"]["code"] == "no-cookbook"


def test_rules_that_cannot_be_read_are_those_of_the_target(desk: Desk) -> None:
    """The change may have mended them: whose they are is said."""
    desk.json("create", "idea", "--no-test")
    desk.commit("notes.txt", "1\n", "idea")
    desk.commit("kitchens.toml", COOKBOOK.replace("protected", "protectd"))
    error = desk.json("merge", "idea", status=2)["error"]
    assert error["message"].startswith("at the tip of `production`, whose rules count: unknown key")
    assert (error["file"], error["line"]) == ("kitchens.toml", 10)


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


def test_without_an_identity_no_gate_runs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could attest what it finds, however long it takes."""
    desk.json("create", "idea", "--no-test")
    desk.commit("recipes/counts/recipe.toml", RECIPE + "# new\n", "idea")
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_"))]:
        monkeypatch.delenv(name)
    assert desk.json("test", "idea", status=2)["error"]["code"] == "identity"
    assert desk.json("order", "list") == []


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("HOME", ("order", "run", "counts")),
        ("KITCHENS_VAULT_KEY_FILE", ("vault", "list")),
        ("", ("vault", "set", "a/b", "--from-file", "~no-such-user/file")),
    ],
)
def test_a_user_without_a_home_is_told_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, variable: str, words: tuple[str, ...]
) -> None:
    """As in a container whose user has a number only; no bug, and nothing was changed."""
    for folder in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "KITCHENS_CACHE"):
        monkeypatch.delenv(folder, raising=False)
    if variable:
        monkeypatch.setenv(variable, "~no-such-user")
    before = desk.refs()
    error = desk.json(*words, status=5)["error"]
    assert (error["code"], error["hint"]) == ("home", "set `HOME`")
    assert desk.refs() == before


@pytest.mark.parametrize("words", [("help",), ("order", "help")])
def test_who_types_help_is_told_how_to_get_it(empty: Desk, words: tuple[str, ...]) -> None:
    """And not that a shell is what was meant."""
    error = empty.json(*words, status=2)["error"]
    assert "--help` lists the commands" in error["hint"]


def test_words_of_the_command_line_stand_in_backticks(empty: Desk) -> None:
    """As in every other message."""
    assert "`NAME`" in empty.json("merge", status=2)["error"]["message"]
    assert (
        "`--variation`" in empty.json("order", "run", "x", "--vairation", "y", status=2)["error"]["message"]
    )


def test_docker_that_only_a_policy_asks_for_is_named_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cookbook's own `runtime.kind` is `process`, and not to blame."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    desk.commit("kitchens.toml", COOKBOOK.replace("protected = true", 'isolation = "docker"'))
    error = desk.json("test", "production", status=5)["error"]
    assert error["message"].startswith("`isolation` is `docker`, but ")


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


def test_without_an_engine_a_kitchen_that_never_had_services_has_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody need start Docker to hear that; there is nothing to take down."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    desk.json("create", "idea", "--no-test")
    for words in (("port", "idea"), ("logs", "idea"), ("pause", "idea"), ("cp", "idea", "web:/a", "b")):
        error = desk.json(*words, status=2)["error"]
        assert error["message"] == "no service of `idea` runs"
    assert desk.json("down", "idea")["containers"] == 0
    # What an `up` of a toolchain alone leaves.
    (desk.folder / ".git/kitchens/services/idea").mkdir(parents=True)
    for words in (("port", "idea"), ("logs", "idea"), ("exec", "idea", "--service", "web", "true")):
        assert desk.json(*words, status=2)["error"]["message"] == "no service of `idea` runs"


def test_services_are_refused_where_nodes_are_processes(desk: Desk) -> None:
    """By `up` as by a run, in one sentence: what is no container reaches them by no name."""
    desk.commit("kitchens.toml", COOKBOOK + '\n[services.warehouse]\nimage = "postgres:17"\n')
    for words in (("order", "run", "counts"), ("up", "production")):
        answer = desk.kitchen(*words)
        assert answer.status == 2
        assert "service `warehouse` needs containers, and `runtime.kind` is `process`" in answer.err


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('image = "a"\nneeds = ["b"]', 3, "service `w` needs `b`, which is no service of this cookbook"),
        ('image = "a"\nneeds = ["w"]', 3, "service `w` needs itself"),
        ('image = "a"\nbuild = "Dockerfile"', 3, "`services.w` has more than one image: `image` and `build`"),
        ("port = 1", 1, "`services.w` has no image"),
        ('image = "a"\ninit = ["no.sql"]', 3, "`services.w.init[0]` names `no.sql`, which does not exist"),
        ('image = "a"\nseed = "cuonts"', 3, "service `w` is seeded by recipe `cuonts`, which does not exist"),
        ('image = "a"\nvolumes = ["data"]', 3, "`services.w.volumes[0]`: `data` is no folder in a container; write one such as `/data`"),
    ],
)  # fmt: skip
def test_what_is_wrong_about_a_service_has_its_line(desk: Desk, text: str, line: int, message: str) -> None:
    """`recipe check` finds it without an engine."""
    desk.write("kitchens.toml", f"{COOKBOOK}\n[services.w]\n{text}\n")
    found = [one for one in desk.json("recipe", "check", status=2) if one["severity"] == "error"]
    assert [(one["message"], one["line"]) for one in found] == [
        (message, len(COOKBOOK.splitlines()) + 1 + line)
    ]
