"""What each kind of node does, and what it gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench


def test_a_run_node_is_a_strict_shell_in_the_recipes_folder(bench: Bench) -> None:
    """The first failing command and the first unset variable end the node."""
    bench.recipe("""
        [nodes.here]
        run = "pwd"
        [nodes.errexit]
        run = "false; echo later"
        [nodes.nounset]
        run = 'echo "$NOT_THERE"; echo later'
    """)

    nodes = bench.nodes(bench.run())

    assert bench.log(nodes["here"]).strip() == str(bench.root / "cookbook/recipes/r")
    assert nodes["errexit"].status == nodes["nounset"].status == "failed"
    assert "later" not in bench.log(nodes["errexit"]) + bench.log(nodes["nounset"])


def test_a_list_is_argv(bench: Bench) -> None:
    """No shell looks at the words of a list."""
    bench.recipe("""
        [variables]
        word = "a  b"
        [nodes.n]
        run = ["printf", "%s|", "$HOME", "{{ variables.word }}", "*"]
    """)

    assert bench.log(bench.nodes(bench.run())["n"]) == "$HOME|a  b|*|"


def test_values_look_alike_in_text_words_and_variables(bench: Bench) -> None:
    """TOML's booleans, and JSON for what is no single value."""
    bench.recipe("""
        [variables]
        flag = true
        many = [1, 2]
        [nodes.text]
        run = "printf '%s %s' {{ variables.flag }} '{{ variables.many }}'"
        [nodes.words]
        run = ["printf", "%s %s", "{{ variables.flag }}", "{{ variables.many }}"]
        [nodes.environment]
        env = { FLAG = "{{ variables.flag }}", MANY = "{{ variables.many }}" }
        run = 'printf "%s %s" "$FLAG" "$MANY"'
    """)

    nodes = bench.nodes(bench.run())

    assert [bench.log(node) for node in nodes.values()] == ["true [1, 2]"] * 3


def test_a_program_that_is_not_there_fails_its_node(bench: Bench) -> None:
    """Status 127, and the log names the program."""
    bench.recipe("""
        [nodes.n]
        run = ["no-such-program"]
    """)

    node = bench.nodes(bench.run())["n"]

    assert node.why is not None
    assert node.why.startswith("exit status 127: no-such-program: ")


def test_a_value_too_long_for_a_command_fails_its_node(bench: Bench) -> None:
    """The machine is not to blame: the run goes on and is red, not interrupted."""
    bench.recipe("""
        [nodes.long]
        run = "true {{ 'x' * 5000000 }}"
        [nodes.other]
        run = "true"
    """)

    record = bench.run()

    assert bench.statuses(record) == {"long": "failed", "other": "passed"}
    why = bench.nodes(record)["long"].why or ""
    assert why.startswith(
        "node `long`: its command has a word of 4.77 MiB, and a system takes 128 KiB at most"
    )


def test_values_are_quoted_for_the_shell(bench: Bench) -> None:
    """A hostile value stays one word."""
    bench.recipe("""
        [variables]
        word = "it's; echo broken"
        [nodes.n]
        run = "printf '%s' {{ variables.word }}"
    """)

    assert bench.log(bench.nodes(bench.run())["n"]) == "it's; echo broken"


def test_the_environment_holds_what_the_contract_says_and_nothing_else(bench: Bench) -> None:
    """The runtime's own, then HOME, the node's `env`, and `KITCHEN_*`."""
    bench.recipe("""
        [variables]
        year = 2013
        [variations.full]
        [nodes.n]
        run = "env -0"
        env = { YEAR = "{{ variables.year }}" }
        database = "read"
    """)

    order = bench.order(variation="full")
    log = bench.log(bench.nodes(bench.carry_out(order))["n"])
    seen = dict(entry.split("=", 1) for entry in log.split("\0") if entry)

    folder = order.folder / "nodes/n.1"
    assert seen.pop("KITCHEN_ATTEMPT")
    assert seen.pop("PATH")
    assert seen.pop("PWD") == str(bench.root / "cookbook/recipes/r")
    assert seen == {
        "YEAR": "2013",
        "HOME": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "KITCHEN": "dev",
        "KITCHEN_RECIPE": "r",
        "KITCHEN_VARIATION": "full",
        "KITCHEN_RUN": order.run,
        "KITCHEN_NODE": "n",
        "KITCHEN_DATA": str(bench.root / "data"),
        "KITCHEN_DATABASE": str(bench.root / "data/kitchen.duckdb"),
        "KITCHEN_VARIABLES": str(order.folder / "variables.json"),
        "KITCHEN_OUTPUT": str(folder / "output.txt"),
    }
    assert json.loads(Path(seen["KITCHEN_VARIABLES"]).read_text()) == {"year": 2013}


