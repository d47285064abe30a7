"""Ingredients of other repositories: pinned by commit, fetched through git, and in no checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Desk
from tests.desk import COOKBOOK

SCORING = """
[inputs]
table = { type = "string" }
[outputs]
score = { type = "integer", value = "{{ outputs.work.score }}" }
[nodes.work]
run = "sh score.sh {{ inputs.table }} >> $KITCHEN_OUTPUT"
outputs = { score = "integer" }
"""

USER = """
[nodes.score]
ingredient = "scoring"
inputs = { table = "flights" }
[nodes.show]
needs = ["score"]
run = "echo {{ outputs.score.score }} > $KITCHEN_DATA/score"
[[nodes.score.tests]]
name = "a score"
output = "score"
above = 0
"""


class Other:
    """Another team's repository, with an ingredient."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.release("v1", score=41)

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def release(self, tag: str, score: int, contract: str = SCORING) -> str:
        """Commit the ingredient so that it gives this score, under a tag."""
        room = self.folder / "ingredients" / "scoring"
        room.mkdir(parents=True, exist_ok=True)
        (room / "recipe.toml").write_text(contract)
        (room / "score.sh").write_text(f"echo score={score}\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", tag)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def other(tmp_path: Path, desk: Desk) -> Other:
    """The other repository, at `v1`."""
    return Other(tmp_path / "scores")


def want(other: Other, rev: str = "v1") -> str:
    """A `kitchens.toml` that asks for the ingredient."""
    return f'{COOKBOOK}\n[ingredients.scoring]\ngit = "{other.folder}"\nrev = "{rev}"\n'


@pytest.fixture
def shop(desk: Desk, other: Other) -> Desk:
    """A cookbook that uses the ingredient, pinned at `v1`, with a kitchen `dev` made from it."""
    desk.write("kitchens.toml", want(other))
    desk.write("recipes/scores/recipe.toml", USER)
    desk.json("lock")
    desk.git("add", "--all")
    desk.git("commit", "--quiet", "--message", "use scoring")
    assert desk.kitchen("create", "dev").status == 0
    return desk


def score(shop: Desk, kitchen: str) -> str:
    """What the recipe came to in a kitchen."""
    document = shop.json("order", "run", "scores", "--kitchen", kitchen)
    assert document["status"] == "passed"
    data = shop.json("show", kitchen)["data"]
    return Path(data["path"] if isinstance(data, dict) else data, "score").read_text().strip()


def test_a_lock_pins_the_commit_and_says_the_same_twice(desk: Desk, other: Other) -> None:
    """`kitchens.lock` holds what was asked for, the commit and the tree; nothing but refs for keeping is made."""
    desk.write("kitchens.toml", want(other))

    first = desk.json("lock")
    text = (desk.folder / "kitchens.lock").read_text()
    second = desk.json("lock")
    (row,) = first["ingredients"]

    assert (row["status"], row["commit"], first["changed"]) == ("pinned", other.git("rev-parse", "v1"), True)
    assert (second["ingredients"][0]["status"], second["changed"]) == ("kept", False)
    assert (desk.folder / "kitchens.lock").read_text() == text
    assert f'tree = "{other.git("rev-parse", "v1:ingredients/scoring")}"' in text
    assert not (desk.folder / ".git" / "shallow").exists()
    assert "FETCH_HEAD" not in [path.name for path in (desk.folder / ".git").iterdir()]


@pytest.mark.parametrize("kitchen", ["dev", "idea"])
def test_a_run_reads_the_pinned_files_and_touches_no_worktree(shop: Desk, kitchen: str) -> None:
    """In a permanent kitchen and in a sandbox; garbage collection leaves the files alone."""
    shop.json("create", "idea", "--from", "dev")
    shop.git("gc", "--quiet", "--prune=now")

    assert score(shop, kitchen) == "41"
    assert shop.git("status", "--porcelain", folder=shop.path("idea")) == ""
    assert not (shop.path("idea") / "ingredients").exists()
    assert list((shop.folder / ".git" / "kitchens" / "runs").glob("*/ingredients")) == []


