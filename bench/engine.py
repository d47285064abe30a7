"""Speed of the engine beside its peers, measured turn by turn in one run. It informs; it never fails.

The peers, doit and make, do the same work without a durable record of each node. The floor
is two threads that start `/bin/sh -c` with their output in files. What a run of one node
takes is taken off where a figure says `net`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from desk import EMPTY, KITCHEN, Desk
from figures import Figure, show, timed, turns

PEERS = Path(".cache/peers/bin").absolute()
REQUIREMENTS = Path("requirements/peers.txt")
#: A graph: each node's name with what it needs.
Graph = Mapping[str, Sequence[str]]
FLOOR = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
def start(number):
    with open(f"{sys.argv[1]}/{number}", "wb") as log:
        subprocess.run(["/bin/sh", "-c", "true"], stdout=log, stderr=log, check=True)
with ThreadPoolExecutor(int(sys.argv[3])) as threads:
    list(threads.map(start, range(int(sys.argv[2]))))
"""
#: The same functions, or none, in forks of a process that has pandas, two at a time, with nothing said of them anywhere.
FORKS = """
import os, sys
import pandas
count, running, works = int(sys.argv[1]), 0, sys.argv[2] == "work"
for _ in range(count):
    if running == 2:
        os.wait()
        running -= 1
    if os.fork() == 0:
        if works:
            len(pandas.DataFrame({"a": [1, 2]}))
        os._exit(0)
    running += 1
"""
DODO = """
GRAPH = {graph}
def task_node():
    for name, needs in GRAPH.items():
        yield {{"name": name, "actions": ["true"], "task_dep": [f"node:{{need}}" for need in needs]}}
"""
#: A node's own clock, in its log: the program that tells it soonest. (To start bash takes a millisecond.)
CLOCK = '"date +%s.%N"'
#: A function of a module that `make_cookbook` writes beside each recipe.
FRAME = '"frames:count"'
FRAMES = """
import pandas

def count():
    return {"rows": len(pandas.DataFrame({"a": [1, 2]}))}
"""


def wide(count: int) -> Graph:
    """Nodes that need nothing."""
    return {f"n{number}": () for number in range(count)}


def chain(count: int) -> Graph:
    """Each node needs the one before."""
    return {f"n{number}": (f"n{number - 1}",) if number else () for number in range(count)}


def layers(count: int, width: int = 100) -> Graph:
    """Each node needs two of the layer above."""
    return {
        f"n{number}": (f"n{number - width}", f"n{(number - width) // width * width + (number + 1) % width}")
        if number >= width
        else ()
        for number in range(count)
    }


def recipe(graph: Graph, run: str = '"true"', concurrency: int = 2, action: str = "run") -> str:
    """The graph as a `recipe.toml`."""
    nodes = (
        f"[nodes.{name}]\n{action} = {run}\nneeds = [{', '.join(map(repr, needs))}]\n"
        for name, needs in graph.items()
    )
    return f"concurrency = {concurrency}\n" + "".join(nodes)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kitchens-bench-") as folder:
        show(figures(Peers(Path(folder))))


def figures(desk: Peers) -> Iterator[Figure]:
    """Each figure as soon as it is known."""
    graphs = {
        "one": wide(1),
        "wide": wide(1_000),
        "chain": chain(1_000),
        "thousand": layers(1_000),
        "layers": layers(10_000),
    }
    desk.make_cookbook(
        **{name: recipe(graph) for name, graph in graphs.items()},
        twenty=recipe(chain(20), CLOCK),
        hops=recipe(chain(200), CLOCK),
        frame=recipe(wide(1), FRAME, action="python"),
        frames=recipe(wide(1_000), FRAME, action="python"),
    )
    desk.add_pandas("frame", "frames")
    for name, graph in graphs.items():
        desk.write_peers(name, graph)

    one = statistics.median(timed(desk.order("one")) for _ in range(5))
    doit_one = statistics.median(timed(desk.doit("one")) for _ in range(3))
    ours, floor = turns(3, desk.order("wide"), desk.floor(1_000, 2))
    yield Figure("1,000 nodes, wide, two at a time, net", "floor: two threads", ours - one, floor, 1.3)
    ours, doit = turns(2, desk.order("wide"), desk.doit("wide", "-n", "2"))
    yield Figure("1,000 nodes, wide, two at a time, net", "doit -n 2, net", ours - one, doit - doit_one, 1)
    ours, floor = turns(3, desk.order("chain"), desk.floor(1_000, 1))
    yield Figure("1,000 nodes, a chain, net", "floor: one thread", ours - one, floor, 1.3)

    thousand, _ = turns(3, desk.order("thousand"), lambda: 1.0)
    ours, doit = turns(1, desk.order("layers"), desk.doit("layers", "-n", "2"))
    yield Figure("10,000 nodes in layers, two at a time", "doit -n 2", ours, doit, 0.65)
    yield Figure("the same", "make -j2", ours, timed(desk.make("layers")), 1.7)
    yield Figure(
        "each node from 1,000 to 10,000",
        "each up to 1,000",
        (ours - thousand) / 9_000,
        (thousand - one) / 1_000,
        1.1,
    )
    print(f"{'10,000 nodes in layers':<48} {desk.peak() / 1024:>7.0f} MB, of 150 MB at most")

    desk.order("frame")()  # the first one waits for the toolchain
    frame, frames = turns(3, desk.order("frame"), desk.order("frames"))
    start, work = turns(3, lambda: desk.forks(1, "nothing"), lambda: desk.forks(1_000, "work"))
    bare, _ = turns(3, lambda: desk.forks(1_000, "nothing"), lambda: 0.0)
    yield Figure(
        "1,000 functions that import pandas, over the work",
        "forks that do nothing",
        (frames - frame - (work - bare)) / 999,
        (bare - start) / 999,
        0.005,
        absolute=True,
    )
    yield Figure("the same, with it", "forks that do it", (frames - frame) / 999, (work - start) / 999, 3)

    hops = sorted(hop for _ in range(5) for hop in desk.hops(200))
    yield Figure(
        "from a node's end to its successor's start, 99 %", "2 ms", hops[int(len(hops) * 0.99)], 0.002, 1
    )
    ours, floor = turns(5, desk.to_first_node, lambda: desk.run(*EMPTY))
    yield Figure("from the command to the first node of 20", "python -c pass", ours, floor, 20)

    ours, floor = turns(3, lambda: desk.run(KITCHEN, "recipe", "check", "wide"), lambda: desk.run(*EMPTY))
    yield Figure("recipe check, 1,000 nodes", "python -c pass", ours, floor, 1, absolute=True)
    desk.fill_records(10_000)
    ours, floor = turns(
        5, lambda: desk.run(KITCHEN, "order", "list", "--limit", "20"), lambda: desk.run(*EMPTY)
    )
    yield Figure("order list, the last 20 of 10,000 runs", "python -c pass", ours, floor, 10)


