"""Speed of the main job, each figure beside its floor, measured turn by turn in one run. It informs; it never fails.

A floor is the least that the same work can cost here: an empty interpreter for a start,
plain git for a merge, two threads of `subprocess.run` for the nodes.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import proof
from desk import EMPTY, KITCHEN, Desk
from figures import Figure, show, timed, turns

KITCHENS = 100
NODES = 500
#: A recipe of 1,000 nodes with conditions, templates, SQL and tests.
CHECKED = "[variables]\nyear = 2013\n" + "".join(
    f"""
[nodes.run{number}]
run = "load --part {number} --year {{{{ variables.year }}}}"
outputs = {{ rows = "integer" }}
[[nodes.run{number}.tests]]
output = "rows"
above = {number}
[nodes.sql{number}]
needs = ["run{number}"]
when = "outputs.run{number}.rows > {number}"
sql = "create or replace table t{number} as from u where year = {{{{ variables.year }}}} and x > {number}"
[[nodes.sql{number}.tests]]
sql = "select count(*) from t{number}"
above = 0
"""
    for number in range(500)
)
#: What a node with `run = "true"` is, as a whole program of two threads.
FLOOR_OF_NODES = f"""
import subprocess
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as threads:
    for ended in threads.map(subprocess.run, [["/bin/sh", "-eu", "-c", "true"]] * {NODES}):
        ended.check_returncode()
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kitchens-bench-") as folder:
        show(figures(MainJob(Path(folder))))


def figures(desk: MainJob) -> Iterator[Figure]:
    """Each figure as soon as it is known."""
    ours, floor = turns(20, lambda: desk.run(KITCHEN, "--version"), lambda: desk.run(*EMPTY))
    yield Figure("kitchen --version", "python -c pass", ours, floor, 5)

    desk.make_kitchens()
    ours, floor = turns(5, *desk.timed_merges(attested=False))
    yield Figure("kitchen merge --json, no recipe touched", "git merge", ours, floor, 0.4, absolute=True)
    ours, floor = turns(5, *desk.timed_merges(attested=True))
    yield Figure("kitchen merge --json, attested", "git merge", ours, floor, 0.4, absolute=True)

    ours, floor = turns(3, desk.run_nodes, lambda: desk.run(sys.executable, "-c", FLOOR_OF_NODES))
    yield Figure(f"order run, {NODES} nodes of `true`", "two threads of subprocess.run", ours, floor, 1.6)

    ours, floor = turns(3, desk.run_nodes_on_terminal, desk.run_nodes_quietly)
    yield Figure(f"the same {NODES} nodes on a terminal", "with --quiet", ours, floor, 1.1)

    read = f"import tomllib; tomllib.load(open({str(desk.cookbook / 'recipes/checked/recipe.toml')!r}, 'rb'))"
    ours, floor = turns(
        5, lambda: desk.run(KITCHEN, "recipe", "check"), lambda: desk.run(sys.executable, "-c", read)
    )
    yield Figure("recipe check, 1,000 nodes of every kind", "tomllib.load", ours, floor, 1, absolute=True)

    desk.make_large()
    ours, floor = turns(5, desk.gate_checkout, desk.worktree)
    yield Figure("a gate's checkout, 10,000 files", "git worktree add", ours, floor, 0.25)

    for number in range(KITCHENS):
        desk.run(KITCHEN, "create", f"kitchen-{number}", "--from", "dev", "--no-test")
    ours, floor = turns(10, lambda: desk.run(KITCHEN, "list"), lambda: desk.run(*EMPTY))
    yield Figure(f"kitchen list, {KITCHENS} kitchens", "python -c pass", ours, floor, 10)

    yield from proof.figures(desk.home / "proof")


class MainJob(Desk):
    """A cookbook with a small recipe and one of many nodes; kitchens `dev` and `idea`, and the same in plain git."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.changes = 0

    def make_kitchens(self) -> None:
        """The cookbook, its kitchens, and their plain peers."""
        recipes = {
            name: "".join(f'[nodes.n{number}]\nrun = "true"\n' for number in range(nodes))
            for name, nodes in (("one", 1), ("many", NODES))
        }
        self.make_cookbook(**recipes, checked=CHECKED)
        self.run(KITCHEN, "create", "dev", "--no-test")
        self.run(KITCHEN, "create", "idea", "--from", "dev", "--no-test")
        self.run("git", "branch", "plain", "dev")
        self.run("git", "worktree", "add", "--quiet", str(self.home / "plain"), "plain")
        self.run("git", "worktree", "add", "--quiet", "-b", "change", str(self.home / "change"), "plain")

    def make_large(self) -> None:
        """A branch of 10,000 files, and a pool in which a checkout of it lies."""
        large = self.home / "large"
        self.run("git", "worktree", "add", "--quiet", "-b", "large", str(large), "plain")
        for number in range(10_000):
            file = large / f"part-{number % 100}" / f"{number}.txt"
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"file {number}\n" * 20)
        self.run("git", "add", "--all", folder=large)
        self.run("git", "commit", "--quiet", "--message", "Many files", folder=large)
        self.gate_checkout()

    def gate_checkout(self) -> float:
        """Seconds until a gate has its checkout of the next commit, reader process included."""
        from kitchens.git.checkouts.pool import checked_out
        from kitchens.git.repository import open_repository

        large = self.home / "large"
        self.change(large / "part-7" / "7.txt", large)
        with (
            open_repository(self.cookbook, self.environment) as repository,
            tempfile.TemporaryDirectory(dir=self.home) as folder,
        ):
            started = time.perf_counter()
            tree = str(repository.objects.resolve("large^{tree}"))
            with checked_out(repository.objects, tree, self.home / "pool", Path(folder)):
                return time.perf_counter() - started

    def worktree(self) -> float:
        """Seconds that git takes for a worktree of the same."""
        place = str(self.home / "floor")
        took = timed(lambda: self.run("git", "worktree", "add", "--quiet", "--detach", place, "large"))
        self.run("git", "worktree", "remove", "--force", place)
        return took

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
        """An order run of the many nodes."""
        self.run(KITCHEN, "order", "run", "many", "--json")

    def run_nodes_quietly(self) -> None:
        """The same without a word of progress."""
        self.run(KITCHEN, "order", "run", "many", "--json", "--quiet")

    def run_nodes_on_terminal(self) -> None:
        """The same with its live view, which somebody reads."""
        terminal, other = pty.openpty()
        reader = threading.Thread(target=_read_all, args=(terminal,))
        reader.start()
        try:
            subprocess.run(
                [KITCHEN, "order", "run", "many"],
                cwd=self.folder,
                env={**self.environment, "TERM": "xterm"},
                check=True,
                stdin=other,
                stdout=other,
                stderr=other,
            )
        finally:
            os.close(other)
            reader.join()
            os.close(terminal)


def _read_all(terminal: int) -> None:
    # Linux says the end of a terminal as an error, macOS as nothing to read.
    with suppress(OSError):
        while os.read(terminal, 1 << 16):
            pass


if __name__ == "__main__":
    main()
