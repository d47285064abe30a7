"""Which toolchain a cookbook asks for, as a key: the same for both runtimes, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from kitchens_engine.recipe import EMPTY

#: Raised whenever the meaning of what goes into a toolchain changes.
FORMAT = 1


def toolchain_key(
    *,
    image: str | None = None,
    dockerfile: str | None = None,
    context: str | None = None,
    requirements: bytes | None = None,
    bases: Mapping[str, str] = EMPTY,
    packages: Sequence[str] = (),
) -> str:
    """The key of a toolchain, 64 hexadecimal digits: equal exactly when all that it is made of is equal.

    `image` is what the cookbook writes. With `build` instead, `dockerfile` is the Dockerfile's
    path and `context` the object id of its folder's tree in git. `bases` are the pins of the
    images below, by name. `requirements` are the bytes of the requirements file, or None where
    there is none; `packages` are Debian's, in order.
    """
    digest = hashlib.sha256()
    for part in (str(FORMAT), image, dockerfile, context, requirements):
        content = part.encode() if isinstance(part, str) else part
        digest.update(b"-\n" if content is None else b"%d\n%s\n" % (len(content), content))
    # What is not there leaves the key as it always was.
    for kind, words in (
        ("base", [f"{name}@{pin}" for name, pin in sorted(bases.items())]),
        ("package", packages),
    ):
        for word in words:
            digest.update(f"{kind} {word}\n".encode())
    return digest.hexdigest()
