"""Which events are worth a line, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitchens.cli import show
from kitchens_engine.ports import Event


def line_of(event: Event) -> str | None:
    """The line that an event is worth, or None; kinds that are not known here are worth none."""
    detail = event.detail
    match event.kind:
        case "note":
            return f"note: {detail['text']}"
        case "waiting":
            return f"waiting: {detail['why']}"
        case "gate-started":
            variation = f" ({detail['variation']})" if detail.get("variation") else ""
            return f"gate: {event.node}{variation}: {detail['why']}"
        case "gate-ended":
            return f"gate: {event.node} {show.state(detail['status'])}"
        case "runtime":
            return str(detail["why"])
        case "run-started":
            return f"run {event.run}"
        case "node-retried":
            return f"  {event.node} is tried again: {show.one_line(detail.get('why', ''))}"
        case "late":
            return f"  {event.node or 'the run'} goes on: {detail.get('why', '')}"
        case "node-ended":
            return _node_line(str(event.node), detail)
        case "test-ended" if detail.get("status") != "passed":
            return f"    {show.state(str(detail['status']))} {show.one_line(detail['name'])}: {show.measured(detail)}"
    return None


def is_quiet(event: Event) -> bool:
    """Whether nobody needs to look: a node that passed or was skipped, a test that was only recorded."""
    status = event.detail.get("status")
    return (event.kind, status) in (
        ("node-ended", "passed"),
        ("node-ended", "skipped"),
        ("test-ended", "logged"),
    )


def _node_line(node: str, detail: Mapping[str, Any]) -> str:
    why = f"  {show.one_line(detail['why'])}" if detail.get("why") else ""
    took = f"  {show.seconds(detail.get('seconds'))}" if detail.get("seconds") is not None else ""
    return f"  {show.state(str(detail['status']))} {node}{took}{why}"
