"""`recipe.toml` is read whole, or every fault of it is told at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kitchens_engine.errors import Fault
from kitchens_engine.language.shelf import Shelf
from kitchens_engine.recipe import OnFailure, Recipe

Parse = Callable[..., Recipe]
Faults = Callable[..., list[Fault]]
Lines = Callable[..., list[str]]

#: The example of the contract, to which the actions of later versions are added.
WHOLE = """\
description = "Which carriers run late, and does the weather explain it?"
requires = ["reference-data"]

[variables]
year = 2013
sample = 1.0
schema = { raw = "raw", mart = "mart" }

[variations.full]
schedule = "0 6 * * *"
timezone = "Europe/Berlin"
[variations.test]
variables = { sample = 0.01 }
[variations.extract-only]
nodes = ["ingest", "+clean"]

[inputs]
table = { type = "string" }
[outputs]
rows = { type = "integer", value = "{{ outputs.clean.rows }}" }

[nodes.ingest]
run = "python ingest.py --year {{ variables.year }}"
outputs = { files = "list" }
secrets = { API_TOKEN = "vault:flights/token" }
retries = 2
retry_delay = "10s"
timeout = "5m"
env = { LEVEL = 3, ON = true, TABLE = "{{ inputs.table }}" }

[nodes.clean]
needs = ["ingest"]
sql = "clean.sql"
connection = "warehouse"

[[nodes.clean.tests]]
name = "no flight leaves before it is scheduled"
sql = "select count(*) from flights where dep_time < 0"
equals = 0
fail = "warn"
[[nodes.clean.tests]]
value = "outputs.clean.rows / 2"
between = [0, "{{ outputs.clean.rows }}"]
[[nodes.clean.tests]]
output = "rows"
control = true

[nodes.score]
needs = ["clean"]
when = "outputs.clean.rows > 0 and tests.clean.warned == 0"
ingredient = "scoring"
inputs = { table = "flights" }

[nodes.report]
needs = ["score"]
recipe = "reporting"
variation = "daily"
variables = { year = "{{ variables.year }}" }

