"""SQL that does not parse, whatever its templates become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kitchens_engine.checking.grammars import Grammar, Refusal, grammar_of
from kitchens_engine.checking.subject import Subject
from kitchens_engine.errors import Fault
from kitchens_engine.language.references import Spot, fault_of
from kitchens_engine.recipe import sql_file
from kitchens_engine.templating import template
from kitchens_engine.toml.positions import Path


@dataclass(frozen=True)
class Statements:
    """Looks at SQL. `urls` are those of the connections, by name, as far as they are known."""

    urls: Mapping[str, str | None] = field(default_factory=dict)

    def faults_of(self, subject: Subject, spot: Spot) -> Iterator[Fault]:
        """A fault when the SQL at this spot, in a file or not, is no statement for the database that gets it.

        What somebody else's parser refuses on behalf of that database is a warning.
        """
        if not _is_sql(spot.path) or (spot.file is None and sql_file(spot.text)):
            return  # or the name of a file that only a run knows
        grammar = self._grammar(subject, spot)
        if grammar is None:
            return
        if not template.has_markers(spot.text):
            if (refusal := grammar.refusal(spot.text)) is not None:
                yield _fault(subject, spot, grammar, refusal, refusal.position)
        elif not template.names(spot.text).problems:  # those are told already
            yield from _of_template(subject, spot, grammar)

    def _grammar(self, subject: Subject, spot: Spot) -> Grammar | None:
        node = subject.recipe.nodes.get(str(spot.node))
        if node is None or node.connection is None:
            return grammar_of(None)
        url = self.urls.get(node.connection)
        return None if url is None else grammar_of(url)


def _is_sql(path: Path) -> bool:
    """Whether a node or one of its tests says it: others may call a variable or an input `sql`."""
    match path:
        case ("nodes", _, "sql") | ("nodes", _, "wait", "sql") | ("nodes", _, "tests", _, "sql"):
            return True
    return False


def _of_template(subject: Subject, spot: Spot, grammar: Grammar) -> Iterator[Fault]:
    from kitchens_engine.templating.samples import Guess, samples

    def guess(path: tuple[str, ...]) -> Guess:
        return Guess(subject.type_of(path, spot.node), subject.value_of(path))

    first: tuple[Refusal, int | None] | None = None
    sure = True
    for sample in samples(spot.text, guess):
        refusal = grammar.refusal(sample.text)
        if refusal is None:
            return
        sure = sure and sample.sure
        if first is None:
            place = refusal.position
            first = refusal, None if place is None else sample.origin(place)
    if first is None or not sure:
        message = "this SQL depends on values that only a run knows, so it was not parsed"
        yield fault_of(subject.document, spot, message, None, 1, severity="note")
    else:
        yield _fault(subject, spot, grammar, *first)


def _fault(subject: Subject, spot: Spot, grammar: Grammar, refusal: Refusal, position: int | None) -> Fault:
    if position is None:
        line, column = 1, 1
    else:
        line = spot.text.count("\n", 0, position) + 1
        column = position - (spot.text.rfind("\n", 0, position) + 1) + 1
    said = refusal.message if len(refusal.message) <= 200 else f"{refusal.message[:197]}..."
    if grammar.own:
        message, severity = f"this SQL does not parse: {said}", "error"
    else:
        message, severity = f"this does not look like SQL for {grammar.name}: {said}", "warning"
    return fault_of(subject.document, spot, message, refusal.hint, line, column=column, severity=severity)
