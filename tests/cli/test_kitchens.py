"""Kitchens come, are looked at, and go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kitchens.actions.house import House
from kitchens.actions.life import creating
from kitchens.cli.commands.tree import kitchen
from kitchens.git.checkouts import worktrees
from kitchens.git.refs import Refs
from tests.cli.conftest import COOKBOOK, RECIPE, Desk


def test_a_kitchen_is_made_even_when_its_gate_is_red(desk: Desk) -> None:
    """Exit 1, and the worktree is there to mend it in."""
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("above = 0", "above = 9"))
    document = desk.json("create", "dev", status=1)
    assert document["gate"]["status"] == "red"
    assert (desk.path("dev") / "kitchens.toml").is_file()


def test_list_shows_how_far_each_kitchen_is(desk: Desk) -> None:
    """Ahead and behind are counted against the parent."""
    desk.json("create", "dev")
    desk.json("create", "idea", "--from", "dev", "--ttl", "7d")
    desk.commit("NOTES.md", "one\n", "idea")
    desk.commit("NOTES.md", "two\n", "idea")
    desk.commit("README.md", "three\n", "dev")
    rows = {row["name"]: row for row in desk.json("list")}
    assert list(rows) == ["production", "dev", "idea"]
    assert (rows["idea"]["ahead"], rows["idea"]["behind"]) == (2, 1)
    assert (rows["idea"]["kind"], rows["dev"]["kind"]) == ("sandbox", "permanent")
    assert rows["idea"]["expires"].endswith("Z")


def test_a_name_that_differs_only_in_case_is_refused(desk: Desk) -> None:
    """A file system that cannot tell them apart would mix the two."""
    desk.json("create", "dev")
    before = desk.refs()
    assert desk.kitchen("create", "Dev").status == 2
    assert desk.kitchen("create", "dev").status == 2
    assert desk.kitchen("create", "a..b").status == 2
    assert desk.refs() == before


def test_folders_of_names_that_differ_only_in_case_are_refused(desk: Desk) -> None:
    """Where a file system knows no case, `Topic/b` would lie in the folder of `topic/a`."""
    desk.json("create", "topic/a", "--no-test")
    before = desk.refs()
    for name in ("Topic/b", "Topic", "TOPIC/A/b"):
        error = desk.json("create", name, "--no-test", status=2)["error"]
        assert "`topic/a`" in error["message"]
    assert desk.refs() == before
    desk.json("create", "topic/b", "--no-test")


def test_a_brace_in_the_folder_of_worktrees_is_a_letter(desk: Desk) -> None:
    """Only `{repository}` stands for something."""
    desk.commit("kitchens.toml", COOKBOOK.replace("[cookbook]", '[cookbook]\nworktrees = "../{repository}{"'))
    folder = Path(desk.json("create", "idea", "--no-test")["path"])
    assert folder == desk.folder.parent / "shop{" / "idea"


def test_a_kitchen_that_would_have_had_its_time_at_once_is_not_made(desk: Desk) -> None:
    """The next `prune` would take it away."""
    assert "no time to live in" in desk.json("create", "idea", "--ttl", "0d", status=2)["error"]["message"]


def test_unmerged_work_is_not_deleted(desk: Desk) -> None:
    """Exit 4 without `--force`; with it the tip stays reachable."""
    desk.json("create", "dev")
    desk.json("create", "idea", "--from", "dev")
    tip = desk.commit("NOTES.md", "one\n", "idea")
    assert desk.kitchen("delete", "idea").status == 4
    kept = desk.json("delete", "idea", "--force")["kept"]
    assert desk.git("rev-parse", kept) == tip
    assert "idea" not in [row["name"] for row in desk.json("list")]
    assert desk.git("worktree", "list").count("\n") == 1


def test_a_worktree_that_shows_something_else_stays_and_is_named(desk: Desk) -> None:
    """What was committed in it on no branch is in no ref of the kitchen's."""
    desk.json("create", "idea", "--no-test")
    path = desk.path("idea")
    desk.git("switch", "--quiet", "--detach", folder=path)
    desk.commit("notes.txt", "x\n", "production")
    answer = desk.kitchen("delete", "idea")
    assert (answer.status, f"{path} stays" in answer.err) == (0, True)
    assert path.is_dir()


def test_the_root_and_protected_kitchens_stay(desk: Desk) -> None:
    """Exit 4, even with `--force`."""
    desk.json("create", "dev")
    assert desk.kitchen("delete", "production", "--force").status == 4


