"""The nearest right spelling of a wrong word."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, words: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The one of `words` that `word` was probably meant to be, if any is alike enough (1 is equal). The word itself is
    spelled right, whatever is wrong with it."""
    # difflib is imported only once something is wrong: most commands never need it.
    from difflib import get_close_matches

    known = [other for other in words if other != word]
    same = [other for other in known if other.casefold() == word.casefold()]
    close = same or get_close_matches(word, known, n=1, cutoff=likeness)
    return close[0] if close else None


def did_you_mean(word: str, words: Iterable[str]) -> str | None:
    """The nearest spelling as a hint, or None when nothing is near."""
    found = nearest(word, words)
    return f"did you mean `{found}`?" if found else None


def hints(word: str, words: Iterable[str]) -> tuple[str, ...]:
    """The same for `KitchensError`: the nearest spelling, else the whole list while it is short, else nothing."""
    known = sorted(words)
    if found := did_you_mean(word, known):
        return (found,)
    if known and len(known) <= 12:
        return ("there is " + ", ".join(f"`{other}`" for other in known),)
    return ()
