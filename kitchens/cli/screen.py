"""Progress: a live view on a terminal, plain lines elsewhere. The only voice of long work."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

import click

from kitchens.cli import show
from kitchens_engine.ports import Event, Observer

if TYPE_CHECKING:
    from rich.live import Live


def screen(stream: TextIO) -> Observer:
    """The observer for `stream`: live when it is a terminal that can move its cursor."""
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return LiveScreen(stream)
    return PlainScreen(stream)


class PlainScreen:
    """A line for what a reader of a log wants to know."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Say it when it is worth a line."""
        line = line_of(event)
        if line is not None:
            click.echo(line, file=self._stream)


class LiveScreen:
    """What ended stays as a line; below it the running nodes with their clocks."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._stream = stream
        self._console = Console(file=stream, highlight=False)
        self._running: dict[str, float] = {}
        self._done = 0
        self._total = 0
        self._live: Live | None = None

    def __call__(self, event: Event) -> None:
        """Keep the picture up to date."""
        match event.kind:
            case "run-started":
                self._done, self._total = 0, int(event.detail.get("total", 0))
                self._begin()
            case "node-started":
                self._running[str(event.node)] = time.monotonic()
            case "node-ended":
                self._running.pop(str(event.node), None)
                self._done += 1
        line = line_of(event)
        if line is not None:
            self._print(line)
        if event.kind == "run-ended":
            self._end()

    def _print(self, line: str) -> None:
        from rich.text import Text

        self._console.print(Text.from_ansi(line))

    def _begin(self) -> None:
        from rich.live import Live

        if self._live is None:
            self._live = Live(
                console=self._console, get_renderable=self._picture, refresh_per_second=8, transient=True
            )
            self._live.start()

    def _end(self) -> None:
        self._running.clear()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _picture(self) -> Any:
        from rich.text import Text

        now = time.monotonic()
        running = list(self._running.items())
        lines = [f"  ▸ {node}  {now - since:.0f} s" for node, since in running[:10]]
        if len(running) > 10:
            lines.append(f"  … and {len(running) - 10} more")
        if self._total:
            lines.append(f"  {self._done} of {self._total} nodes")
        return Text("\n".join(lines), style="cyan")


def line_of(event: Event) -> str | None:
    """The line that an event is worth, or None."""
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
            return f"  {event.node} is tried again: {detail.get('why', '')}"
        case "node-ended":
            return _node_line(str(event.node), detail)
        case "test-ended" if detail.get("status") != "passed":
            return f"    {show.state(str(detail['status']))} {detail['name']}: {_measured(detail)}"
    return None


def _node_line(node: str, detail: Mapping[str, Any]) -> str:
    why = f"  {detail['why']}" if detail.get("why") else ""
    took = f"  {show.seconds(detail.get('seconds'))}" if detail.get("seconds") is not None else ""
    return f"  {show.state(str(detail['status']))} {node}{took}{why}"


def _measured(detail: Mapping[str, Any]) -> str:
    return show.measured(detail)
