"""`verify` looks back, and `test` settles what it finds."""

from __future__ import annotations

import tomllib

import pytest

from tests.cli.conftest import COOKBOOK, RECIPE, Desk


def recipe(top: int) -> str:
    """The recipe with another default."""
    return RECIPE.replace("top = 3", f"top = {top}")


def test_a_later_setting_does_not_undo_an_attestation(desk: Desk) -> None:
    """A plain commit was tested under the settings of its time."""
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", recipe(4).replace("variables = { top = 2 }", ""))
    desk.json("test", "production")
    desk.json("set", "production", "top=9")
    assert desk.json("verify")["faults"] == []


def test_each_plain_commit_is_attested_on_its_own(desk: Desk) -> None:
    """The hint of `verify` names the command that does it."""
    desk.json("create", "dev")
    first = desk.commit("recipes/counts/recipe.toml", recipe(4))
    desk.commit("recipes/counts/recipe.toml", recipe(5))
    desk.json("test", "production")
    assert [one["commit"] for one in desk.json("verify", status=1)["faults"]] == [first]
    answer = desk.kitchen("verify")
    assert f"`kitchen test --commit {first[:10]} --into production`" in answer.err
    desk.json("test", "--commit", first[:10], "--into", "production")
    assert desk.json("verify")["faults"] == []


def test_a_plain_commit_that_changes_the_rules_is_tested_under_those_before(desk: Desk) -> None:
    """A change never chooses its own examiner, so `test` attests what `verify` asks for."""
    desk.json("create", "dev")
    desk.write("kitchens.toml", f'{COOKBOOK}\n[gate]\nvariation = "small"\n')
    desk.commit("recipes/counts/recipe.toml", f"{recipe(4)}\n[variations.small]\n")
    assert desk.json("verify", status=1)["status"] == "broken"
    desk.json("test", "production")
    assert desk.json("verify")["faults"] == []


@pytest.mark.parametrize("gone", [False, True], ids=["broken", "gone"])
def test_what_mends_kitchens_toml_is_proved_with_what_it_mends(desk: Desk, gone: bool) -> None:
    """Nobody could run the broken commit. The one that mends it must show all that came since it could be read."""
    desk.json("create", "dev")
    if gone:
        desk.git("rm", "--quiet", "kitchens.toml")
    else:
        desk.write("kitchens.toml", "[cookbook\n")
    broken = desk.commit("recipes/counts/recipe.toml", recipe(4))
    assert {one["commit"] for one in desk.json("verify", status=1)["faults"]} == {broken}
    assert "`kitchen rollback production --to COMMIT`" in desk.kitchen("verify").err
    mending = desk.commit("kitchens.toml", COOKBOOK)
    assert {one["commit"] for one in desk.json("verify", status=1)["faults"]} == {mending}
    desk.json("test", "production")
    proof = desk.json("verify")
    assert (proof["faults"], proof["mended"], proof["uncertified"]) == ([], [broken], [mending])


def test_who_mends_the_rules_does_not_choose_them(desk: Desk) -> None:
    """Those count that could be read last."""
    desk.json("create", "dev")
    desk.commit("kitchens.toml", "[cookbook\n")
    desk.write("kitchens.toml", f'{COOKBOOK}\n[gate]\nvariation = "small"\n')
    desk.commit("recipes/counts/recipe.toml", f"{recipe(4)}\n[variations.small]\n")
    assert {one["variation"] for one in desk.json("test")["gate"]["recipes"]} == {"small", "test"}
    (asked,) = desk.json("test", "--commit", "HEAD~0", "--into", "production")["gate"]["recipes"][:1]
    assert (asked["variation"], asked["status"]) == ("test", "attested")
    assert desk.json("verify")["faults"] == []


