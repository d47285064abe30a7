"""`--detach`: the same command in a session of its own, which lives on when the terminal is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from kitchens.cli.command import Answer
from kitchens.cli.desk import Desk


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
