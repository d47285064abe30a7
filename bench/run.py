"""Speed, each figure beside its floor, measured turn by turn in one run. It informs; it never fails.

A floor is the least that the same work can cost here: an empty interpreter for a start,
plain git for a merge, two threads of `subprocess.run` for the nodes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KITCHENS = 100
NODES = 500
BIN = Path(sys.executable).parent
EMPTY = (sys.executable, "-c", "pass")
KITCHEN = str(BIN / "kitchen")
#: What a node with `run = "true"` is, as a whole program of two threads.
FLOOR_OF_NODES = f"""
import subprocess
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as threads:
    for ended in threads.map(subprocess.run, [["/bin/sh", "-eu", "-c", "true"]] * {NODES}):
        ended.check_returncode()
"""
IDENTITY = (("NAME", "Ada Cook"), ("EMAIL", "ada@kitchens.example"))


@dataclass(frozen=True)
class Figure:
    """Medians in seconds. `limit` is a factor over the floor, or, with `absolute`, seconds."""

    name: str
    floor_name: str
    ours: float
    floor: float
    limit: float
    absolute: bool = False

    def __str__(self) -> str:
        held = self.ours <= (self.limit if self.absolute else self.limit * self.floor)
        wanted = f"≤ {self.limit * 1000:.0f} ms" if self.absolute else f"≤ {self.limit:g}×"
        return (
            f"{self.name:<44} {self.ours * 1000:>7.0f} ms   {self.floor_name:<34} {self.floor * 1000:>7.0f} ms"
            f"   {self.ours / self.floor:>5.1f}×   {wanted:<9} {'held' if held else 'MISSED'}"
        )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kitchens-bench-") as folder:
        desk = Desk(Path(folder))
        print(f"{'':<44} {'kitchens':>10}   {'floor':<34} {'':>10}   {'ratio':>6}   {'wanted':<9}")
        for figure in figures(desk):
            print(figure, flush=True)


def figures(desk: Desk) -> Iterator[Figure]:
    """Each figure as soon as it is known."""
    ours, floor = turns(20, lambda: desk.run(KITCHEN, "--version"), lambda: desk.run(*EMPTY))
    yield Figure("kitchen --version", "python -c pass", ours, floor, 5)

    desk.make_cookbook()
    ours, floor = turns(5, *desk.timed_merges(attested=False))
    yield Figure("kitchen merge --json, no recipe touched", "git merge", ours, floor, 0.4, absolute=True)
    ours, floor = turns(5, *desk.timed_merges(attested=True))
    yield Figure("kitchen merge --json, attested", "git merge", ours, floor, 0.4, absolute=True)

    ours, floor = turns(3, desk.run_nodes, lambda: desk.run(sys.executable, "-c", FLOOR_OF_NODES))
    yield Figure(f"order run, {NODES} nodes of `true`", "two threads of subprocess.run", ours, floor, 1.6)

    for number in range(KITCHENS):
        desk.run(KITCHEN, "create", f"kitchen-{number}", "--from", "dev", "--no-test")
    ours, floor = turns(10, lambda: desk.run(KITCHEN, "list"), lambda: desk.run(*EMPTY))
    yield Figure(f"kitchen list, {KITCHENS} kitchens", "python -c pass", ours, floor, 10)


def turns(
    count: int, ours: Callable[[], float | None], floor: Callable[[], float | None]
) -> tuple[float, float]:
    """The medians of both, taken in turns, so that a busy moment hits both."""
    pairs = [(timed(ours), timed(floor)) for _ in range(count)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def timed(work: Callable[[], float | None]) -> float:
    """Seconds that `work` took, or that it says it took (when it had things to prepare)."""
    started = time.perf_counter()
    said = work()
    return time.perf_counter() - started if said is None else said


class Desk:
    """A cookbook of its own, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.cookbook = folder / "shop"
        self.folder = folder
        self.changes = 0

    @property
    def environment(self) -> Mapping[str, str]:
        identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in IDENTITY}
        return {
            **os.environ,
            **identity,
            "HOME": str(self.home),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def run(self, *command: str, folder: Path | None = None) -> None:
        subprocess.run(
            command,
            cwd=folder or self.folder,
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def make_cookbook(self) -> None:
        """A cookbook with a small recipe and one of many nodes, run by processes; kitchens `dev` and `idea`."""
        self.run(KITCHEN, "init", "shop")
        self.folder = self.cookbook
        settings = self.cookbook / "kitchens.toml"
        settings.write_text(settings.read_text().replace('kind = "auto"', 'kind = "process"'))
        for name, nodes in (("one", 1), ("many", NODES)):
            recipe = self.cookbook / "recipes" / name / "recipe.toml"
            recipe.parent.mkdir(parents=True)
            recipe.write_text("".join(f'[nodes.n{number}]\nrun = "true"\n' for number in range(nodes)))
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "Two recipes")
        self.run(KITCHEN, "create", "dev", "--no-test")
        self.run(KITCHEN, "create", "idea", "--from", "dev", "--no-test")
        self.run("git", "branch", "plain", "dev")
        self.run("git", "worktree", "add", "--quiet", str(self.home / "plain"), "plain")
        self.run("git", "worktree", "add", "--quiet", "-b", "change", str(self.home / "change"), "plain")

    def timed_merges(self, attested: bool) -> tuple[Callable[[], float], Callable[[], float]]:
        """A merge by us, and one by git, each of a change of its own that is made beforehand."""
        file = "recipes/one/recipe.toml" if attested else "README.md"
        idea = Path(
            subprocess.run(
                [KITCHEN, "path", "idea"],
                cwd=self.cookbook,
                env=self.environment,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout.strip()
        )

        def ours() -> float:
            self.change(idea / file, idea)
            if attested:
                self.run(KITCHEN, "test", "idea")
            return timed(lambda: self.run(KITCHEN, "merge", "idea", "--json"))

        def floor() -> float:
            self.change(self.home / "change" / file, self.home / "change")
            return timed(
                lambda: self.run(
                    "git", "merge", "--quiet", "--no-ff", "--no-edit", "change", folder=self.home / "plain"
                )
            )

        return ours, floor

    def change(self, file: Path, worktree: Path) -> None:
        self.changes += 1
        with file.open("a", encoding="utf-8") as text:
            text.write(f"# change {self.changes}\n")
        self.run("git", "commit", "--quiet", "--all", "--message", f"Change {self.changes}", folder=worktree)

    def run_nodes(self) -> None:
        self.run(KITCHEN, "order", "run", "many", "--json")


if __name__ == "__main__":
    main()