def test_a_recipe_that_could_not_be_read_is_shown_where_it_can_be(desk: Desk) -> None:
    """What else its commit changed is asked for there."""
    desk.json("create", "dev")
    desk.write("recipes/other/recipe.toml", '[nodes.n]\nrun = "true"\n')
    broken = desk.commit("recipes/counts/recipe.toml", "[nodes.x\n")
    mending = desk.commit("recipes/counts/recipe.toml", recipe(4))
    desk.json("test", "production", "--recipe", "counts")
    desk.json("test", "--commit", mending, "--into", "production", "--recipe", "counts")
    (fault,) = desk.json("verify", status=1)["faults"]
    assert (fault["commit"], fault["why"]) == (
        broken,
        "recipe `other` (as it is) was never attested: recipe is new",
    )
    desk.json("test", "--commit", broken, "--into", "production", "--recipe", "other")
    proof = desk.json("verify")
    assert (proof["faults"], proof["mended"]) == ([], [broken])


def test_a_named_kitchen_and_a_commit_are_gated_as_that_kitchens(desk: Desk) -> None:
    """`test NAME --commit REV` answers for NAME, under the rules of its parent."""
    desk.json("create", "dev")
    commit = desk.commit("recipes/counts/recipe.toml", recipe(4), "dev")
    desk.commit("README.md", "later\n", "dev")
    document = desk.json("test", "dev", "--commit", commit)
    assert (document["kitchen"], document["commit"]) == ("dev", commit)
    assert [one["recipe"] for one in document["gate"]["recipes"]] == ["counts"]


def test_one_gate_runs_a_fingerprint_once(desk: Desk) -> None:
    """The settings of dev and of production differ, and this recipe does not see them."""
    desk.commit("recipes/other/recipe.toml", '[nodes.n]\nrun = "true"\n')
    desk.json("create", "dev", "--set", "top=9")
    desk.commit("recipes/other/note.txt", "changed\n", "dev")
    assert len(desk.json("test", "dev")["gate"]["recipes"]) == 1


def test_history_shows_who_made_a_plain_commit(desk: Desk) -> None:
    """In words and as a document, beside the landings."""
    desk.json("create", "dev")
    desk.commit("README.md", "by hand\n", "dev")
    desk.json("promote", "dev")
    desk.commit("README.md", "by hand again\n")
    answer = desk.kitchen("history")
    assert (answer.status, answer.out.count("Ada Cook <ada@kitchens.example>")) == (0, 2)
    rows = desk.json("history")
    assert [row["status"] for row in rows] == ["committed", "promoted"]
    assert rows[0]["who"] == rows[1]["who"] == "Ada Cook <ada@kitchens.example>"


def test_the_commit_that_makes_a_cookbook_can_be_tested(empty: Desk) -> None:
    """Before it there were no rules to compare with."""
    empty.git("init", "--quiet", "--initial-branch=main")
    empty.write("recipes/counts/recipe.toml", RECIPE)
    empty.save("begin")
    empty.json("init")
    empty.save("a cookbook")
    document = empty.json("test", "main")
    assert [one["status"] for one in document["gate"]["recipes"]] == ["passed"]
    assert empty.json("verify")["faults"] == []


def test_a_merge_is_recorded_with_its_certificate(desk: Desk) -> None:
    """Merge base, sides, tree and hash stand beside the landing."""
    desk.json("create", "dev")
    desk.commit("README.md", "dev\n", "dev")
    base, ours, theirs = desk.tip("production"), desk.commit("other.md", "production\n"), desk.tip("dev")
    tree = desk.json("merge", "dev")["tree"]
    landing = tomllib.loads(desk.git("show", "refs/kitchens/production:kitchen.toml"))["landing"]
    certificate = landing["certificate"]
    assert (certificate["bases"], certificate["sides"], certificate["tree"]) == ([base], [ours, theirs], tree)
    assert len(certificate["digest"]) == 64


def landed(desk: Desk) -> str:
    """A merge of dev that needed a gate; its commit."""
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", recipe(4), "dev")
    return str(desk.json("merge", "dev")["commit"])


def rewrite(desk: Desk, ref: str, path: str, old: str, new: str) -> None:
    """Write a file of a ref's tip anew with one word changed, as somebody with a text editor and git would."""
    words = desk.git("show", f"{ref}:{path}") + "\n"
    assert old in words
    file = desk.folder.parent / "changed"
    file.write_text(words.replace(old, new, 1))
    blob = desk.git("hash-object", "-w", str(file))
    index = {"GIT_INDEX_FILE": str(desk.folder.parent / "index")}
    desk.git("read-tree", ref, variables=index)
    desk.git("update-index", "--cacheinfo", f"100644,{blob},{path}", variables=index)
    tree = desk.git("write-tree", variables=index)
    parents = [
        word for parent in desk.git("log", "-1", "--format=%P", ref).split() for word in ("-p", parent)
    ]
    desk.git("update-ref", ref, desk.git("commit-tree", "-m", "changed", *parents, tree))


