"""Who listens to a command's events: a live view, plain lines or nobody; and beside them a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

import click

from kitchens.cli.streams import knows
from kitchens_engine.ports import Event

if TYPE_CHECKING:
    from kitchens.cli.progress.remaining import Usual


class Screen(Protocol):
    """An observer that has something to put away at the end of the command."""

    def __call__(self, event: Event) -> None: ...

    def close(self) -> None:
        """Say what was not said, and leave the terminal as it was."""


class Audience:
    """Several who listen."""

    def __init__(self, screens: Sequence[Screen]) -> None:
        self._screens = tuple(screens)

    def __call__(self, event: Event) -> None:
        """Tell each of them."""
        for screen in self._screens:
            screen(event)

    def close(self) -> None:
        """Close each of them, the events first: what they say belongs above the answer."""
        for screen in self._screens:
            screen.close()


def audience(
    stream: TextIO, usual: Callable[[str], Usual], *, quiet: bool = False, events: str | None = None
) -> Audience:
    """Who listens. `events` is the path of a file, or `-`: `stream` itself, and then nothing else is said there."""
    screens: list[Screen] = []
    if events is not None:
        screens.append(_events(stream, events))
    if not quiet and events != "-":
        screens.append(screen(stream, usual))
    return Audience(screens)


def screen(stream: TextIO, usual: Callable[[str], Usual]) -> Screen:
    """Live where `stream` is a terminal that can move its cursor, else plain lines."""
    if not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        from kitchens.cli.progress.plain import PlainScreen

        return PlainScreen(stream)
    from kitchens.cli.progress.live import LiveScreen
    from kitchens.cli.progress.picture import ASCII, PRETTY

    signs = PRETTY if knows(stream, "".join(PRETTY)) else ASCII
    return LiveScreen(stream, usual, colour=not os.environ.get("NO_COLOR"), signs=signs)


def _events(stream: TextIO, path: str) -> Screen:
    from kitchens.cli.progress.eventfile import EventFile, open_events

    if path != "-":
        return EventFile(open_events(path), f"`{path}`", _warn)
    stream.flush()
    return EventFile(os.fdopen(stream.fileno(), "wb", buffering=0, closefd=False), "`-`", _warn)


def _warn(text: str) -> None:
    click.echo(f"{click.style('warning:', fg='yellow')} {text}", file=sys.stderr)
