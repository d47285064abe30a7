"""Templates are strict, typed, sandboxed, and safe in a shell."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kitchens_engine.errors import InvalidInput
from kitchens_engine.templating.template import evaluate, names, render, render_value

CONTEXT: dict[str, Any] = {
    "variables": {
        "year": 2013,
        "on": True,
        "day": dt.date(2013, 1, 2),
        "items": 3,
        "list": ["a b", "c"],
    },
    "outputs": {"clean": {"rows": 5, "nothing": None}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("{{ variables.year }}", 2013),
        ("{{ variables.year + 1 }}", 2014),
        ("{{ variables.on }}", True),
        ("{{ variables.day }}", dt.date(2013, 1, 2)),
        ("{{ variables.list }}", ["a b", "c"]),
        ("{{ outputs.clean.nothing }}", None),
        ("{{ variables.year }}{{ variables.year }}", "20132013"),
        ("year {{ variables.year }}", "year 2013"),
        ("{{ variables.on }} {{ outputs.clean.nothing }}", "true null"),
        ("{% if variables.on %}on{% endif %}", "on"),
        ("{{ variables.year }}\n", "2013\n"),
        ("{{ variables.year | raw }}", "2013"),
    ],
)
def test_a_value_that_is_one_whole_expression_keeps_its_type(text: str, value: object) -> None:
    """Everything else is text, with TOML's booleans."""
    rendered = render(text, CONTEXT)
    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize(
    ("value", "literal"),
    [("it's", "'it''s'"), (3, "3"), (True, "true"), (None, "null"), (["a", 1], "'a', 1")],
)
def test_the_filter_sql_writes_a_literal(value: object, literal: str) -> None:
    """So that a folder with a quote in its name can be read."""
    assert render("select {{ variables.x | sql }}", {"variables": {"x": value}}) == f"select {literal}"


def test_names_of_variables_win_over_methods_of_tables() -> None:
    """An output or variable called `items` or `values` is reached like any other."""
    assert render("{{ variables.items }}", CONTEXT) == 3


def test_lists_and_tables_are_rendered_inside() -> None:
    """Nested values keep their structure."""
    value = {"rows": "{{ outputs.clean.rows }}", "list": ["{{ variables.year }}!", 1]}
    assert render_value(value, CONTEXT) == {"rows": 5, "list": ["2013!", 1]}


@pytest.mark.parametrize(
    "expression", ["outputs.clean.rows > 0 and variables.on", "{{ outputs.clean.rows > 0 }}"]
)
def test_conditions_are_expressions(expression: str) -> None:
    """With or without the braces."""
    assert evaluate(expression, CONTEXT) is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ variables.yaer }}", "there is no `yaer`; did you mean `year` (in `{{ variables.yaer }}`)"),
        ("{{ nothing.at.all }}", "there is no `nothing` (in `{{ nothing.at.all }}`)"),
        (
            "a {{ outputs.clean.rosw }}",
            "there is no `rosw`; did you mean `rows` (in `a {{ outputs.clean.rosw }}`)",
        ),
        ("{{ 1 / 0 }}", "division by zero (in `{{ 1 / 0 }}`)"),
    ],
)
def test_what_is_not_there_is_an_error(text: str, message: str) -> None:
    """Undefined names never become empty text."""
    with pytest.raises(InvalidInput) as raised:
        render(text, CONTEXT)
    assert raised.value.message == message


@pytest.mark.parametrize(
    "text",
    ["{{ variables.__class__.__mro__ }}", "{{ variables.clear() }}", "{% include 'x' %}", "{{ lipsum() }}"],
)
def test_a_template_reaches_nothing_but_its_values(text: str) -> None:
    """It cannot climb out of the sandbox, change a value, or read a file."""
    with pytest.raises(InvalidInput):
        render(text, CONTEXT)


