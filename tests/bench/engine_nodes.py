"""Seconds of 500 nodes of `true`, whole process with records, beside two threads of `subprocess.run`.

    python tests/bench/engine_nodes.py [ROUNDS]

Turn by turn in one run, because machines are noisy: the ratio counts. There are two floors,
the program `true`, and the same shell command as a node's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NODES = 500
ENGINE = Path(__file__).parents[2] / "engine"


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder, "recipes/many/recipe.toml")
        recipe.parent.mkdir(parents=True)
        recipe.write_text("".join(f'[nodes.n{number}]\nrun = "true"\n' for number in range(NODES)))
        times = [
            (engine(folder), floor(["true"]), floor(["/bin/sh", "-eu", "-c", "true"])) for _ in range(rounds)
        ]
    ours, program, shell = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"engine, {NODES} nodes of `true`    {ours:.3f} s")
    print(f"floor, `true`                  {program:.3f} s   ratio {ours / program:.2f}")
    print(f"floor, `/bin/sh -eu -c true`   {shell:.3f} s   ratio {ours / shell:.2f}")


def engine(folder: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "kitchens_engine", "run", folder, "many", "--json"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ENGINE)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def floor(command: list[str]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as threads:
        for done in threads.map(subprocess.run, [command] * NODES):
            done.check_returncode()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
