"""What production rolled back is not taken from the kitchen that it came from."""

from __future__ import annotations

import json
import os

from kitchens.cli.run import run
from tests.cli.conftest import RECIPE, Desk
from tests.cli.test_rollback import landed, tree
from tests.kitchens.crash import every_step

RECIPE_FILE = "recipes/counts/recipe.toml"


def top(desk: Desk, branch: str) -> str:
    """The `top` that a branch's recipe has."""
    text = desk.git("show", f"{branch}:{RECIPE_FILE}")
    return next(line for line in text.split("\n") if line.startswith("top"))


def test_a_rollback_that_comes_down_takes_no_work_away(desk: Desk) -> None:
    """The kitchen's tree stays, the merge says which rollback it reconciled, and the work can go up again."""
    landed(desk, 4)
    rollback = desk.json("rollback", "production")["commit"]
    desk.commit("notes.txt", "more\n", "dev")
    assert desk.json("promote", "dev", status=2)["error"]["code"] == "diverged"
    before = tree(desk, "dev")
    assert desk.json("preview", "production", "--into", "dev")["reconciled"] == [rollback]
    foreseen = desk.kitchen("preview", "production", "--into", "dev")
    assert f"reconciled: `dev` keeps what rollback `{rollback[:10]}` undid in `production`" in foreseen.out
    assert (foreseen.status, "--take-rollback" in foreseen.err) == (0, True)
    document = desk.json("merge", "production", "--into", "dev")
    assert (document["status"], document["reconciled"]) == ("merged", [rollback])
    assert document["tree"] == tree(desk, "dev") == before
    assert f"Reconciled: {rollback}" in desk.git("log", "-1", "--format=%B", "dev")
    assert desk.json("verify", "dev")["faults"] == []
    assert desk.json("promote", "dev")["status"] == "promoted"
    assert (top(desk, "production"), tree(desk, "production")) == ("top = 4", before)
    assert desk.json("verify", "production")["faults"] == []


def test_the_words_say_what_was_kept(desk: Desk) -> None:
    """On the screen, too."""
    landed(desk, 4)
    rollback = desk.json("rollback", "production")["commit"]
    out = desk.kitchen("merge", "production", "--into", "dev").out
    assert f"reconciled: `dev` keeps what rollback `{rollback[:7]}" in out.replace("`,", "`")


def test_what_was_rolled_back_does_not_come_up_again_without_a_word(desk: Desk) -> None:
    """To git it is settled: only what is new in the kitchen lands. Reconciled first, all of it does."""
    landed(desk, 4)
    rollback = desk.json("rollback", "production")["commit"]
    for words in (("promote", "dev"), ("merge", "dev")):
        document = desk.json(*words)
        assert document["status"] == "unchanged"
        assert rollback[:10] in json.dumps(document)
    desk.commit("notes.txt", "more\n", "dev")
    (note,) = desk.json("merge", "dev")["notes"]
    assert f"rollback {rollback[:10]} took work out of `production` that `dev` has" in note
    assert "`kitchen merge production --into dev` first" in note
    assert top(desk, "production") == "top = 3"
    desk.json("merge", "production", "--into", "dev")
    assert "notes" not in desk.json("promote", "dev")
    assert top(desk, "production") == "top = 4"
    first = desk.git("rev-parse", "production~1")
    desk.json("rollback", "production", "--to", first)
    desk.json("rollback", "production", "--to", "production~1")
    assert "notes" not in desk.json("merge", "dev")


def test_take_rollback_takes_it(desk: Desk) -> None:
    """Whoever asks for it has in the kitchen what production has."""
    landed(desk, 4)
    desk.json("rollback", "production")
    document = desk.json("merge", "production", "--into", "dev", "--take-rollback")
    assert "reconciled" not in document
    assert tree(desk, "dev") == tree(desk, "production")
    assert desk.json("verify", "dev")["faults"] == []


def test_several_landings_are_undone_and_what_landed_after_comes_down(desk: Desk) -> None:
    """A hotfix after the rollback is production's work: it comes down beside the work that is kept."""
    first, *_ = landed(desk, 4, 5)
    rollback = desk.json("rollback", "production", "--to", first)["commit"]
    desk.json("create", "hotfix", "--no-test")
    desk.commit("README.md", "A better shop.\n", "hotfix")
    desk.json("merge", "hotfix")
    assert desk.json("merge", "production", "--into", "dev")["reconciled"] == [rollback]
    assert top(desk, "dev") == "top = 5"
    assert desk.git("show", "dev:README.md") == "A better shop."
    assert desk.json("verify", "dev")["faults"] == []
    desk.json("promote", "dev")
    assert (top(desk, "production"), desk.git("show", "production:README.md")) == (
        "top = 5",
        "A better shop.",
    )
    assert desk.json("verify", "production")["faults"] == []


