"""A folder of another repository: its objects alone, kept, and nothing else of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kitchens.git.repository import Repository
from kitchens.git.sharing.fetching import KEPT, fetch_folder, is_kept
from kitchens.git.sharing.pinned import PinnedSource
from kitchens_engine.errors import EnvironmentFailure, InvalidFiles, InvalidInput
from kitchens_engine.language.shelf import FolderSource
from tests.kitchens.conftest import Checkout


@pytest.fixture
def other(tmp_path: Path, environment: dict[str, str]) -> Checkout:
    """Another repository: two commits, an annotated tag on the first, a branch that has the tag's name too."""
    path = tmp_path / "other"
    path.mkdir()
    other = Checkout(path, environment)
    other.git("init", "--quiet", "--initial-branch=main")
    other.write("ingredients/scoring/recipe.toml", "[nodes.a]\nsql = 'link.sql'\n")
    other.write("ingredients/scoring/deep/one.sql", "select 1\n")
    (path / "ingredients/scoring/link.sql").symlink_to("deep/one.sql")
    (path / "ingredients/scoring/out.sql").symlink_to("../../secret")
    other.write("secret", "not for you\n")
    other.commit("one")
    other.git("tag", "-a", "v1", "-m", "first")
    other.write("ingredients/scoring/deep/one.sql", "select 2\n")
    other.commit("two")
    other.git("branch", "v1")
    return other


@pytest.mark.parametrize(
    ("revision", "commit"),
    [("main", "main"), ("v1", "refs/tags/v1^{}"), ("refs/heads/v1", "refs/heads/v1"), ("id", "main~1")],
)
def test_a_branch_a_tag_and_a_commit_id_are_found(
    repository: Repository, other: Checkout, revision: str, commit: str
) -> None:
    """A tag comes before a branch of its name; an id need not be the tip of anything."""
    wanted = other.tip(commit)

    found = fetch_folder(
        repository, str(other.path), wanted if revision == "id" else revision, "ingredients/scoring"
    )

    assert found == (wanted, other.tip(f"{commit}:ingredients/scoring"))
    assert is_kept(repository, found.tree)


def test_only_the_folder_arrives(repository: Repository, checkout: Checkout, other: Checkout) -> None:
    """No commit, tag, branch, setting or shallow history of the other repository; fetched twice is fetched once."""
    before, settings = checkout.refs(), (repository.common / "config").read_text()

    found = fetch_folder(repository, str(other.path), "main", "ingredients/scoring")
    again = fetch_folder(repository, f"file://{other.path}", "main", "ingredients/scoring")

    assert found == again
    assert checkout.refs().splitlines() == [*before.splitlines(), f"{found.tree} tree\t{KEPT}{found.tree}"]
    assert (repository.common / "config").read_text() == settings
    assert repository.objects.resolve(found.commit) is None
    assert not (repository.common / "shallow").exists()
    assert list((repository.common / "kitchens").glob("scratch-*")) == []
    assert checkout.status() == "" and checkout.sound()


def test_a_path_begins_at_the_repository(repository: Repository, other: Checkout) -> None:
    """So that a folder of repositories can be moved as a whole."""
    url = Path("..") / ".." / other.path.name

    assert fetch_folder(repository, str(url), "main", "ingredients/scoring").commit == other.tip("main")


@pytest.mark.parametrize(
    ("revision", "path", "message"),
    [
        ("mian", "ingredients/scoring", "has no branch or tag `mian`"),
        ("main", "ingredients/nothing", "has no folder `ingredients/nothing` at `main`"),
        ("main", "secret", "has no folder `secret` at `main`"),
        ("0" * 40, "ingredients/scoring", f"has no commit `{'0' * 40}`"),
    ],
)
def test_what_is_not_there_is_said_and_leaves_nothing(
    repository: Repository, checkout: Checkout, other: Checkout, revision: str, path: str, message: str
) -> None:
    """With the nearest name where there is one."""
    before = checkout.refs()

    with pytest.raises(InvalidInput, match=message):
        fetch_folder(repository, str(other.path), revision, path)

    assert checkout.refs() == before


def test_what_cannot_be_reached_is_no_fault_of_the_cookbook(repository: Repository, tmp_path: Path) -> None:
    """It is the environment's."""
    with pytest.raises(EnvironmentFailure, match="cannot be fetched"):
        fetch_folder(repository, str(tmp_path / "nowhere"), "main", "x")


def test_a_pinned_ingredient_reads_as_if_it_lay_here(
    repository: Repository, checkout: Checkout, other: Checkout
) -> None:
    """Links inside it are followed, and none leads out of it."""
    found = fetch_folder(repository, str(other.path), "main", "ingredients/scoring")
    asked = f'git = "{other.path}"\nrev = "main"\n'
    pinned = f'{asked}path = "ingredients/scoring"\ncommit = "{found.commit}"\ntree = "{found.tree}"\n'
    checkout.write("kitchens.toml", f"[ingredients.scoring]\n{asked}")
    checkout.write("kitchens.lock", f"format = 1\n[ingredients.scoring]\n{pinned}")
    source = PinnedSource(FolderSource(checkout.path), repository.objects)

    assert source.names("ingredients") == ["scoring"]
    assert source.names("ingredients/scoring/deep") == ["one.sql"]
    assert source.read("ingredients/scoring/link.sql") == b"select 2\n"
    assert source.read("ingredients/scoring/out.sql") is None
    assert source.read("recipes/delays/clean.sql") == b"select 1\n"
    assert source.faults() == ()


@pytest.mark.parametrize(
    ("lock", "line", "message"),
    [
        ("format = 1\n<<<<<<< ours\n", 2, "this is not TOML"),
        ("format = 9\n", 1, "a newer version of kitchens wrote `kitchens.lock`"),
        ("format = 1\n[ingredients.scoring]\nrev = 'x'\n", 2, "`ingredients.scoring` lacks `git`"),
    ],
)
def test_a_lock_that_cannot_be_read_says_where(
    repository: Repository, checkout: Checkout, lock: str, line: int, message: str
) -> None:
    """Whoever needs an ingredient is refused; the check shows it; others never look."""
    checkout.write("kitchens.toml", "[ingredients.scoring]\ngit = 'x'\nrev = 'main'\n")
    checkout.write("kitchens.lock", lock)
    source = PinnedSource(FolderSource(checkout.path), repository.objects)

    with pytest.raises(InvalidFiles, match=message) as raised:
        source.read("ingredients/scoring/recipe.toml")

    assert (raised.value.file, raised.value.line) == ("kitchens.lock", line)
    assert source.faults()[0].message.startswith(message)
    assert source.read("README.md") == b"# seed\n"
