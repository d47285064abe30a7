"""Where the repository is, and who acts in it."""

from __future__ import annotations

import pytest

from kitchens.git.repository import init_repository, open_repository
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

from ..conftest import WHO, Checkout


def test_a_folder_in_a_checkout_opens_it(checkout, repository):
    """Any folder of a checkout leads to its top."""
    with open_repository(checkout.path / "recipes", checkout.environment) as opened:
        assert (opened.common, opened.top, opened.here) == (
            checkout.path / ".git",
            checkout.path,
            checkout.path,
        )


def test_a_linked_worktree_knows_the_main_one(checkout, tmp_path):
    """From a linked worktree, `here` is that worktree and `top` the main one."""
    checkout.git("worktree", "add", "-q", "-b", "x", tmp_path / "x")
    with open_repository(tmp_path / "x", checkout.environment) as opened:
        assert (opened.common, opened.top, opened.here) == (
            checkout.path / ".git",
            checkout.path,
            tmp_path / "x",
        )


def test_inside_the_git_directory(checkout):
    """From inside `.git` the main worktree is found."""
    with open_repository(checkout.path / ".git", checkout.environment) as opened:
        assert opened.here == opened.top == checkout.path


def test_a_bare_repository(checkout, tmp_path):
    """A bare repository has no checkout of its own, and its worktrees lead back to it."""
    bare = tmp_path / "bare.git"
    checkout.git("clone", "-q", "--bare", ".", bare)
    Checkout(bare, checkout.environment).git("worktree", "add", "-q", tmp_path / "x", "main")
    for folder in (bare, tmp_path / "x"):
        with open_repository(folder, checkout.environment) as opened:
            assert (opened.common, opened.top) == (bare, bare)
            assert opened.refs.branch("main") == checkout.tip()


@pytest.mark.parametrize("name", ["with space", "new\nline", "caf\u00e9", "caf\udce9"])
def test_unusual_folder_names(checkout, name):
    """Spaces, newlines and bytes that are not UTF-8 in the path change nothing."""
    path = checkout.path.parent / name
    checkout.path.rename(path)
    with open_repository(path, checkout.environment) as opened:
        assert opened.top == path
        assert opened.objects.read("main", "README.md") == b"# seed\n"


def test_a_git_directory_elsewhere(tmp_path, environment):
    """`git init --separate-git-dir` keeps the checkout as the top."""
    checkout = Checkout(tmp_path, environment)
    checkout.git("init", "-q", "--separate-git-dir", tmp_path / "store", tmp_path / "x")
    with open_repository(tmp_path / "x", environment) as opened:
        assert (opened.common, opened.top) == (tmp_path / "store", tmp_path / "x")


def test_no_repository_hints_at_init(tmp_path, environment):
    """Outside a repository the hint is `kitchen init`."""
    with pytest.raises(InvalidInput) as caught:
        open_repository(tmp_path, {**environment, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert caught.value.code == "no-repository"
    assert "kitchen init" in caught.value.hints[0]


def test_a_repository_that_git_refuses_is_the_environment(tmp_path, environment):
    """A `.git` that git will not open is not the same as none."""
    (tmp_path / ".git").mkdir()
    with pytest.raises(EnvironmentFailure, match="cannot open the repository"):
        open_repository(tmp_path, environment)


def test_identity_from_variables_and_from_configuration(checkout, repository, environment):
    """Who acts comes from GIT_AUTHOR_* or from git's configuration."""
    assert repository.identity() == WHO
    checkout.git("config", "user.name", "Grace")
    checkout.git("config", "user.email", "grace@example.com")
    plain = {key: value for key, value in environment.items() if not key.startswith("GIT_A")}
    with open_repository(checkout.path, {k: v for k, v in plain.items() if "COMMITTER" not in k}) as opened:
        assert str(opened.identity()) == "Grace <grace@example.com>"


def test_no_identity_gives_the_two_commands(checkout, environment):
    """Git's guess from the machine's name does not count as an identity."""
    plain = {
        key: value for key, value in environment.items() if "AUTHOR" not in key and "COMMITTER" not in key
    }
    with (
        open_repository(checkout.path, {**plain, "EMAIL": "guess@example.com"}) as opened,
        pytest.raises(InvalidInput) as caught,
    ):
        opened.identity()
    assert [hint.split()[3] for hint in caught.value.hints] == ["user.name", "user.email"]


def test_init_makes_an_empty_repository(tmp_path, environment):
    """`init_repository` makes the folder and names the first branch."""
    with init_repository(tmp_path / "new", "production", environment) as opened:
        assert opened.refs.refs("refs/") == {}
        assert opened.git.run("symbolic-ref", "HEAD").text == "refs/heads/production"


def test_a_sha256_repository(tmp_path, environment):
    """Ids of 64 digits work throughout."""
    checkout = Checkout(tmp_path, environment)
    checkout.git("init", "-q", "-b", "main", "--object-format=sha256")
    tip = checkout.commit("first", a="1\n")
    with open_repository(tmp_path, environment) as opened:
        assert opened.refs.branch("main") == tip
        assert len(tip) == 64
        assert opened.objects.read("main", "a") == b"1\n"


def test_a_folder_above_is_not_in_the_repository_below(checkout, environment):
    """`-C ..` out of one is no repository, whatever the path to it goes through."""
    with pytest.raises(InvalidInput, match="is not in a git repository"):
        open_repository(checkout.path / "..", environment)