def test_settings_are_checked_against_the_recipes(desk: Desk) -> None:
    """An unknown variable gets the nearest name; a wrong type is refused; neither is stored."""
    desk.json("create", "dev")
    answer = desk.kitchen("set", "dev", "tpo=3")
    assert answer.status == 2
    assert "`top`" in answer.err
    assert desk.kitchen("set", "dev", "top=many").status == 2
    assert desk.json("settings", "dev")["settings"] == {}
    assert desk.json("set", "dev", "top=9")["settings"] == {"top": 9}
    assert desk.json("unset", "dev", "top")["settings"] == {}


def test_a_sandbox_is_set_as_it_lies_there(desk: Desk) -> None:
    """With variables that are not committed yet, as its orders see them; a broken edit hides none that are."""
    desk.json("create", "dev")
    desk.json("create", "idea", "--from", "dev")
    recipe = desk.path("idea") / "recipes/counts/recipe.toml"
    recipe.write_text(recipe.read_text().replace("[variables]", "[variables]\nfresh = 1"))
    assert desk.json("set", "idea", "fresh=2")["settings"] == {"fresh": 2}
    assert desk.json("why", "idea")["settings"][0]["recipes"] == [{"recipe": "counts", "value": 1}]
    assert desk.kitchen("set", "dev", "fresh=2").status == 2
    recipe.write_text("[")
    assert desk.json("set", "idea", "top=4")["settings"]["top"] == 4


def test_settings_are_json_that_everybody_reads(desk: Desk) -> None:
    """Moments as RFC 3339 has them; what JSON has no number for is null, as in the records of runs."""
    more = "[variables]\nwhen = 2020-01-01T00:00:00Z\nlimit = 1.5\n"
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("[variables]\n", more))
    desk.json("create", "idea", "--no-test", "--set", "when=2021-02-03T04:05:06Z", "--set", "limit=inf")
    settings = {"when": "2021-02-03T04:05:06+00:00", "limit": None}
    for words in (("settings", "idea"), ("show", "idea")):
        assert desk.json(*words)["settings"] == settings
    assert "limit = inf" in desk.kitchen("settings", "idea").out


def test_an_unknown_kitchen_gets_the_nearest_name(desk: Desk) -> None:
    """One sentence and an act."""
    desk.json("create", "staging")
    answer = desk.kitchen("show", "stagng")
    assert answer.status == 2
    assert answer.err == "error: no kitchen named `stagng`\nhint: did you mean `staging`?\n"


def test_an_existing_branch_is_adopted_when_asked(desk: Desk) -> None:
    """Without `--adopt` it is refused."""
    desk.git("branch", "idea")
    assert desk.kitchen("create", "idea").status == 2
    assert desk.json("create", "idea", "--adopt")["branch"] == "idea"


def test_a_branch_of_a_remote_is_told_from_a_new_one(desk: Desk) -> None:
    """In a clone `dev` may be there already, elsewhere: to be adopted it is brought here first."""
    desk.git("branch", "dev")
    desk.git("clone", "--quiet", ".", "../clone")
    clone = desk.folder.parent / "clone"
    error = desk.json("create", "dev", "--adopt", folder=clone, status=2)["error"]
    assert "`git branch dev origin/dev`" in error["hint"]
    answer = desk.kitchen("create", "dev", "--no-test", folder=clone)
    assert (answer.status, "`origin/dev` is another branch" in answer.err) == (0, True), answer.err


def test_where_no_kitchen_can_lie_none_is_made(desk: Desk) -> None:
    """Nothing is registered first, and an order without a data folder is refused alike: what to change is said."""
    text = COOKBOOK.replace("[cookbook]", '[cookbook]\nworktrees = "README.md"')
    desk.commit("kitchens.toml", text)
    before = desk.refs()
    for words in (("create", "idea"), ("order", "run", "counts")):
        error = desk.json(*words, status=5)["error"]
        assert "README.md` cannot be written" in error["message"]
        assert '`worktrees = "FOLDER"`' in error["hint"]
    assert desk.refs() == before
    assert desk.json("order", "list") == []


def test_errors_are_documents_with_json(desk: Desk) -> None:
    """The shape of the contract, also for a command line that cannot be parsed."""
    assert set(desk.json("show", "nope", status=2)["error"]) == {"code", "message", "hint", "file", "line"}
    assert desk.json("show", status=2)["error"]["code"] == "usage"
    assert desk.json("shwo", "x", status=2)["error"]["hint"] == "did you mean `show`?"


