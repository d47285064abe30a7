"""Merges without a checkout, the same on every machine."""

from __future__ import annotations

import pytest

from kitchens.git.merging import Conflict, merge_commits, merge_many, merging_again
from kitchens_engine.errors import InvalidInput


def sides(checkout, ours: dict[str, str], theirs: dict[str, str]) -> tuple[str, str]:
    """Two commits on the same base: `main` with `ours`, `side` with `theirs`."""
    checkout.git("branch", "side")
    one = checkout.commit("ours", **ours)
    checkout.git("switch", "-q", "side")
    other = checkout.commit("theirs", **theirs)
    checkout.git("switch", "-q", "main")
    return one, other


def test_a_clean_merge_is_gits(checkout, repository):
    """Both sides' changes are in the tree, and nothing else moved."""
    base = checkout.tip()
    ours, theirs = sides(checkout, {"a": "1\n"}, {"b": "2\n"})
    before = checkout.refs()
    merge = merge_commits(repository, ours, theirs)
    assert (checkout.refs(), checkout.status()) == (before, "")
    assert (merge.base, merge.conflicts) == (base, ())
    checkout.git("merge", "-q", "--no-edit", "side")
    assert merge.tree == checkout.tip("HEAD^{tree}")


def test_conflicts_carry_gits_kinds(checkout, repository):
    """Each conflicted path comes with git's stable name for what happened."""
    checkout.commit("more", both="0\n", gone="0\n")
    ours, theirs = sides(
        checkout, {"both": "1\n", "gone": "1\n", "new": "1\n"}, {"both": "2\n", "new": "2\n"}
    )
    checkout.git("switch", "-q", "side")
    checkout.git("rm", "-q", "gone")
    theirs = checkout.commit("remove")
    merge = merge_commits(repository, ours, theirs)
    assert merge.tree is None
    assert merge.conflicts == (
        Conflict("both", "CONFLICT (contents)"),
        Conflict("gone", "CONFLICT (modify/delete)"),
        Conflict("new", "CONFLICT (contents)"),
    )


def test_renames_on_one_side_meet_edits_on_the_other(checkout, repository):
    """Rename detection is on, whatever the user configured."""
    checkout.git("config", "merge.renames", "false")
    checkout.git("config", "diff.renames", "false")
    checkout.git("branch", "side")
    checkout.git("mv", "lines.txt", "moved.txt")
    ours = checkout.commit("move")
    checkout.git("switch", "-q", "side")
    theirs = checkout.commit("edit", lines__txt="".join(f"{n}\n" for n in range(21)))
    tree = merge_commits(repository, ours, theirs).tree
    assert tree is not None
    assert repository.objects.read(tree, "moved.txt") == b"".join(b"%d\n" % n for n in range(21))
    assert repository.objects.read(tree, "lines.txt") is None


def test_attributes_count_only_where_ours_carries_them(checkout, repository):
    """`merge=union` works from our commit; files in the checkout that nobody committed do not matter."""
    checkout.commit("log", log="0\n")
    ours, theirs = sides(checkout, {"log": "0\n1\n"}, {"log": "0\n2\n"})
    checkout.write(".gitattributes", "log merge=union\n")
    assert merge_commits(repository, ours, theirs).tree is None
    ours = checkout.commit("attributes")
    tree = merge_commits(repository, ours, theirs).tree
    assert tree is not None
    assert repository.objects.read(tree, "log") == b"0\n1\n2\n"


def test_attributes_of_a_folder_count_where_content_is_mixed(checkout, repository):
    """In a folder below, and in the one that a file was moved into; then, and only then, git is asked once more."""
    checkout.commit(
        "log", **{"sub/log": "0\n", "old/log": "".join(f"{n}\n" for n in range(20)), "other": "0\n"}
    )
    checkout.git("branch", "side")
    checkout.write("sub/.gitattributes", "log merge=union\n")
    checkout.write("new/deep/.gitattributes", "log merge=union\n")
    checkout.git("mv", "old/log", "new/deep/log")
    before = checkout.commit("ours", other="1\n")
    ours = checkout.commit("more", **{"sub/log": "0\n1\n", "new/deep/log": _lines("end 1")})
    checkout.git("switch", "-q", "side")
    theirs = checkout.commit("theirs", **{"sub/log": "0\n2\n", "old/log": _lines("end 2")})
    tree = merge_commits(repository, ours, theirs).tree
    assert tree is not None
    assert repository.objects.read(tree, "sub/log") == b"0\n1\n2\n"
    assert repository.objects.read(tree, "new/deep/log") == _lines("end 1\nend 2").encode()
    calls = repository.git.tally.calls
    quiet = checkout.commit("quiet", quiet="1\n")
    assert merge_commits(repository, before, checkout.git("rev-parse", f"{quiet}~2")).tree is not None
    assert repository.git.tally.calls - calls == 1


