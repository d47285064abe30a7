"""Images below a toolchain: which a Dockerfile begins with, and what goes into the key."""

from __future__ import annotations

import pytest

from kitchens.model.cookbook import parse_cookbook
from kitchens.model.images import ImagePin, bases_of, pins_for, repository, with_bases
from kitchens.model.toolchain import toolchain_key

DIGEST = f"sha256:{'a' * 64}"
OTHER = f"sha256:{'b' * 64}"

DOCKERFILE = """# FROM nothing
ARG BASE=x
FROM --platform=linux/amd64 python:3.12-slim AS build
RUN echo FROM here
from debian:12
FROM $BASE
FROM build
FROM scratch
"""


def test_the_images_that_a_dockerfile_begins_with() -> None:
    """Stages, nothing, and what only the build knows are none."""
    assert bases_of(DOCKERFILE) == ("python:3.12-slim", "debian:12")


def test_a_dockerfile_on_pinned_images() -> None:
    """Only the names are changed."""
    changed = with_bases(DOCKERFILE, {"python:3.12-slim": f"python@{DIGEST}"})

    assert changed == DOCKERFILE.replace("python:3.12-slim", f"python@{DIGEST}")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("python:3.12-slim", "python"),
        ("docker.io/library/python", "python"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b"),
        (f"a/b@{DIGEST}", "a/b"),
    ],
)
def test_a_repository_is_called_as_the_engine_calls_it(name: str, expected: str) -> None:
    """Without tag, digest, and what every name may begin with."""
    assert repository(name) == expected
    assert ImagePin(name, digest=DIGEST).reference == f"{expected}@{DIGEST}"


def test_a_pin_of_something_else_is_not_in_the_key() -> None:
    """Only the images that this cookbook is made on count, and none in the process runtime."""
    lock = f'format = 1\n[images."python:3.12-slim"]\ndigest = "{DIGEST}"\n[images.other]\nid = "{OTHER}"\n'
    files = {"kitchens.lock": lock.encode()}
    text = b"[cookbook]\nname = 'shop'\n[runtime]\n"
    container, _ = parse_cookbook(text)
    process, _ = parse_cookbook(text + b"kind = 'process'\n")

    assert container is not None
    assert process is not None
    assert {name: pin.content for name, pin in pins_for(container, files.get).items()} == {
        "python:3.12-slim": DIGEST
    }
    assert not pins_for(process, files.get)


def test_pins_and_packages_are_in_the_key() -> None:
    """Each is another toolchain; without them the key is what it always was."""
    keys = [
        toolchain_key(image="a", bases=bases, packages=packages)
        for bases in ({}, {"a": DIGEST}, {"a": OTHER})
        for packages in ((), ("gdal-bin",))
    ]

    assert len(set(keys)) == len(keys)
    assert keys[0] == toolchain_key(image="a")
