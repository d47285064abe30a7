"""Other tools' own example pipelines, rewritten as recipes, give what those tools gave."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.peers.data import write_books, write_streams
from tests.desk import Desk

HERE = Path(__file__).parent / "peers"
REFERENCES = HERE / "references"
ZIPF = ("results.csv", "almanac.dat", "beacon.dat", "causeway.dat")
TOPLIST = ("top_artists.tsv",)
# A folder as `peers/references/README.md` says; empty where no peer is installed.
PEERS = os.environ.get("KITCHENS_PEERS", "")


@pytest.fixture
def made(desk: Desk) -> Path:
    """Where the recipes' results are: the data folder of production."""
    return desk.folder.parent / "shop.kitchens/.data/production"


def lines(folder: Path, names: tuple[str, ...]) -> dict[str, list[str]]:
    """What the files say. The table has its books in any order, because the peer takes them as the disk gives them."""
    said = {name: (folder / name).read_text(encoding="utf-8").splitlines() for name in names}
    return {name: sorted(text) if name == "results.csv" else text for name, text in said.items()}


def test_the_words_of_books_are_counted_as_snakemake_counts_them(desk: Desk, made: Path) -> None:
    """A rule with wildcards becomes a node with `each`; counts, shares and their order are the same."""
    recipe = desk.folder / "recipes/zipf"
    shutil.copytree(HERE / "zipf", recipe)
    write_books(recipe / "books")
    desk.save("the word-count workflow")

    ran = desk.json("order", "run", "zipf")

    assert [node["name"] for node in ran["nodes"]] == ["books", "count", "table"]
    assert lines(made, ZIPF) == lines(REFERENCES, ZIPF)


def test_the_most_heard_artists_are_those_of_luigi(desk: Desk, made: Path) -> None:
    """Tasks with a date interval become SQL with two variables; ties fall as they did."""
    recipe = desk.folder / "recipes/toplist"
    shutil.copytree(HERE / "toplist", recipe)
    write_streams(recipe / "streams")
    desk.save("the top list")

    desk.json("order", "run", "toplist")

    assert lines(made, TOPLIST) == lines(REFERENCES, TOPLIST)


def test_the_references_are_what_installed_peers_give(tmp_path: Path) -> None:
    """Each kept result has its own input, and a peer that is installed writes it once more."""
    write_books(tmp_path / "zipf/data")
    write_streams(tmp_path / "toplist/data")

    if PEERS:
        run_snakemake(Path(PEERS), tmp_path / "zipf")
        run_luigi(Path(PEERS), tmp_path / "toplist")
        assert lines(tmp_path, ZIPF + TOPLIST) == lines(REFERENCES, ZIPF + TOPLIST)

    books = {f"{path.stem}.dat" for path in (tmp_path / "zipf/data").iterdir()}
    assert books == set(ZIPF) - {"results.csv"}
    assert len(list((tmp_path / "toplist/data").glob("streams_*"))) == 5


def run_snakemake(peers: Path, folder: Path) -> None:
    """Run the example in `folder`, and put what it writes beside it."""
    shutil.copy(peers / "word-count-hpda/Snakefile", folder)
    shutil.copytree(peers / "word-count-hpda/source", folder / "source")
    run_peer(peers, folder, "snakemake", "--cores", "1", "--quiet")
    for file in (folder / "results/results.csv", *(folder / "processed_data").glob("*.dat")):
        shutil.copy(file, folder.parent)


def run_luigi(peers: Path, folder: Path) -> None:
    """Run the example in `folder`, and put what it writes beside it."""
    words = [
        "--module",
        "top_artists",
        "Top10Artists",
        "--local-scheduler",
        "--date-interval",
        "2013-07-01-2013-07-06",
    ]
    run_peer(peers, folder, "luigi", *words, python_path=peers / "luigi/examples")
    [top] = (folder / "data").glob("top_artists_*.tsv")
    shutil.copy(top, folder.parent / "top_artists.tsv")


def run_peer(peers: Path, folder: Path, name: str, *words: str, python_path: Path | None = None) -> None:
    """Run a peer's own program."""
    environment = {
        "PATH": f"{peers.resolve() / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONPATH": str(python_path.resolve()) if python_path else "",
    }
    done = subprocess.run(
        [name, *words], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
