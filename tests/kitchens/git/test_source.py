"""A tree as the engine's source of files."""

from __future__ import annotations

import pytest

from kitchens.git.source import TreeSource


@pytest.fixture
def source(checkout, repository):
    """The seed with some links, as a source; the checkout has other content by now."""
    delays = checkout.path / "recipes/delays"
    checkout.write("recipes/delays/sql/shared.sql", "select 2\n")
    (delays / "inside.sql").symlink_to("sql/shared.sql")
    (delays / "folder").symlink_to("sql")
    (delays / "outside.sql").symlink_to("../../README.md")
    (delays / "absolute.sql").symlink_to("/etc/passwd")
    (delays / "round.sql").symlink_to("round.sql")
    (checkout.path / "recipes/alias").symlink_to("delays")
    tip = checkout.commit()
    checkout.write("recipes/delays/recipe.toml", "edited")
    return TreeSource(repository.objects, tip)


def test_files_and_folders(source):
    """Files are read from the tree and never from the checkout."""
    assert source.read("recipes/delays/recipe.toml") == b'description = "late"\n'
    assert source.read("recipes/delays") is None
    assert source.read("nothing/at/all") is None
    assert list(source.names("recipes")) == ["delays"]  # `alias` leads out of its folder
    assert "README.md" in source.names("")
    assert list(source.names("README.md")) == []


def test_links_lead_only_where_the_fingerprint_does(source):
    """A link inside the recipe's folder is followed; one that leads out of it is no file."""
    assert source.read("recipes/delays/inside.sql") == b"select 2\n"
    assert source.read("recipes/delays/folder/shared.sql") == b"select 2\n"
    assert list(source.names("recipes/delays/folder")) == ["shared.sql"]
    for name in ("delays/outside.sql", "delays/absolute.sql", "delays/round.sql", "alias/recipe.toml"):
        assert source.read(f"recipes/{name}") is None


def test_where_links_and_submodules_are(checkout, repository, source):
    """Within the tree, and a submodule by any path into it."""
    assert source.link("recipes/delays/outside.sql") == "README.md"
    assert source.link("recipes/delays/absolute.sql") is None
    assert source.link("README.md") is None
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},recipes/sub")
    source = TreeSource(repository.objects, checkout.git("write-tree"))
    assert source.submodule("recipes/sub/deep/file.py") == "recipes/sub"
    assert source.submodule("recipes/delays/recipe.toml") is None
    assert source.submodule("nothing/here") is None


def test_names_that_begin_with_a_dot(checkout, repository):
    """They are files like others."""
    checkout.write(".kitchens/allowed_signers", "ada")
    assert TreeSource(repository.objects, checkout.commit()).read(".kitchens/allowed_signers") == b"ada"