class Peers(Desk):
    """The same graphs for us, for doit and for make."""

    def add_pandas(self, *recipes: str) -> None:
        """The module of `FRAMES` beside these recipes, and a toolchain with pandas in it."""
        settings = self.cookbook / "kitchens.toml"
        settings.write_text(
            settings.read_text().replace("[runtime]\n", '[runtime]\nrequirements = "requirements.txt"\n')
        )
        shutil.copyfile(REQUIREMENTS, self.cookbook / "requirements.txt")
        for name in recipes:
            (self.cookbook / "recipes" / name / "frames.py").write_text(FRAMES)
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "pandas")

    def forks(self, count: int, what: str) -> None:
        """The functions of `frames` (`work`) or nothing, without us."""
        (python,) = (self.home / ".cache/kitchens/toolchains").glob("*/bin/python")
        self.run(str(python), "-c", FORKS, str(count), what)

    def order(self, name: str) -> Callable[[], None]:
        """An order run of ours."""
        return lambda: self.run(KITCHEN, "order", "run", name, "--quiet")

    def doit(self, name: str, *options: str) -> Callable[[], None]:
        """A run of doit, which remembers nothing of the one before."""

        def run() -> None:
            for old in self.home.glob("doit.db*"):
                old.unlink()
            dodo = str(self.home / f"{name}.py")
            self.run(
                str(PEERS / "doit"), "run", "-f", dodo, "--db-file", str(self.home / "doit.db"), *options
            )

        return run

    def make(self, name: str) -> Callable[[], None]:
        """A run of make, two at a time."""
        return lambda: self.run("make", "-j2", "--silent", "-f", str(self.home / f"{name}.mk"))

    def floor(self, count: int, threads: int) -> Callable[[], None]:
        """So many shells in so many threads."""
        logs = self.home / "logs"
        logs.mkdir(exist_ok=True)
        return lambda: self.run(sys.executable, "-c", FLOOR, str(logs), str(count), str(threads))

    def write_peers(self, name: str, graph: Graph) -> None:
        """The graph as doit's and as make's file."""
        (self.home / f"{name}.py").write_text(DODO.format(graph=dict(graph)))
        rules = (f"{node}: {' '.join(needs)}\n\ttrue\n" for node, needs in graph.items())
        names = " ".join(graph)
        (self.home / f"{name}.mk").write_text(f"all: {names}\n.PHONY: all {names}\n" + "".join(rules))

    def to_first_node(self) -> float:
        """Seconds from the command to the first node's own clock."""
        began = time.time()
        self.order("twenty")()
        return self.clocks(1)[0] - began

    def hops(self, count: int) -> list[float]:
        """Seconds from each node's own clock to that of the next: it ends after the one, and starts before the other."""
        self.order("hops")()
        return [later - earlier for earlier, later in pairwise(self.clocks(count))]

    def clocks(self, count: int) -> list[float]:
        """When the nodes of the last run ran, as they said themselves."""
        run = max((self.cookbook / ".git/kitchens/runs").iterdir(), key=lambda path: path.name)
        return [float((run / f"nodes/n{number}.1/log.txt").read_text()) for number in range(count)]

    def peak(self) -> int:
        """The most memory, in KiB, that a run of 10,000 nodes takes."""
        process = os.posix_spawn(
            KITCHEN,
            [KITCHEN, "-C", str(self.cookbook), "order", "run", "layers", "--quiet"],
            dict(self.environment),
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
        )
        return os.wait4(process, 0)[2].ru_maxrss

    def fill_records(self, count: int) -> None:
        """So many runs in the run database, as copies of the newest."""
        script = f"""
import sys
from pathlib import Path
from kitchens_engine.records import Records, new_run_id
from datetime import UTC, datetime
records = Records(Path(sys.argv[1]))
newest = records.runs(limit=1)[0]
for _ in range({count}):
    records.begin(newest._replace(run=new_run_id(datetime.now(UTC))))
records.close()
"""
        subprocess.run(
            [sys.executable, "-c", script, str(self.cookbook / ".git/kitchens/runs.sqlite")], check=True
        )


if __name__ == "__main__":
    main()
