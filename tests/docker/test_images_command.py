"""`kitchen image`: which images the kitchens need, made beforehand; only what nobody needs is removed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kitchens.containers.engine import Engine
from kitchens.containers.toolchains import image as images
from kitchens.containers.toolchains.base_image import base_name
from kitchens.containers.toolchains.usage import note_use
from tests.desk import Desk, desk, empty

__all__ = ["desk", "empty"]

BUSYBOX = "kitchens-test/busybox:static"
COOKBOOK = f"[cookbook]\nname = 'shop'\n[runtime]\nkind = 'docker'\nimage = '{BUSYBOX}'\n"
WEEKS = 30 * 86400


@pytest.fixture
def shop(desk: Desk, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A cookbook on busybox, whose images no other test has, and are gone after it."""
    monkeypatch.setenv("KITCHENS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(images, "_FORMAT", f"{os.getpid()}{time.time_ns()}".__hash__())
    desk.write("kitchens.toml", COOKBOOK)
    desk.write("recipes/counts/recipe.toml", "[nodes.count]\nrun = 'true'\n")
    desk.save("in containers")
    yield desk
    for row in desk.json("image", "list"):
        found = None if row["state"] == "foreign" else engine.image(row["image"])
        if found is not None:
            engine.remove_image(row["image"])
            engine.remove_image(base_name(found.labels.get("org.kitchens.key", "none")))


def mine(rows: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """State and kitchens of the images that this cookbook has to do with; the list goes by name, which is a hash."""
    return sorted((row["state"], row["kitchens"]) for row in rows if row["state"] != "foreign")


def test_an_image_is_made_once_for_all_kitchens(shop: Desk) -> None:
    """Beforehand or by the first run; another kitchen with the same content has the same, one with another has two."""
    shop.json("create", "one", "--no-test")
    shop.json("create", "two", "--no-test")
    assert mine(shop.json("image", "list")) == [("missing", ["one", "production", "two"])]
    assert shop.json("image", "build", "one", "--dry-run")["status"] == "missing"

    made = shop.json("image", "build", "one")
    again = shop.json("image", "build", "two")
    run = shop.json("order", "run", "counts", "--kitchen", "two")

    assert (made["status"], again["status"]) == ("made", "there")
    assert made["id"] == again["id"] == run["toolchain"]
    shop.write("image/Dockerfile", f"FROM {BUSYBOX}\nCOPY Dockerfile /\n", shop.path("one"))
    shop.write(
        "kitchens.toml",
        COOKBOOK.replace(f"image = '{BUSYBOX}'", "build = 'image/Dockerfile'"),
        shop.path("one"),
    )
    shop.save("an image of its own", shop.path("one"))
    other = shop.json("image", "build", "one")
    here = shop.json("image", "build", folder=shop.path("one"))
    assert other["id"] not in (made["id"], None)
    assert (here["image"], here["status"]) == (other["image"], "there")
    assert mine(shop.json("image", "list")) == [("needed", ["one"]), ("needed", ["production", "two"])]


def test_only_what_nobody_needs_is_removed(shop: Desk, engine: Engine, tmp_path: Path) -> None:
    """Not what a tip needs, a recent run used, another cookbook uses, or somebody else made."""
    old = shop.json("image", "build")
    shop.write("image/Dockerfile", f"FROM {BUSYBOX}\nENV OTHER=yes\n")
    shop.write("kitchens.toml", COOKBOOK.replace(f"image = '{BUSYBOX}'", "build = 'image/Dockerfile'"))
    shop.save("another")
    new = shop.json("image", "build")
    assert shop.json("image", "prune")["images"] == []
    used = tmp_path / "cache" / "toolchains" / "used" / old["image"].partition(":")[2]
    (mark,) = used.iterdir()
    os.utime(mark, (time.time() - WEEKS, time.time() - WEEKS))
    other = tmp_path / "other"
    other.mkdir()
    note_use(tmp_path / "cache", old["image"], other)
    assert shop.json("image", "prune")["images"] == []
    other.rmdir()

    planned = shop.json("image", "prune", "--dry-run")
    assert [(row["image"], row["status"]) for row in planned["images"]] == [(old["image"], "unneeded")]
    assert engine.image(old["image"]) is not None
    pruned = shop.json("image", "prune")

    assert [(row["image"], row["status"]) for row in pruned["images"]] == [(old["image"], "removed")]
    assert engine.image(old["image"]) is None
    assert engine.image(new["image"]) is not None
    assert old["image"] not in {row["image"] for row in shop.json("image", "list")}
    assert not used.exists()


def test_images_go_with_the_kitchen_that_they_were_made_for(shop: Desk, engine: Engine) -> None:
    """Those of its toolchain and of its services, which are listed and pruned alike; what another needs stays."""
    for name in ("one", "two"):
        shop.json("create", name, "--no-test")
        shop.json("order", "run", "counts", "--kitchen", name)
    folder = shop.path("one")
    shop.write("image/Dockerfile", f"FROM {BUSYBOX}\nENV OF={time.time_ns()}\n", folder)
    shop.write("web/Dockerfile", f'FROM {BUSYBOX}\nENV OF={time.time_ns()}\nCMD ["sleep", "99"]\n', folder)
    own = COOKBOOK.replace(f"image = '{BUSYBOX}'", "build = 'image/Dockerfile'")
    shop.write("kitchens.toml", f"{own}[services.web]\nbuild = 'web/Dockerfile'\n", folder)
    shop.save("images of its own", folder)
    assert shop.json("order", "run", "counts", "--kitchen", "one")["status"] == "passed"
    rows = shop.json("image", "list")
    assert mine(rows) == [("needed", ["one"]), ("needed", ["one"]), ("needed", ["production", "two"])]
    own_ones = [row for row in rows if row["kitchens"] == ["one"]]
    assert {row["kind"] for row in own_ones} == {"service", "toolchain"}
    assert shop.json("image", "prune", "--keep", "0s")["images"] == []

    shop.json("delete", "one", "--force")

    assert [engine.image(row["image"]) for row in own_ones] == [None, None]
    assert mine(shop.json("image", "list")) == [("needed", ["production", "two"])]
