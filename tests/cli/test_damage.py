"""One changed byte in what the proof stands on is found, and what is wrong is named."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import RECIPE, Desk

GATE = "refs/attestations/gate"
PRODUCTION = "refs/kitchens/production"


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """Two merges, a promotion, a rollback: a proof of every kind."""
    desk.commit("notes/first.md", "what we are about\n")
    desk.json("create", "dev", "--no-test")
    for top in (4, 5):
        desk.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", f"top = {top}"), "dev")
        desk.json("merge", "dev")
    desk.json("merge", "production", "--into", "dev")
    desk.commit("README.md", "better\n", "dev")
    desk.json("promote", "dev")
    desk.json("rollback", "production")
    assert desk.json("verify")["status"] == "unsigned"
    return desk


def on_the_way(desk: Desk) -> dict[str, str]:
    """An object of each kind that the proof stands on."""
    merge = desk.json("history")[-1]
    fingerprint = desk.git("log", "-1", "--format=%(trailers:key=Gated,valueonly)", merge["commit"]).split()[
        -1
    ]
    folder = f"{GATE}:{fingerprint[:2]}/{fingerprint[2:]}"
    named = {
        "a landed commit": merge["commit"],
        "the tip": "production",
        "a merged commit": f"{merge['commit']}^2",
        "its tree": f"{merge['commit']}^{{tree}}",
        "the tree of its recipes": f"{merge['commit']}:recipes",
        "its settings": f"{merge['commit']}:kitchens.toml",
        "the tree of a recipe": f"{merge['commit']}:recipes/counts",
        "the registration's commit": PRODUCTION,
        "the registration's tree": f"{PRODUCTION}^{{tree}}",
        "the registration": f"{PRODUCTION}:kitchen.toml",
        "an earlier registration's commit": f"{PRODUCTION}~1",
        "an earlier registration, with its certificate": f"{PRODUCTION}~2:kitchen.toml",
        "the parent's registration": "refs/kitchens/dev:kitchen.toml",
        "the attestations' commit": GATE,
        "their tree": f"{GATE}^{{tree}}",
        "a tree of attestations": f"{GATE}:{fingerprint[:2]}",
        "a fingerprint's tree": folder,
        "a file that landed": f"{merge['commit']}:recipes/counts/recipe.toml",
        "a file that no recipe reads": "production:README.md",
        "a file from before the baseline": "production:notes/first.md",
        "a folder that no recipe reads": "production:notes",
        "what is told of a promotion": "refs/tags/promoted/production/1",
        "the attestations before": f"{GATE}~1",
        "their tree of then": f"{GATE}~1^{{tree}}",
        "an attestation": f"{folder}/{desk.git('ls-tree', '--name-only', folder)}",
    }
    return {what: desk.git("rev-parse", name) for what, name in named.items()}


def flip(at: int) -> Callable[[bytes], bytes]:
    """Another bit in one byte of the file, as a bad disk makes it."""

    def change(content: bytes) -> bytes:
        place = at % len(content)
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    return change


def forge(content: bytes) -> bytes:
    """Another byte in the object itself, which git takes for whole: it looks at no hash when it reads."""
    plain = bytearray(zlib.decompress(content))
    last = next(
        at for at in range(len(plain) - 2, 0, -1) if chr(plain[at]) in "abcdef0123456789" or plain[at] > 127
    )
    plain[last] ^= 1
    return zlib.compress(bytes(plain))


@pytest.mark.parametrize(
    "change", [flip(0), flip(12), flip(-1), forge], ids=["first", "middle", "last", "forged"]
)
def test_one_changed_byte_is_found_and_named(shop: Desk, change: Callable[[bytes], bytes]) -> None:
    """By the object, the run of the attestation, or the commit of the registration; and nothing else is said."""
    runs = [run["run"] for run in shop.json("order", "list")]
    registrations = shop.git("log", "--format=%H", PRODUCTION, "refs/kitchens/dev").split()
    for what, oid in on_the_way(shop).items():
        file = Path(shop.folder, ".git", "objects", oid[:2], oid[2:])
        whole = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(change(whole))
        answer = shop.kitchen("verify", "production", "--json")
        file.write_bytes(whole)
        assert answer.status == 1, (what, answer.out, answer.err)
        assert answer.document["status"] == "broken", what
        words = " ".join(fault["why"] for fault in answer.document["faults"])
        assert any(name in words for name in (oid, *runs, *(one[:12] for one in registrations))), (
            what,
            words,
        )
    assert shop.json("verify")["status"] == "unsigned"


def test_without_a_name_the_damage_is_told_all_the_same(shop: Desk) -> None:
    """Which kitchen is the root is written in a registration too."""
    oid = shop.git("rev-parse", "refs/kitchens/dev:kitchen.toml")
    file = Path(shop.folder, ".git", "objects", oid[:2], oid[2:])
    file.chmod(0o644)
    file.write_bytes(flip(-1)(file.read_bytes()))
    document = shop.json("verify", status=1)
    assert document["status"] == "broken"
    assert shop.git("rev-parse", "refs/kitchens/dev")[:12] in document["faults"][0]["why"]


def test_what_lies_beside_the_commits_is_not_believed(shop: Desk) -> None:
    """A commit graph that knows of no commit since the baseline hides none from the proof."""
    commit = shop.commit("recipes/counts/recipe.toml", RECIPE.replace("top = 3", "top = 9"))
    shop.git("commit-graph", "write", "--reachable")
    assert [one["commit"] for one in shop.json("verify", status=1)["faults"]] == [commit]
    graph = Path(shop.folder, ".git", "objects", "info", "commit-graph")
    content = bytearray(graph.read_bytes())
    graph.chmod(0o644)
    # The tree that the graph notes of the commit, in front of its parents.
    place = content.index(bytes.fromhex(shop.git("rev-parse", f"{commit}^{{tree}}")))
    content[place] ^= 1
    graph.write_bytes(content)
    assert [one["commit"] for one in shop.json("verify", status=1)["faults"]] == [commit]


def test_a_file_that_only_the_index_of_a_pack_hides_is_missed(shop: Desk) -> None:
    """Git ends where a file is missing; that is damage, and no trouble with the machine."""
    shop.git("gc", "--quiet")
    oid = shop.git("rev-parse", "production:README.md")
    (index,) = Path(shop.folder, ".git", "objects", "pack").glob("*.idx")
    content = bytearray(index.read_bytes())
    content[content.index(bytes.fromhex(oid)) + 19] ^= 1
    index.chmod(0o644)
    index.write_bytes(content)
    assert any(oid in fault["why"] for fault in shop.json("verify", status=1)["faults"])
