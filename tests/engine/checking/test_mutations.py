"""Whatever becomes of a file, looking at it ends soon, in faults that have a place."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kitchens.model.cookbook import missing_files, parse_cookbook, read_cookbook
from kitchens.model.cookbook_fit import fit_faults
from kitchens_engine.checking.inspect import inspect
from kitchens_engine.errors import Fault
from kitchens_engine.language.check import read_all
from kitchens_engine.language.shelf import Shelf
from tests.engine.checking.mutations import mutated
from tests.engine.files import Files
from tests.engine.language.test_load import FILES, WHOLE
from tests.kitchens.test_cookbook import WHOLE as SETTINGS

ROOT = Path(__file__).resolve().parents[3]
#: In full, others with each `KITCHENS_SEED`, as many as `KITCHENS_TRIALS` says.
MANY = (
    300 + 1_000_000 * int(os.environ.get("KITCHENS_SEED", "0")),
    int(os.environ.get("KITCHENS_TRIALS", "10000")),
)
#: Seconds of processor time that one file may take, however busy the machine is.
DEADLINE = 5

SCORING = """\
[inputs]
table = { type = "string", choices = ["flights"], default = "flights" }
[outputs]
rows = { type = "integer", value = "{{ outputs.clean.rows }}", at_least = 0 }
[nodes.clean]
sql = "select {% for c in ['a'] %}{{ c }}{% endfor %} from {{ inputs.table }}"
"""
REPORTING = """\
[variables]
year = 2013
schema = { raw = "raw" }
[constraints.year]
at_least = 2000
[variations.daily]
variables = { year = 2014 }
[nodes.list]
run = "true"
outputs = { files = "list" }
[nodes.each]
needs = ["list"]
each = "outputs.list.files"
parallel = 2
run = "cat <<EOF\\n{{ each.item }}\\nEOF"
retries = 2
retry_delay = "1s"
backoff = "exponential"
[nodes.clean]
needs = ["each"]
always = true
noop = true
when = "tests.each.failed == 0 or variables.year > 2013"
"""


def _corpus() -> dict[str, str]:
    found = {
        "ingredients/whole/recipe.toml": WHOLE,
        "ingredients/scoring/recipe.toml": SCORING,
        "recipes/reporting/recipe.toml": REPORTING,
        "kitchens.toml": SETTINGS,
        **{f"ingredients/whole/{name.replace('_', '.')}": text for name, text in FILES.items()},
    }
    for template in ("basic", "flights"):
        for path in sorted((ROOT / "templates" / template / "recipes").rglob("*")):
            if path.is_file() and path.suffix in (".toml", ".sql", ".py", ".sh"):
                relative = path.relative_to(ROOT / "templates" / template).as_posix()
                found[relative] = path.read_text(encoding="utf-8")
    return found


CORPUS = _corpus()
MUTABLE = [name for name in CORPUS if name.endswith((".toml", ".sql"))] + [
    "recipes/delays/tests/test_delays.py"
]


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """`TimeoutError` after so much processor time."""

    def over(number: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize(
    ("first", "count"),
    [(0, 300), pytest.param(*MANY, id="many", marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
)
def test_no_change_of_a_file_breaks_the_check(first: int, count: int) -> None:
    """No traceback, no hang, and every fault names a place in a file that is there."""
    for number in range(first, first + count):
        dice = random.Random(number)
        name = dice.choice(MUTABLE)
        files = _beside(name) | {name: mutated(dice, CORPUS[name])}
        try:
            with deadline(DEADLINE):
                faults = _checked(files)
        except Exception as error:
            raise AssertionError(
                f"mutation {number} of {name}:\n{files[name].decode(errors='replace')}"
            ) from error
        for fault in faults:
            assert _is_sound(fault, files), (number, name, fault)


def _beside(name: str) -> dict[str, bytes]:
    """The files of the same recipe, and those that recipes here speak of."""
    folder = name if name == "kitchens.toml" else "/".join(name.split("/")[:2])
    kept = (folder, "kitchens.toml", "ingredients/scoring", "recipes/reporting")
    return {path: text.encode() for path, text in CORPUS.items() if path.startswith(kept)}


def _checked(files: dict[str, bytes]) -> list[Fault]:
    source = Files(files)
    shelf = Shelf(source)
    settings = read_cookbook(files["kitchens.toml"])
    parse_cookbook(files["kitchens.toml"])
    found = [*settings.faults, *missing_files(files["kitchens.toml"], source)]
    if settings.document is not None:
        drafts = [reading.draft for reading in read_all(shelf).values() if reading.draft]
        found += fit_faults(settings.document, settings.values, drafts, source, ())
    for reading in read_all(shelf).values():
        assert (reading.recipe is None) == any(fault.severity == "error" for fault in reading.faults)
    return [*found, *inspect(shelf, connections={"warehouse": "postgresql://w"}, pools=())]


def _is_sound(fault: Fault, files: dict[str, bytes]) -> bool:
    lines = files[fault.file].decode(errors="replace").count("\n") + 1
    sentence = bool(fault.message) and "\n" not in fault.message and len(fault.message) < 2000
    return (
        sentence
        and 1 <= fault.line <= lines
        and fault.column >= 1
        and fault.severity in ("error", "warning", "note")
    )
