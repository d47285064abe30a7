"""Secrets of nodes: refused when they are absent, handed to one process, and never written down."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from tests.engine.runner.conftest import Bench

TOKEN = "s3cr3t/T0ken+42"


class Safe:
    """A vault in memory: `scope:name` → value. `asked` is what was resolved, in its order."""

    def __init__(self, **values: str) -> None:
        self.values = {name.replace("__", "/"): value for name, value in values.items()}
        self.gate: dict[str, str] = {}
        self.asked: list[str] = []

    def has(self, name: str, scope: str) -> bool:
        return name in self._of(scope)

    def resolve(self, name: str, scope: str) -> str | None:
        self.asked.append(name)
        return self._of(scope).get(name)

    def how_to_set(self, name: str, scope: str) -> str:
        return f"put `{name}` into `{scope}`"

    def _of(self, scope: str) -> dict[str, str]:
        return self.gate if scope == "gate" else self.values


def written(folder: Path) -> str:
    """Everything that lies under a folder, files' names included."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "\n".join(f"{path}\n{path.read_bytes().decode('utf-8', 'replace')}" for path in files)


def test_a_secret_reaches_its_node_and_no_other(bench: Bench) -> None:
    """In `secrets` as in `env`, in a URL quoted as its password; others have nothing of it."""
    bench.recipe(
        """
        [nodes.a]
        run = '[ "$A" = s3cr3t/T0ken+42 ] && [ "$B" = "$A" ] && [ "$C" = "pg://app:s3cr3t%2FT0ken%2B42@db/x" ]'
        secrets = { A = "vault:flights/token" }
        env = { B = "vault:flights/token", C = "pg://app:vault:flights/token@db/x", D = "plain" }
        [nodes.b]
        needs = ["a"]
        run = '[ -z "${A:-}" ] && ! tr "\\0" "\\n" </proc/$$/environ | grep s3cr3t'
        """
    )

    record = bench.run(secrets=Safe(flights__token=TOKEN))

    assert record.status == "passed", bench.statuses(record)


def test_what_a_node_does_with_its_secret_is_written_nowhere(bench: Bench) -> None:
    """Logs, outputs, tests, results, records and events: each shows `***` where it would be."""
    bench.write(
        "recipes/r/f.py",
        """
        import os, sys
        def main():
            print(os.environ["T"], file=sys.stderr)
            return {"token": os.environ["T"], "fine": 1}
        def fail():
            raise ValueError("no entry with " + os.environ["T"])
        """,
    )
    bench.recipe(
        """
        [nodes.shell]
        run = '''
        for part in s3cr 3t/T 0ken +42; do printf %s "$part"; sleep 0.02; done; echo
        printf %s "$T" | base64
        echo "token=$T" >> $KITCHEN_OUTPUT
        echo rows=3 >> $KITCHEN_OUTPUT
        echo "$T" > $HOME/.netrc
        mkdir $HOME/.config; echo "$T" > $HOME/.config/x
        set -x
        : "$T"
        echo done
        '''
        secrets = { T = "vault:flights/token" }
        [[nodes.shell.tests]]
        name = "printed"
        run = 'echo "$T"'
        equals = "s3cr3t/T0ken+42"
        [[nodes.shell.tests]]
        name = "kept"
        output = "rows"
        equals = 3
        [nodes.call]
        python = "f:main"
        secrets = { T = "vault:flights/token" }
        [nodes.fails]
        python = "f:fail"
        secrets = { T = "vault:flights/token" }
        [nodes.warns]
        run = 'echo "what is $T?" >&2; exit 3'
        secrets = { T = "vault:flights/token" }
        """
    )

    record = bench.run(secrets=Safe(flights__token=TOKEN))

    nodes = {node.name: node for node in record.nodes}
    assert nodes["shell"].outputs == {"token": "***", "rows": 3}
    printed, kept = nodes["shell"].tests
    assert (printed.value, kept.status) == ("***", "passed")
    assert nodes["call"].outputs == {"token": "***", "fine": 1}
    assert nodes["fails"].why == "ValueError: no entry with ***"
    assert nodes["warns"].why == "exit status 3: what is ***?"
    log = Path(nodes["shell"].log or "").read_text()
    assert log.startswith("***\n***\n")
    assert log.endswith("+ : ***\n+ echo done\ndone\n")
    bench.records.close()
    everything = written(bench.root / "runs") + written(bench.root / "data") + str(bench.events)
    everything += (bench.records.path).read_bytes().decode("latin-1") + json.dumps(record.document())
    for part in (TOKEN, "s3cr3t%2F", "czNjcjN0L1Qwa2VuKzQy"):
        assert part not in everything


def test_a_missing_secret_refuses_the_order_before_anything_runs(bench: Bench) -> None:
    """With node, variable, file and line, and the act that mends it; the vault gave nothing out."""
    safe = Safe(a__b="value")
    bench.recipe(
        "[nodes.first]\nrun = 'true'\nsecrets = { A = 'vault:a/b' }\n\n"
        "[nodes.second]\nrun = 'true'\nenv = { C = 'vault:c/d' }\n"
        "[nodes.second.secrets]\nB = 'vault:b/c'\n"
    )

    with pytest.raises(InvalidInput) as caught:
        bench.run(secrets=safe)

    error = caught.value
    assert (error.file, error.line) == ("recipes/r/recipe.toml", 7)
    assert error.message.startswith("node `second` wants secret `c/d` as `C`, which the vault does not have;")
    assert error.hints == ("put `c/d` into `default`", "these are missing too: `b/c`")
    assert safe.asked == []
    assert bench.records.runs() == []


