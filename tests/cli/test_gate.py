"""What a gate asks of a change, and what it says when it cannot."""

from __future__ import annotations

from tests.cli.conftest import COOKBOOK, RECIPE, Desk

BROKEN = "[nodes.x]\nrunn = 'true'\n"


def test_a_broken_recipe_makes_the_gate_of_a_new_kitchen_red(desk: Desk) -> None:
    """The kitchen is made to mend it in; file and line are named, and the other recipes are gated."""
    desk.commit("recipes/other/recipe.toml", BROKEN)
    document = desk.json("create", "dev", status=1)
    verdicts = {one["recipe"]: one for one in document["gate"]["recipes"]}
    assert verdicts["counts"]["status"] == "passed"
    assert verdicts["other"]["failures"][0]["why"].startswith("recipes/other/recipe.toml:2: unknown key")
    assert desk.path("dev").is_dir()


def test_a_broken_recipe_blocks_only_what_reaches_it(desk: Desk) -> None:
    """It is affected where it came in, and nowhere else."""
    desk.json("create", "dev")
    desk.commit("recipes/other/recipe.toml", BROKEN, "dev")
    desk.json("create", "idea", "--from", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), "idea")
    assert desk.json("test", "dev", "--recipe", "counts")["gate"]["status"] == "green"
    assert desk.json("merge", "idea")["status"] == "merged"
    error = desk.json("promote", "dev", status=2)["error"]
    assert (error["file"], error["line"]) == ("recipes/other/recipe.toml", 2)


def test_what_reaches_a_deleted_recipe_is_named_with_its_line(desk: Desk) -> None:
    """The deletion itself needs no run; the recipe that nests it cannot be run any more."""
    desk.commit("recipes/nest/recipe.toml", '[nodes.inner]\nrecipe = "counts"\n')
    desk.json("create", "dev")
    folder = desk.path("dev")
    desk.git("rm", "-rq", "recipes/counts", folder=folder)
    desk.git("commit", "-qm", "without counts", folder=folder)
    error = desk.json("merge", "dev", status=2)["error"]
    assert (error["file"], error["line"]) == ("recipes/nest/recipe.toml", 2)
    desk.git("rm", "-rq", "recipes/nest", folder=folder)
    desk.git("commit", "-qm", "without nest", folder=folder)
    merged = desk.json("merge", "dev")
    assert [(one["recipe"], one["status"]) for one in merged["gate"]["recipes"]] == [
        ("counts", "deleted"),
        ("nest", "deleted"),
    ]


def test_tests_of_one_name_on_two_nodes_are_two_measures(desk: Desk) -> None:
    """In the attestation as in the run; those of a nested recipe, too."""
    node = """
[nodes.{0}]
run = "echo n={1} > $KITCHEN_OUTPUT"
outputs = {{ n = "integer" }}
[[nodes.{0}.tests]]
name = "not empty"
output = "n"
above = 0
"""
    desk.write("recipes/inner/recipe.toml", node.format("deep", 3))
    text = node.format("one", 1) + node.format("two", 2) + '[nodes.nest]\nrecipe = "inner"\n'
    desk.commit("recipes/outer/recipe.toml", text)
    expected = {("one", "not empty", 1), ("two", "not empty", 2), ("nest/deep", "not empty", 3)}
    for status in ("passed", "attested"):
        (gated,) = desk.json("test", "production", "--recipe", "outer")["gate"]["recipes"]
        assert gated["status"] == status
        assert {(one["node"], one["name"], one["value"]) for one in gated["tests"]} == expected


def test_what_came_since_is_not_deleted_by_a_kitchen_that_lacks_it(desk: Desk) -> None:
    """It was made before; merged, it has both."""
    desk.json("create", "idea", "--no-test")
    desk.commit("recipes/new/recipe.toml", '[nodes.n]\nrun = "true"\n')
    desk.commit("recipes/mine/recipe.toml", '[nodes.n]\nrun = "true"\n', "idea")
    for words in (("test", "idea"), ("test", "--commit", "idea", "--into", "production")):
        assert [one["recipe"] for one in desk.json(*words)["gate"]["recipes"]] == ["mine"]