[nodes.words]
run = ["echo", "{{ variables.schema.raw }}"]
database = "read"
[nodes.call]
python = "model:train"
[nodes.copied]
copy = { from = "a", to = "b" }
[nodes.notebook]
notebook = "model.ipynb"
[nodes.waited]
wait = "5m"
[nodes.nothing]
noop = true
"""

FILES = {"ingest_py": "", "clean_sql": "select {{ variables.sample }}", "model_py": "def train(): ..."}


def test_everything_in_the_contract_is_read(parse: Parse) -> None:
    """Every section and key, those of later versions too, becomes a value."""
    recipe = parse(WHOLE, "ingredients/r", **FILES)
    ingest, clean, report = (recipe.nodes[name] for name in ("ingest", "clean", "report"))
    assert recipe.file == "ingredients/r/recipe.toml"
    assert recipe.requires == ("reference-data",)
    assert recipe.variables["schema"] == {"raw": "raw", "mart": "mart"}
    assert recipe.variations["full"].schedule == "0 6 * * *"
    assert recipe.variations["extract-only"].nodes == ("ingest", "+clean")
    assert recipe.outputs["rows"]["value"] == "{{ outputs.clean.rows }}"
    assert (ingest.action, ingest.retry.times, ingest.retry.delay, ingest.timeout) == ("run", 2, 10.0, 300.0)
    assert ingest.env == {"LEVEL": "3", "ON": "true", "TABLE": "{{ inputs.table }}"}
    assert ingest.outputs == {"files": "list"}
    assert clean.outputs is None
    assert (clean.needs, clean.connection, clean.position.line) == (("ingest",), "warehouse", 31)
    assert [(test.rule, test.fail, test.position.line) for test in clean.tests] == [
        ("equals", OnFailure.WARN, 36),
        ("between", OnFailure.STOP, 41),
        ("control", OnFailure.STOP, 44),
    ]
    assert (report.body, report.variation) == ("reporting", "daily")
    assert [recipe.nodes[name].action for name in ("copied", "notebook", "waited", "nothing")] == [
        "copy",
        "notebook",
        "wait",
        "noop",
    ]


def test_a_test_without_a_name_is_named_by_what_it_asks(parse: Parse) -> None:
    """Its measure, rule and limit tell tests apart."""
    recipe = parse("[nodes.a]\nrun = 'x'\n[[nodes.a.tests]]\noutput = 'rows'\nat_least = 1")
    assert recipe.nodes["a"].tests[0].name == "rows at least 1"


def test_functional_tests_are_seen(parse: Parse, shelf: Callable[..., object]) -> None:
    """pytest files in `tests/`, at any depth, belong to the recipe."""
    files = {"recipes/r/recipe.toml": "[nodes.a]\nnoop = true", "recipes/r/tests/deep/test_a.py": ""}
    assert shelf(files).recipe("r").functional_tests  # type: ignore[attr-defined]
    assert not parse("[nodes.a]\nnoop = true").functional_tests


def test_all_faults_are_told_at_once_in_the_order_of_the_file(lines: Lines) -> None:
    """A wrong type hides neither the unknown key before it nor the missing node after it."""
    assert lines("""\
        [variables]
        year = 2013
        [variations.test]
        variables = { yaer = 2014, year = "x" }
        [nodes.a]
        run = "echo {{ variables.yaer }}"
        retries = "two"
        nedes = []
        [nodes.b]
        needs = ["aa"]
        run = "true"
        sql = "select 1"
        [nodes.c]
        """) == [
        "recipe.toml:4:15 [variations.test.variables.yaer] no variable `yaer` is declared",
        "recipe.toml:4:28 [variations.test.variables.year] variable `year` is an integer, not a string (`x`)",
        "recipe.toml:6:1 [nodes.a.run] `variables.yaer` is not there: `variables` has no `yaer`",
        "recipe.toml:7:1 [nodes.a.retries] `nodes.a.retries` must be an integer, not a string",
        "recipe.toml:8:1 [nodes.a.nedes] unknown key `nedes` in `nodes.a`",
        "recipe.toml:10:10 [nodes.b.needs[0]] node `b` needs `aa`, which this recipe does not have",
        "recipe.toml:12:1 [nodes.b.sql] `nodes.b` has more than one action: `run` and `sql`",
        "recipe.toml:13:1 [nodes.c] `nodes.c` has no action",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1:1 [] the file lacks `nodes`"),
        ("[nodes]", "1:1 [nodes] `nodes`: it is empty"),
        ("nodes = 1", "1:1 [nodes] `nodes` must be a table, not an integer"),
        ("[nodes.a]\nrun = ", "2:7 [] this is not TOML: invalid value"),
        ("[nodes.a]\nrun = 'x'\nrun = 'y'", "3:10 [] this is not TOML: cannot overwrite a value"),
        ("[nodes.a]\nnoop = true\n[nodes.a]", "3:9 [] this is not TOML: cannot declare `nodes.a` twice"),
        ("[nodes.a", "1:9 [] this is not TOML: expected ']' at the end of a table declaration"),
        (f"[nodes.{'a' * 201}]\nnoop = true", f"1:1 [nodes.{'a' * 201}] `nodes.{'a' * 201}`: the name is longer than 200 bytes, and its logs lie in a folder of that name"),
        ("[nodes.'a/b']\nnoop = true", "1:1 [nodes.\"a/b\"] `nodes.\"a/b\"`: `a/b` is no name; use letters, digits, `_` and `-`"),
        ("[nodes.a]\nrun = ''", "2:1 [nodes.a.run] `nodes.a.run`: it is empty"),
        ("[nodes.a]\nrun = []", "2:1 [nodes.a.run] `nodes.a.run`: it is empty"),
        ("[nodes.a]\nrun = ['a', 1]", "2:13 [nodes.a.run[1]] `nodes.a.run[1]` must be a string, not an integer"),
        ("[nodes.a]\nnoop = false", "2:1 [nodes.a.noop] `nodes.a.noop` must be `true`, not `false`"),
        ("[nodes.a]\npython = 'x'", "2:1 [nodes.a.python] `nodes.a.python`: `x` is neither a script such as `score.py` nor a function such as `score:main`"),
        ("[nodes.a]\nnoop = true\ntimeout = 0", "3:1 [nodes.a.timeout] `nodes.a.timeout`: it must be longer than nothing"),
        ("[nodes.a]\nnoop = true\nretries = -1", "3:1 [nodes.a.retries] `nodes.a.retries` must be at least 0, not -1"),
        ("[nodes.a]\nnoop = true\nneeds = 'b'", "3:1 [nodes.a.needs] `nodes.a.needs` must be a list, not a string"),
        ("[nodes.a]\nnoop = true\nneeds = ['a']", "3:10 [nodes.a.needs[0]] node `a` needs itself"),
        ("[nodes.a]\nnoop = true\nwhen = '{{ run.id }} == 1'", "3:1 [nodes.a.when] the `when` of `a` is text with values in it, and no condition"),
        ("[variables]\nx = 'a'\n[nodes.a]\nrun = '{{ variables.x.upper() }} {{ variables.x.y }}'", "4:1 [nodes.a.run] `variables.x.y` is not there: `variables.x` is a string"),
        ("[nodes.b]\nnoop = true\n[nodes.a]\nneeds = ['b']\nrun = '{{ outputs.b.x }}'", "5:1 [nodes.a.run] `outputs.b.x` is not there: `b` is a `noop` node, which gives no outputs"),
        ("[nodes.a]\nrun = '{{ run.started | days }}'", "2:1 [nodes.a.run] `days` lacks what it is to go by"),
        ("[nodes.a]\nnoop = true\nvariation = 'x'", "3:1 [nodes.a.variation] `nodes.a.variation` stands only beside `recipe` or `ingredient`"),
        ("[nodes.a]\nnoop = true\nenv = { KITCHEN_RUN = 'x' }", "3:9 [nodes.a.env.KITCHEN_RUN] `nodes.a.env.KITCHEN_RUN`: `KITCHEN_RUN` cannot be set; a name has letters, digits and `_`, and `KITCHEN…` is ours"),
        ("[variations.x]\nnodes = ['+b']\n[nodes.a]\nnoop = true", "2:10 [variations.x.nodes[0]] variation `x` runs node `b`, which this recipe does not have"),
        ("[variations.x]\nschedule = 'daily'\n[nodes.a]\nnoop = true", "2:1 [variations.x.schedule] `variations.x.schedule`: `daily` is no schedule; write minute, hour, day of month, month and day of week, such as `0 6 * * *`"),
    ],
)  # fmt: skip
def test_a_fault_says_where_and_what(lines: Lines, text: str, line: str) -> None:
    """One sentence with line, column and key."""
    assert lines(text) == [f"recipe.toml:{line}"]


@pytest.mark.parametrize(
    "text",
    [
        "[nodes.a]\neach = []\nrun = 'echo {{ each.item }}'",
        "[nodes.a]\neach = 3\nrun = 'echo {{ each.index }}'",
        "[nodes.b]\nnoop = true\n[nodes.c]\nneeds = 'b'\nnoop = true\n[nodes.a]\nneeds = ['c']\nrun = 'echo {{ outputs.b.x }}'",
        "[nodes.a]\nnoop = true\nretris = 1\nretry_delay = '1s'",
        "[constraints.c]\ntype = 'strin'\nrequired = true\n[nodes.a]\nrun = 'echo {{ variables.c }}'",
        "[constraints.c]\ntype = 'string'\nrequired = 'yes'\n[nodes.a]\nrun = 'echo {{ variables.c }}'",
    ],
)
def test_one_fault_is_told_once(lines: Lines, text: str) -> None:
    """What is missing only because of it is no second one."""
    assert len(lines(text)) == 1


def test_a_secret_is_never_repeated(lines: Lines) -> None:
    """A value that stands where a reference to the vault should is not shown."""
    (line,) = lines("[nodes.a]\nrun = 'x'\nsecrets = { TOKEN = 'hunter2' }")
    assert "vault" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("nedes = []", "did you mean `needs`?"),
        ("[nodes.a.outputs]\nx = 'number'", "did you mean `float`?"),
        ("needs = 'b'", 'write `["b"]`'),
        ("[[nodes.c]]\nnoop = true", "write `[nodes.c]`, with one bracket on each side"),
        ("database = 'wirte'", "did you mean `write`?"),
        ("when = 'variabels.x'", "did you mean `variables`?"),
        ("when = 'year > 1'", "did you mean `variables.year`?"),
        ("env = { A = '{{ variables.yaer }}' }", "did you mean `year`?"),
        ("env = { A = '{{ kitchen.nam }}{{ run.id }}{{ recipe }}{{ variation }}' }", "did you mean `name`?"),
        ("env = { A = '{{ tests.b.warnde }}' }\nneeds = ['b']", "did you mean `warned`?"),
        ("env = { A = '{{ outputs.b.rosw }}' }\nneeds = ['b']", "did you mean `rows`?"),
        ("env = { A = '{{ outputs.bb.rows }}' }\nneeds = ['b']", "did you mean `b`?"),
        ("env = { A = '{{ outputs.b.rows }}' }", 'add "b" to `nodes.a.needs`'),
        ("env = { A = '{{ outputs.my-node.rows }}' }", 'a name with `-` is written `outputs["my-node"]`'),
    ],
)
def test_a_fault_comes_with_the_nearest_right_spelling(faults: Faults, key: str, hint: str) -> None:
    """Keys, choices, types and every name in templates and conditions."""
    text = f"[variables]\nyear = 1\n[nodes.my-node]\nnoop = true\n[nodes.b]\nrun = 'x'\noutputs = {{ rows = 'integer' }}\n[nodes.a]\nnoop = true\n{key}"
    assert hint in [fault.hint for fault in faults(text)]


def test_circles_are_shown_as_the_way_around(lines: Lines) -> None:
    """Each circle once, from its first node back to it; chains of any length are walked."""
    text = "".join(
        f"[nodes.{a}]\nnoop = true\nneeds = ['{b}']\n" for a, b in ("ab", "bc", "ca", "de", "ed", "fa")
    )
    assert lines(text) == [
        "recipe.toml:3:1 [nodes.a.needs] nodes need each other in a circle: `a` → `b` → `c` → `a`",
        "recipe.toml:12:1 [nodes.d.needs] nodes need each other in a circle: `d` → `e` → `d`",
    ]


def test_outputs_are_seen_downstream_only(lines: Lines) -> None:
    """Also through others; a node's own outputs only in its tests; an `sql` node may have any."""
    assert (
        lines("""\
        [nodes.a]
        sql = "select 1 as anything"
        [[nodes.a.tests]]
        value = "outputs.a.anything"
        equals = 1
        [nodes.b]
        needs = ["a"]
        run = "true"
        [nodes.c]
        needs = ["b"]
        run = "echo {{ outputs.a.anything }} {{ tests.a.passed }} {{ outputs.b.undeclared }}"
        """)
        == []
    )
    assert lines("[nodes.a]\nrun = 'echo {{ outputs.a.x }}'") == [
        "recipe.toml:2:1 [nodes.a.run] node `a` reads its own `outputs`, which are not there before it ran"
    ]