def test_a_gate_looks_into_its_own_scope_only(bench: Bench) -> None:
    """What order runs use is absent there; what is set for it counts there and only there."""
    safe = Safe(x="for orders")
    bench.recipe("[nodes.a]\nrun = '[ \"$X\" = \"for gates\" ]'\nsecrets = { X = 'vault:x' }")

    with pytest.raises(InvalidInput, match="does not have in its scope `gate`"):
        bench.run(secrets=safe, gate=True)
    safe.gate["x"] = "for gates"

    assert bench.run(secrets=safe, gate=True).status == "passed"
    assert bench.run(secrets=safe).status == "failed"


def test_secrets_of_nodes_that_do_not_run_are_not_asked_for(bench: Bench) -> None:
    """A selection needs only its own."""
    bench.recipe("[nodes.a]\nrun = 'true'\n[nodes.b]\nrun = 'true'\nsecrets = { X = 'vault:x' }")

    assert bench.run(secrets=Safe(), nodes=("a",)).status == "passed"


def test_a_secret_that_goes_during_the_run_says_nothing_about_the_change(bench: Bench) -> None:
    """It is the environment that failed; the record says interrupted."""
    safe = Safe(x="value")
    safe.resolve = lambda name, scope: None  # type: ignore[method-assign]
    bench.recipe("[nodes.a]\nrun = 'true'\nsecrets = { X = 'vault:x' }")

    with pytest.raises(EnvironmentFailure, match="secret `x` of node `a` has gone"):
        bench.run(secrets=safe)

    assert bench.records.runs()[0].status == "interrupted"


def test_functional_tests_of_a_run_with_secrets_show_none(bench: Bench) -> None:
    """Also what they found in the data, and compared."""
    bench.write(
        "recipes/r/tests/test_it.py",
        """
        def test_it(data):
            print((data / "t").read_text())
            assert (data / "t").read_text() == "something else"
        """,
    )
    bench.recipe(
        "[nodes.a]\nrun = 'printf %s \"$T\" > $KITCHEN_DATA/t'\nsecrets = { T = 'vault:flights/token' }"
    )

    record = bench.run(secrets=Safe(flights__token=TOKEN))

    (test,) = record.tests
    assert (test.status, test.value) == ("failed", "***")
    assert TOKEN not in written(bench.root / "runs") + json.dumps(record.document())


def test_a_thousand_lines_of_a_node_with_secrets_arrive_in_their_order(bench: Bench) -> None:
    """Both outputs share one way, and the last line is there when the node has ended."""
    bench.recipe(
        "[nodes.a]\nrun = 'i=0; while [ $i -lt 20000 ]; do echo line $i of $T; i=$((i+1)); done'\n"
        "secrets = { T = 'vault:t' }"
    )

    record = bench.run(secrets=Safe(t="hunter2"))

    lines = Path(record.nodes[0].log or "").read_text().splitlines()
    assert lines == [f"line {number} of ***" for number in range(20000)]


def test_what_a_node_leaves_running_goes_on_talking_without_secrets(bench: Bench) -> None:
    """A daemon outlives its node until the run's end; its words are redacted as well."""
    bench.recipe(
        "[nodes.a]\nrun = 'setsid sh -c \"sleep 0.5; echo late $T\" & sleep 0.1; echo early $T'\n"
        "secrets = { T = 'vault:t' }\n[nodes.b]\nneeds = ['a']\nrun = 'sleep 1'"
    )

    record = bench.run(secrets=Safe(t="hunter2"))

    assert Path(record.nodes[0].log or "").read_text() == "early ***\nlate ***\n"


def test_a_program_that_is_not_there_is_named_in_the_log(bench: Bench) -> None:
    """Also beside secrets, when nothing was started that could say it."""
    bench.recipe("[nodes.a]\nrun = ['no-such-program']\nsecrets = { T = 'vault:t' }")

    record = bench.run(secrets=Safe(t="hunter2"))

    assert record.nodes[0].why == "exit status 127: no-such-program: No such file or directory"


def test_what_could_not_be_started_hides_it_too(bench: Bench) -> None:
    """The keeper names the program, which may be made of something hidden."""
    bench.recipe("""
        [variables]
        where = ""
        [constraints.where]
        hidden = true
        [nodes.a]
        run = ["/nowhere/{{ variables.where }}"]
    """)

    record = bench.run(variables={"where": TOKEN})

    assert bench.log(record.nodes[0]) == "/nowhere/***: No such file or directory\n"
    assert TOKEN not in written(bench.root / "runs") + json.dumps(record.document())


def test_a_wait_says_nothing_hidden(bench: Bench) -> None:
    """Why what it waits for is not there yet may be told in words that it was given."""
    bench.recipe("""
        [variables]
        what = ""
        [constraints.what]
        hidden = true
        [nodes.w]
        wait = { url = "{{ variables.what }}://never", every = 0.05 }
        timeout = "60s"
    """)
    stop = threading.Event()

    def end_when_said() -> None:
        logs = (bench.root / "runs").rglob
        while not any("not yet" in log.read_text() for log in logs("log.txt")) and not stop.wait(0.01):
            pass
        stop.set()

    reader = threading.Thread(target=end_when_said)
    reader.start()
    record = bench.run(variables={"what": "hunter2"}, stop=stop)
    stop.set()
    reader.join()

    assert "not yet: `***://never`" in bench.log(record.nodes[0])
    assert "hunter2" not in written(bench.root / "runs")
