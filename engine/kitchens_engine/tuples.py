"""`NamedTuple` as `typing` has it, without a look at its annotations.

`typing` compiles every annotation that is a text, and nobody ever asks for it: of 160 µs
that a class of ten fields costs there, 60 remain here, and a command makes 85 of them.
"""

from __future__ import annotations

__all__ = ["NamedTuple"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

    _MADE_ANEW = frozenset(
        {"__module__", "__qualname__", "__annotations__", "__doc__", "__dict__", "__weakref__"}
    )

    class _Fields(type):
        """Makes a class of fields into a tuple with names."""

        def __new__(kind, name, bases, namespace):
            if not bases:
                return super().__new__(kind, name, bases, namespace)
            annotations = namespace.get("__annotations__", {})
            defaults = [namespace[field] for field in annotations if field in namespace]
            made = namedtuple(name, annotations, defaults=defaults, module=namespace["__module__"])
            made.__qualname__ = namespace["__qualname__"]
            made.__annotations__ = annotations
            made.__doc__ = namespace.get("__doc__", made.__doc__)
            for key, value in namespace.items():
                if key not in annotations and key not in _MADE_ANEW:
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Fields):
        """A tuple whose places have names, annotated as a class's fields."""