def test_outputs_are_json_where_they_parse(bench: Bench) -> None:
    """Each line is a name and a value; later lines win; what is no JSON is text."""
    bench.recipe('''
        [nodes.n]
        run = """
        cat >> "$KITCHEN_OUTPUT" <<'END'
        rows=12
        files=["a", "b"]
        note=x=y, {not json
        rate=NaN
        rows=13
        nothing here
        END
        """
        [nodes.after]
        needs = ["n"]
        run = "printf '%s' {{ outputs.n.files | join('+') }}{{ outputs.n.rows + 1 }}"
    ''')

    nodes = bench.nodes(bench.run())

    assert nodes["n"].outputs == {
        "rows": 13,
        "files": ["a", "b"],
        "note": "x=y, {not json",
        "rate": "NaN",
    }
    assert bench.log(nodes["after"]) == "a+b14"


def test_a_python_script_runs_in_the_runtimes_python(bench: Bench) -> None:
    """With its arguments, and without leaving bytecode in the checkout."""
    bench.write("recipes/r/inner.py", "WORD = 'hello'").write(
        "recipes/r/main.py", "import sys, inner; print(inner.WORD, *sys.argv[1:])"
    )
    bench.recipe("""
        [nodes.n]
        python = "main.py --to '{{ kitchen.name }} x'"
    """)

    assert bench.log(bench.nodes(bench.run())["n"]) == "hello --to dev x\n"
    assert sorted(path.name for path in (bench.root / "cookbook/recipes/r").iterdir()) == [
        "inner.py",
        "main.py",
        "recipe.toml",
    ]


def test_a_python_function_gets_what_it_names_and_returns_outputs(bench: Bench) -> None:
    """Variables, data folder and database come as parameters."""
    bench.write(
        "recipes/r/score.py",
        """
        def main(variables, database, data):
            database.execute("create table t as select range as x from range(4)")
            (data / "file").write_text("x")
            return {"rows": variables["n"], "sum": database.execute("select sum(x) from t").fetchone()[0]}
        """,
    )
    bench.recipe("""
        [variables]
        n = 4
        [nodes.n]
        python = "score:main"
        database = "write"
    """)

    record = bench.run()

    assert bench.nodes(record)["n"].outputs == {"rows": 4, "sum": 6}
    assert (bench.root / "data/file").exists()


def test_a_python_function_that_raises_fails_with_its_last_words(bench: Bench) -> None:
    """The traceback is in the log."""
    bench.write("recipes/r/score.py", "def main():\n    raise ValueError('no such carrier')")
    bench.recipe("""
        [nodes.n]
        python = "score:main"
    """)

    node = bench.nodes(bench.run())["n"]

    assert node.why == "ValueError: no such carrier"
    assert "Traceback" in bench.log(node)


def test_an_sql_node_outputs_rows_and_the_first_rows_columns(bench: Bench) -> None:
    """Of its last statement; values are JSON's."""
    bench.write(
        "recipes/r/last.sql",
        """
        create table t as select range as x from range({{ variables.n }});
        select x, x / 4 as quarter, 1.5::decimal(4, 2) as price, date '2013-01-31' as day,
               'nan'::double as nothing, interval 90 second as delay, timestamptz '2013-01-31 00:00:00+00' as at
        from t order by x desc; -- the end
        """,
    )
    bench.recipe("""
        [variables]
        n = 3000
        [nodes.n]
        sql = "last.sql"
    """)

    outputs = dict(bench.nodes(bench.run())["n"].outputs)

    assert str(outputs.pop("at")).startswith("2013-01-")
    assert outputs == {
        "rows": 3000,
        "x": 2999,
        "quarter": 749.75,
        "price": 1.5,
        "day": "2013-01-31",
        "nothing": None,
        "delay": 90.0,
    }


def test_rows_are_those_that_were_changed(bench: Bench) -> None:
    """An insert counts what it inserted, a definition nothing."""
    bench.recipe("""
        [nodes.made]
        sql = "create table t (x integer)"
        [nodes.filled]
        needs = ["made"]
        sql = "insert into t select * from range(7)"
        [nodes.emptied]
        needs = ["filled"]
        sql = "delete from t where x > 4"
        [nodes.none]
        needs = ["emptied"]
        sql = "select * from t where x > 100"
    """)

    nodes = bench.nodes(bench.run())

    assert {name: dict(node.outputs) for name, node in nodes.items()} == {
        "made": {"rows": 0},
        "filled": {"rows": 7},
        "emptied": {"rows": 2},
        "none": {"rows": 0},
    }


