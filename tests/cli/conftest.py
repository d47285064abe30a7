"""The user at the desk of `tests/desk.py`, for all tests of the command line."""

from tests.desk import COOKBOOK, RECIPE, Answer, Desk, desk, empty

__all__ = ["COOKBOOK", "RECIPE", "Answer", "Desk", "desk", "empty"]
