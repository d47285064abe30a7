"""The documents hold what they say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from kitchens.model.cookbook import parse_cookbook

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "templates").rglob("*.md")])


def blocks(path: Path, language: str) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_toml_in_a_document_loads(document: Path) -> None:
    """Whoever copies an example gets valid TOML."""
    for block in blocks(document, "toml"):
        tomllib.loads(block)


def test_the_documented_settings_are_the_ones_that_are_read() -> None:
    """The `kitchens.toml` of the reference has no key that the program does not know."""
    cookbook, faults = parse_cookbook(blocks(ROOT / "docs" / "reference" / "files.md", "toml")[0].encode())
    assert cookbook is not None
    assert faults == ()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_in_a_document_lead_somewhere(document: Path) -> None:
    """Every relative link names a file or a folder that is there."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_every_command_is_documented_and_no_other() -> None:
    """The reference lists exactly the commands that the program has."""
    assert documented().keys() == commands().keys()


def test_every_option_is_documented() -> None:
    """In the command's row; those that many commands share stand elsewhere on the page."""
    shared = {"--json", "--quiet", "--events"}
    rows = documented()
    lacking = [
        (*words, option.opts[0])
        for words, command in commands().items()
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
        if not shared & {*option.opts} and "-C" not in option.opts
        if not any(re.search(rf"`{name}\b", rows[words]) for name in option.opts)
    ]
    assert lacking == []


def documented() -> dict[tuple[str, ...], str]:
    """What the reference says of each command."""
    text = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `kitchen ([a-z ]+?)(?: [\[A-Z].*?)?` \| (.*) \|$", text, re.MULTILINE)
    return {tuple(words.split()): said for words, said in rows}


def commands() -> dict[tuple[str, ...], click.Command]:
    """All commands by their paths, groups opened."""
    from kitchens.cli.commands.tree import kitchen

    found: dict[tuple[str, ...], click.Command] = {}
    context = click.Context(kitchen)
    for name in kitchen.list_commands(context):
        command = kitchen.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            inside = click.Context(command)
            found |= {
                (name, inner): command.get_command(inside, inner) for inner in command.list_commands(inside)
            }
        else:
            found[(name,)] = command
    return found


def test_every_kind_of_event_is_documented() -> None:
    """Programs read events; a new kind gets a row in the reference."""
    told = {
        kind
        for folder in ("kitchens", "engine/kitchens_engine")
        for file in (ROOT / folder).rglob("*.py")
        for kind in re.findall(r"(?:\bEvent|\b_tell)\(\s*\"([a-z-]+)\"", file.read_text(encoding="utf-8"))
    }
    text = (ROOT / "docs" / "reference" / "events.md").read_text(encoding="utf-8")
    assert told <= set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))
    assert {"node-ended", "gate-started", "run-ended"} <= told
