"""The secrets of a run: refused before anything runs when one is absent, handed out just before a process starts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.language.secrets import filled, reference, references
from kitchens_engine.ports import DEFAULT, GATE, Secrets
from kitchens_engine.state import left
from kitchens_engine.toml.document import Document, read_document

if TYPE_CHECKING:
    from kitchens_engine.language.shelf import Shelf
    from kitchens_engine.order import Order
    from kitchens_engine.recipe import Node
    from kitchens_engine.redaction.hidden import Hidden
    from kitchens_engine.state.attempt import Attempt
    from kitchens_engine.state.plan import Plan


def refuse_missing(plan: Plan, shelf: Shelf, secrets: Secrets | None, *, gate: bool) -> None:
    """Raise `InvalidInput` for the first reference of the plan's nodes that the vault lacks; the others come as a hint."""
    wanted = [(inner, inner.recipe.nodes[name]) for inner in plan.walk() for name in inner.nodes]
    missing = [
        (inner, node, variable, name)
        for inner, node in wanted
        for variable, name in _names(node)
        if secrets is None or not secrets.has(name, scope(gate=gate))
    ]
    if not missing:
        return
    inner, node, variable, name = missing[0]
    key = "secrets" if variable in node.secrets else "env"
    text = shelf.source.read(inner.recipe.file)
    document = read_document(text or b"", inner.recipe.file)
    path = ("nodes", node.name, key, variable)
    line = document.place(path).line if isinstance(document, Document) else node.position.line
    where = " in its scope `gate`" if gate else ""
    others = sorted({other for *_, other in missing} - {name})
    more = (f"these are missing too: {', '.join(f'`{other}`' for other in others)}",) if others else ()
    if secrets is None:
        message = f"node `{node.name}` wants secret `{name}` as `{variable}`, and this run has no vault"
        raise InvalidInput(message, code="secret", file=inner.recipe.file, line=line)
    raise InvalidInput(
        f"node `{node.name}` wants secret `{name}` as `{variable}`, which the vault does not have{where}; nothing was run",
        secrets.how_to_set(name, scope(gate=gate)),
        *more,
        code="secret",
        file=inner.recipe.file,
        line=line,
    )


def of_node(node: Node, order: Order) -> dict[str, str]:
    """The variables of the node's environment that come from the vault. The run hides their values from now on.

    Raises `EnvironmentFailure` for one that has gone since the run began.
    """
    if not node.secrets and not node.env:
        return {}
    return {
        variable: filled(text, lambda name: value_of(name, f"node `{node.name}`", order))
        for variable, text in references(node).items()
    }


def scope(*, gate: bool) -> str:
    """The scope of the vault that a run may look into."""
    return GATE if gate else DEFAULT


def tidy(attempt: Attempt, node: Node, hidden: Hidden) -> None:
    """After a try: its files hold nothing hidden, and what a node that had secrets left in its HOME goes whole."""
    clean(attempt, hidden)
    if any(True for _ in _names(node)):
        _clear(attempt)


def clean(attempt: Attempt, hidden: Hidden) -> None:
    """Take what is hidden out of the files that the processes of a try write for us."""
    for path in attempt.files:
        with contextlib.suppress(OSError):
            data = left.read(path)
            if (shown := hidden.data(data)) != data:
                left.write(path, shown.decode("utf-8", "replace"))


def _clear(attempt: Attempt) -> None:
    import shutil

    with contextlib.suppress(OSError), os.scandir(attempt.folder) as entries:
        for entry in entries:
            if entry.path in attempt.files or entry.path == attempt.log:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)


def _names(node: Node) -> Iterator[tuple[str, str]]:
    if not node.secrets and not node.env:
        return
    for variable, text in references(node).items():
        name = reference(text)
        assert name is not None  # the door let only references pass
        yield variable, name


def value_of(name: str, subject: str, order: Order) -> str:
    """The value that `subject` needs now. The run hides it from now on.

    Raises `EnvironmentFailure` for one that has gone since the run began.
    """
    value = None if order.secrets is None else order.secrets.resolve(name, scope(gate=order.gate))
    if value is None:
        raise EnvironmentFailure(f"secret `{name}` of {subject} has gone from the vault since the run began")
    order.hidden.hide(value)
    return value