def test_text_without_markers_does_not_import_jinja() -> None:
    """Plain recipes do not pay for templates."""
    code = (
        "import sys; from kitchens_engine.language import check, load; from kitchens_engine.templating import template\n"
        "assert template.render('plain', {}, shell=True) == 'plain'; template.names('plain')\n"
        "assert 'jinja2' not in sys.modules and 'difflib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def _shell(command: str) -> str:
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", command],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    return done.stdout.removesuffix("\n")


PLACES = [
    "printf '%s\\n' {{ v }}",
    "printf '%s\\n' '{{ v }}'",
    'printf "%s\\n" "{{ v }}"',
    'printf "%s\\n" "$(printf \'%s\' {{ v }})"',
    "printf '%s\\n' \"$(printf '%s' '{{ v }}')\"",
    "cat <<END\n{{ v }}\nEND",
    "cat <<-'END'\n{{ v }}\nEND",
    "# don't say {{ v }}\nprintf '%s\\n' {{ v }}",
    "( printf '%s\\n' {{ v }} )",
    "x=`echo 1 # it isn't`; printf '%s\\n' {{ v }}",
    "printf '%s\\n' \"`printf '%s' '{{ v }}'`\"",
    "x=$(( (1 << 2) + 1 ))\nprintf '%s\\n' {{ v }}",
    "x=\"$(case b in a) echo no;; (b) printf '%s' {{ v }};; esac)\"; printf '%s\\n' \"$x\"",
    'x="$(echo case)"; printf \'%s\\n\' "{{ v }}"',
    "{% macro m(x) %}{{ x }}{% endmacro %}{% set b %}{{ v }}{% endset %}test {{ b }} = '{{ m(v) }}' && printf '%s\\n' \"{{ m(v) }}\"",
    "printf '%s\\n' \\{{ v }}",
    'printf "%s\\n" "\\{{ v }}"',
    "cat <<END\n\\{{ v }}\nEND",
    "x=abc; test ${#x} = 3 && printf '%s\\n' {{ v }}",
    "cat <<END\n$(printf '%s' '{{ v }}')\nEND",
    "cat <<END\n$(printf '%s' {{ v }})\nEND",
    "cat <<END\n`printf '%s' '{{ v }}'`\nEND",
    'cat <<END\n$(printf "%s" "{{ v }}")\nEND',
    "cat <<END\n$(printf '%s' ')' >/dev/null; printf '%s' '{{ v }}')\nEND",
    "cat <<END | cat\n$(cat <<OTHER\n{{ v }}\nOTHER\n)\nEND",
    "x=it; cat <<END\n${x#it}{{ v }}\nEND",
]


@pytest.mark.parametrize("command", PLACES)
@pytest.mark.parametrize(
    "value", ["plain", "two words", "it's", '"; echo harm; "', "$(echo harm) `echo harm` \\ $PATH"]
)
def test_a_value_arrives_in_the_command_as_it_is(command: str, value: str) -> None:
    """Between quotes, in a here-document or bare: it stays one value and runs nothing."""
    assert _shell(render(command, {"v": value}, shell=True)) == value


#: What a command is made of here, around a value: each shell construct with the ones that may lie in it.
SPELLINGS = {
    "command": [
        "printf %s WORD",
        "{ COMMAND\n}",
        "( COMMAND\n)",
        "if true; then COMMAND\nfi",
        "case a in (b) false;; a) COMMAND\n;; esac",
        "cat <<END\nLINE\nEND\n",
        "cat <<-END\n\tLINE\n\tEND\n",
        "true # it's COMMENT\nCOMMAND",
        'x=WORD; printf %s "$x"',
        "true \\\n; COMMAND",
    ],
    "word": ["{{ v }}", "'{{ v }}'", '"INSIDE"', '"$( COMMAND\n)"', '"`printf %s WORDS`"', "''{{ v }}\"\""],
    "words": ["{{ v }}", "'{{ v }}'"],
    "inside": ["{{ v }}", "$( COMMAND\n)", "${x:-}{{ v }}", "`printf %s WORDS`"],
    "line": [
        "{{ v }}",
        "$( COMMAND\n)",
        "`printf %s WORDS`",
        "${x:-}{{ v }}",
        "$(printf %s ')' >/dev/null; COMMAND\n)",
    ],
    "comment": ["{{ v }}", "$( ` {{ v }}", '" {{ v }}'],
}


@st.composite
def commands(draw: st.DrawFn) -> str:
    """A command that prints a value, wherever in it that stands."""
    text, deep = "COMMAND", 0
    while (found := re.search("COMMAND|WORDS|WORD|INSIDE|LINE|COMMENT", text)) is not None:
        deep += 1
        choices = SPELLINGS[found[0].lower()]
        chosen = draw(st.sampled_from(choices)) if deep < 8 else choices[0]
        text = text[: found.start()] + chosen.replace("END", f"END{deep}") + text[found.end() :]
    return f"x=; {text}"


@given(command=commands(), value=st.text("a '\"`$()\\;#{}<&|\t", min_size=1, max_size=12))
@settings(max_examples=120, deadline=None)
@example(command="x=; cat <<END\n$(printf %s '{{ v }}')\nEND\n", value="'; echo harm; '")
def test_a_value_arrives_wherever_the_shells_grammar_lets_it_stand(command: str, value: str) -> None:
    """A shell reads back what it was given, trailing line breaks aside."""
    assert _shell(render(command, {"v": f"{value}."}, shell=True)).strip("\t\n") == f"{value}.".strip("\t\n")


def test_a_value_before_a_number_sign_is_no_comment() -> None:
    """A `#` in a word is a letter: what stands behind it is quoted as anywhere else."""
    value = "x; echo harm"
    assert _shell(render("printf '%s\\n' {{ v }}#{{ v }}", {"v": value}, shell=True)) == f"{value}#{value}"


def test_raw_text_behind_a_backslash_stays_behind_it() -> None:
    """Nothing is done to it."""
    assert _shell(render("printf '%s' \\{{ v | raw }}", {"v": "$x"}, shell=True)) == "$x"


def test_no_value_ends_a_here_document() -> None:
    """There is no way to write it there."""
    with pytest.raises(InvalidInput, match="has the line `END`, which ends the here-document"):
        render("cat <<'END'\n{{ v }}\nEND", {"v": "a\nEND\necho harm"}, shell=True)


@pytest.mark.parametrize(
    "text", ["${#x}{# gone #}", "{% raw %}${#x}{% endraw %}{# ${# #}", "{{ '${' }}{{ '#x}' }}"]
)
def test_a_shells_length_of_a_variable_is_no_comment(text: str) -> None:
    """Comments of templates are left out as ever."""
    assert render(text, {}) == "${#x}"


@settings(max_examples=40, deadline=None)
@given(st.text(st.sampled_from("ab '\"$`\\()#\n;&|{}!*~<>"), max_size=12), st.sampled_from(PLACES[:3]))
def test_no_value_breaks_out_of_its_place(value: str, command: str) -> None:
    """Whatever the value is made of."""
    assert _shell(render(command, {"v": value}, shell=True)) == value


def test_raw_text_and_lists_are_words_of_the_command() -> None:
    """`raw` takes the quotes away; a list is as many words as it has items."""
    command = 'for word in {{ list }} {{ more | raw }}; do echo "<$word>"; done'
    assert (
        _shell(render(command, {"list": ["a b", "c"], "more": "d e"}, shell=True)) == "<a b>\n<c>\n<d>\n<e>"
    )


def test_names_are_found_without_running_anything() -> None:
    """Chains as far as they are written out, with their line; a template's own names are left out."""
    found = names(
        "{% for x in outputs.a['b c'] %}{{ x.y }}{{ loop.index }}{% endfor %}\n{{ variables[inputs.key].z }}"
    )
    assert [(reference.path, reference.line) for reference in found.references] == [
        (("outputs", "a", "b c"), 1),
        (("variables",), 2),
        (("inputs", "key"), 2),
    ]


@pytest.mark.parametrize(
    ("text", "expression", "message", "hint"),
    [
        ("{{ a", False, "this template cannot be read: ", None),
        ("a >", True, "this condition cannot be read: ", None),
        ("a b", True, "this condition cannot be read: there is more after the end of the expression", None),
        ("a = b", True, "this condition cannot be read: ", "write `==`"),
        ("a && b", True, "this condition cannot be read: ", "write `and`"),
        ("(" * 5000, True, "this is nested too deeply", None),
        ("9" * 5000, True, "this condition cannot be read: a number has too many digits", None),
        ("{{ a | uper }}", False, "there is no filter `uper`", "did you mean `upper`?"),
        ("a is defned", True, "there is no test `defned`", "did you mean `defined`?"),
        ("{% include 'x' %}", False, "a template stands alone: it cannot include or import another", None),
    ],
)
def test_problems_are_found_without_running_anything(
    text: str, expression: bool, message: str, hint: str | None
) -> None:
    """Syntax, filters, tests and inclusion are checked beforehand."""
    (problem,) = names(text, expression=expression).problems
    assert problem.message.startswith(message)
    assert problem.hint == hint


def test_a_method_is_part_of_no_name() -> None:
    """`items()` of a table is none of its keys, and what a macro is called is a name of the template's own."""
    found = names(
        "{% macro m(x) %}{{ x }}{% endmacro %}{% for k, v in variables.t.items() %}{{ m(k) }}{% endfor %}{{ variables.s.split(',') }}"
    )
    assert [reference.path for reference in found.references] == [("variables", "t"), ("variables", "s")]
    assert not found.problems


def test_what_comes_piece_by_piece_is_a_list() -> None:
    """A range, a lazy filter, the keys of a table: as a value, as words of a command, in text and in SQL."""
    context = {"l": ["a", "b c"], "t": {"x": 1}}
    assert evaluate("range(3)", context) == [0, 1, 2]
    assert render("{{ t.keys() }}", context) == ["x"]
    assert render("echo {{ l | map('upper') }} {{ range(2) }}", context, shell=True) == "echo A 'B C' 0 1"
    assert render("in ({{ l | map('upper') | sql }}) {{ range(2) }}", context) == "in ('A', 'B C') [0, 1]"
