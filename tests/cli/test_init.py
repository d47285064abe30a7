"""A cookbook begins."""

from __future__ import annotations

from tests.cli.conftest import Desk


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