def test_the_isolation_that_counts_is_that_of_the_targets_tip(desk: Desk) -> None:
    """What production asks for later is not asked of what landed before, nor of another target."""
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 4"), "dev")
    desk.json("promote", "dev")
    stricter = COOKBOOK.replace("protected = true", 'protected = true\nisolation = "docker"')
    desk.commit("kitchens.toml", stricter)
    assert desk.json("verify", "production")["faults"] == []


def test_an_undeclared_file_is_missing_in_a_gate_with_the_hint_to_declare_it(desk: Desk) -> None:
    """What the fingerprint does not cover could change untested, so a gate goes without it and says so."""
    desk.write("lib/limits.txt", "1\n")
    desk.commit("lib/words.py", "HELLO = 'hello'\n")
    desk.json("create", "dev")
    text = RECIPE.replace("echo rows", "cat ../../lib/limits.txt; echo rows")
    desk.commit("recipes/counts/recipe.toml", text, "dev")
    failure = desk.json("merge", "dev", status=1)["gate"]["recipes"][0]["failures"][0]
    assert failure["hint"].startswith("`lib/limits.txt` is in the cookbook, but `counts` does not declare it")
    assert "hint: `lib/limits.txt`" in desk.kitchen("merge", "dev").out
    desk.commit("kitchens.toml", f'{COOKBOOK}\n[gate]\nshared = ["lib"]\n')
    desk.json("merge", "production", "--into", "dev")
    assert desk.json("merge", "dev")["status"] == "merged"


def test_shared_paths_may_be_written_as_a_shell_would(desk: Desk) -> None:
    """`./lib/` is `lib`, in the fingerprint and in the gate's checkout."""
    desk.write("kitchens.toml", f'{COOKBOOK}\n[gate]\nshared = ["./lib/"]\n')
    desk.write("lib/limits.txt", "1\n")
    text = RECIPE.replace("echo rows", "cat ../../lib/limits.txt; echo rows")
    desk.commit("recipes/counts/recipe.toml", text)
    desk.json("create", "dev")
    desk.commit("lib/limits.txt", "2\n", "dev")
    why = desk.json("preview", "dev")["recipes"][0]["why"]
    assert why == "shared path lib changed"


def test_why_what_is_attested_runs_again_is_that_somebody_asked(desk: Desk) -> None:
    """It is not said to lack an attestation that it has."""
    first = desk.json("test", "production", "--all")["gate"]["recipes"][0]
    again = desk.json("test", "production", "--all", "--again")["gate"]["recipes"][0]
    assert (first["status"], first["why"]) == ("passed", "not attested yet")
    assert (again["status"], again["why"]) == ("passed", "asked for again")


def test_what_a_node_left_in_its_checkout_is_not_in_the_next(desk: Desk) -> None:
    """Files that it changed, added or removed: each gate has exactly its tree, though most of it lay there already."""
    for number in range(250):
        desk.write(f"recipes/counts/parts/{number}.txt", f"{number}\n")
    run = "test ! -e junk; test $(cat parts/*.txt | wc -l) = 250; grep -qx 7 parts/7.txt; "
    run += "touch junk; echo 8 > parts/7.txt; rm parts/8.txt; mkdir -p parts/more"
    desk.commit("recipes/counts/recipe.toml", f"[nodes.look]\nrun = '''{run}'''\n")
    for _ in range(3):
        gate = desk.json("test", "production", "--all", "--again")["gate"]
        assert gate["status"] == "green"
    state = desk.folder / ".git/kitchens"
    assert len(list((state / "pool").iterdir())) == 1
    assert list((state / "gates").iterdir()) == []
