"""Which nodes start, in which order, and which are skipped and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kitchens_engine.errors import InvalidInput
from kitchens_engine.outcome import Status
from kitchens_engine.state.asked import left_before
from kitchens_engine.state.flow import Flow
from kitchens_engine.state.past import Past
from kitchens_engine.state.plan import topological
from tests.engine.runner.conftest import Bench


@st.composite
def graphs(draw: st.DrawFn) -> Mapping[str, Sequence[str]]:
    """Any graph without circles, its nodes in any order of the file."""
    names = [f"n{number}" for number in range(draw(st.integers(0, 12)))]
    needs = {
        name: draw(st.lists(st.sampled_from(names[:place]), unique=True)) if place else []
        for place, name in enumerate(names)
    }
    return {name: needs[name] for name in draw(st.permutations(names))}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(graphs())
def test_any_graphs_order_respects_its_edges(needs: Mapping[str, Sequence[str]]) -> None:
    """Every node comes once, after all that it needs."""
    order = topological(needs)

    assert sorted(order) == sorted(needs)
    assert all(order.index(other) < order.index(name) for name in needs for other in needs[name])


@given(graphs(), st.data())
def test_every_node_is_announced_once_and_only_after_its_needs(
    needs: Mapping[str, Sequence[str]], data: st.DataObject
) -> None:
    """Whatever the nodes come to: what starts has needs that ended well, the rest is skipped with a reason."""
    flow, ended = Flow(needs), dict[str, Status]()
    freed = flow.first()
    announced, ready = list[str](), list[str]()
    while freed or ready:
        announced += [following.name for following in freed]
        ready += [following.name for following in freed if following.skip is None]
        ended |= {following.name: Status.SKIPPED for following in freed if following.skip is not None}
        if not ready:
            break
        name = ready.pop(data.draw(st.integers(0, len(ready) - 1)))
        assert all(ended[other] is not Status.FAILED for other in needs[name])
        ended[name] = data.draw(
            st.sampled_from((Status.PASSED, Status.WARNED, Status.FAILED, Status.SKIPPED))
        )
        freed = flow.end(name, ended[name])

    assert sorted(announced) == sorted(needs) == sorted(ended)


def test_a_circle_is_refused() -> None:
    """With the nodes in it."""
    with pytest.raises(InvalidInput, match="circle: `a`, `b`"):
        topological({"a": ["b"], "b": ["a"], "c": []})


def test_a_chain_of_ten_thousand_nodes_skips_without_deep_recursion() -> None:
    """One failure at its head reaches its end."""
    needs = {"n0": []} | {f"n{number}": [f"n{number - 1}"] for number in range(1, 10_000)}

    freed = Flow(needs).end("n0", Status.FAILED)

    assert len(freed) == 9_999
    assert freed[-1].skip == "`n0` failed"


def test_a_failure_upstream_skips_with_the_reason(bench: Bench) -> None:
    """All the way down; what does not need it runs."""
    bench.recipe("""
        [nodes.bad]
        run = "exit 3"
        [nodes.good]
        run = "true"
        [nodes.after]
        needs = ["bad", "good"]
        run = "true"
        [nodes.later]
        needs = ["after", "good"]
        run = "true"
    """)

    record = bench.run()

    assert record.status == "failed"
    assert {path: (str(node.status), node.why) for path, node in bench.nodes(record).items()} == {
        "bad": ("failed", "exit status 3"),
        "good": ("passed", None),
        "after": ("skipped", "`bad` failed"),
        "later": ("skipped", "`bad` failed"),
    }


def test_a_skip_by_when_spares_nodes_that_also_need_others_that_ran(bench: Bench) -> None:
    """If all that a node needs was skipped, it is skipped; one that ran is enough to run it."""
    bench.recipe("""
        [variables]
        deep = false
        [nodes.shallow]
        run = "true"
        [nodes.deep]
        when = "variables.deep"
        run = "true"
        [nodes.deeper]
        needs = ["deep"]
        run = "true"
        [nodes.report]
        needs = ["shallow", "deeper"]
        run = "true"
    """)

    record = bench.run()

    assert record.status == "passed"
    assert {path: (str(node.status), node.why) for path, node in bench.nodes(record).items()} == {
        "shallow": ("passed", None),
        "deep": ("skipped", "`when` is false: variables.deep"),
        "deeper": ("skipped", "`deep` was skipped"),
        "report": ("passed", None),
    }
    assert bench.statuses(bench.run(overrides=("deep=true",)))["deeper"] == "passed"


def test_when_sees_outputs_and_the_count_of_tests(bench: Bench) -> None:
    """Of what is upstream."""
    bench.recipe("""
        [nodes.clean]
        run = "echo rows=5 >> $KITCHEN_OUTPUT"
        [[nodes.clean.tests]]
        output = "rows"
        at_least = 6
        fail = "warn"
        [nodes.score]
        needs = ["clean"]
        when = "outputs.clean.rows > 0 and tests.clean.warned == 0"
        run = "true"
        [nodes.mend]
        needs = ["clean"]
        when = "tests.clean.warned == 1 and tests.clean.passed + tests.clean.failed == 0"
        run = "true"
    """)

    assert bench.statuses(bench.run()) == {"clean": "warned", "score": "skipped", "mend": "passed"}


def test_independent_nodes_run_at_once(bench: Bench) -> None:
    """Each waits for a sign of the other."""
    wait = "touch $KITCHEN_DATA/{0}; while [ ! -e $KITCHEN_DATA/{1} ]; do sleep 0.01; done"
    bench.recipe(f"""
        [nodes.a]
        run = "{wait.format("a", "b")}"
        timeout = 20
        [nodes.b]
        run = "{wait.format("b", "a")}"
        timeout = 20
    """)

    assert bench.run().status == "passed"


def test_a_nodes_seconds_do_not_count_its_wait_for_a_place(bench: Bench) -> None:
    """They begin with its first try."""
    bench.recipe("""
        [nodes.first]
        run = "sleep 2"
        [nodes.second]
        run = "true"
    """)

    nodes = bench.nodes(bench.run(jobs=1))

    assert (nodes["first"].seconds or 0) >= 2 > (nodes["second"].seconds or 0)


def test_a_selection_runs_just_those_nodes_with_outputs_of_the_last_passed_run(bench: Bench) -> None:
    """What they need outside counts as met."""
    bench.recipe("""
        [nodes.a]
        run = "echo x=7 >> $KITCHEN_OUTPUT"
        [nodes.b]
        needs = ["a"]
        run = "echo y={{ outputs.a.x }} >> $KITCHEN_OUTPUT"
        [nodes.c]
        needs = ["b"]
        run = "true"
    """)

    with pytest.raises(InvalidInput, match="node `a` is outside the selection, and has never passed"):
        bench.run(nodes=("b",))
    bench.run(nodes=("a",))
    record = bench.run(nodes=("b",))

    assert {path: dict(node.outputs) for path, node in bench.nodes(record).items()} == {"b": {"y": 7}}


def test_a_selected_node_sees_the_tests_of_the_last_passed_run(bench: Bench) -> None:
    """Of a node outside, and of all instances of one that is fanned out; a run that is taken up sees the same."""
    bench.recipe("""
        [variables]
        good = false
        [nodes.a]
        run = "echo x=7 >> $KITCHEN_OUTPUT"
        [[nodes.a.tests]]
        name = "t"
        output = "x"
        below = 5
        fail = "warn"
        [nodes.f]
        each = [1, 2, 3]
        run = "echo x={{ each.item }} >> $KITCHEN_OUTPUT"
        [[nodes.f.tests]]
        name = "t"
        output = "x"
        below = 3
        fail = "warn"
        [nodes.b]
        needs = ["a", "f"]
        when = "tests.a.warned == 1 and tests.f.passed == 2 and tests.f.warned == 1 and tests.f.failed == 0"
        run = "{{ variables.good | lower }}"
    """)
    bench.run(nodes=("a", "f"))

    first = bench.order(nodes=("b",))
    record = bench.carry_out(first)
    bench.run(nodes=("a",), variables={"good": True})
    past = Past(bench.records.run(first.run), continued=False)
    taken_up = bench.run(nodes=("b",), variables={"good": True}, past=past, earlier=left_before(past))

    assert bench.statuses(record) == {"b": "failed"}
    assert bench.statuses(taken_up) == {"b": "passed"}


def test_a_selected_node_reads_all_that_is_upstream_of_it(bench: Bench) -> None:
    """Outputs behind a node that does not run come along, and selected nodes keep their order."""
    bench.recipe("""
        [variables]
        x = 7
        [nodes.a]
        run = "sleep 0.2; echo x={{ variables.x }} >> $KITCHEN_OUTPUT"
        [nodes.b]
        needs = ["a"]
        run = "true"
        [nodes.c]
        needs = ["b"]
        run = "echo z={{ outputs.a.x }} >> $KITCHEN_OUTPUT"
    """)
    bench.run()

    alone = bench.nodes(bench.run(nodes=("c",)))
    both = bench.nodes(bench.run(nodes=("c", "a"), overrides=("x=8",)))

    assert [dict(node.outputs) for node in (alone["c"], both["c"])] == [{"z": 7}, {"z": 8}]


def test_a_gate_takes_no_outputs_of_other_runs(bench: Bench) -> None:
    """Neither does anybody take those of a gate."""
    bench.recipe("""
        [nodes.a]
        run = "echo x=7 >> $KITCHEN_OUTPUT"
        [nodes.b]
        needs = ["a"]
        run = "echo y={{ outputs.a.x }} >> $KITCHEN_OUTPUT"
    """)
    bench.run(gate=True)
    with pytest.raises(InvalidInput, match="has never passed"):
        bench.run(nodes=("b",))
    bench.run()

    with pytest.raises(InvalidInput, match="has never passed"):
        bench.run(nodes=("b",), gate=True)


def test_a_plus_adds_all_upstream(bench: Bench) -> None:
    """Also in a variation's nodes."""
    bench.recipe("""
        [variations.upto]
        nodes = ["+b"]
        [nodes.a]
        run = "true"
        [nodes.b]
        needs = ["a"]
        run = "true"
        [nodes.c]
        needs = ["b"]
        run = "true"
    """)

    assert bench.statuses(bench.run(variation="upto")) == {"a": "passed", "b": "passed"}
    assert bench.statuses(bench.run(variation="upto", nodes=("+a",))) == {"a": "passed"}
    with pytest.raises(InvalidInput, match="no node `d`"):
        bench.run(nodes=("+d",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'run = "true"\nsecrets = { T = "vault:x/y" }',
            "node `n` wants secret `x/y` as `T`, and this run has no vault",
        ),
        ('sql = "select 1"\nconnection = "warehouse"', "uses connection `warehouse`, which"),
        ('notebook = "x.ipynb"', "node `n`: `notebook` comes with a later version"),
        ('recipe = "r"', "runs a recipe inside itself: recipe r → recipe r"),
        ('recipe = "nothing"', "no recipe named `nothing`"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(bench: Bench, text: str, message: str) -> None:
    """With file and line, and without a record."""
    bench.recipe(f"[nodes.first]\nrun = 'touch $KITCHEN_DATA/ran'\n[nodes.n]\nneeds = ['first']\n{text}")

    with pytest.raises(InvalidInput, match=message):
        bench.run()

    assert not (bench.root / "data").exists()
    assert bench.records.runs() == []


def test_a_node_that_was_only_ever_skipped_is_met_without_outputs(bench: Bench) -> None:
    """In a run that passed; one behind a failure is not met."""
    bench.recipe("""
        [variables]
        want = false
        fail = false
        [nodes.first]
        run = "{{ 'false' if variables.fail else 'true' }}"
        [nodes.maybe]
        needs = ["first"]
        when = "variables.want"
        noop = true
        [nodes.last]
        needs = ["maybe", "first"]
        noop = true
    """)

    bench.run(overrides=("fail=true",))
    with pytest.raises(InvalidInput, match="never passed"):
        bench.run(nodes=("last",))
    bench.run()
    assert bench.statuses(bench.run(nodes=("last",))) == {"last": "passed"}
    with pytest.raises(InvalidInput, match="leaves no node"):
        bench.run(nodes=("last", "-last"))


def test_what_a_part_of_a_nested_recipe_needs_may_come_from_its_own_run(bench: Bench) -> None:
    """For each item of a list, too."""
    bench.recipe(
        """
        [nodes.x]
        run = 'echo q=7 > "$KITCHEN_OUTPUT"'
        [nodes.y]
        needs = ["x"]
        run = "echo {{ outputs.x.q }}"
        [variations.only]
        nodes = ["y"]
        """,
        "inner",
    ).recipe("""
        [nodes.each]
        each = [1, 2]
        recipe = "inner"
        variation = "only"
    """)
    with pytest.raises(InvalidInput, match="`each/x` is outside the selection"):
        bench.run()

    bench.run("inner")
    nodes = bench.nodes(bench.run())

    assert [bench.log(nodes[f"each[{n}]/y"]) for n in (0, 1)] == ["7\n", "7\n"]


def test_a_condition_on_what_was_skipped_says_so(bench: Bench) -> None:
    """The name is not there, because nothing ran; a default says what counts then."""
    bench.recipe("""
        [variables]
        want = false
        [nodes.maybe]
        when = "variables.want"
        run = "true"
        outputs = { n = "integer" }
        [nodes.other]
        noop = true
        [nodes.strict]
        needs = ["maybe", "other"]
        when = "outputs.maybe.n > 0"
        noop = true
        [nodes.lenient]
        needs = ["maybe", "other"]
        when = "outputs.maybe.n | default(1) > 0"
        noop = true
    """)

    nodes = bench.nodes(bench.run())

    assert (nodes["strict"].why or "").endswith("; `maybe` was skipped, so it gave no outputs")
    assert nodes["lenient"].status == "passed"
