"""The how-to of services works as it stands, on the images of the tests."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from kitchens.containers.engine import Engine
from kitchens.containers.owners import LABEL
from kitchens.containers.sweeping import remove_all
from tests.desk import Desk, empty
from tests.docker.services import NOTHING, Processes, census

__all__ = ["empty"]

pytestmark = pytest.mark.docker

TEXT = (Path(__file__).parents[2] / "docs/how-to/services.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```(?:toml|sql)\n(?:#|--) (\S+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
#: What has no registry here.
IMAGES = {
    "postgres:17": "kitchens-test/postgres:bookworm",
    "python:3.12-slim": "kitchens-test/python:bookworm",
}


@pytest.fixture
def market(
    empty: Desk, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Processes]:
    """The cookbook of the page."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("KITCHENS_CACHE", str(tmp_path / "cache"))
    desk = Processes(empty.folder, lambda: ("", ""))
    desk.git("init", "--quiet", "--initial-branch=production")
    for file, text in FILES.items():
        desk.write(file, re.sub("|".join(IMAGES), lambda found: IMAGES[found[0]], text))
    desk.save("begin")
    yield desk
    remove_all(engine, f"{LABEL}cookbook=market-of-the-how-to")
    for seed in (tmp_path / "cache/seeds").glob("[0-9a-f]*[0-9a-f]"):
        remove_all(engine, f"{LABEL}seed={seed.name}")


def test_the_page_works(market: Processes, engine: Engine) -> None:
    """Its files have no faults, and its commands do what they say, in their order."""
    assert market.json("recipe", "check") == []
    said = {}
    for line in COMMANDS:
        words = shlex.split(line)[1:]
        if words[:2] == ["vault", "set"]:
            market.keep(words[2], "of the market", words[-1] if "--scope" in words else "default")
            continue
        answer = market.kitchen(*words)
        assert answer.status == 0, (line, answer)
        said[words[0]] = answer.out + answer.err
    assert "500" in said["exec"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+\n", said["port"])
    assert census(engine, "market-of-the-how-to") == NOTHING
