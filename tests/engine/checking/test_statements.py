"""SQL is parsed, never run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kitchens_engine.errors import Fault

Said = Callable[..., list[str]]
Inspected = Callable[..., list[Fault]]

RECIPE = """\
[variables]
year = 2013
table = "flights"
columns = ["a", "b"]
nothing = ""
[nodes.a]
run = "x"
outputs = {{ rows = "integer", filter = "string" }}
[nodes.b]
needs = ["a"]
sql = '''
{}'''
"""


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; -- done",
        "create or replace table t as from x select a where b = {{ variables.year }}",
        "from {{ variables.table }}",
        "from {{ variables.table }}_{{ variables.year }}",
        "select * from read_csv({{ kitchen.data | sql }} || '/raw.csv')",
        "select '{{ kitchen.data }}/raw.csv', {{ outputs.a.rows }}, {{ outputs.a.filter | sql }}, {{ outputs.b2 }}",
        "select {% for column in variables.columns %}{{ column }}{% if not loop.last %}, {% endif %}{% endfor %} from t",
        "select {{ variables.columns | join(', ') }} from t",
        "{% if variables.year > 1 %}select 1{% else %}select 2{% endif %}",
        "{% if variables.year > 1 %}{% else %}select 2{% endif %}",
        "select 1 {{ 'from t' if variables.year else '' }}",
        "{# only a word #} select date '{{ run.started }}'",
        "{% set t = 'x' %}select * from {{ t }}",
        "select 1 {{ variables.nothing }}",
        "from {{ variables.nothing }}",
        "pivot cities on year using sum(population)",
        "insert into t by name select 1 as a",
    ],
)
def test_sql_with_templates_is_no_false_alarm(said: Said, sql: str) -> None:
    """Whatever can be read with values of the right types is fine."""
    assert [line for line in said(RECIPE.format(sql)) if "SQL" in line] == []


@pytest.mark.parametrize(
    ("sql", "line", "message", "hint"),
    [
        ("slect 1", 12, 'syntax error at or near "slect"', "did you mean `select`?"),
        ("select *\nfro t\nwhere x", 13, 'syntax error at or near "t"', "did you mean `from`?"),
        ("select 1\nform t", 13, 'syntax error at or near "t"', "did you mean `from`?"),
        ("select 'é',\n  {{ variables.year }}\nform t", 14, 'syntax error at or near "t"', "did you mean `from`?"),
        ("select {{ variables.year }}\n\n, from t 'x", 14, "unterminated string literal", None),
        ("{% if variables.year %}select ({% else %}select ){% endif %}", 12, 'syntax error at or near', None),
        ("-- nothing", 12, "there is no statement", None),
    ],
)  # fmt: skip
def test_sql_that_does_not_parse_is_a_fault_at_its_line(
    inspected: Inspected, sql: str, line: int, message: str, hint: str | None
) -> None:
    """With DuckDB's own words, and the word that was probably meant."""
    (fault,) = [fault for fault in inspected(RECIPE.format(sql)) if "SQL" in fault.message]
    assert fault.severity == "error"
    assert fault.message.startswith(f"this SQL does not parse: {message}")
    assert (fault.line, fault.hint) == (line, hint)


def test_a_fault_in_a_file_has_its_line_and_column_and_is_told_once(inspected: Inspected) -> None:
    """However many nodes use the file."""
    text = "[nodes.a]\nsql = 'a.sql'\n[nodes.b]\nsql = 'a.sql'\n[[nodes.b.tests]]\nsql = 'a.sql'\nequals = 1"
    (fault,) = inspected(text, {"a.sql": "-- {{ run.id }}\nselect 1,\n  from t where where x"})
    assert (fault.file, fault.line, fault.column) == ("recipes/r/a.sql", 3, 16)


def test_what_is_only_called_sql_is_none(said: Said) -> None:
    """A variable of the environment, or of a nested recipe."""
    text = "[nodes.a]\nrun = 'x'\nenv = { sql = 'not ( any' }\n[nodes.b]\nrecipe = 'b'\nvariables = { sql = 'nor ( this' }"
    assert said(text, {"recipes/b/recipe.toml": "[variables]\nsql = 'x'\n[nodes.a]\nnoop = true"}) == []


