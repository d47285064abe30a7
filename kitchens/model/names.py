"""Names that were parsed once at the door and need no second look."""

from __future__ import annotations

import re

from kitchens_engine.errors import InvalidInput

#: A name is a folder, a ref and a part of lock files; file systems take 255 bytes a part.
_LONGEST = 200

#: A run of characters that `git check-ref-format` refuses in a branch, and what a shell or a path would trip over.
_REFUSED = re.compile(r"[\x00-\x20\x7f~^:?*\[\\\"'`$&|;<>(){}!#%]")


class KitchenName(str):
    """The name of a kitchen, which is also its branch (`refs/heads/<name>`) and its folder."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> KitchenName:
        """The name in `text`. Raises `InvalidInput` with the reason when git or a file system would refuse it."""
        if why := _fault(text):
            raise InvalidInput(f"`{text}` cannot name a kitchen: {why}", code="kitchen-name")
        return cls(text)


def _fault(text: str) -> str | None:
    if not text:
        return "it is empty"
    if len(text) > 100:
        return "it is longer than 100 characters"
    if len(text.encode("utf-8", "surrogateescape")) > _LONGEST:
        return f"it is longer than {_LONGEST} bytes"
    if found := _REFUSED.search(text):
        return f"it holds {found.group()!r}, which a branch or a folder cannot"
    if text.startswith("-"):
        return "it starts with `-`"
    if text == "HEAD" or text == "@" or "@{" in text:
        return "git reserves it"
    if ".." in text:
        return "it holds `..`"
    for part in text.split("/"):
        if not part:
            return "it has an empty part between slashes"
        if part.startswith(".") or part.endswith((".", ".lock")):
            return f"its part `{part}` starts with `.`, or ends with `.` or `.lock`"
    return None
