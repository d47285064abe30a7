"""`kitchen recipe graph`."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kitchens.cli import complete, show
from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.commands.recipe import folder_of
from kitchens.cli.desk import Desk
from kitchens.cli.streams import knows

if TYPE_CHECKING:
    from kitchens.actions.cookbook.drawing import Picture
    from kitchens.drawing.spans import Line

_FORMATS = ("text", "mermaid", "dot", "svg", "json")
_ENDINGS = {
    ".txt": "text",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".svg": "svg",
    ".json": "json",
}
_OPEN = 1000


@click.command(
    cls=KitchenCommand,
    epilog=example(
        "kitchen recipe graph delays",
        "kitchen recipe graph delays --last --open",
        "kitchen recipe graph delays --run 01J2 -o delays.svg",
        "kitchen recipe graph delays --format mermaid >> README.md",
    ),
)
@click.argument("name", shell_complete=complete.recipes)
@click.option(
    "--variation",
    metavar="V",
    shell_complete=complete.variations,
    help="What of it runs under this variation.",
)
@click.option("--kitchen", metavar="K", shell_complete=complete.kitchens, help="In this kitchen's checkout.")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="How (default: by the name of FILE, else text)."
)
@click.option("--open", "opened", is_flag=True, help="Show what is inside nested recipes, at every depth.")
@click.option("--folded", is_flag=True, help="Show every nested recipe as one node (the default).")
@click.option(
    "--depth", type=click.IntRange(0, _OPEN), metavar="N", help="Open nested recipes N levels deep."
)
@click.option("--last", is_flag=True, help="With what came of the newest order run here.")
@click.option("--run", metavar="RUN", help="With what came of this order run.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it to FILE.",
)
@click.pass_obj
def graph(
    desk: Desk,
    name: str,
    variation: str | None,
    kitchen: str | None,
    form: str | None,
    opened: bool,
    folded: bool,
    depth: int | None,
    last: bool,
    run: str | None,
    output: Path | None,
) -> Answer:
    """Draw a recipe: its nodes, what they need, their tests and conditions.

    In the terminal each node is a row; rails on its left lead from what it needs. With `--last` or `--run` every
    node carries the mark, the colour and the time of what came of it.
    """
    from kitchens.actions.cookbook.drawing import plan_picture
    from kitchens.drawing.document import document

    _refuse_pairs(("--open", opened), ("--folded", folded), ("--depth", depth is not None))
    _refuse_pairs(("--last", last), ("--run", run is not None))
    deep = depth if depth is not None else _OPEN if opened else 0
    picture = plan_picture(
        desk.house,
        folder_of(desk, kitchen),
        name,
        variation=variation,
        depth=deep,
        kitchen=kitchen,
        run=run,
        last=last,
    )
    chosen = form or (_ENDINGS.get(output.suffix.lower(), "text") if output else "text")
    answer = document(picture.graph) | {"run": picture.run.run if picture.run else None}
    if picture.gone:
        click.echo(
            f"note: the recipe changed since this run: it has no `{'`, `'.join(picture.gone[:3])}` now",
            err=True,
        )
    if output is None:
        return Answer(answer, _printing(chosen, picture, answer))
    target = desk.folder / output
    _write(target, _drawn(chosen, picture, answer))
    return Answer(answer, lambda: click.echo(f"wrote {output}"))


def _refuse_pairs(*options: tuple[str, bool]) -> None:
    given = [name for name, on in options if on]
    if len(given) > 1:
        raise click.UsageError(f"`{given[0]}` and `{given[1]}` exclude each other")


def _printing(form: str, picture: Picture, answer: dict[str, Any]) -> Callable[[], None]:
    if form != "text":
        return lambda: click.echo(_drawn(form, picture, answer), nl=False)

    def words() -> None:
        from kitchens.drawing.text import lines

        # Only a terminal has an edge: what goes to a file or through a pipe is not cut.
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        ascii_only = not knows(sys.stdout, "│├╰─✓✗…┊●×")
        _heading(picture)
        _echo(lines(picture.graph, columns, ascii_only=ascii_only))

    return words


def _heading(picture: Picture) -> None:
    graph, run = picture.graph, picture.run
    variation = f" ({graph.variation})" if graph.variation else ""
    requires = f", after {', '.join(graph.requires)}" if graph.requires else ""
    came = (
        "" if run is None else f": {show.state(str(run.status))} {show.seconds(run.seconds)}, run {run.run}"
    )
    click.echo(f"{click.style(graph.recipe, bold=True)}{variation}{requires}{came}")


def _echo(lines: Iterable[Line]) -> None:
    for line in lines:
        click.echo("".join(show.toned(text, tone) for text, tone in line))


def _drawn(form: str, picture: Picture, answer: dict[str, Any]) -> str:
    match form:
        case "svg":
            from kitchens.drawing.svg import svg

            return svg(picture.graph, *_captions(picture))
        case "mermaid":
            from kitchens.drawing.mermaid import mermaid

            return mermaid(picture.graph)
        case "dot":
            from kitchens.drawing.dot import dot

            return dot(picture.graph)
        case "json":
            return json.dumps(answer, indent=2) + "\n"
        case _:
            from kitchens.drawing.text import lines

            return "".join("".join(span.text for span in line) + "\n" for line in lines(picture.graph, None))


def _captions(picture: Picture) -> tuple[str, str]:
    graph, run = picture.graph, picture.run
    title = graph.recipe if graph.variation is None else f"{graph.recipe} ({graph.variation})"
    if run is None:
        return title, ""
    started = f"{run.started:%Y-%m-%d %H:%M} UTC"
    return title, f"{run.status} · {show.seconds(run.seconds)} · {started} · run {run.run}"


def _write(target: Path, text: str) -> None:
    from kitchens_engine.errors import InvalidInput

    try:
        target.write_text(text, encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidInput(f"there is no folder `{target.parent}` to write `{target.name}` to") from None