def test_a_second_checkout_of_a_kitchen_counts_too(desk: Desk) -> None:
    """Its edits keep a merge from leaving them out, and it is not left behind without its branch."""
    desk.json("create", "dev")
    desk.commit("NOTES.md", "one\n", "dev")
    second = desk.folder.parent / "second"
    desk.git("worktree", "add", "--force", str(second), "dev")
    desk.write("NOTES.md", "an edit\n", second)
    before = desk.refs()
    assert "NOTES.md" in desk.json("merge", "dev", status=2)["error"]["message"]
    assert str(second) in desk.json("delete", "dev", "--force", status=2)["error"]["message"]
    assert desk.refs() == before
    assert desk.path("dev") != second
    assert desk.json("test", folder=second)["kitchen"] == "dev"


def test_a_missing_choice_is_one_sentence(desk: Desk) -> None:
    """With all that can be chosen, on one line."""
    answer = desk.kitchen("completion")
    assert answer.status == 2
    assert answer.err.splitlines()[0].endswith("Choose from: bash, zsh, fish")


def test_a_refusal_is_the_documents_own_status(desk: Desk) -> None:
    """Exit 4 answers with the command's document, not with an error's."""
    desk.json("create", "dev")
    desk.commit("NOTES.md", "one\n", "dev")
    document = desk.json("delete", "dev", status=4)
    assert (document["kitchen"], document["status"], document["code"]) == ("dev", "refused", "unmerged")
    assert "error" not in document
    assert desk.kitchen("delete", "dev").err.startswith("error: `dev` has commits that no other branch")


def test_no_command_is_answered_with_the_help(desk: Desk) -> None:
    """On stderr, as plain text, also of a group; one document with `--json`."""
    for words in ((), ("order",)):
        answer = desk.kitchen(*words)
        assert (answer.status, answer.out) == (2, "")
        assert answer.err.startswith("Usage: kitchen")
    assert desk.json("completion", "bash")["script"].startswith("_kitchen_completion")


def test_two_who_make_the_same_kitchen_get_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slower one reads that it exists, which is no bug of ours."""
    faster = creating.register_kitchen

    def overtaken(house: House, plan: creating.CreatePlan) -> None:
        monkeypatch.setattr(creating, "register_kitchen", faster)
        assert desk.kitchen("create", "dev", "--no-test").status == 0
        faster(house, plan)

    monkeypatch.setattr(creating, "register_kitchen", overtaken)
    answer = desk.kitchen("create", "dev", "--no-test")
    assert (answer.status, answer.err.splitlines()[0]) == (2, "error: the kitchen `dev` exists already")


def test_a_machine_that_cannot_run_the_gate_leaves_the_kitchen_and_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 5 says nothing about the change; the kitchen was made before."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    desk.commit("kitchens.toml", COOKBOOK.replace('kind = "process"', 'kind = "docker"'))
    answer = desk.kitchen("create", "dev")
    assert answer.status == 5
    assert "note: `dev` was made and stays" in answer.err
    assert desk.json("show", "dev")["name"] == "dev"


def test_a_bare_repository_is_not_initialised(desk: Desk) -> None:
    """There is no checkout to add files to; its kitchens work all the same."""
    bare = desk.folder.parent / "bare.git"
    desk.git("clone", "--quiet", "--bare", ".", str(bare))
    for words in (("init",), ("recipe", "list"), ("recipe", "check"), ("recipe", "show", "counts")):
        assert desk.json(*words, folder=bare, status=2)["error"]["code"] == "bare"
    looked_at = {one["name"]: one["status"] for one in desk.json("doctor", folder=bare)}
    assert looked_at["recipes"] == "ok"
    assert desk.json("create", "dev", folder=bare)["gate"]["status"] == "green"
    assert desk.json("recipe", "list", "--kitchen", "dev", folder=bare)[0]["recipe"] == "counts"


def test_a_create_that_fails_before_its_branch_leaves_no_registration(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The branch is the commit point: whatever comes before it is taken back."""
    desk.json("create", "dev")
    before = desk.refs()
    move = Refs.move

    def fails(refs: Refs, ref: str, *words: Any, **more: Any) -> None:
        if ref == "refs/heads/idea":
            raise KeyboardInterrupt
        move(refs, ref, *words, **more)

    monkeypatch.setattr(Refs, "move", fails)
    assert desk.kitchen("create", "idea").status == 130
    assert desk.refs() == before


