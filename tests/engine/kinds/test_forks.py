"""Functions and SQL are carried out in forks of one process that has imported what they need."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench

LOOK = """
import os

def look():
    return {"process": os.getpid(), "parent": os.getppid(), "group": os.getpgid(0), "folder": os.getcwd(),
            "node": os.environ["KITCHEN_NODE"], "home": os.environ["HOME"]}
"""


def test_each_call_has_a_process_a_group_and_an_environment_of_its_own(bench: Bench) -> None:
    """Forks of one parent, and each looks like a process that was started for it."""
    bench.recipe("""
        [nodes.one]
        python = "steps:look"
        [nodes.two]
        python = "steps:look"
    """).write("recipes/r/steps.py", LOOK)

    order = bench.order()
    nodes = bench.nodes(bench.carry_out(order))
    one, two = nodes["one"].outputs, nodes["two"].outputs

    assert one["process"] != two["process"] and one["parent"] == two["parent"]
    assert one["group"] == one["process"] and two["group"] == two["process"]
    assert (one["node"], one["home"]) == ("one", str(order.folder / "nodes/one.1"))
    assert one["folder"] == str(bench.root / "cookbook/recipes/r")


def test_a_node_with_an_environment_of_its_own_gets_a_fresh_interpreter(bench: Bench) -> None:
    """Libraries may read it when they are imported, so it must be there before."""
    bench.recipe("""
        [nodes.one]
        python = "steps:look"
        [nodes.two]
        python = "steps:look"
        env = { PYTHONOPTIMIZE = "1" }
    """).write("recipes/r/steps.py", LOOK.replace("return {", 'return {"fresh": not __debug__, '))

    nodes = bench.nodes(bench.run())

    assert (nodes["one"].outputs["fresh"], nodes["two"].outputs["fresh"]) == (False, True)
    assert nodes["one"].outputs["parent"] != nodes["two"].outputs["parent"]


def test_what_is_installed_is_imported_once_and_the_recipes_own_code_each_time(bench: Bench) -> None:
    """Modules of the recipe run for every call; those that are installed are there already, also indirectly."""
    bench.recipe("""
        [nodes.one]
        python = "steps:main"
        [nodes.two]
        needs = ["one"]
        python = "steps:main"
    """).write(
        "recipes/r/steps.py",
        "import os, sys\nEARLY = 'wsgiref' in sys.modules\nimport inner\nCOUNT = []\n"
        "def main():\n    COUNT.append(1)\n    return {'early': EARLY, 'count': len(COUNT), 'made': inner.MADE == os.getpid()}\n",
    ).write("recipes/r/inner.py", "import os\nimport wsgiref\nMADE = os.getpid()\n")

    nodes = bench.nodes(bench.run())

    assert nodes["one"].outputs == nodes["two"].outputs == {"early": True, "count": 1, "made": True}


def test_the_recipes_own_modules_come_before_installed_ones(bench: Bench) -> None:
    """A file beside the recipe hides an installed module of its name, also one that another recipe had imported."""
    bench.recipe('[nodes.n]\nrecipe = "other"\n[nodes.own]\nneeds = ["n"]\npython = "steps:main"')
    bench.recipe('[nodes.n]\npython = "steps:main"', "other")
    bench.write(
        "recipes/other/steps.py", "import wsgiref\ndef main():\n    return {'file': wsgiref.__file__}\n"
    )
    bench.write("recipes/r/steps.py", "import wsgiref\ndef main():\n    return {'own': wsgiref.OWN}\n")
    bench.write("recipes/r/wsgiref.py", "OWN = True\n")

    nodes = bench.nodes(bench.run())

    assert nodes["own"].outputs == {"own": True}, nodes["own"].why
    assert "wsgiref/__init__" in nodes["n/n"].outputs["file"]


def test_a_fork_ends_as_an_interpreter_does(bench: Bench) -> None:
    """Threads are waited for, exit functions run, and files that nobody closed are written."""
    bench.recipe('[nodes.n]\npython = "steps:main"').write(
        "recipes/r/steps.py",
        """
        import atexit, threading, time
        OPEN = None
        def later(data):
            time.sleep(0.2)
            (data / "thread").touch()
        def main(data):
            global OPEN
            OPEN = open(data / "open", "w")
            OPEN.write("written")
            atexit.register((data / "atexit").touch)
            threading.Thread(target=later, args=(data,)).start()
            print("no newline", end="")
        """,
    )

    node = bench.nodes(bench.run())["n"]

    assert (bench.root / "data/open").read_text() == "written"
    assert (bench.root / "data/atexit").exists() and (bench.root / "data/thread").exists()
    assert bench.log(node) == "no newline"


def test_a_library_with_threads_is_not_forked(bench: Bench) -> None:
    """A fork would lose them, so each call gets an interpreter of its own."""
    library = bench.root / "lib"
    library.mkdir()
    bench.recipe("""
        [nodes.one]
        python = "steps:main"
        [nodes.two]
        needs = ["one"]
        python = "steps:main"
    """)
    (library / "threaded.py").write_text(
        "import threading, time\nt = threading.Thread(target=lambda: time.sleep(60), daemon=True)\nt.start()\n"
    )
    bench.runtime.close()
    from kitchens_engine.runtimes.local import LocalRuntime

    old = bench.runtime
    bench.runtime = LocalRuntime(
        old.python, old.worker, {"PATH": os.environ["PATH"], "PYTHONPATH": str(library)}
    )
    bench.write(
        "recipes/r/steps.py",
        "import threaded\ndef main():\n    return {'alive': threaded.t.is_alive()}\n",
    )

    nodes = bench.nodes(bench.run())
    bench.runtime.close()

    assert nodes["one"].outputs == nodes["two"].outputs == {"alive": True}


def test_a_timeout_ends_a_fork_with_all_its_descendants(bench: Bench) -> None:
    """Also one that ignores the request to end, and what left its group."""
    bench.recipe('[nodes.n]\npython = "steps:main"\ntimeout = 6').write(
        "recipes/r/steps.py",
        """
        import signal, subprocess, time
        def main(data):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = subprocess.Popen(["sleep", "61"], start_new_session=True)
            (data / "pids").write_text(str(child.pid))
            time.sleep(60)
        """,
    )

    began = time.monotonic()
    node = bench.nodes(bench.run())["n"]

    assert (node.status, node.why) == ("failed", "timed out after 6 s")
    assert time.monotonic() - began < 40
    assert not Path("/proc", (bench.root / "data/pids").read_text()).exists()


def test_a_cancelled_run_leaves_no_process(bench: Bench) -> None:
    """Neither forks nor what they are forked from."""
    stop = threading.Event()
    bench.recipe('[nodes.n]\npython = "steps:main"').write(
        "recipes/r/steps.py",
        "import os, time\ndef main(data):\n    (data / 'p').write_text(f'{os.getpid()} {os.getppid()}')\n    time.sleep(60)\n",
    )
    threading.Thread(target=lambda: _until((bench.root / "data/p").exists) or stop.set()).start()

    record = bench.run(stop=stop)

    assert record.status == "cancelled"
    assert not any(Path("/proc", pid).exists() for pid in (bench.root / "data/p").read_text().split())


def test_a_fork_server_that_is_killed_is_replaced_by_fresh_interpreters(bench: Bench) -> None:
    """What it had begun is lost once, which does not count against the node."""
    bench.recipe("""
        [nodes.one]
        python = "steps:main"
        [nodes.two]
        needs = ["one"]
        python = "steps:main"
    """).write(
        "recipes/r/steps.py",
        """
        import os, signal, time
        def main(data):
            first = not (data / "killed").exists()
            if first:
                (data / "killed").touch()
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(60)
            return {"parent": os.getppid()}
        """,
    )

    nodes = bench.nodes(bench.run())

    assert [node.status for node in nodes.values()] == ["passed", "passed"]
    assert (nodes["one"].attempts, nodes["two"].attempts) == (2, 1)


def test_chance_differs_from_fork_to_fork(bench: Bench) -> None:
    """Random numbers are no copies of each other."""
    bench.recipe('[nodes.n]\neach = "range(3) | list"\npython = "steps:main"').write(
        "recipes/r/steps.py",
        "import random, uuid\ndef main():\n    return {'r': random.random(), 'u': uuid.uuid4().hex}\n",
    )

    outputs = bench.nodes(bench.run())["n"].outputs

    assert len(set(outputs["r"])) == len(set(outputs["u"])) == 3


def test_a_killed_runner_leaves_neither_forks_nor_server(bench: Bench, tmp_path: Path) -> None:
    """Nobody asks any more, so all ends at once."""
    import subprocess
    import sys

    bench.recipe('[nodes.n]\npython = "steps:main"').write(
        "recipes/r/steps.py",
        "import os, time\ndef main(data):\n    (data / 'p').write_text(f'{os.getpid()} {os.getppid()}')\n    time.sleep(60)\n",
    )
    words = [sys.executable, "-m", "kitchens_engine", "run", str(bench.root / "cookbook"), "r"]
    runner = subprocess.Popen([*words, "--to", str(tmp_path / "to")], stderr=subprocess.DEVNULL)
    pids = tmp_path / "to/data/p"
    _until(pids.exists)
    time.sleep(0.1)

    runner.send_signal(signal.SIGKILL)
    runner.wait()

    _until(lambda: not any(Path("/proc", pid).exists() for pid in pids.read_text().split()))


def _until(holds: object) -> None:
    deadline = time.monotonic() + 20
    while not holds():  # type: ignore[operator]
        if time.monotonic() > deadline:
            pytest.fail("it never came")
        time.sleep(0.02)