def test_a_pin_moves_only_when_it_is_told_to(shop: Desk, other: Other) -> None:
    """A branch that moved on changes nothing before `--update`; then the gate runs what uses it."""
    other.git("checkout", "--quiet", "-b", "next")
    shop.json("create", "idea", "--from", "dev")
    idea = shop.path("idea")
    shop.write("kitchens.toml", want(other, "next"), idea)
    shop.json("lock", folder=idea)
    shop.git("commit", "--quiet", "--all", "--message", "follow next", folder=idea)
    assert shop.json("merge", "idea")["gate"]["recipes"] == []
    other.release("v2", score=42)

    kept = shop.json("lock", folder=idea)
    moved = shop.json("lock", "--update", "scoring", folder=idea)
    shop.git("commit", "--quiet", "--all", "--message", "scoring 2", folder=idea)
    (gated,) = shop.json("merge", "idea")["gate"]["recipes"]

    assert (kept["changed"], moved["ingredients"][0]["status"]) == (False, "updated")
    assert (gated["recipe"], gated["status"], gated["why"]) == (
        "scores",
        "passed",
        "ingredient scoring changed",
    )
    assert score(shop, "dev") == "42"
    assert shop.json("verify", "dev")["faults"] == []


def test_a_red_ingredient_keeps_its_pin_out(shop: Desk, other: Other) -> None:
    """What was tested with it is what would land."""
    shop.json("create", "idea", "--from", "dev")
    idea = shop.path("idea")
    other.release("v2", score=-1)
    shop.write("kitchens.toml", want(other, "v2"), idea)
    shop.json("lock", folder=idea)
    shop.git("commit", "--quiet", "--all", "--message", "scoring 2", folder=idea)

    document = shop.json("merge", "idea", status=1)

    assert document["gate"]["recipes"][0]["why"] == "ingredient scoring changed"
    assert score(shop, "dev") == "41"


def test_a_contract_that_an_update_breaks_is_found_by_the_check(shop: Desk, other: Other) -> None:
    """At the node, with what was wanted, what was given, and where the ingredient says so."""
    other.release("v2", 1, SCORING.replace('table = { type = "string" }', 'table = { type = "integer" }'))
    shop.write("kitchens.toml", want(other, "v2"))
    shop.json("lock")

    (fault,) = shop.json("recipe", "check", status=2)

    assert (fault["file"], fault["line"]) == ("recipes/scores/recipe.toml", 4)
    assert fault["message"] == (
        "node `score` gives input `table` of ingredient `scoring` a string, and it wants an integer"
    )
    assert fault["hint"] == "wanted in ingredients/scoring/recipe.toml:3"


@pytest.mark.parametrize(
    ("change", "message", "line"),
    [
        (("[ingredients.more]\ngit = 'x'\nrev = 'v1'",), "ingredient `more` is not pinned yet", 17),
        (
            ('rev = "v1"', 'rev = "v2"'),
            "ingredient `scoring` has `rev` `v2`, and `kitchens.lock` pins `v1`",
            16,
        ),
    ],
)
def test_what_the_lock_does_not_hold_is_a_fault(
    shop: Desk, change: tuple[str, ...], message: str, line: int
) -> None:
    """For the check always, and for an order that needs it."""
    text = (shop.folder / "kitchens.toml").read_text()
    shop.write("kitchens.toml", text.replace(*change) if len(change) > 1 else text + change[0])

    (fault,) = shop.json("recipe", "check", status=2)

    assert (fault["file"], fault["line"], fault["message"]) == ("kitchens.toml", line, message)
    assert fault["hint"] == "`kitchen lock` pins it"


def test_an_order_refuses_a_pin_that_is_not_what_the_cookbook_asks_for(shop: Desk, other: Other) -> None:
    """Exit status 2, and nothing ran; a recipe that does not use it runs."""
    shop.json("create", "idea", "--from", "dev")
    shop.write("kitchens.toml", want(other, "v2"), shop.path("idea"))

    error = shop.json("order", "run", "scores", "--kitchen", "idea", status=2)["error"]

    assert (error["file"], error["hint"]) == ("kitchens.toml", "`kitchen lock` pins it")
    assert shop.json("order", "run", "counts", "--kitchen", "idea")["status"] == "passed"


def test_a_clone_fetches_what_is_pinned(shop: Desk, tmp_path: Path, other: Other) -> None:
    """Without the files an order is no fault of the change (exit 5); `kitchen lock` fetches, and changes nothing."""
    clone = tmp_path / "clone"
    shop.git("clone", "--quiet", "--branch", "production", f"file://{shop.folder}", str(clone))
    other.release("v2", score=42)

    failed = shop.json("order", "run", "scores", status=5, folder=clone)["error"]
    fetched = shop.json("lock", folder=clone)

    assert failed["hint"] == "`kitchen lock` fetches them"
    assert (fetched["changed"], fetched["ingredients"][0]["status"]) == (False, "fetched")
    assert shop.json("order", "run", "scores", folder=clone)["status"] == "passed"


