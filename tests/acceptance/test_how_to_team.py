"""What the how-to for teams shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.desk import Desk

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/team.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_is_what_happens(empty: Desk, tmp_path: Path) -> None:
    """Every command of the page, by whom it names; every line that it shows is said, `…` standing for anything."""
    hub = tmp_path / "hub.git"
    empty.git("init", "--quiet", "--bare", "--initial-branch=production", str(hub))
    places = {name: tmp_path / name for name in ("ada", "bob")}
    for place in places.values():
        place.mkdir()
    assert empty.kitchen("init", str(places["ada"] / "shop")).status == 0
    settings = places["ada"] / "shop/kitchens.toml"
    settings.write_text(re.sub("(?m)^kind = .*", 'kind = "process"', settings.read_text()))
    empty.git("commit", "--quiet", "--all", "--message", "processes", folder=places["ada"] / "shop")
    said = ""
    for line in "".join(BLOCK.findall(PAGE.read_text(encoding="utf-8"))).splitlines():
        who, typed, command = line.partition("$ ")
        if not typed or who not in places:
            shown = ".*".join(re.escape(part) for part in line.split("…"))
            assert re.search(shown, said), (line, said)
        elif command.startswith("cd "):
            places[who] /= command.removeprefix("cd ")
        else:
            environment = {**os.environ, "HUB": str(hub), "GIT_AUTHOR_NAME": who.title()}
            ran = subprocess.run(
                ["sh", "-c", command],
                cwd=places[who],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            said = ran.stdout + ran.stderr
            assert (ran.returncode == 0) == ("git push" not in command), (command, said)
