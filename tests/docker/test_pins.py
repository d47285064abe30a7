"""Images below a toolchain, pinned: what was pinned is used, and a change under its name is told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from kitchens.containers.engine import Engine, ImageMissing
from kitchens.containers.life_signs import life_signs
from kitchens.containers.toolchains import image as images
from kitchens.containers.toolchains.base_image import base_name
from kitchens.containers.toolchains.image import ImageToolchain, make_image
from kitchens.containers.toolchains.source import ImageSource
from kitchens.model.images import ImagePin
from kitchens.model.toolchain import toolchain_key
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from tests.desk import Desk, desk, empty

__all__ = ["desk", "empty"]

BUSYBOX = "kitchens-test/busybox:static"
BASE = f"kitchens-test/base-{os.getpid()}"
Change = Callable[[str], str]


@pytest.fixture
def change(engine: Engine) -> Iterator[Change]:
    """Makes `BASE:1` mean a new image with this label; its id."""
    made: list[str] = []

    def changed(mark: str) -> str:
        container = engine.create(BUSYBOX, ["true"], {"user": "0:0"}, {})
        made.append(engine.commit(container, BASE, "1", [f"LABEL mark={mark}"]))
        engine.remove(container)
        return made[-1]

    yield changed
    for name in (f"{BASE}:1", *made):
        with suppress(EnvironmentFailure):
            engine.remove_image(name)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was said while making, but for the signs of life of a slow machine."""
    monkeypatch.setattr(images, "life_signs", partial(life_signs, every=600))
    return []


@pytest.fixture
def make(
    engine: Engine, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[ImageSource], ImageToolchain]]:
    """Makes images that are gone after the test."""
    monkeypatch.setattr(images, "_FORMAT", os.getpid())
    made: set[str] = set()

    def make(source: ImageSource) -> ImageToolchain:
        toolchain = make_image(engine, source, tmp_path / "cache", os.environ, told.append)
        made.add(toolchain.name)
        return toolchain

    yield make
    for name in made:
        engine.remove_image(name)


Make = Callable[[ImageSource], ImageToolchain]


def pinned(content: str, worker: bytes = b"") -> ImageSource:
    """A cookbook on `BASE:1` as it was then."""
    pins = {f"{BASE}:1": ImagePin(f"{BASE}:1", id=content)}
    key = toolchain_key(image=f"{BASE}:1", bases={f"{BASE}:1": content})
    return ImageSource(key, {"worker.py": worker}, f"{BASE}:1", pins=pins)


def test_what_was_pinned_is_used_after_a_change(
    engine: Engine, change: Change, make: Make, told: list[str]
) -> None:
    """A toolchain that is made later is made from the same, and the change is told with what to do."""
    first = change("first")
    make(pinned(first))
    assert told == [f"making the toolchain's image from `{BASE}:1`, once"]

    change("second")
    later = make(pinned(first, b"other"))

    found = engine.image(later.name)
    assert found is not None
    assert found.labels["mark"] == "first"
    assert f"`kitchen lock --update {BASE}:1`" in told[-1]


def test_what_was_pinned_and_is_gone_is_said_so(change: Change, make: Make, engine: Engine) -> None:
    """In one sentence, with what to do; another image is never taken for it."""
    gone = change("gone")
    engine.remove_image(f"{BASE}:1")
    change("second")

    with pytest.raises(ImageMissing, match=gone[7:19]) as caught:
        make(pinned(gone))

    assert caught.value.hints == (f"`kitchen lock --update {BASE}:1` pins what is there now",)


def test_a_dockerfile_begins_with_what_was_pinned(
    change: Change, make: Make, engine: Engine, tmp_path: Path
) -> None:
    """A name that means another image by now is refused: BuildKit knows no image by its id."""
    first = change("first")
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}:1 AS one\nFROM one\nLABEL built=yes\n")
    key = toolchain_key(dockerfile="Dockerfile", context="x", bases={f"{BASE}:1": first})
    source = ImageSource(key, {"worker.py": b""}, context=tmp_path, pins=pinned(first).pins)

    labels = engine.image(make(source).name)
    engine.remove_image(base_name(key))
    change("second")
    other = toolchain_key(dockerfile="Dockerfile", context="y", bases={f"{BASE}:1": first})

    assert labels is not None
    assert labels.labels["mark"] == "first"
    with pytest.raises(ImageMissing, match="changed under its name"):
        make(source._replace(key=other))


def test_a_dockerfile_that_fails_is_wrong(make: Make, tmp_path: Path) -> None:
    """Its own step, or a word that no Dockerfile knows: the file is named, and where the whole story is."""
    for number, line in enumerate(("RUN exit 3", "NONSENSE", "COPY nothing /nowhere")):
        (tmp_path / "Dockerfile").write_text(f"FROM {BUSYBOX}\n{line}\n")
        key = toolchain_key(dockerfile="Dockerfile", context=str(number))

        with pytest.raises(InvalidInput, match="`Dockerfile` cannot be built") as caught:
            make(ImageSource(key, {"worker.py": b""}, context=tmp_path))

        assert "what it said" in caught.value.hints[0]


BUILDX = """#!/bin/sh
# The client's own classic builder, called as BuildKit's would be.
[ "$1 $2" = "buildx version" ] && exit 0
[ "$1 $2 $3 $4" = "buildx build --progress=plain --load" ] || exit 9
shift 2
for word in "$@"; do
    shift
    case "$word" in --progress=*|--load|--provenance=*) ;; *) set -- "$@" "$word" ;; esac
done
echo "#1 [1/1] $BUILDX_BUILDER" >&2
DOCKER_BUILDKIT=0 exec %s build "$@" 2>&1
"""


def test_buildx_builds_where_there_is_one(
    make: Make, engine: Engine, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the caller's `docker`, on the engine that runs the nodes; its steps are told, and its failure is the file's."""
    docker = shutil.which("docker")
    assert docker is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(BUILDX % docker)
    (tmp_path / "bin" / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HTTP_PROXY", "")
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {BUSYBOX}\nCOPY Dockerfile /\nLABEL by=buildx\n")
    source = ImageSource("with-buildx", {"worker.py": b""}, context=context)

    made = engine.image(make(source).name)
    engine.remove_image(base_name("with-buildx"))
    (context / "Dockerfile").write_text(f"FROM {BUSYBOX}\nCOPY nothing /\n")

    assert made is not None
    assert made.labels["by"] == "buildx"
    assert "building `Dockerfile`: #1 [1/1] default" in told
    with pytest.raises(InvalidInput, match="`Dockerfile` cannot be built"):
        make(source._replace(key="without"))


def test_lock_pins_what_is_there(desk: Desk, change: Change) -> None:
    """Once; a change moves nothing unasked, and `--update` does. Without an engine nothing is lost."""
    first = change("first")
    desk.write("kitchens.toml", f"[cookbook]\nname = 'shop'\n[runtime]\nimage = '{BASE}:1'\n")
    assert [row["status"] for row in desk.json("lock")["images"]] == ["pinned"]
    before = (desk.folder / "kitchens.lock").read_text()
    assert first in before

    second = change("second")
    assert [row["status"] for row in desk.json("lock")["images"]] == ["kept"]
    assert (desk.folder / "kitchens.lock").read_text() == before
    (row,) = desk.json("lock", "--update", f"{BASE}:1")["images"]

    assert (row["status"], row["id"], row["previous"]) == ("updated", second, first)
    desk.write("kitchens.toml", "[cookbook]\nname = 'shop'\n[runtime]\nkind = 'process'\n")
    assert [row["status"] for row in desk.json("lock")["images"]] == ["removed"]
