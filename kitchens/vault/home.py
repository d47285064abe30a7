"""Where `~` is: the folders of the user's own."""

from __future__ import annotations

from pathlib import Path

from kitchens_engine.errors import EnvironmentFailure


def at_home(path: Path) -> Path:
    """`path`, with the home folder for the `~` that it begins with.

    Raises `EnvironmentFailure` where nobody knows one: a container's user without a name, or `~stranger`.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise EnvironmentFailure(
            f"`{path}` lies in a home folder, and none is known", "set `HOME`", code="home"
        ) from None