def test_data_that_cannot_be_copied_makes_no_kitchen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its data come before its branch, so that no kitchen stands there with half of them."""
    desk.json("create", "dev")
    data = Path(desk.json("show", "dev")["data"])
    (data / "rows").write_text("1")
    before = desk.refs()
    path = os.environ["PATH"]
    bin_folder = desk.folder.parent / "bin"
    bin_folder.mkdir()
    (bin_folder / "cp").write_text('#!/bin/sh\nmkdir "$5"; exit 1\n')
    (bin_folder / "cp").chmod(0o755)

    monkeypatch.setenv("PATH", f"{bin_folder}:{path}")
    assert desk.kitchen("create", "idea", "--from", "dev", "--data", "copy").status == 5
    assert desk.refs() == before
    assert {entry.name for entry in data.parent.iterdir()} == {"dev", "dev.lock"}

    monkeypatch.setenv("PATH", path)
    assert desk.kitchen("create", "idea", "--from", "dev", "--data", "copy").status == 0
    assert (data.parent / "idea" / "rows").read_text() == "1"


def test_a_delete_that_another_one_overtakes_says_that_the_kitchen_is_gone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that its files, whose commit is gone, are uncommitted."""
    desk.json("create", "idea")
    dirty = worktrees.dirty

    def overtaken(*words: Any) -> Any:
        desk.git("update-ref", "-d", "refs/heads/idea")
        return dirty(*words)

    monkeypatch.setattr(worktrees, "dirty", overtaken)
    answer = desk.kitchen("delete", "idea")
    assert (answer.status, answer.err.splitlines()[0]) == (2, "error: no kitchen named `idea`")


def test_a_word_that_is_not_utf_8_is_refused(desk: Desk) -> None:
    """Only paths may be any bytes."""
    answer = desk.kitchen("create", "gr\udcfc\udcdf")
    assert answer.status == 2
    assert "bytes that are not UTF-8" in answer.err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("日" * 90, "longer than 200 bytes"),
        ("x" * 101, "longer than 100 characters"),
        ("gro\u0308\u00dfe", "differs only in case or in how its letters are encoded from `größe`"),
        ("GRÖSSE", "differs only in case or in how its letters are encoded from `größe`"),
        ("Größe", "differs only in case from `größe`"),
    ],
)
def test_a_name_that_no_folder_can_have_is_refused(desk: Desk, name: str, words: str) -> None:
    """Too long in bytes, or the same to a file system that composes letters; nothing is made."""
    desk.json("create", "größe", "--no-test")
    before = desk.refs()
    answer = desk.kitchen("create", name, "--no-test")
    assert (answer.status, words in answer.err) == (2, True), answer.err
    assert desk.refs() == before


def test_settings_are_shown_as_they_are_typed(desk: Desk) -> None:
    """TOML values, which `set` takes again."""
    desk.commit(
        "recipes/b/recipe.toml", '[variables]\non = true\nday = 2024-01-01\n[nodes.n]\nrun = "true"\n'
    )
    desk.json("create", "dev", "--no-test")
    answer = desk.kitchen("set", "dev", "on=false", "day=2024-02-03")
    assert answer.out.splitlines() == ["on = false", "day = 2024-02-03"]
    gone = desk.kitchen("unset", "dev", "top")
    assert (gone.status, "`kitchen settings dev`" in gone.err) == (2, True)
    assert "`=3` assigns nothing" in desk.kitchen("set", "dev", "=3").err


def test_a_branch_without_kitchens_toml_is_not_adopted(desk: Desk) -> None:
    """It is named, with the merge that would bring the file."""
    empty_tree = desk.git("hash-object", "-t", "tree", "-w", "/dev/null")
    desk.git("branch", "old", desk.git("commit-tree", empty_tree, "-m", "old"))
    answer = desk.kitchen("create", "old", "--adopt")
    assert answer.status == 2
    assert "`old` has no `kitchens.toml` in its last commit" in answer.err
    assert "`git merge production`" in answer.err


def test_options_of_every_command_may_stand_before_it(desk: Desk) -> None:
    """`-C` and `--json`, for the whole tree and for a group."""
    above = desk.folder.parent
    expected = desk.json("list")
    for words in (("-C", "shop", "--json", "list"), ("--json", "list", "-C", "shop")):
        assert desk.kitchen(*words, folder=above).document == expected
    assert (
        desk.kitchen("recipe", "-C", "shop", "--json", "list", folder=above).document[0]["recipe"] == "counts"
    )
    assert (
        desk.kitchen("-C", "nowhere", "list", "--json", folder=above).document["error"]["code"] == "invalid"
    )