def test_a_fix_that_was_there_before_comes_down_although_the_kitchen_lacks_it(desk: Desk) -> None:
    """What the rollback restored beyond the kitchen's own history is merged; what it undid is kept."""
    desk.json("create", "dev")
    desk.commit(RECIPE_FILE, RECIPE.replace("top = 3", "top = 4"), "dev")
    desk.json("create", "hotfix", "--from", "production", "--no-test")
    desk.commit("README.md", "A better shop.\n", "hotfix")
    desk.json("merge", "hotfix")
    fixed = desk.tip("production")
    desk.json("merge", "dev")
    rollback = desk.json("rollback", "production")
    assert rollback["restored"] == fixed
    assert desk.json("merge", "production", "--into", "dev")["reconciled"] == [rollback["commit"]]
    assert (top(desk, "dev"), desk.git("show", "dev:README.md")) == ("top = 4", "A better shop.")
    assert desk.json("verify", "dev")["faults"] == []


def test_what_never_came_down_is_an_ordinary_merge(desk: Desk) -> None:
    """A rolled-back hotfix that the kitchen never had does not come, and there is nothing to reconcile."""
    landed(desk, 4)
    desk.json("create", "hotfix", "--from", "production", "--no-test")
    desk.commit("README.md", "A worse shop.\n", "hotfix")
    desk.json("merge", "hotfix")
    desk.json("rollback", "production")
    assert "reconciled" not in desk.json("merge", "production", "--into", "dev")
    assert (top(desk, "dev"), desk.git("show", "dev:README.md")) == ("top = 4", "A shop.")


def test_a_rollback_goes_up_as_any_other_change(desk: Desk) -> None:
    """What a kitchen rolled back itself is rolled back above once it is promoted."""
    landed(desk, 4)
    desk.json("create", "idea", "--from", "dev", "--no-test")
    desk.commit(RECIPE_FILE, RECIPE.replace("top = 3", "top = 9"), "idea")
    desk.json("merge", "idea")
    desk.json("promote", "dev")
    desk.json("rollback", "dev")
    document = desk.json("merge", "dev")
    assert "reconciled" not in document
    assert top(desk, "production") == "top = 4"


def test_the_work_may_be_rolled_back_and_return_again_and_again(desk: Desk) -> None:
    """Each time it comes down it stays, and each time it goes up it is all there."""
    landed(desk, 4)
    for notes in ("one\n", "two\n"):
        desk.json("rollback", "production")
        desk.commit("notes.txt", notes, "dev")
        desk.json("merge", "production", "--into", "dev")
        desk.json("promote", "dev")
        assert top(desk, "production") == "top = 4"
        assert desk.git("show", "production:notes.txt") == notes.strip()
    assert desk.json("verify", "production")["faults"] == []
    assert desk.json("verify", "dev")["faults"] == []


def test_cut_anywhere_a_reconcile_is_whole_or_not_there(desk: Desk) -> None:
    """The next command heals, the same one does it again, and the kitchen has kept its work either way."""
    landed(desk, 4)
    desk.json("rollback", "production")
    desk.commit("note.md", "from above\n")
    before = {ref: desk.git("rev-parse", ref) for ref in ("refs/heads/dev", "refs/kitchens/dev")}
    checkout = desk.path("dev")
    seen = []

    def act() -> None:
        os.chdir(desk.folder)
        assert run(["merge", "production", "--into", "dev"]) == 0

    # All of its steps are cut by `make soak`.
    for _ in every_step(act, stride=4):
        seen.append(desk.tip("dev") != before["refs/heads/dev"])
        document = desk.json("merge", "production", "--into", "dev")
        assert (document["status"], "reconciled" in document) == (
            ("unchanged", False) if seen[-1] else ("merged", True)
        )
        assert (top(desk, "dev"), desk.git("show", "dev:note.md")) == ("top = 4", "from above")
        assert desk.git("status", "--porcelain", folder=checkout) == ""
        for ref, oid in before.items():
            desk.git("update-ref", ref, oid)
        desk.git("reset", "--quiet", "--hard", folder=checkout)
    assert seen == sorted(seen)
    assert {True, False} == set(seen)
    assert desk.json("verify", "dev")["faults"] == []
