"""A cookbook begins."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from kitchens.actions.cookbook.site import building_site
from kitchens.cli.run import run
from tests.cli.conftest import Desk
from tests.kitchens.crash import every_step


def test_a_folder_with_blanks_and_quotes_in_its_name_is_as_good_as_any(empty: Desk) -> None:
    """The recipe that comes with it runs there, and passes its gate."""
    folder = empty.folder / """Ann's "own" $HOME book"""
    empty.json("init", str(folder))
    assert empty.json("order", "run", "hello", folder=folder)["status"] == "passed"
    assert empty.json("create", "dev", folder=folder)["gate"]["status"] == "green"


def test_an_empty_folder_becomes_a_cookbook_that_runs(empty: Desk) -> None:
    """Repository, first commit, a recipe whose order passes."""
    document = empty.json("init", "bakery")
    assert document["commit"]
    folder = empty.folder / "bakery"
    assert empty.git("status", "--porcelain", folder=folder) == ""
    run = empty.json("order", "run", "hello", folder=folder)
    assert run["status"] == "passed"


def test_an_existing_repository_is_adopted_and_not_changed(empty: Desk) -> None:
    """Files are added, none is changed, nothing is committed."""
    empty.git("init", "--quiet", "--initial-branch=main")
    empty.write("README.md", "Mine.\n")
    empty.write(".gitignore", "/out\n")
    empty.git("add", "--all")
    empty.git("commit", "--quiet", "--message", "begin")
    before = empty.git("rev-parse", "main")
    document = empty.json("init")
    assert document["production"] == "main"
    assert document["commit"] is None
    assert (empty.folder / "README.md").read_text() == "Mine.\n"
    assert empty.git("rev-parse", "main") == before
    assert empty.git("diff", "--name-only") == ""
    assert (empty.folder / "kitchens.toml").is_file()
    assert 'production = "main"' in (empty.folder / "kitchens.toml").read_text()


def test_an_init_on_the_wrong_branch_can_be_taken_back(empty: Desk) -> None:
    """Until a kitchen is made from it, the refusal says how; afterwards there is work that hangs on it."""
    empty.git("init", "--quiet", "--initial-branch=main")
    empty.write("README.md", "Mine.\n")
    empty.save("begin")
    empty.git("switch", "--quiet", "--create", "side")
    empty.json("init")
    hint = empty.json("init", "--production", "main", status=2)["error"]["hint"]
    assert "`git update-ref -d refs/kitchens/side`" in hint
    (empty.folder / "kitchens.toml").unlink()
    empty.git("update-ref", "-d", "refs/kitchens/side")
    assert empty.json("init", "--production", "main")["production"] == "main"
    empty.git("switch", "--quiet", "main")
    empty.save("a cookbook")
    empty.json("create", "dev")
    assert empty.json("init", "--production", "side", status=2)["error"]["hint"] is None


def test_a_folder_of_recipes_without_a_recipe_gets_the_first(empty: Desk) -> None:
    """What is there stays; an own recipe is company enough, and none is added beside it."""
    empty.git("init", "--quiet", "--initial-branch=main")
    empty.write("recipes/notes.md", "soup\n")
    empty.save("begin")
    assert "recipes/hello/recipe.toml" in empty.json("init")["added"]
    assert empty.git("diff", "--name-only") == ""
    empty.git("clean", "--quiet", "--force", "-d")
    empty.git("update-ref", "-d", "refs/kitchens/main")
    empty.write("recipes/soup/recipe.toml", "[nodes.cook]\nnoop = true\n")
    assert not any(path.startswith("recipes/") for path in empty.json("init")["added"])