def test_a_fault_in_text_of_several_lines_has_its_own_line(lines: Lines) -> None:
    """Lines count on inside the value."""
    text = '[nodes.a]\nrun = """\ntrue\necho {{ nope }}\n"""'
    assert lines(text) == ["recipe.toml:4:1 [nodes.a.run] there is no `nope` in templates"]


def test_sql_files_are_templates_too(lines: Lines) -> None:
    """Their faults stand in their own file."""
    text = "[nodes.a]\nsql = 'a.sql'\n[[nodes.a.tests]]\nsql = 'b.sql'\nequals = 0"
    assert lines(text, a_sql="select 1\nfrom {{ x }}", b_sql="{% if %}") == [
        "a.sql:2:1 [nodes.a.sql] there is no `x` in templates",
        "b.sql:1:1 [nodes.a.tests[0].sql] this template cannot be read: Expected an expression, got 'end of statement block'",
    ]


@pytest.mark.parametrize(
    ("node", "severity", "message", "hint"),
    [
        ("sql = 'claen.sql'", "error", "node `a` names `recipes/r/claen.sql`, which does not exist", "did you mean `clean.sql`?"),
        ("sql = '../../../x.sql'", "error", "node `a` names `../../../x.sql`, which lies outside the cookbook", None),
        ("run = 'python -u load.py --x'", "error", "node `a` starts `recipes/r/load.py`, which does not exist", None),
        ("run = './load.sh'", "error", "node `a` starts `recipes/r/load.sh`, which does not exist", None),
        ("run = ['python', 'load.py']", "error", "node `a` starts `recipes/r/load.py`, which does not exist", None),
        ("python = 'modle.py --fast'", "error", "node `a` starts `recipes/r/modle.py`, which does not exist", "did you mean `model.py`?"),
        ("python = 'modle:main'", "warning", "node `a` calls module `modle`, which does not lie beside the recipe", "did you mean `model`?"),
        ("needs = ['b']\nrun = 'python made.py'", "warning", "node `a` starts `recipes/r/made.py`, which does not exist", None),
    ],
)  # fmt: skip
def test_missing_files_are_named(
    faults: Faults, node: str, severity: str, message: str, hint: str | None
) -> None:
    """A script that a node before might write is only a warning."""
    text = f"[nodes.b]\nnoop = true\n[nodes.a]\n{node}"
    (fault,) = faults(text, clean_sql="", model_py="")
    assert (fault.severity, fault.message, fault.hint) == (severity, message, hint)


