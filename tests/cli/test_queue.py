"""`kitchen queue`: many changes at once."""

from __future__ import annotations

from tests.cli.conftest import RECIPE, Desk


def test_simulate_compares_the_policies(empty: Desk) -> None:
    """It needs no cookbook; `--json` lists them."""
    means = empty.json("queue", "simulate", "--changes", "16", "--seeds", "5")
    assert [one["policy"] for one in means] == ["auto", "serial", "prefix", "best-first", "bors", "zuul"]
    assert set(means[0]) == {"policy", "workers", "bad", "changes", "makespan", "gates"}
    answer = empty.kitchen("queue", "simulate", "--changes", "4", "--seeds", "2", "--policy", "serial")
    assert "serial  4.0         4.0" in answer.out


def test_simulate_plays_what_came_in(desk: Desk) -> None:
    """In the order in which it left, whether it was good or bad; what was dropped by hand had no verdict."""
    assert (
        desk.json("queue", "simulate", "--history", "production", status=2)["error"]["code"] == "no-history"
    )
    for name, top in (("one", 4), ("bad", 0), ("two", 4), ("gone", 4)):
        desk.json("create", name, "--no-test")
        desk.commit(f"{name}.txt", f"{name}\n", name)
        if not top:
            desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 2", "top = 0"), name)
        desk.json("queue", "add", name)
    desk.json("queue", "drop", "gone")
    document = desk.json("queue", "run", status=1)
    ended = {change["kitchen"]: change["status"] for change in document["changes"]}
    assert ended == {"one": "merged", "bad": "red", "two": "merged"}
    serial, bors = desk.json(
        "queue", "simulate", "--history", "production", "--policy", "serial", "--policy", "bors"
    )
    assert (serial["changes"], serial["bad"], serial["gates"]) == (3, 0.3333, 3)
    assert bors["gates"] >= 3
    answer = desk.kitchen("queue", "simulate", "--history", "production", "--bad", "0.5")
    assert (answer.status, "there is no --bad" in answer.err) == (2, True)


def test_simulate_takes_any_likelihood(empty: Desk) -> None:
    """Also none bad, and all."""
    for bad in ("0", "1"):
        means = empty.json("queue", "simulate", "--changes", "8", "--seeds", "2", "--bad", bad)
        assert all(one["makespan"] > 0 for one in means)


def test_what_is_added_waits_in_its_order(desk: Desk) -> None:
    """Each kitchen once; `list` and `add` say where."""
    for name in ("first", "second"):
        desk.json("create", name)
        desk.commit(f"{name}.md", "text\n", name)
    assert [row["place"] for row in desk.json("queue", "add", "first", "second")] == [1, 2]
    desk.json("queue", "add", "first")
    rows = desk.json("queue", "list")
    assert [(row["kitchen"], row["into"]) for row in rows] == [
        ("first", "production"),
        ("second", "production"),
    ]
    assert rows[0]["commit"] == desk.tip("first")
    assert "second" in desk.kitchen("queue", "list").out


def test_the_queue_of_a_kitchen_goes_with_it(desk: Desk) -> None:
    """What waited there is named; whoever takes the name later, or one below it, begins anew."""
    for name in ("idea", "topic"):
        desk.json("create", name, "--no-test")
    desk.json("queue", "add", "idea", "--into", "topic")
    answer = desk.kitchen("delete", "topic")
    assert (answer.status, "`idea` waited there" in answer.err) == (0, True)
    assert "refs/queue" not in desk.refs()
    desk.json("create", "topic/a", "--no-test")
    desk.json("queue", "add", "idea", "--into", "topic/a")
    assert [one["into"] for one in desk.json("queue", "list")] == ["topic/a"]


def test_drop_takes_a_kitchen_out(desk: Desk) -> None:
    """Its work stays; one that does not wait is named with the nearest."""
    desk.json("create", "idea")
    desk.json("queue", "add", "idea")
    answer = desk.kitchen("queue", "drop", "ida")
    assert (answer.status, "did you mean `idea`?" in answer.err) == (2, True)
    error = desk.json("queue", "drop", "idea", "--into", "idea", status=2)["error"]
    assert error["hint"] == "it waits in that of `production`"
    desk.json("queue", "drop", "idea")
    assert desk.json("queue", "list") == []
    assert desk.kitchen("queue", "list").out == "nothing waits\n"
    assert desk.git("log", "--format=%s", "refs/queue/production").split("\n") == ["dropped idea", "add idea"]


def test_add_refuses_before_anything_is_queued(desk: Desk) -> None:
    """A name that is no kitchen, and work that is not committed."""
    desk.json("create", "idea")
    before = desk.refs()
    assert desk.kitchen("queue", "add", "idea", "ideas").status == 2
    desk.write("recipes/counts/recipe.toml", "# edited\n", desk.path("idea"))
    answer = desk.kitchen("queue", "add", "idea")
    assert (answer.status, "nothing was queued" in answer.err) == (2, True)
    assert desk.refs() == before