def test_names_are_completed_where_the_command_would_work(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`-C` counts while it is typed, before the command or behind it."""
    desk.json("create", "dev", "--no-test")
    for words in ("kitchen -C shop show ", "kitchen show -C shop "):
        monkeypatch.setenv("_KITCHEN_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", "4")
        monkeypatch.chdir(desk.folder.parent)
        capfd.readouterr()
        with pytest.raises(SystemExit):
            kitchen.main(prog_name="kitchen")
        assert capfd.readouterr().out.split() == ["plain,dev", "plain,production"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("kitchen order run counts --variation ", ["plain,test"]),
        ("kitchen order run counts --node +", ["plain,+count"]),
        ("kitchen order run none --node ", []),
    ],
)
def test_what_is_inside_a_recipe_is_completed(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: str,
    found: list[str],
) -> None:
    """The variations and nodes of the recipe that was typed before."""
    monkeypatch.setenv("_KITCHEN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", "5")
    monkeypatch.chdir(desk.folder)
    capfd.readouterr()
    with pytest.raises(SystemExit):
        kitchen.main(prog_name="kitchen")
    assert capfd.readouterr().out.split() == found


def test_a_stage_that_is_put_between_counts_from_its_landing(desk: Desk) -> None:
    """`[kitchens.dev] parent` at production's tip decides, also for a kitchen that was there before."""
    desk.json("create", "dev")
    desk.json("create", "stage", "--permanent")
    text = COOKBOOK.replace('[kitchens.dev]\nparent = "production"', '[kitchens.dev]\nparent = "stage"')
    desk.commit("kitchens.toml", f"{text}[kitchens.stage]\n", "dev")
    assert desk.json("show", "dev")["parent"] == "production"
    desk.json("promote", "dev")
    assert desk.json("show", "dev")["parent"] == "stage"
    desk.commit("README.md", "by stages\n", "dev")
    desk.json("merge", "production", "--into", "stage")
    desk.json("merge", "stage", "--into", "dev")
    document = desk.json("promote", "dev")
    assert [(one["kitchen"], one["into"]) for one in document["stages"]] == [
        ("dev", "stage"),
        ("stage", "production"),
    ]


def test_a_declared_kitchen_is_not_made_from_another_parent(desk: Desk) -> None:
    """The file says where its changes go."""
    desk.json("create", "idea")
    before = desk.refs()
    answer = desk.kitchen("create", "dev", "--from", "idea")
    assert (answer.status, "makes `production` the parent of `dev`" in answer.err) == (2, True)
    assert desk.refs() == before


def test_a_declared_kitchen_whose_parent_is_not_there_says_what_comes_first(desk: Desk) -> None:
    """`test` between `dev` and production was declared, and nobody has made it yet."""
    desk.commit(
        "kitchens.toml", COOKBOOK.replace('parent = "production"', 'parent = "test"') + "[kitchens.test]\n"
    )
    error = desk.json("create", "dev", "--no-test", status=2)["error"]
    assert (error["code"], error["hint"]) == ("no-kitchen", "`kitchen create test` first")


def test_while_the_rules_cannot_be_read_nothing_is_deleted(desk: Desk) -> None:
    """Nobody knows then what is protected, nor where a permanent kitchen's changes go; what only shows still does."""
    desk.commit("kitchens.toml", COOKBOOK + "protected = true\n")
    desk.json("create", "dev")
    desk.json("create", "idea", "--from", "dev")
    desk.commit("kitchens.toml", COOKBOOK + "protectd = true\n")
    before = desk.refs()
    for words in (("delete", "dev", "--force"), ("delete", "idea"), ("merge", "dev"), ("promote", "dev")):
        error = desk.json(*words, status=2)["error"]
        assert (error["file"], error["hint"]) == ("kitchens.toml", "did you mean `protected`?"), words
    assert desk.refs() == before
    assert [one["name"] for one in desk.json("list")] == ["production", "dev", "idea"]


def test_a_list_of_many_kitchens_is_right_whatever_moved(desk: Desk) -> None:
    """It is remembered by the refs; what the clock and the disk decide is looked at each time."""
    desk.json("create", "dev", "--no-test")
    for number in range(20):
        desk.git("branch", f"other-{number}")
    before = desk.json("list")
    assert desk.json("list") == before
    desk.commit("note.md", "note\n", "dev")
    (dev,) = (row for row in desk.json("list") if row["name"] == "dev")
    assert (dev["ahead"], dev["behind"], dev["state"]) == (1, 0, "ready")
    desk.git("worktree", "remove", str(desk.path("dev")))
    (dev,) = (row for row in desk.json("list") if row["name"] == "dev")
    assert (dev["path"], dev["state"]) == (None, "no checkout")
    desk.json("set", "dev", "top=4")
    assert (desk.folder / ".git/kitchens/cache/list.json").exists()
