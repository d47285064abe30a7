"""Our `NamedTuple` makes what that of `typing` makes."""

from __future__ import annotations

import copy
import pickle
import typing
from collections.abc import Mapping

import pytest

from kitchens_engine.tuples import NamedTuple


class Point(NamedTuple):
    """A place."""

    x: int
    y: int = 2
    names: Mapping[str, Undefined] = {}  # type: ignore[name-defined]  # noqa: F821

    @property
    def total(self) -> int:
        """Both."""
        return self.x + self.y

    @classmethod
    def origin(cls) -> Point:
        """The middle."""
        return cls(0, 0)


class Near(Point):
    """A class below one, as a plain tuple may have."""


def test_it_is_a_tuple_with_names_defaults_and_methods() -> None:
    """Positions, names, defaults, properties and class methods."""
    point = Point(1)

    assert point == (1, 2, {})
    assert (point.x, point.y, point.total) == (1, 2, 3)
    assert Point.origin() == Point(0, 0)
    assert point._replace(x=5).x == 5
    assert repr(point) == "Point(x=1, y=2, names={})"
    assert Near(3).total == 5
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        point.x = 3  # type: ignore[misc]


def test_it_says_where_it_comes_from() -> None:
    """Name, module, docstring, fields: pickle, copy and help need them."""
    assert (Point.__name__, Point.__module__, Point.__doc__) == ("Point", __name__, "A place.")
    assert Point._fields == ("x", "y", "names")
    assert Point._field_defaults == {"y": 2, "names": {}}
    assert set(Point.__annotations__) == set(
        typing.NamedTuple("Other", [("x", int), ("y", int), ("names", int)]).__annotations__
    )
    assert pickle.loads(pickle.dumps(Point(4))) == copy.copy(Point(4))
