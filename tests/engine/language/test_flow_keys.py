"""The keys of fan-out, clean-up, limits and robust steps, as values and as faults."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from kitchens_engine.language.schedules import schedule
from kitchens_engine.recipe import Recipe
from kitchens_engine.retry import Occasion, Retry

Parse = Callable[..., Recipe]
Lines = Callable[..., list[str]]

NODE = "[nodes.a]\nrun = 'x'\n"


def test_every_key_becomes_a_value(parse: Parse) -> None:
    """Durations in seconds, occasions taken apart."""
    recipe = parse("""\
        timeout = "1h"
        on_timeout = "alert"
        concurrency = 4
        [pools]
        api = 2
        [variables]
        files = []
        [nodes.a]
        run = "x {{ each.item.name }} {{ each.index }}"
        outputs = { rows = "integer" }
        each = "variables.files"
        parallel = 3
        pool = "api"
        retries = 2
        retry_delay = "1s"
        backoff = "exponential"
        max_delay = "1m"
        jitter = 0.2
        retry_on = ["timeout", "exit:75", "exit:64-78", "matches:reset by peer", "lost", "test"]
        skip_on = [99]
        timeout = "5m"
        on_timeout = "alert"
        [[nodes.a.tests]]
        output = "rows"
        equals = 1
        blocks = ["c"]
        [nodes.b]
        needs = ["a"]
        always = true
        each = ["x", "y"]
        noop = true
        [nodes.c]
        needs = ["a"]
        noop = true
        """)
    a, b = recipe.nodes["a"], recipe.nodes["b"]
    assert (recipe.timeout, recipe.alert, recipe.concurrency, recipe.pools) == (3600, True, 4, {"api": 2})
    assert (a.each, a.parallel, a.pool, a.skip_on) == ("variables.files", 3, "api", (99,))
    assert (a.timeout, a.alert, a.always, a.tests[0].blocks) == (300, True, False, ("c",))
    occasions = (
        Occasion("timeout"),
        Occasion("exit", 75, 75),
        Occasion("exit", 64, 78),
        Occasion("matches", pattern="reset by peer"),
        Occasion("lost"),
        Occasion("test"),
    )
    assert a.retry == Retry(2, 1, "exponential", 60, 0.2, occasions)
    assert (b.always, b.each, b.tests) == (True, ("x", "y"), ())
    assert a.outputs == {"rows": "integer"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{NODE}each = ''", "3:1 [nodes.a.each] `nodes.a.each`: it is empty"),
        (f"{NODE}parallel = 2", "3:1 [nodes.a.parallel] `nodes.a.parallel` stands only beside `each`"),
        (f"{NODE}each = [1]\nparallel = 0", "4:1 [nodes.a.parallel] `nodes.a.parallel` must be at least 1, not 0"),
        (f"{NODE}retry_delay = 1", "3:1 [nodes.a.retry_delay] `nodes.a.retry_delay` stands only beside `retries`"),
        (f"{NODE}retries = 1\nretry_delay = 1\nbackoff = 'linear'", "5:1 [nodes.a.backoff] `nodes.a.backoff` must be one of `constant`, `exponential`, not `linear`"),
        (f"{NODE}retries = 1\nretry_delay = 1\njitter = 2", "5:1 [nodes.a.jitter] `nodes.a.jitter`: `2` is no share of the delay; write one from 0 to 1, such as `0.2`"),
        (f"{NODE}retries = 1\nretry_on = ['timout']", "4:13 [nodes.a.retry_on[0]] `nodes.a.retry_on[0]`: `timout` is no failure; write `timeout`, `lost`, `test`, `exit:75`, `exit:64-78` or `matches:` with a pattern"),
        (f"{NODE}retries = 1\nretry_on = ['exit:0']", "4:13 [nodes.a.retry_on[0]] `nodes.a.retry_on[0]`: `exit:0` names no exit statuses; they go from 1 to 255, the lower one first"),
        (f"{NODE}retries = 1\nretry_on = ['matches:(']", "4:13 [nodes.a.retry_on[0]] `nodes.a.retry_on[0]`: `(` is no regular expression: missing ), unterminated subpattern at position 0"),
        (f"{NODE}skip_on = [0]", "3:12 [nodes.a.skip_on[0]] `nodes.a.skip_on[0]`: `0` is no exit status of a failure; they go from 1 to 255"),
        ("[nodes.a]\nnoop = true\nskip_on = [1]", "3:1 [nodes.a.skip_on] `nodes.a.skip_on` stands only beside `run` or `python`"),
        (f"{NODE}on_timeout = 'alert'", "3:1 [nodes.a.on_timeout] `nodes.a.on_timeout` stands only beside `timeout`"),
        (f"concurrency = 0\n{NODE}", "1:1 [concurrency] `concurrency` must be at least 1, not 0"),
        (f"[pools]\napi = 0\n{NODE}", "2:1 [pools.api] `pools.api` must be at least 1, not 0"),
        (f"{NODE}always = 'yes'", "3:1 [nodes.a.always] `nodes.a.always` must be a boolean, not a string"),
        (f"{NODE}env = {{ A = '{{{{ each.item }}}}' }}", "3:9 [nodes.a.env.A] `each.item` is not there: only a node with `each` has items"),
        (f"{NODE}each = [1]\nenv = {{ A = '{{{{ each.itme }}}}' }}", "4:9 [nodes.a.env.A] `each.itme` is not there: `each` has no `itme`"),
        (f"{NODE}each = [1]\nwhen = 'each.item'", "4:1 [nodes.a.when] `each.item` is not there yet: `when` is asked once, before there are items"),
        (f"{NODE}each = 'outputs.b.files'", "3:1 [nodes.a.each] `outputs.b.files` is not there: this recipe has no node `b`"),
        (f"{NODE}each = 'variables.fi('", "3:1 [nodes.a.each] this condition cannot be read: unexpected 'end of template'"),
    ],
)  # fmt: skip
def test_a_fault_says_where_and_what(lines: Lines, text: str, line: str) -> None:
    """One sentence with line, column and key."""
    assert lines(text) == [f"recipe.toml:{line}"]


TEST = "[[nodes.a.tests]]\nname = 't'\noutput = 'x'\nequals = 1\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{NODE}{TEST}blocks = ['bb']\n[nodes.b]\nneeds = ['a']\nnoop = true", "7:11 [nodes.a.tests[0].blocks[0]] test `t` blocks `bb`, which this recipe does not have"),
        (f"{NODE}{TEST}blocks = ['b']\n[nodes.b]\nnoop = true", "7:11 [nodes.a.tests[0].blocks[0]] test `t` blocks `b`, which does not need `a`, so it may run first"),
        (f"{NODE}{TEST}blocks = ['b']\nfail = 'warn'\n[nodes.b]\nneeds = ['a']\nnoop = true", "7:1 [nodes.a.tests[0].blocks] test `t` blocks nothing: it does not stop when it fails, it says `fail = \"warn\"`"),
        (f"{NODE}{TEST}blocks = ['b']\n[nodes.b]\nneeds = ['a']\nalways = true\nnoop = true", "7:11 [nodes.a.tests[0].blocks[0]] test `t` cannot block `b`, which runs always"),
    ],
)  # fmt: skip
def test_a_test_blocks_what_comes_after_it(lines: Lines, text: str, line: str) -> None:
    """Anything else would block nothing."""
    assert lines(text) == [f"recipe.toml:{line}"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0-30/10,45 8-18 1,15 */2 mon-fri", None),
        ("@daily", None),
        ("0 6 * jan fri-sun", None),
        ("60 6 * * *", "`60` is no minute; they go from 0 to 59"),
        ("0 6 * 13 *", "`13` is no month; they go from 1 to 12"),
        ("0 18-6 * * *", "`18-6` ends before it begins"),
        ("*/0 * * * *", "`*/0` has no step; write one such as `*/5`"),
        ("0 6 * * mno", "`mno` is no day of the week; they go from 0 to 7"),
        ("every day", "is no schedule"),
    ],
)
def test_a_schedule_is_one_that_can_be_met(text: str, why: str | None) -> None:
    """Each part is a number, a name, a range or a step of its own kind."""
    if why is None:
        assert schedule(text) == text
        return
    with pytest.raises(ValueError, match=re.escape(why)):
        schedule(text)


def test_a_fault_of_a_test_has_its_own_line_behind_a_broken_one(lines: Lines) -> None:
    """A test that has no rule takes no other test's place."""
    broken = "[[nodes.a.tests]]\nvalue = '1'\n"
    found = lines(f"{NODE}{broken}[[nodes.a.tests]]\nvalue = 'run.id'\nequals = 'x'\nblocks = ['no']\n")

    assert [line.split()[0] for line in found] == ["recipe.toml:3:1", "recipe.toml:8:11"], found
