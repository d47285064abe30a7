"""A node with an image of its own runs in a container of that image, beside the others of its run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kitchens.containers.engine import Engine
from kitchens.containers.toolchains import image as images
from tests.desk import Desk, desk, empty

__all__ = ["desk", "empty"]

BUSYBOX = "kitchens-test/busybox:static"
OWN = f"kitchens-test/own-{os.getpid()}:1"
COOKBOOK = f"[cookbook]\nname = 'own'\n[runtime]\nkind = 'docker'\nimage = '{BUSYBOX}'\n"
RECIPE = f"""
[nodes.here]
run = "[ ! -e /mark ]; sleep 0.3; echo where=here >> $KITCHEN_OUTPUT"
[nodes.there]
image = "{OWN}"
run = "cat /mark > $KITCHEN_DATA/mark; echo where=$(cat /mark) >> $KITCHEN_OUTPUT"
[nodes.fails]
needs = ["there"]
image = "{OWN}"
run = "exit 7"
[nodes.after]
needs = ["here", "there"]
run = "cat $KITCHEN_DATA/mark; echo where={{{{ outputs.there.where }}}} >> $KITCHEN_OUTPUT"
"""


@pytest.fixture
def shop(desk: Desk, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A cookbook on busybox, and another image that has a mark; both are gone after the test."""
    monkeypatch.setattr(images, "_FORMAT", time.time_ns())
    monkeypatch.setenv("KITCHENS_CACHE", str(tmp_path / "cache"))
    container = engine.create(BUSYBOX, ["/bin/sh", "-c", "echo there >/mark"], {"user": "0:0"}, {})
    engine.start(container)
    engine._api.wait(container)
    engine.commit(container, OWN.partition(":")[0], "1", [])
    engine.remove(container)
    desk.write("kitchens.toml", COOKBOOK)
    desk.write("recipes/own/recipe.toml", RECIPE)
    desk.save("two images")
    yield desk
    for row in desk.json("image", "list"):
        if row["state"] not in ("foreign", "missing"):
            engine.remove_image(row["image"])
    engine.remove_image(OWN)


def test_a_node_has_its_own_image(shop: Desk, engine: Engine) -> None:
    """Side by side with others, with the same folders; nothing of it is left, and both images are needed."""
    run = shop.json("order", "run", "own", status=1)

    nodes = {node["name"]: node for node in run["nodes"]}
    assert {name: node["status"] for name, node in nodes.items()} == {
        "here": "passed", "there": "passed", "fails": "failed", "after": "passed",
    }  # fmt: skip
    assert [nodes[name]["outputs"]["where"] for name in ("here", "there", "after")] == [
        "here",
        "there",
        "there",
    ]
    assert nodes["fails"]["why"] == "exit status 7"
    assert engine.labelled(f"org.kitchens.run={run['run']}") == []
    rows = [row for row in shop.json("image", "list") if row["state"] != "foreign"]
    assert sorted((row["from"], row["state"]) for row in rows) == sorted(
        [(BUSYBOX, "needed"), (OWN, "needed")]
    )


def test_a_gate_runs_it_in_its_own_image(shop: Desk) -> None:
    """And says in the attestation which that was."""
    shop.json("create", "idea", "--no-test")
    shop.commit("recipes/own/recipe.toml", RECIPE.replace("exit 7", "true"), "idea")

    merged = shop.json("merge", "idea")

    (own,) = [row["id"] for row in shop.json("image", "list") if row["from"] == OWN]
    said = shop.git("grep", "-h", "sha256:", "refs/attestations/gate")
    assert merged["status"] == "merged"
    assert f"image:{OWN}" in said
    assert own in said


def test_its_image_is_pinned_and_in_the_fingerprint(shop: Desk) -> None:
    """`kitchen lock` pins it with the others; an image that nobody has is said before anything runs."""
    assert sorted(row["name"] for row in shop.json("lock")["images"]) == sorted([BUSYBOX, OWN])
    shop.write("recipes/own/recipe.toml", RECIPE.replace(OWN, "localhost:9/no/such:1"))
    shop.save("an image that is nowhere")
    answer = shop.kitchen("order", "run", "own")
    assert answer.status == 5
    assert "localhost:9/no/such:1" in answer.err