@pytest.mark.parametrize(
    "command", ["python -m load", "cd x && python a.py", "python -c 'x.py'", "make", "python {{ run.id }}.py"]
)
def test_commands_that_name_no_script_for_sure_are_left_alone(lines: Lines, command: str) -> None:
    """What cannot be told without a shell is not guessed."""
    assert lines(f'[nodes.a]\nrun = "{command}"') == []


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("output = 'rows'", "has no rule"),
        ("equals = 1", "has no measure"),
        ("output = 'rows'\nequals = 1\nabove = 2", "has more than one rule: `equals` and `above`"),
        (
            "output = 'rows'\nbetween = [2, 1]",
            "is between 2 and 1, which nothing is; the lower limit comes first",
        ),
        ("output = 'rows'\nbetween = [1]", "it takes the lowest and the highest value"),
        ("output = 'rows'\nbetween = [1, 'x']", "is between 1 and x, which do not compare"),
        ("output = 'rows'\nbetween = [-inf, inf]", "can not fail"),
        ("output = 'rows'\nat_least = -inf", "can not fail"),
        ("output = 'rows'\nabove = nan", "compares with `nan`, to which nothing compares"),
        ("output = 'rows'\nmatches = '('", "is no regular expression"),
        ("output = 'rows'\nmatches = ''", "an empty pattern matches everything"),
        ("output = 'rosw'\nequals = 1", "measures output `rosw`, which node `a` does not declare"),
        ("value = 'outputs.a.rosw'\nequals = 1", "node `a` declares no output `rosw`"),
        ("value = 'outputs.a.rows >'\nequals = 1", "this condition cannot be read"),
        ("output = 'rows'\nequals = 1\nfail = 'halt'", "must be one of `stop`, `warn`, `log`, not `halt`"),
    ],
)
def test_a_test_that_cannot_tell_right_from_wrong_is_a_fault(lines: Lines, test: str, why: str) -> None:
    """Every test has one measure and one rule, and the rule can both hold and fail."""
    (line,) = lines(f"[nodes.a]\nrun = 'x'\noutputs = {{ rows = 'integer' }}\n[[nodes.a.tests]]\n{test}")
    assert why in line


