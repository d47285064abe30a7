"""Where the value of a variable comes from."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Desk

RECIPE = """
[variables]
top = 3
schema = { raw = "raw", mart = "mart" }
token = ""

[constraints.top]
at_least = 0
at_most = 9
[constraints.token]
hidden = true
[constraints.customer]
type = "string"
required = true

[variations.test]
variables = { top = 2, schema = { mart = "test" }, customer = "nobody" }

[nodes.count]
run = "echo {{ variables.top }}"
"""


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """A cookbook with a recipe that has everything, and a kitchen `dev` with settings."""
    desk.commit("recipes/counts/recipe.toml", RECIPE)
    desk.json("create", "dev", "--no-test")
    desk.json("set", "dev", "top=5", "schema.raw=mine")
    desk.json("set", "dev", "top=4")
    return desk


def test_each_level_is_shown_with_its_place_and_the_highest_wins(shop: Desk) -> None:
    """Files by line; settings by the commit that wrote them, who, and when; `--set` as it is."""
    document = shop.json(
        "recipe", "explain", "counts", "--kitchen", "dev", "--variation", "test", "--set", "top=7"
    )
    top, raw, mart, _, customer = document["variables"]
    settings = top["levels"][2]

    assert [(level["level"], level["value"]) for level in top["levels"]] == [
        ("recipe", 3),
        ("variation", 2),
        ("settings", 4),
        ("--set", 7),
    ]
    assert (top["value"], top["winner"], top["constraint"]) == (7, "--set", {"at_least": 0, "at_most": 9})
    assert (top["levels"][0]["file"], top["levels"][0]["line"]) == ("recipes/counts/recipe.toml", 3)
    assert top["levels"][1]["line"] == 17
    assert shop.git("show", "-s", "--format=%s", settings["commit"]) == "set top=4"
    assert settings["kitchen"] == "dev"
    assert settings["when"].endswith("Z")
    assert (raw["name"], raw["winner"], mart["winner"]) == ("schema.raw", "settings", "variation")
    assert (
        shop.git("show", "-s", "--format=%s", raw["levels"][1]["commit"]) == "set top=5; set schema.raw=mine"
    )
    assert [level["level"] for level in customer["levels"]] == ["variation"]


def test_a_gate_turns_variation_and_settings_round(shop: Desk) -> None:
    """The gate's variation stands over the settings of the kitchen that the change would land in."""
    document = shop.json("recipe", "explain", "counts", "--gate", "--kitchen", "dev", "--into", "dev")
    top = document["variables"][0]

    assert (document["variation"], document["into"]) == ("test", "dev")
    assert [level["level"] for level in top["levels"]] == ["recipe", "settings", "variation"]
    assert (top["value"], top["winner"]) == (2, "variation")


def test_what_nobody_gives_and_what_nobody_may_see(shop: Desk) -> None:
    """A missing required variable is said, and a hidden one masked: explaining refuses nothing."""
    words = ("recipe", "explain", "counts", "--kitchen", "dev", "--set", "token=t-4711", "--set", "top=10")
    document = shop.json(*words)
    found = {one["name"]: one for one in document["variables"]}
    answer = shop.kitchen(*words)

    assert found["customer"]["problem"] == "it is required, and no level gives it"
    assert found["top"]["problem"] == "variable `top` must be at most 9, not `10`"
    assert found["token"]["value"] == "***"
    assert "t-4711" not in answer.out
    assert "  customer = ?  (string, required)" in answer.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--variation", "tset"), "recipe `counts` has no variation `tset`"),
        (("--set", "tpo=1"), "no variable `tpo` is declared"),
        (("--gate", "--set", "top=1"), "a gate has its own variation, and takes no `--set`"),
        (("--into", "dev"), "`--into` is for `--gate`"),
    ],
)
def test_a_wrong_question_is_one_sentence(shop: Desk, words: tuple[str, ...], message: str) -> None:
    """With exit status 2."""
    document = shop.json("recipe", "explain", "counts", "--kitchen", "dev", *words, status=2)

    assert document["error"]["message"] == message


def test_why_tells_who_set_what_and_who_reads_it(shop: Desk) -> None:
    """Of every setting, or of those named."""
    document = shop.json("why", "dev", "schema")
    (row,) = document["settings"]

    assert (row["name"], row["value"]) == ("schema.raw", "mine")
    assert row["recipes"] == [{"recipe": "counts", "value": "raw"}]
    assert row["who"] and row["commit"]
    assert len(shop.json("why", "dev")["settings"]) == 2
    assert shop.json("why", "dev", "tpo", status=2)["error"]["hint"] == "did you mean `top`?"


def test_a_setting_is_held_to_the_constraints_and_never_hides_a_secret_in_git(shop: Desk) -> None:
    """Refused with the constraint's place; what is hidden is not written to git."""
    before = shop.refs()

    over = shop.json("set", "dev", "top=10", status=2)["error"]
    secret = shop.json("set", "dev", "token=t-4711", status=2)["error"]

    assert (over["message"], over["line"]) == (
        "recipe `counts`: variable `top` must be at most 9, not `10`",
        7,
    )
    assert "settings are written to git" in secret["message"] and "t-4711" not in str(secret)
    assert shop.refs() == before