def test_broken_sql_fails_its_node_in_one_line(bench: Bench) -> None:
    """The whole of DuckDB's message is in the log."""
    bench.recipe("""
        [nodes.n]
        sql = "select * from nowhere"
    """)

    node = bench.nodes(bench.run())["n"]

    assert node.why == "Catalog Error: Table with name nowhere does not exist!"
    assert "LINE 1" in bench.log(node)


def test_a_worker_that_vanishes_is_no_success(bench: Bench) -> None:
    """Exit status 0 without a result is no evidence."""
    bench.write("recipes/r/score.py", "import os\ndef main():\n    os._exit(0)")
    bench.recipe("""
        [nodes.n]
        python = "score:main"
    """)

    assert bench.nodes(bench.run())["n"].why == "it ended without a result"


def test_a_noop_joins_others(bench: Bench) -> None:
    """It passes at once, with tests of its own if it has some."""
    bench.recipe("""
        [nodes.a]
        run = "echo rows=3 >> $KITCHEN_OUTPUT"
        [nodes.n]
        needs = ["a"]
        noop = true
        [[nodes.n.tests]]
        value = "outputs.a.rows"
        equals = 3
    """)

    assert bench.statuses(bench.run()) == {"a": "passed", "n": "passed"}


def test_a_template_that_cannot_be_filled_in_fails_its_node(bench: Bench) -> None:
    """The sentence is the reason, and in the log."""
    bench.recipe("""
        [nodes.a]
        run = "true"
        [nodes.n]
        needs = ["a"]
        run = "echo {{ outputs.a.rows }}"
    """)

    node = bench.nodes(bench.run())["n"]

    assert node.why is not None
    assert "rows" in node.why
    assert node.why in bench.log(node)


def test_the_name_of_a_sql_file_may_hold_spaces_and_templates(bench: Bench) -> None:
    """As long as it begins with no word of SQL; a template in it may define macros of its own."""
    bench.write(
        "recipes/r/my query.sql", "{% macro one(x) %}{{ x }} as a{% endmacro %}select {{ one(5) }}"
    ).recipe("""
        [variables]
        word = "query"
        [nodes.spaces]
        sql = "my query.sql"
        [nodes.template]
        sql = "my {{ variables.word }}.sql"
        [nodes.table]
        sql = "create or replace table main.sql as select 6 as a; from main.sql"
        [[nodes.table.tests]]
        name = "it is SQL"
        sql = "select a from main.sql"
        equals = 6
    """)

    nodes = bench.nodes(bench.run())

    assert [node.outputs.get("a") for node in nodes.values()] == [5, 5, 6], [
        one.why for one in nodes.values()
    ]


def test_the_name_of_a_script_may_hold_spaces_and_templates(bench: Bench) -> None:
    """In quotes, as for a shell; as a word of its own it needs none."""
    bench.write("recipes/r/my script.py", "import sys; print(sys.argv[1:])").recipe("""
        [variables]
        name = "my"
        [nodes.text]
        python = "'my script.py' --x 'a b'"
        [nodes.words]
        python = ["my script.py", "c"]
        [nodes.template]
        python = "'{{ variables.name }} script.py'"
    """)

    nodes = bench.nodes(bench.run())

    assert [bench.log(node) for node in nodes.values()] == ["['--x', 'a b']\n", "['c']\n", "[]\n"]


def test_which_of_several_statements_failed_is_said(bench: Bench) -> None:
    """With its line; what came before it has happened, unless it is a part of one transaction."""
    bench.recipe('''
        [nodes.a]
        sql = """
        create table kept (x int);

        -- the next one fails
        insert into kept
        values ('ü');
        select 1;
        """
        [nodes.b]
        needs = ["a"]
        always = true
        sql = "begin; create table gone (x int); select nowhere; commit"
        [nodes.c]
        needs = ["b"]
        always = true
        sql = "select string_agg(table_name) as tables from information_schema.tables"
    ''')

    nodes = bench.nodes(bench.run())

    assert nodes["a"].why == "statement 2 (line 4): Conversion Error: Could not convert string 'ü' to INT32"
    assert (nodes["b"].why or "").startswith("statement 3 (line 1): Binder Error: ")
    assert nodes["c"].outputs["tables"] == "kept"
