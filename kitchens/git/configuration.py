"""Git's configuration as one process tells it: read once, when something of it is first wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kitchens.git.command import Answer, Git, text
from kitchens.model.kitchen import Identity

_LISTED = ("config", "--null", "--list")

#: What git strips from both ends of a name, and what it leaves out of one.
_CRUD = "".join(map(chr, range(33))) + ".,:;<>\"\\'"
_NEVER = frozenset("<>\n\0")


class Configuration:
    """The values that git goes by in one repository. Sections and keys are in lower case, subsections as written."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._known: Mapping[str, str | None] | None = None

    def get(self, key: str) -> str | None:
        """The value that counts for a key, or None."""
        return self._values.get(key)

    @property
    def is_known(self) -> bool:
        """Whether asking costs nothing any more."""
        return self._known is not None

    @property
    def merge_drivers(self) -> frozenset[str]:
        """The merge drivers that a program is named for."""
        keys = (key for key in self._values if key.startswith("merge.") and key.endswith(".driver"))
        return frozenset(key.removeprefix("merge.").removesuffix(".driver") for key in keys)

    @property
    def shared(self) -> bool:
        """Whether others are to write here too, so that git sets the modes of what it makes."""
        return (self.get("core.sharedrepository") or "umask") not in ("umask", "false", "0")

    def identity(self, role: str, environment: Mapping[str, str]) -> Identity | None:
        """The `author` or `committer` that git takes, where that is plain; None where git must be asked."""
        parts = []
        for part in ("name", "email"):
            found = environment.get(f"GIT_{role}_{part}".upper())
            if found is None:
                found = self.get(f"{role}.{part}") or self.get(f"user.{part}")
            if not found or found.strip(_CRUD) != found or _NEVER & set(found):
                return None
            parts.append(found)
        return Identity(*parts)

    def read_anew(self) -> None:
        """What it said may have changed meanwhile."""
        self._known = None

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Let git read it beside whatever is done inside."""
        if self._known is not None:
            yield
            return
        with self._git.meanwhile(*_LISTED) as answer:
            yield
            self._known = self._parsed(answer())

    @property
    def _values(self) -> Mapping[str, str | None]:
        if self._known is None:
            self._known = self._parsed(self._git.run(*_LISTED, check=False))
        return self._known

    def _parsed(self, answer: Answer) -> Mapping[str, str | None]:
        if answer.status != 0:
            raise self._git.failure(_LISTED, answer)
        found: dict[str, str | None] = {}
        for line in text(answer.out).split("\0")[:-1]:
            key, given, value = line.partition("\n")
            found[key] = value if given else None
        return found
