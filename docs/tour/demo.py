"""The main job on real data, typed as a user would: from an empty folder to a promoted change.

Every command is shown, run for real with its own output, and held to its exit status;
after each step the repository is looked at. The first thing that is not as it should be
ends the tour with exit 1. Nothing is asked and no git setting is written.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLONE = Path(__file__).resolve().parents[2]
#: Lies in a folder that this script made, and only such a folder is ever removed.
MARKER = ".made-by-demo"
PARTS = Path("recipes/delays/parts.sql")


class NotAsExpected(Exception):
    """The tour cannot go on; the text says what was seen."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=CLONE / "demo", help="the folder for the cookbook")
    into = parser.parse_args().into.resolve()
    started = time.monotonic()
    try:
        make_room(into)
        cookbook = tour(into)
    except NotAsExpected as stop:
        print(f"\nerror: the demo stopped: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nerror: the demo was interrupted", file=sys.stderr)
        return 130
    (into / MARKER).write_text(state(cookbook), encoding="utf-8")
    say(f"\nFrom an empty folder to production in {time.monotonic() - started:.0f} seconds.")
    return 0


def tour(into: Path) -> Path:
    """All six steps; answers the cookbook's folder."""
    desk = Desk(into, environment())

    desk.step("1", "A cookbook: one recipe, its tests, two variations")
    desk.run("kitchen init flights --template flights")
    cookbook = desk.enter("flights")
    desk.run("kitchen recipe list")

    desk.step("2", "Run it in production: all 336,776 flights of 2013")
    desk.run("kitchen order run delays --variation full")

    desk.step("3", "A kitchen for an idea. Git would merge this change without a word")
    desk.run("kitchen create dev")
    desk.run("kitchen create late-evenings --from dev")
    desk.enter("$(kitchen path late-evenings)")
    desk.edit(PARTS, "('evening', 17, 24)", "('evening', 17, 24),\n        ('late evening', 21, 24)")
    desk.run("git diff --unified=1")
    desk.run('git commit --quiet --all --message "Late evenings on their own"')
    with desk.unmoved("dev", "production"):
        desk.run("kitchen merge late-evenings", expected=1)
    desk.say("Red: flights after nine in the evening are counted twice. `dev` has not moved.")

    desk.step("4", "The mend, and the merge again")
    desk.edit(PARTS, "('evening', 17, 24)", "('evening', 17, 21)")
    desk.run("git diff --unified=0")
    desk.run('git commit --quiet --all --message "An evening ends where a late evening begins"')
    desk.run("kitchen merge late-evenings")
    desk.say("Now a change that touches no recipe: what is attested is not tested again.")
    desk.append("README.md", "\nLate evenings begin at nine.\n")
    desk.run("git diff --unified=0")
    desk.run('git commit --quiet --all --message "Say when late evenings begin"')
    desk.expect_untested("late-evenings")
    desk.run("kitchen merge late-evenings")

    desk.step("5", "Promote: the very commit that passed becomes production")
    passed = desk.commit("dev")
    desk.enter(str(cookbook))
    desk.run("kitchen promote dev")
    if desk.commit("production") != passed:
        raise NotAsExpected(f"production is at {desk.commit('production')}, not at {passed}, which passed")
    desk.run("kitchen verify production")

    desk.step("6", "What there is now")
    desk.run("kitchen history production")
    data = Path(desk.ask("kitchen show production")["data"])
    chart, table = data / "report" / "delays.png", data / "report" / "carriers.csv"
    for file in (chart, table):
        if not file.is_file():
            raise NotAsExpected(f"there is no report at {file}")
    desk.say(f"The chart:    {shown(chart)}\nThe table:    {shown(table)}\nThe cookbook: {shown(cookbook)}")
    desk.say(
        "To try next:\n"
        f"  cd {shown(cookbook)} && export PATH={shlex.quote(str(CLONE / '.venv' / 'bin'))}:$PATH\n"
        "  kitchen order run delays --variation test --set late=60\n"
        "  kitchen create my-idea --from dev\n"
        "  kitchen preview late-evenings"
    )
    return cookbook


