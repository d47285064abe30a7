"""`kitchen schema`."""

from __future__ import annotations

import click

from kitchens.cli.command import Answer, KitchenCommand, example
from kitchens.cli.desk import Desk
from kitchens_engine.errors import InvalidInput


@click.command(
    cls=KitchenCommand, epilog=example("kitchen schema --write", "kitchen schema recipe > recipe.json")
)
@click.argument("name", required=False, type=click.Choice(("recipe", "ingredient", "kitchens", "template")))
@click.option("--write", is_flag=True, help="Write all of them into this checkout, for the editor.")
@click.pass_obj
def schema(desk: Desk, name: str | None, write: bool) -> Answer:
    """Print the JSON Schema of recipe.toml, of an ingredient, kitchens.toml or a template; or set up the editor.

    With `--write` the schemas lie in `.kitchens/schemas`, and `.taplo.toml` tells editors of them:
    VS Code with Even Better TOML completes keys, explains them, and marks faults.
    """
    from kitchens.actions.cookbook import schemas

    if (name is None) is not write:
        raise InvalidInput(
            "`kitchen schema` prints one schema, or writes them all",
            "name `recipe`, `ingredient`, `kitchens` or `template`, or say `--write`",
            code="usage",
        )
    if name is not None:
        document = schemas.schema(name)
        return Answer(document, lambda: click.echo(schemas.as_text(document), nl=False))
    answer = schemas.write_schemas(desk.house.repository.here)

    def words() -> None:
        for path in answer["written"]:
            click.echo(f"wrote {path}")
        if answer["rules"]:
            click.echo(f"there are settings for Taplo already; add to them:\n\n{answer['rules']}", nl=False)

    return Answer(answer, words)