def test_a_changed_attestation_is_found_and_named(desk: Desk) -> None:
    """By the commit that stood on it, and by its run."""
    commit = landed(desk)
    assert desk.json("verify")["status"] == "unsigned"
    attestations = "refs/attestations/gate"
    fingerprint = desk.json("test", "production")["gate"]["recipes"][0]["fingerprint"]
    path = desk.git("ls-tree", "-r", "--name-only", attestations, f"{fingerprint[:2]}/{fingerprint[2:]}/")
    rewrite(desk, attestations, path, "Ada", "Bda")
    document = desk.json("verify", status=1)
    assert (document["status"], [one["commit"] for one in document["faults"]]) == ("broken", [commit])
    assert "was changed after it was written" in document["faults"][0]["why"]


def test_a_changed_certificate_is_found_and_named(desk: Desk) -> None:
    """A registration carries the hash of its own text."""
    landed(desk)
    digest = tomllib.loads(desk.git("show", "refs/kitchens/production:kitchen.toml"))["landing"][
        "certificate"
    ]
    rewrite(desk, "refs/kitchens/production", "kitchen.toml", digest["digest"], "0" * 64)
    document = desk.json("verify", status=1)
    registration = desk.git("rev-parse", "refs/kitchens/production")[:12]
    assert [one["why"] for one in document["faults"]] == [
        f"the registration in commit `{registration}` cannot be read: it was changed after it was written"
    ]
    assert "`git fsck` says what is damaged" in desk.kitchen("verify").err


def test_a_changed_tree_is_found_and_named(desk: Desk) -> None:
    """A merge commit that was amended is no landing any more, but a plain commit that nobody attested."""
    landed(desk)
    desk.write("recipes/counts/recipe.toml", recipe(5))
    desk.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    document = desk.json("verify", status=1)
    assert desk.tip("production") in [one["commit"] for one in document["faults"]]


def test_preview_names_the_variable_that_differs(desk: Desk) -> None:
    """What passed under the settings of one kitchen is run again under those of the next, and says why."""
    plain = recipe(4).replace("variables = { top = 2 }", "")
    desk.json("create", "dev", "--set", "top=9")
    desk.json("create", "idea", "--from", "dev")
    desk.commit("recipes/counts/recipe.toml", plain, "idea")
    assert desk.json("preview", "idea")["recipes"] == [
        {"recipe": "counts", "gated": True, "why": "recipe changed"}
    ]
    run = desk.json("merge", "idea")["gate"]["recipes"][0]["run"]
    (seen,) = desk.json("preview", "dev")["recipes"]
    assert (seen["gated"], seen["why"]) == (True, "recipe changed; variable top differs in production")
    desk.json("set", "production", "top=9")
    (seen,) = desk.json("preview", "dev")["recipes"]
    assert (seen["gated"], seen["why"]) == (False, f"recipe changed; attested by run {run}")


def test_a_merge_commit_says_what_was_gated(desk: Desk) -> None:
    """In trailers: the kitchen, and each recipe with its variation and fingerprint."""
    commit = landed(desk)
    (gated,) = desk.json("history")[0]["recipes"]
    trailers = desk.git("log", "-1", "--format=%(trailers:only,unfold)", commit).split("\n")
    assert trailers[0] == "Kitchen: dev"
    assert trailers[1].startswith(f"Gated: {gated} test ") and len(trailers[1].split()[-1]) == 64


def test_what_cannot_be_read_is_named_by_file_and_line(desk: Desk) -> None:
    """As everywhere else."""
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", "[nodes.x\n")
    (fault,) = desk.json("verify", status=1)["faults"]
    assert fault["why"].startswith("cannot be read: recipes/counts/recipe.toml:1: ")
