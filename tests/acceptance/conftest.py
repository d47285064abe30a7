"""The user at the desk of `tests/desk.py`."""

from tests.desk import Desk, desk, empty

__all__ = ["Desk", "desk", "empty"]