def test_a_commit_of_long_ago_is_verified_with_what_it_pinned(
    shop: Desk, tmp_path: Path, other: Other
) -> None:
    """`--commit` fetches what its lock names, and moves nothing."""
    before = shop.tip("production")
    other.release("v2", score=42)
    shop.write("kitchens.toml", want(other, "v2"))
    shop.json("lock")
    shop.git("commit", "--quiet", "--all", "--message", "scoring 2")
    clone = tmp_path / "clone"
    shop.git("clone", "--quiet", f"file://{shop.folder}", str(clone))
    shop.json("lock", folder=clone)

    failed = shop.json("test", "--commit", before, "--into", "production", status=5, folder=clone)["error"]
    fetched = shop.json("lock", "--commit", before, folder=clone)

    assert failed["hint"].startswith("`kitchen lock --commit ")
    assert [row["status"] for row in fetched["ingredients"]] == ["fetched"]
    assert (
        shop.json("test", "--commit", before, "--into", "production", folder=clone)["gate"]["status"]
        == "green"
    )
    assert shop.git("status", "--porcelain", folder=clone) == ""


@pytest.mark.parametrize(
    ("key", "status", "message", "hint"),
    [
        ('rev = "v11"', 2, "has no branch or tag `v11`", "did you mean `v1`?"),
        (
            'rev = "v1"\npath = "ingredients/scorin"',
            2,
            "has no folder `ingredients/scorin` at `v1`",
            "`path` says",
        ),
        ('rev = "v1"\npath = "ingredients"', 2, "holds no `recipe.toml`", ""),
    ],
)
def test_what_cannot_be_pinned_changes_nothing(
    desk: Desk, other: Other, key: str, status: int, message: str, hint: str
) -> None:
    """No file, no ref."""
    desk.write("kitchens.toml", want(other).replace('rev = "v1"', key))
    before = desk.refs()

    error = desk.json("lock", status=status)["error"]

    assert message in error["message"] and hint in (error["hint"] or "")
    assert not (desk.folder / "kitchens.lock").exists()
    assert "holds no" in message or desk.refs() == before


def test_a_repository_that_cannot_be_reached_is_no_fault_of_the_cookbook(desk: Desk, other: Other) -> None:
    """Exit status 5; a password in the address is refused, and not repeated."""
    desk.write("kitchens.toml", want(other).replace(str(other.folder), "/nowhere/at/all"))
    message = desk.json("lock", status=5)["error"]["message"]
    assert message.startswith("`/nowhere/at/all` cannot be fetched: '/nowhere/at/all' ")

    desk.write("kitchens.toml", want(other).replace(str(other.folder), "https://me:s3cret@example.org/x"))
    answer = desk.kitchen("lock")
    assert answer.status == 2
    assert "s3cret" not in answer.err and "credential helper" in answer.err


def test_an_ingredient_that_lies_here_too_is_a_fault(shop: Desk) -> None:
    """Which of the two would run is nobody's guess."""
    shop.write("ingredients/scoring/recipe.toml", SCORING)

    (fault,) = shop.json("recipe", "check", status=2)

    assert fault["message"].endswith("and lies in this cookbook too")


def test_a_cookbook_without_ingredients_has_nothing_to_pin(desk: Desk) -> None:
    """No file is made, and a commit of it needs nothing fetched."""
    assert desk.json("lock") == {
        "path": str(desk.folder / "kitchens.lock"),
        "changed": False,
        "ingredients": [],
        "images": [],
    }
    assert desk.json("lock", "--commit", "HEAD")["ingredients"] == []
    assert not (desk.folder / "kitchens.lock").exists()
    assert (
        desk.json("lock", "--commit", "nowhere", status=2)["error"]["message"]
        == "there is no commit `nowhere`"
    )


def test_an_ingredient_that_nobody_names_leaves_the_lock(shop: Desk) -> None:
    """Its files stay for the commits that pinned it."""
    shop.write("kitchens.toml", COOKBOOK)

    document = shop.json("lock")

    assert [row["status"] for row in document["ingredients"]] == ["removed"]
    assert "scoring" not in (shop.folder / "kitchens.lock").read_text()
    assert shop.git("for-each-ref", "refs/ingredients/") != ""
