"""Runs SQL, Python functions and pytest inside a toolchain, for the runner outside.

Needs the standard library only (and duckdb or pytest for what uses them), Python 3.9 or
newer: it is copied into toolchains together with the `worker_*.py` beside it, and imports
nothing of this package. Those beside it know nothing of each other.

    worker.py sql REQUEST RESULT      statements and SQL tests on the embedded database, or a connection
    worker.py call REQUEST RESULT     a function of the recipe
    worker.py tests REQUEST RESULT    the recipe's functional tests
    worker.py wait REQUEST RESULT     until a file, a URL or a row is there
    worker.py forks REQUESTS ANSWERS  many of these requests, each in a fork (`worker_forks.py`)
    worker.py waits REQUESTS ANSWERS  many waits in one process (`worker_waits.py`)

REQUEST and RESULT are JSON files. The result carries the request's token, is written last
and appears whole or not at all, so that its presence is evidence of an end. Exit status:
0 done, 1 an error that the result names, 2 red functional tests.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import importlib
import importlib.util
import inspect
import json
import math
import os
import sys
import traceback
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

#: What the runner asks, what it is answered, and both sides of a comparison with its operator.
Request = Dict[str, Any]
Result = Dict[str, Any]
Compared = Tuple[str, Any, Any]

_BATCH = 2048
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
#: How deep lists and tables of a value may lie in each other: the runner takes no more.
_DEEPEST = 100
#: What a process of the worker has imported before it imports anything of a recipe.
_KNOWN = frozenset(sys.modules)


def main(arguments: list[str]) -> int:
    command, *paths = arguments
    if command == "waits":
        return int(beside("waits").serve(beside("pipes").Pipes(*paths), _holds, _write))
    if command == "forks":
        beside("arguments")  # here, and not in each fork: that would take it longer than most functions
        return int(beside("forks").serve(beside("pipes").Pipes(*paths), carry_out, _KNOWN))
    request_path, result_path = paths
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    return carry_out(command, request, result_path)


def carry_out(command: str, request: Request, result_path: str) -> int:
    """Do what is asked in this process, and write the result; the exit status."""
    # Code of the recipe is imported from its folder, which is the working directory,
    # and never from where this file happens to lie.
    sys.path[0] = os.getcwd()
    result, status = {"sql": run_sql, "call": run_call, "tests": run_tests, "wait": run_wait}[command](
        request
    )
    result["token"] = request["token"]
    _write(result_path, result)
    return status


def _write(path: str, result: Result) -> None:
    # Neither synced nor renamed: half a file is no JSON, and so no evidence. A node may have left a link there.
    left = memoryview(json.dumps(result, allow_nan=False).encode())
    try:
        descriptor = os.open(path, _NEW, 0o644)
    except FileExistsError:
        os.unlink(path)
        descriptor = os.open(path, _NEW, 0o644)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    finally:
        os.close(descriptor)


def beside(name: str) -> Any:
    """The module `worker_<name>.py` beside this file, under a name that no module of a recipe has."""
    full = f"_kitchens_worker_{name}"
    if full not in sys.modules:
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"worker_{name}.py")
        spec = importlib.util.spec_from_file_location(full, path)
        assert spec is not None and spec.loader is not None
        sys.modules[full] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[full]


def json_safe(value: Any, room: int = _DEEPEST) -> Any:
    """The value as JSON carries it: not-a-number as null, dates in ISO 8601, decimals as numbers, columns of numpy and
    pandas as lists, the rest as text.

    Lists and tables may lie in each other `room` deep; ValueError for more.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat() if value == value else None  # pandas' NaT is no moment
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if room == 0:
        raise ValueError(f"its lists and tables lie more than {_DEEPEST} deep in each other")
    if isinstance(value, dict):
        return {str(key): json_safe(inner, room - 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_safe(inner, room - 1) for inner in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays, pandas' columns
        with contextlib.suppress(TypeError):
            return json_safe(value.tolist(), room - 1)
    return None if type(value).__name__ == "NAType" else str(value)


def one_line(error: object) -> str:
    """The error's kind and first line, as one line."""
    text = str(error).strip().splitlines()
    return text[0].strip() if text else type(error).__name__


# --- SQL ---------------------------------------------------------------------------------


def connect(path: str, mode: str) -> Any:
    """A connection to the embedded database. Reading one that was never written reads an empty one."""
    import duckdb

    _stand_in_for_pytz()
    if mode == "write":
        return duckdb.connect(path)
    if os.path.exists(path):
        return duckdb.connect(path, read_only=True)
    return duckdb.connect(":memory:")


def run_sql(request: Request) -> tuple[Result, int]:
    if request["connection"] is not None:
        return _run_sql_there(request)
    try:
        connection = connect(request["database"], request["mode"])
    except ImportError:
        return _failed(f"duckdb is not installed for {sys.executable}"), 1
    except Exception as error:
        return _failed(one_line(error)), 1
    try:
        outputs = _statements(connection, request["sql"]) if request.get("sql") is not None else {}
    except Exception as error:
        if not isinstance(error, _Failed):
            print(error, file=sys.stderr)
        connection.close()
        return _failed(one_line(error)), 1
    tests = [_measure(connection, text) for text in request["tests"]]
    try:
        connection.close()
    except Exception as error:
        return _failed(one_line(error)), 1
    return {"outputs": outputs, "tests": tests}, 0


def _run_sql_there(request: Request) -> tuple[Result, int]:
    databases = beside("databases")
    try:
        url = os.environ.pop("KITCHEN_CONNECTION")
        result = databases.run(request["connection"], url, request["sql"], request["tests"])
    except databases.Failed as error:
        return _failed(str(error)), 1
    except Exception as error:
        return _failed(f"{type(error).__name__}: {one_line(error)}"), 1
    return json_safe(result), 0


def run_wait(request: Request) -> tuple[Result, int]:
    return {"outputs": {}}, beside("waits").wait(request, _holds)


def _holds(name: str, url: str, query: str) -> bool:
    return bool(beside("databases").holds(name, url, query))


def _failed(message: str) -> Result:
    return {"error": message}


class _Failed(Exception):
    """One of several statements failed, with the sentence that says which."""


def _statements(connection: Any, text: str) -> Result:
    """Run them in order. The outputs are those of the last: `rows` and its first row's columns."""
    import duckdb

    outputs = {"rows": 0}
    statements = duckdb.extract_statements(text)
    place = 0
    for number, statement in enumerate(statements, 1):
        place = max(text.find(statement.query, place), place)
        try:
            connection.execute(statement)
            outputs = _outcome(connection, statement)
        except Exception as error:
            if len(statements) == 1:
                raise
            blank = len(statement.query) - len(statement.query.lstrip())
            line = text.count("\n", 0, place + blank) + 1
            print(error, file=sys.stderr)
            raise _Failed(f"statement {number} (line {line}): {one_line(error)}") from None
    return outputs


def _outcome(connection: Any, statement: Any) -> Result:
    import duckdb

    if statement.expected_result_type == [duckdb.ExpectedResultType.NOTHING]:
        return {"rows": 0}
    columns = [column[0] for column in connection.description or ()]
    first = connection.fetchone()
    if first is None:
        return {"rows": 0}
    changes = duckdb.ExpectedResultType.CHANGED_ROWS in statement.expected_result_type
    if changes and columns == ["Count"]:
        return {"rows": json_safe(first[0])}
    rows = 1
    while batch := connection.fetchmany(_BATCH):
        rows += len(batch)
    # A column that somebody called `rows` is what they mean by it.
    return {"rows": rows, **dict(zip(columns, map(json_safe, first)))}


def _measure(connection: Any, text: str) -> Result:
    """The first column of the first row, or why there is none."""
    try:
        row = connection.execute(text).fetchone()
    except Exception as error:
        print(error, file=sys.stderr)
        return {"error": one_line(error)}
    if row is None:
        return {"error": "the query returned no row"}
    return {"value": json_safe(row[0])}


def _stand_in_for_pytz() -> None:
    """DuckDB hands out times with a zone through pytz; the standard library's zones serve as well."""
    if importlib.util.find_spec("pytz") is None:
        import types
        import zoneinfo

        class Zone(zoneinfo.ZoneInfo):
            def localize(self, moment: datetime.datetime) -> datetime.datetime:
                return moment.replace(tzinfo=self)

        stand_in = types.ModuleType("pytz")
        stand_in.__dict__["timezone"] = Zone
        sys.modules["pytz"] = stand_in


# --- Python functions --------------------------------------------------------------------


def run_call(request: Request) -> tuple[Result, int]:
    name = request["function"]
    arguments = beside("arguments")
    try:
        function = _function(name)
        given = arguments.untagged(request["arguments"])
        with _offered(request) as offer:
            absent = () if request["mode"] else ("database",)
            outputs = function(**arguments.bind(function, name, _OFFERS, offer, given, absent))
    except arguments.Unfit as error:
        return _failed(f"node `{request['node']}`: {error}"), 1
    except SystemExit as error:
        return _left(error.code)
    except BaseException as error:
        traceback.print_exc()
        return _failed(f"{type(error).__name__}: {one_line(error)}"), 1
    if outputs is None:
        outputs = {}
    if inspect.iscoroutine(outputs):
        outputs.close()
        return _failed(f"`{name}` is `async`; a node calls a plain function, which may call `asyncio.run`"), 1
    if not isinstance(outputs, dict):
        kind = type(outputs).__name__
        return _failed(f"`{name}` returned {kind}; outputs are a dictionary, or None"), 1
    try:
        return {"outputs": json_safe(outputs)}, 0
    except ValueError as error:
        return _failed(f"what `{name}` returned is no output: {error}"), 1


def _left(code: Any) -> tuple[Result, int]:
    """What `sys.exit` in a function means: the same as in a script."""
    if code is None:
        return {"outputs": {}}, 0
    if not isinstance(code, int):
        print(code, file=sys.stderr)
        return _failed(f"the function left: {one_line(code)}"), 1
    status = code & 0xFF
    return (_failed(f"the function left with exit status {status}") if status else {"outputs": {}}), status


def _function(name: str) -> Any:
    module, _, attribute = name.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    if not callable(function):
        raise TypeError(f"`{name}` is no function")
    return function


_OFFERS = ("variables", "inputs", "outputs", "data", "database")


@contextlib.contextmanager
def _offered(request: Request) -> Iterator[Callable[[str], Any]]:
    """What a function gets when it names it as a parameter; the database is opened only then."""
    with contextlib.ExitStack() as stack:

        def offer(name: str) -> Any:
            if name == "data":
                return Path(request["data"])
            if name != "database":
                return request[name]
            if not request["mode"]:
                raise ValueError('the node asks for no database: say `database = "write"` or `"read"`')
            connection = connect(request["database"], request["mode"])
            stack.callback(connection.close)
            return connection

        yield offer


# --- Functional tests --------------------------------------------------------------------


def run_tests(request: Request) -> tuple[Result, int]:
    try:
        import pytest
    except ImportError:
        return _failed(f"pytest is not installed for {sys.executable}"), 1
    plugin = _plugin()
    code = pytest.main(
        [
            # `.` and not its path: pytest looks for variables in what it is given, such as `$HOME`.
            *("-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."),
            *("-q", "--tb=short", "--color=no", "--import-mode=prepend"),
            request["folder"],
        ],
        plugins=[plugin, _fixtures(request)],
    )
    red = any(test["status"] == "failed" for test in plugin.tests.values())
    if code not in (0, 1, 5):
        if not red:
            return _failed(f"pytest ended with exit status {int(code)}"), 1
        # Collecting what is red ends so (2), too; beyond that some tests may not have run at all.
        if code != 2:
            plugin.add(
                "pytest",
                "failed",
                message=f"pytest ended with exit status {int(code)} before all tests had run",
            )
    return {"tests": list(plugin.tests.values())}, 2 if red else 0


def _fixtures(request: Request) -> Any:
    """The kitchen's data, as a module: fixtures that are methods of a plugin have an end in pytest 10."""
    import pytest

    @pytest.fixture(scope="session")
    def database() -> Iterator[Any]:
        """The kitchen's embedded database, for reading."""
        connection = connect(request["database"], "read")
        yield connection
        connection.close()

    @pytest.fixture(scope="session")
    def data() -> Path:
        """The kitchen's data folder."""
        return Path(request["data"])

    @pytest.fixture
    def variables() -> Any:
        """The recipe's variables in this run."""
        return json.loads(json.dumps(request["variables"]))

    module: Any = types.ModuleType("kitchens_fixtures", "The kitchen's data.")
    module.database, module.data, module.variables = database, data, variables
    return module


def _plugin() -> Any:
    import pytest

    class Plugin:
        """Collects each test's result."""

        def __init__(self) -> None:
            self.tests: dict[str, Result] = {}
            self._compared: Compared | None = None

        def pytest_assertrepr_compare(self, op: str, left: Any, right: Any) -> None:
            self._compared = (op, left, right)

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
            outcome: Any = yield
            report = outcome.get_result()
            compared, self._compared = self._compared, None
            self._note(report, call, compared)

        def pytest_collectreport(self, report: Any) -> None:
            if report.failed:
                message = str(report.longrepr).strip().splitlines()[-1]
                message = message[2:].strip() if message.startswith("E ") else message
                self.add(report.nodeid or "tests", "failed", message=message)

        def _note(self, report: Any, call: Any, compared: Compared | None) -> None:
            if report.failed:
                why = _why(call.excinfo, compared) if call.excinfo else {"message": one_line(report.longrepr)}
                self.add(report.nodeid, "failed", **why)
            elif report.skipped:
                self.add(report.nodeid, "logged", message=_skip(report))
            elif report.when == "call":
                self.add(report.nodeid, "passed")

        def add(
            self, name: str, status: str, value: Any = None, limits: Any = None, message: str | None = None
        ) -> None:
            if self.tests.get(name, {}).get("status") == "failed":
                return
            test = {"name": name, "status": status, "value": value, "limits": limits, "message": message}
            self.tests[name] = test

    return Plugin()


_COMPARED = {
    "==": "equals {}",
    "!=": "not {}",
    "<": "below {}",
    "<=": "at most {}",
    ">": "above {}",
    ">=": "at least {}",
    "in": "in {}",
    "not in": "not in {}",
    "is": "is {}",
    "is not": "is not {}",
}


def _why(raised: Any, compared: Compared | None) -> Result:
    """What a red test shows: both sides of a comparison where it was one, and one line of its message."""
    kind = raised.type.__name__
    line = one_line(raised.value)
    if kind == "FixtureLookupError" and not getattr(raised.value, "msg", None):
        # In its own words it is a pair of objects.
        return {"message": f"there is no fixture `{raised.value.argname}`"}
    if not issubclass(raised.type, AssertionError):
        return {"message": f"{kind}: {line}" if line != kind else kind}
    if compared is None:
        return {"message": line}
    operator, left, right = compared
    try:
        limits = _COMPARED[operator].format(_short(json_safe(right)))
        return {"value": _bounded(json_safe(left)), "limits": limits, "message": line}
    except Exception:  # whatever the test's own objects raise when they are looked at
        return {"message": line}


def _skip(report: Any) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail or "it is expected to fail")
    return "skipped"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:199] + "…"


def _bounded(value: Any) -> Any:
    """Numbers as they are; what is long as shortened text, so that a record stays a record."""
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    if len(json.dumps(value)) <= 200:
        return value
    return _short(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