def test_an_sql_node_has_its_rows_and_what_it_declares(lines: Lines) -> None:
    """Without a declaration its first row can have any columns."""
    recipe = "[nodes.a]\nsql = 'select 1 as first'\n{}[nodes.b]\nneeds = ['a']\nrun = 'echo {{{{ outputs.a.{} }}}}'\n"
    declared = "outputs = { first = 'integer' }\n"

    assert lines(recipe.format("", "frist")) == []
    assert lines(recipe.format(declared, "rows")) == lines(recipe.format(declared, "first")) == []
    (line,) = lines(recipe.format(declared, "frist"))
    assert "node `a` declares no output `frist`" in line


def test_two_tests_of_a_node_have_two_names(lines: Lines) -> None:
    """Their histories would be mixed otherwise."""
    test = "[[nodes.a.tests]]\nname = 'same'\noutput = 'x'\nequals = 1\n"
    assert lines(f"[nodes.a]\nrun = 'x'\n{test}{test}") == [
        "recipe.toml:7:1 [nodes.a.tests[1]] node `a` has two tests called `same`"
    ]


def test_only_an_ingredient_has_a_contract(faults: Faults) -> None:
    """`inputs` and `outputs` at the top of a recipe are a fault, with the reason."""
    (fault,) = faults("[inputs]\nx = { type = 'string' }\n[nodes.a]\nnoop = true")
    assert (fault.message, fault.hint) == (
        "unknown key `inputs`",
        "only an ingredient has a contract of inputs and outputs",
    )


def test_text_that_is_not_utf8_is_a_fault(parse: Parse) -> None:
    """With the line of the first wrong byte; a byte order mark and CRLF are no matter."""
    from kitchens_engine.language.load import parse_recipe

    class Nothing:
        def read(self, path: str) -> None:
            return None

        def names(self, folder: str) -> tuple[str, ...]:
            return ()

    recipe, (fault,) = parse_recipe("r", "recipes/r", b"[nodes.a]\nrun = '\xff'", Nothing())
    assert recipe is None
    assert (fault.line, fault.column, fault.message) == (2, 8, "the file is not UTF-8 text")
    assert parse("\ufeff[nodes.a]\r\nnoop = true\r\n").nodes["a"].position.line == 1


def test_a_folder_whose_name_nobody_could_write_down_holds_no_recipe(shelf: Callable[..., Shelf]) -> None:
    """A line break or bytes that are no text: no record takes it."""
    (fault,) = shelf({"recipes/two\nlines/recipe.toml": "[nodes.a]\nnoop = true"}).faults(
        "recipes/two\nlines"
    )

    assert fault.message == "`two\\nlines` cannot be the name of a folder with a recipe"
