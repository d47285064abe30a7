"""Words of the books beside this file: how often each stands there, and the commonest of all books in one table."""

import re
from collections import Counter
from pathlib import Path

# What parts words, beside white space.
MARKS = re.compile(r"""[].,;:?$@^<>#%`!*=(){}/"'\[-]""")


def books() -> dict:
    """The names of all books, by the alphabet."""
    return {"names": sorted(file.stem for file in Path("books").glob("*.txt"))}


def count(book: str, data: Path) -> dict:
    """Write `BOOK.dat`: a word, how often it stands there, and its share in percent; the commonest first."""
    text = MARKS.sub(" ", Path("books", f"{book}.txt").read_text(encoding="utf-8")).lower()
    counted = Counter(text.split())
    total = counted.total()
    rows = [(word, times, times / total * 100) for word, times in counted.most_common()]
    lines = [f"{word} {times} {share}\n" for word, times, share in rows]
    (data / f"{book}.dat").write_text("".join(lines), encoding="utf-8")
    return {"words": len(rows), "share": sum(share for _, _, share in rows)}


def table(books: list[str], top: int, data: Path) -> dict:
    """Write `results.csv`: a line for each book, with how often its `top` commonest words stand there."""
    lines = [",".join(["Book", *(f"word{place}" for place in range(1, top + 1))])]
    for book in books:
        commonest = (data / f"{book}.dat").read_text(encoding="utf-8").splitlines()[:top]
        lines.append(",".join([book, *(line.split()[1] for line in commonest)]))
    (data / "results.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"rows": len(lines) - 1}