@dataclass
class Desk:
    """A user at a terminal: where they are, and what they type."""

    folder: Path
    environment: Mapping[str, str]

    def step(self, number: str, title: str) -> None:
        say(f"\n{bold(f'{number} · {title}')}")

    def say(self, text: str) -> None:
        say(f"\n{text}")

    def run(self, line: str, expected: int = 0) -> None:
        """Type a command: its output goes straight to the screen, its exit status must be `expected`."""
        say(f"\n{bold('$ ' + line)}")
        ended = subprocess.run(shlex.split(line), cwd=self.folder, env=self.environment, check=False)
        if ended.returncode != expected:
            raise NotAsExpected(f"`{line}` ended with {ended.returncode}, not {expected}")

    def enter(self, target: str) -> Path:
        """Type `cd`; `$(…)` is asked of the command inside."""
        written = os.path.relpath(target, self.folder) if target.startswith("/") else target
        say(f"\n{bold('$ cd ' + written)}")
        if target.startswith("$("):
            target = self.read(target[2:-1])
        self.folder = (self.folder / target).resolve()
        return self.folder

    def edit(self, path: Path, old: str, new: str) -> None:
        """What a user does in an editor."""
        text = (self.folder / path).read_text(encoding="utf-8")
        if old not in text:
            raise NotAsExpected(f"{path} does not hold `{old}`")
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        with (self.folder / path).open("a", encoding="utf-8") as file:
            file.write(text)

    def read(self, line: str) -> str:
        """The output of a command that the tour asks for itself."""
        ended = subprocess.run(
            shlex.split(line),
            cwd=self.folder,
            env=self.environment,
            check=False,
            stdout=subprocess.PIPE,
            text=True,
        )
        if ended.returncode:
            raise NotAsExpected(f"`{line}` ended with {ended.returncode}")
        return ended.stdout.strip()

    def ask(self, line: str) -> Any:
        return json.loads(self.read(f"{line} --json"))

    def commit(self, branch: str) -> str:
        return self.read(f"git rev-parse --verify refs/heads/{branch}")

    def expect_untested(self, kitchen: str) -> None:
        """A merge of `kitchen` would run no recipe."""
        gated = [row["recipe"] for row in self.ask(f"kitchen preview {kitchen}")["recipes"] if row["gated"]]
        if gated:
            raise NotAsExpected(f"the merge would test {', '.join(gated)} again")

    @contextmanager
    def unmoved(self, *branches: str) -> Iterator[None]:
        """What happens inside leaves these branches where they are."""
        before = [self.commit(branch) for branch in branches]
        yield
        for branch, commit in zip(branches, before, strict=True):
            if self.commit(branch) != commit:
                raise NotAsExpected(f"`{branch}` has moved")


def environment() -> dict[str, str]:
    """The user's own, with this clone's `kitchen` first, no pager, and a name for git where none is set."""
    variables = dict(os.environ)
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables.get('PATH', os.defpath)}"
    variables["GIT_PAGER"] = "cat"
    for role in ("AUTHOR", "COMMITTER"):
        for key, value in (("NAME", "Ada Cook"), ("EMAIL", "ada@flights.example")):
            if not configured(f"user.{key.lower()}"):
                variables.setdefault(f"GIT_{role}_{key}", value)
    return variables


def configured(key: str) -> bool:
    """Whether the user's own git settings (not those of the folder around) hold `key`."""
    ended = subprocess.run(["git", "config", "--get", key], cwd="/", stdout=subprocess.DEVNULL, check=False)
    return ended.returncode == 0


def make_room(into: Path) -> None:
    """An empty folder at `into`, with our marker. What somebody else made, or worked on, is never removed."""
    cookbook = into / "flights"
    marker = into / MARKER
    if into.exists() and any(into.iterdir()):
        if not marker.is_file():
            raise NotAsExpected(f"{shown(into)} is not empty, and this demo did not make it")
        recorded = marker.read_text(encoding="utf-8")
        if recorded and cookbook.is_dir() and state(cookbook) != recorded:
            raise NotAsExpected(
                f"you have gone on with {shown(cookbook)}; move it away, or `rm -rf {shown(into)}`"
            )
        shutil.rmtree(into)
    into.mkdir(parents=True, exist_ok=True)
    marker.touch()


def state(cookbook: Path) -> str:
    """Every branch and every file that is not committed: what a user would lose."""
    branches = read_git(cookbook, "for-each-ref", "refs/heads", "refs/kitchens")
    worktrees = read_git(cookbook, "worktree", "list", "--porcelain").splitlines()
    folders = [line.removeprefix("worktree ") for line in worktrees if line.startswith("worktree ")]
    return branches + "".join(read_git(Path(folder), "status", "--porcelain") for folder in folders)


def read_git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], check=False, stdout=subprocess.PIPE, text=True
    ).stdout


def shown(path: Path) -> str:
    """`path` as a user would write it from where they are."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
