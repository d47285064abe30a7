"""What the pipelines read: the same on every machine, because only `Random.random` is asked, which never changes."""

from __future__ import annotations

from pathlib import Path
from random import Random

TEXT = (
    "the of and a to in Harbour it fog was that bell with Keeper's lamp on as tide, boat; gull - oar salt! rope (knot) "
    'sail star? mast: "home" Winter net cork/float tar north-west wind anchor 1913'
)
BOOKS = {"almanac": 900, "beacon": 2400, "causeway": 60}
DAYS = ("2013_07_01", "2013_07_02", "2013_07_03", "2013_07_04", "2013_07_05")


def write_books(folder: Path) -> None:
    """Books in which a word is the rarer the later it stands in the text, in lines of eleven."""
    folder.mkdir(parents=True)
    known = TEXT.split()
    for seed, (name, length) in enumerate(BOOKS.items()):
        chance = Random(seed)
        words = [known[int(len(known) ** chance.random()) - 1] for _ in range(length)]
        lines = [" ".join(words[start : start + 11]) for start in range(0, length, 11)]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_streams(folder: Path) -> None:
    """A file for each day: listener, artist and track, three numbers a line. Few artists, so that there are ties."""
    folder.mkdir(parents=True)
    for seed, day in enumerate(DAYS):
        chance = Random(seed)
        lines = [f"{int(chance.random() * 999)} {int(chance.random() * 120)} {line}\n" for line in range(300)]
        (folder / f"streams_{day}_faked.tsv").write_text("".join(lines), encoding="utf-8")