def test_what_only_a_run_knows_is_a_note(said: Said) -> None:
    """It is said that nobody looked, and nothing fails."""
    assert said(RECIPE.format("select {{ outputs.a.filter }} whatever ( from")) == [
        "note 12: this SQL depends on values that only a run knows, so it was not parsed"
    ]


@pytest.mark.parametrize(
    ("url", "sql"),
    [
        ("postgresql+psycopg://app@w/app", "select distinct on (a) a, b -> 'x' from t where c @> '{}'::jsonb"),
        ("postgresql://w", "do $$ begin perform 1; end $$; vacuum (analyze) t"),
        ("postgresql://w", "insert into t values ({{ variables.year }}) on conflict (a) do update set b = excluded.b"),
        ("mssql://w", "select top 5 * from [t]"),
        ("mysql://w", "select * from `t` limit 1, 2"),
        ("other://w", "exec sp_who @x = 1 go"),
        ("vault:w/url", "exec sp_who @x = 1 go"),
        (None, "exec sp_who @x = 1 go"),
    ],
)  # fmt: skip
def test_other_databases_have_other_dialects(inspected: Inspected, url: str | None, sql: str) -> None:
    """SQL on a connection is held to the grammar of its database, where the URL names one that is known."""
    text = f"[variables]\nyear = 1\n[nodes.a]\nconnection = 'w'\nsql = '''{sql}'''"
    assert [fault for fault in inspected(text, {}, {"w": url}) if "SQL" in fault.message] == []


@pytest.mark.parametrize(
    ("sql", "line", "message", "hint"),
    [
        ("select *\nfrom t\nwhere where x", 5, "unexpected `where`", None),
        ("select *\nform t\nwhere x", 4, "unexpected `t`", "did you mean `from`?"),
        ("select (", 3, "unexpected `(`", None),
        ("select 'abc", 3, "text or a comment does not end", None),
        ("-- nothing", 3, "there is no statement", None),
    ],
)
def test_what_another_parser_refuses_is_a_warning(
    inspected: Inspected, sql: str, line: int, message: str, hint: str | None
) -> None:
    """It is not the database's own, so it may be wrong."""
    found = inspected(f'[nodes.a]\nconnection = "w"\nsql = """{sql}"""', {}, {"w": "postgresql://w"})
    (fault,) = [fault for fault in found if "SQL" in fault.message]
    assert (fault.severity, fault.line, fault.hint) == ("warning", line, hint)
    assert fault.message == f"this does not look like SQL for postgres: {message}"


def test_statements_are_never_run(inspected: Inspected, tmp_path: object) -> None:
    """Not even those that write files."""
    assert inspected(f"[nodes.a]\nsql = \"copy (select 1) to '{tmp_path}/out.csv'\"") == []
    assert list(tmp_path.iterdir()) == []  # type: ignore[attr-defined]


def test_what_a_wait_waits_for_is_looked_at(said: Said) -> None:
    """Its SQL as that of nodes, written there or in a file; times and URLs that are none."""
    found = said(
        """\
        [nodes.a]
        wait = { sql = "slect 1" }
        [nodes.b]
        wait = { sql = "b.sql" }
        [nodes.c]
        wait = { sql = "c.sql" }
        [nodes.d]
        wait = { until = "25:99" }
        [nodes.e]
        wait = { url = "ftp://x" }
        [nodes.f]
        wait = { until = "{{ run.started | days(1) }}" }
        [nodes.g]
        wait = { url = "{{ run.id }}" }
        [nodes.h]
        wait = { sql = "select true" }
        """,
        {"b.sql": "select 1\nfrom {{ variables.nowhere }}"},
    )

    assert found == [
        "error 2: `variables.nowhere` is not there: `variables` has no `nowhere`",
        'error 2: this SQL does not parse: syntax error at or near "slect"',
        "error 6: node `c` names `recipes/r/c.sql`, which does not exist",
        "error 8: `nodes.d.wait.until`: `25:99` is no time; write `2026-01-31T06:30:00Z` or `06:30`",
        "error 10: `nodes.e.wait.url`: `ftp://x` is no URL of `http` or `https`",
    ]