def test_without_an_identity_no_file_is_added(empty: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal changes nothing in the repository that would have been adopted."""
    empty.git("init", "--quiet", "--initial-branch=main")
    empty.write("README.md", "Mine.\n")
    empty.save("begin")
    before = empty.refs()
    for variable in [name for name in os.environ if name.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    assert empty.json("init", status=2)["error"]["code"] == "identity"
    assert (empty.git("status", "--short"), empty.refs()) == ("", before)


def test_an_empty_folder_is_filled_from_within(empty: Desk) -> None:
    """It may be a mount, or the only folder that its user can write: nothing is put beside it."""
    folder = empty.folder / "mount"
    folder.mkdir()
    os.utime(empty.folder, (1, 1))
    empty.json("init", "mount")
    assert empty.folder.stat().st_mtime == 1
    assert empty.git("status", "--porcelain", "--ignored", folder=folder) == ""
    with building_site(empty.folder / "other") as site:
        assert site.parent == empty.folder


def test_a_name_too_long_for_the_disk_is_a_wrong_name(empty: Desk) -> None:
    """As a folder to make, and as one to work in."""
    for words in (("init", "x" * 300), ("-C", "x" * 300, "list")):
        answer = empty.kitchen(*words)
        assert (answer.status, "too long" in answer.err) == (2, True), answer.err
    assert list(empty.folder.iterdir()) == []


def test_a_second_template_names_what_the_kept_settings_lack(empty: Desk) -> None:
    """Its recipes come without its `kitchens.toml`, and would not find their packages."""
    folder = empty.folder / "book"
    empty.json("init", "book")
    answer = empty.kitchen("init", "--template", "flights", folder=folder)
    assert 'need `requirements = "requirements.txt"` in `[runtime]`' in answer.out
    settings = (folder / "kitchens.toml").read_text()
    (folder / "kitchens.toml").write_text(
        settings.replace("[runtime]", '[runtime]\nrequirements = "requirements.txt"')
    )
    assert empty.json("init", "--template", "flights", folder=folder)["lacks"] is None


def test_a_folder_with_files_and_no_repository_is_left_alone(empty: Desk) -> None:
    """One sentence with what to do."""
    empty.write("data.csv", "1\n")
    answer = empty.kitchen("init")
    assert answer.status == 2
    assert sorted(path.name for path in empty.folder.iterdir()) == ["data.csv"]


def test_no_repository_is_one_sentence(empty: Desk) -> None:
    """And the hint is the command that makes one."""
    answer = empty.kitchen("list")
    assert answer.status == 2
    assert "kitchen init" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ("echo x > recipes", "`recipes` is no folder"),
        ("ln -s nowhere recipes", "`recipes` is no folder"),
        ("mkdir ../elsewhere; ln -s ../elsewhere .github", "`.github` leads out of the repository"),
        ("mkdir kitchens.toml; touch kitchens.toml/x", "`kitchens.toml` is a folder"),
        ("echo '[cookbook' > kitchens.toml", "kitchens.toml:1"),
        ("echo 'x = 1' > kitchens.toml", "kitchens.toml:1"),
    ],
)
def test_what_stands_in_the_way_of_a_cookbook_is_named(empty: Desk, make: str, words: str) -> None:
    """Before any file is added; nothing is registered."""
    empty.git("init", "--quiet", "--initial-branch=main")
    subprocess.run(["sh", "-c", make], cwd=empty.folder, check=True)
    empty.save("begin")
    before = empty.refs()
    answer = empty.kitchen("init")
    assert (answer.status, words in answer.err) == (2, True), answer.err
    assert (empty.git("status", "--short"), empty.refs()) == ("", before)
    assert [one.name for one in (empty.folder.parent / "elsewhere").rglob("*")] == []


def test_a_folder_below_a_file_is_refused(empty: Desk) -> None:
    """One sentence."""
    empty.write("file", "x")
    assert "below a file" in empty.json("init", "file/shop", status=2)["error"]["message"]


def test_an_adopted_repository_without_commits_says_what_is_missing(empty: Desk) -> None:
    """Nothing can run in production before it has a commit."""
    empty.git("init", "--quiet", "--initial-branch=main")
    empty.json("init")
    for words in (("order", "run", "hello"), ("test",), ("create", "dev")):
        answer = empty.kitchen(*words)
        assert (answer.status, "production `main` has no commit yet" in answer.err) == (2, True)


def test_a_cookbook_keeps_the_letters_of_its_folder(empty: Desk) -> None:
    """Only what is no letter, digit or dot becomes a dash."""
    assert empty.json("init", "Küche eins")["cookbook"] == "Küche-eins"


@pytest.mark.parametrize("there", [False, True], ids=["no folder yet", "an empty folder"])
def test_a_killed_init_is_made_whole_by_the_next(empty: Desk, there: bool) -> None:
    """Cut before each of its steps: nothing stays beside the folder, and the cookbook is there, clean."""
    folder = empty.folder / "book"

    def begin() -> None:
        os.chdir(empty.folder)
        run(["init", "book"])

    for _ in every_step(lambda: (there and folder.mkdir(exist_ok=True), begin())):
        assert empty.kitchen("init", "book").status == 0
        assert [path.name for path in empty.folder.iterdir()] == ["book"]
        assert empty.git("status", "--porcelain", folder=folder) == ""
        assert empty.git("log", "--format=%s", folder=folder) == "Begin cookbook book"
        shutil.rmtree(folder)


def test_an_empty_folder_in_which_another_init_builds_is_its_own(empty: Desk) -> None:
    """It is not called a folder with files: its files are nobody's but that other one's."""
    folder = empty.folder / "book"
    folder.mkdir()
    with building_site(folder) as site:
        assert empty.json("init", "book", status=2)["error"]["code"] == "busy"
        assert list(folder.iterdir()) == [site]


def test_the_site_of_another_init_that_runs_is_left_alone(empty: Desk) -> None:
    """It is locked while its builder lives; what only looks like one is nobody's business."""
    folder = empty.folder / "book"
    similar = empty.folder / ".book.12345678"
    similar.mkdir()
    with building_site(folder) as site:
        assert empty.kitchen("init", "book").status == 0
        assert site.is_dir()
    assert sorted(path.name for path in empty.folder.iterdir()) == [".book.12345678", "book"]
