"""`--detach`: the same command in a session of its own, which lives on when the terminal is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from kitchens.cli.command import Answer
from kitchens.cli.desk import Desk
from kitchens.cli.progress.choose import Audience
from kitchens.cli.progress.plain import PlainScreen
from kitchens_engine.ports import Event

#: In the run's folder: what the command would have said on the screen.
_LOG = "runner.log"


def detached(desk: Desk, words: Sequence[str]) -> Answer:
    """Start `kitchen WORDS` detached, and answer as soon as its run is on record.

    Until then it speaks here: what is wrong with it is this command's error too.
    """
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "kitchens.cli.main", *words[:2], "--announce", str(writer), *words[2:]],
        cwd=desk.folder,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=(writer,),
    )
    os.close(writer)
    try:
        with os.fdopen(reader, encoding="ascii") as announced:
            run = announced.readline().strip()
        if not run:
            _end_as(child)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    child.returncode = 0  # it is nobody's to wait for any more
    return _answer(desk, run)


def _end_as(child: subprocess.Popen[bytes]) -> NoReturn:
    raise click.exceptions.Exit(child.wait())


def _answer(desk: Desk, run: str) -> Answer:
    from kitchens.actions.orders.runs import show_order

    document = show_order(desk.house, run)

    def words() -> None:
        click.echo(run)
        click.echo(f"it goes on by itself: `kitchen order logs -f {run}` follows it", err=True)

    return Answer(document, words)


class _Announcer:
    """Tells the id of the first run that is on record, and goes on in that run's folder."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def __call__(self, event: Event) -> None:
        """Look for the one event that matters."""
        if event.kind != "run-queued" or self._descriptor is None:
            return
        log = os.open(Path(event.detail["folder"], _LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.write(self._descriptor, f"{event.run}\n".encode("ascii"))
        self.close()

    def close(self) -> None:
        """Nothing more is told."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def announcing(descriptor: int, others: Audience) -> Audience:
    """Who listens in the detached command: whoever started it, until the run is on record; a log; and `others`."""
    return Audience([_Announcer(descriptor), PlainScreen(sys.stderr), others])
