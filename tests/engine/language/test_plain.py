"""The short way to read a template finds what the long way finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchens_engine.templating.inference import worth as worth_of_syntax
from kitchens_engine.templating.plain import blanks
from kitchens_engine.templating.syntax import find_names
from kitchens_engine.templating.template import names, worth

_PARTS = st.sampled_from(
    (
        *(
            "{{ variables.year }}",
            "{{outputs.a.rows|sql}}",
            "{{\n run.id }}",
            "{{ each.item | raw }}",
            "{{ kitchen.name}}",
        ),
        *(
            " ",
            "\n",
            "text",
            "}}",
            "{",
            "'",
            "{{ a }}",
            "{{- run.id -}}",
            "{% if run.id %}x{% endif %}",
            "{# x #}",
        ),
        *(
            "{{ variables.a + 1 }}",
            "{{ true }}",
            "{{ variables['a'] }}",
            "{{ variables.1 }}",
            "{{",
            "{{ run.id | upper }}",
        ),
    )
)


def _type_of(path: tuple[str, ...]) -> str | None:
    return {"variables": "integer", "run": "string"}.get(path[0])


@given(st.lists(_PARTS, max_size=6).map("".join))
def test_both_ways_agree(text: str) -> None:
    """On the names, their lines, and what the text is worth."""
    if blanks(text) is None or "{{" not in text:
        return
    assert names(text) == find_names(text, expression=False)
    assert worth(text, _type_of) == worth_of_syntax(text, _type_of, expression=False)


@pytest.mark.parametrize(
    "text",
    [
        "{{ variables.a + 1 }}",
        "{{ a }}",
        "{{ variables }}",
        "{% if run.id %}{{ run.id }}{% endif %}",
        "{{ run.id",
    ],
)
def test_whatever_is_more_than_names_is_left_to_the_long_way(text: str) -> None:
    """A single word may be a constant, a block changes what comes after it."""
    assert blanks(text) is None