def _lines(end: str) -> str:
    return "".join(f"{n}\n" for n in range(20)) + f"{end}\n"


@pytest.mark.parametrize("place", ["ours", "theirs", "info"])
def test_custom_merge_drivers_are_refused_by_name(checkout, repository, place):
    """A driver that only this machine's configuration knows decides nothing, and does not run."""
    checkout.git("config", "merge.keep.driver", f"touch {checkout.path}/ran")
    attributes = {"sub/.gitattributes": "[attr]mine merge=keep\nlog mine\n"}
    ours, theirs = sides(
        checkout,
        {"a": "1\n"} | (attributes if place == "ours" else {}),
        {"b": "2\n"} | (attributes if place == "theirs" else {}),
    )
    if place == "info":
        checkout.write(".git/info/attributes", "log merge=keep\n")
    with pytest.raises(InvalidInput, match="merge driver `keep`"):
        merge_commits(repository, ours, theirs)
    assert not (checkout.path / "ran").exists()


def test_attributes_of_this_machine_do_not_count(checkout, repository):
    """`.git/info/attributes` would settle here what is in conflict everywhere else."""
    checkout.commit("both", both="1\n")
    ours, theirs = sides(checkout, {"both": "1\n2\n"}, {"both": "1\n3\n"})
    checkout.write(".git/info/attributes", "both merge=union\n")
    assert merge_commits(repository, ours, theirs).tree is None
    assert [merge.tree for merge in merge_many(repository, ours, [theirs])] == [None]


def test_attributes_of_this_machine_do_not_count_in_a_shallow_clone(checkout, repository):
    """What git is shown then ends where the clone ends."""
    earlier = checkout.commit("earlier", both="0\n")
    base = checkout.commit("both", both="1\n2\n3\n4\n5\n")
    ours, theirs = sides(checkout, {"both": "0\n2\n3\n4\n5\n"}, {"both": "1\n2\n3\n4\n6\n"})
    checkout.write(".git/shallow", f"{base}\n")
    checkout.write(".git/info/attributes", "other merge=union\n")
    (checkout.path / ".git" / "objects" / earlier[:2] / earlier[2:]).unlink()
    assert merge_commits(repository, ours, theirs).tree is not None


def test_a_merge_made_elsewhere_is_made_again_without_the_driver_of_this_machine(checkout, repository):
    """So that `verify` says the same on a machine that has one."""
    checkout.commit("both", both="1\n2\n3\n4\n5\n", **{".gitattributes": "both merge=keep\n"})
    ours, theirs = sides(checkout, {"both": "0\n2\n3\n4\n5\n"}, {"both": "1\n2\n3\n4\n6\n"})
    merged = merge_commits(repository, ours, theirs)
    checkout.git("config", "merge.keep.driver", f"touch {checkout.path}/ran")
    repository.configuration.read_anew()
    with merging_again(repository, ours, theirs, [merged.base]) as tree:
        assert tree() == merged.tree
    assert not (checkout.path / "ran").exists()


def test_a_driver_that_nobody_asks_for_is_no_matter(checkout, repository):
    """A configured driver without an attribute is not in the way, and neither is it the default."""
    checkout.git("config", "merge.keep.driver", f"touch {checkout.path}/ran")
    checkout.git("config", "merge.default", "keep")
    checkout.commit("both", both="1\n2\n3\n4\n5\n")
    ours, theirs = sides(checkout, {"both": "0\n2\n3\n4\n5\n"}, {"both": "1\n2\n3\n4\n6\n"})
    tree = merge_commits(repository, ours, theirs).tree
    assert tree is not None
    assert repository.objects.read(tree, "both") == b"0\n2\n3\n4\n6\n"
    assert not (checkout.path / "ran").exists()


def test_unrelated_histories(checkout, repository):
    """Commits that share nothing are not merged."""
    lone = checkout.git("commit-tree", "-m", "lone", "HEAD^{tree}")
    with pytest.raises(InvalidInput, match="no commit in common"):
        merge_commits(repository, checkout.tip(), lone)
