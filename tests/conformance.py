"""One recipe with every kind of node, and what must hold of it in every runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kitchens_engine.outcome import NodeRecord

RECIPE = """
[variables]
year = 2013
word = "old"
[nodes.shell]
run = "echo said; echo n=3 >>$KITCHEN_OUTPUT"
[nodes.script]
python = "script.py --year {{ variables.year }}"
[nodes.function]
needs = ["shell"]
python = "steps:main"
arguments = { year = "{{ variables.year }}", n = "{{ outputs.shell.n }}" }
[nodes.table]
needs = ["function"]
sql = "create table t as select unnest(range({{ outputs.function.n }})) as x; select max(x) as top from t"
[[nodes.table.tests]]
name = "there are four"
sql = "select count(*) from t"
equals = 4
[nodes.join]
needs = ["script", "table", "elsewhere", "waited", "row", "file"]
noop = true
[nodes.elsewhere]
sql = "create table t (x int); insert into t values (1), (2); select count(*) as n from t"
connection = "other"
[[nodes.elsewhere.tests]]
sql = "select max(x) from t"
equals = 2
[nodes.waited]
wait = "0.1s"
[nodes.row]
wait = { sql = "select count(*) = 4 from t", every = 0.2 }
[nodes.file]
wait = { file = "{{ kitchen.data }}/made", every = 0.1 }
[nodes.nested]
needs = ["join"]
recipe = "inner"
[nodes.part]
needs = ["join"]
ingredient = "part"
inputs = { word = "x" }
[nodes.many]
each = [1, 2]
python = "steps:one"
arguments = { item = "{{ each.item }}" }
[nodes.fails]
python = "steps:fail"
[nodes.refused]
python = "steps:main"
arguments = { year = "{{ variables.word }}", n = 1 }
"""

FILES = {
    "recipes/r/recipe.toml": RECIPE,
    "recipes/r/script.py": "import os, sys\nopen(os.environ['KITCHEN_DATA'] + '/made', 'w').close()\nprint(sys.argv)\n",
    "recipes/r/steps.py": (
        "import os\n"
        "def main(year: int, n: int, variables, outputs, data):\n"
        "    assert variables['year'] == year and outputs['shell']['n'] == n and data.is_dir()\n"
        "    assert os.environ['KITCHEN_NODE'] == 'function' and os.getpid() == os.getpgid(0)\n"
        "    print('called')\n"
        "    return {'n': n + 1}\n"
        "def one(item: int):\n    return {'twice': 2 * item}\n"
        "def fail():\n    raise ValueError('on purpose')\n"
    ),
    "recipes/inner/recipe.toml": '[nodes.n]\nrun = "true"\n',
    "ingredients/part/recipe.toml": (
        '[inputs]\nword = { type = "string" }\n[outputs]\nsaid = { type = "string", value = "{{ outputs.n.said }}" }\n'
        '[nodes.n]\nrun = "echo said={{ inputs.word }} >>$KITCHEN_OUTPUT"\n'
    ),
}

CONNECTIONS = {"other": "sqlite:///{{ kitchen.data }}/other.sqlite"}


def write(root: Path) -> None:
    """The cookbook."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def hold(nodes: Mapping[str, NodeRecord]) -> None:
    """What must hold of the run's nodes, by their paths."""
    outputs = {path: dict(node.outputs) for path, node in nodes.items()}
    failed = {path: node.why for path, node in nodes.items() if node.status == "failed"}
    assert set(failed) == {"fails", "refused"}, failed
    assert failed["fails"] == "ValueError: on purpose"
    assert (
        failed["refused"]
        == "node `refused`: parameter `year` of `steps:main` wants `int`, and got `str`: 'old'"
    )
    assert all(node.status == "passed" for path, node in nodes.items() if path not in failed)
    assert outputs["function"] == {"n": 4}
    assert outputs["table"] == {"rows": 1, "top": 3}
    assert outputs["elsewhere"] == {"rows": 1, "n": 2}
    assert outputs["part"] == {"said": "x"}
    assert outputs["many"] == {"twice": [2, 4]}
    assert [str(test.status) for name in ("table", "elsewhere") for test in nodes[name].tests] == [
        "passed"
    ] * 2
    logs = {
        path: Path(node.log).read_text()
        for path, node in nodes.items()
        if node.log and Path(node.log).exists()
    }
    assert "said\n" in logs["shell"]
    assert "'--year', '2013'" in logs["script"]
    assert "called\n" in logs["function"]
    assert "on purpose" in logs["fails"]
