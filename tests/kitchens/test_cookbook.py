"""`kitchens.toml` is read whole, or every fault of it is told at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kitchens.model.cookbook import (
    Connection,
    Cookbook,
    GateSettings,
    Policy,
    Runtime,
    Service,
    missing_files,
    parse_cookbook,
)
from kitchens_engine.language.shelf import FolderSource

WHOLE = """\
[cookbook]
name = "flights"
production = "main"
worktrees = "/srv/{repository}"
remote = "team"

[runtime]
kind = "docker"
build = "toolchain/Dockerfile"
requirements = "requirements.txt"
network = "none"
memory = "1.5g"
cpus = 0.5
pids = 64

[connections.warehouse]
url = "postgresql://app@warehouse:5432/app"
gate = { url = "postgresql://app@gate:5432/app" }
[connections.lake]
url = "s3://lake"

[services.warehouse]
image = "postgres:17"
port = 5432
health = "pg_isready -U postgres"
env = { POSTGRES_PASSWORD = "vault:warehouse/password", LEVEL = 3 }

[gate]
variation = "small"
shared = ["lib"]
quality = ["ruff check ."]

[pools]
api = 2

[kitchens.main]
protected = true
isolation = "docker"
[kitchens.dev]
parent = "main"
"""


def test_everything_in_the_contract_is_read() -> None:
    """Every section and key becomes a frozen value."""
    cookbook, faults = parse_cookbook(WHOLE.encode())
    assert faults == ()
    assert cookbook is not None
    assert (cookbook.name, cookbook.production, cookbook.worktrees, cookbook.remote) == (
        "flights",
        "main",
        "/srv/{repository}",
        "team",
    )
    assert cookbook.runtime == Runtime(
        kind="docker",
        image=None,
        build="toolchain/Dockerfile",
        requirements="requirements.txt",
        network="none",
        memory=1536 * 1024**2,
        cpus=0.5,
        pids=64,
    )
    assert cookbook.connections == {
        "warehouse": Connection(
            "warehouse", "postgresql://app@warehouse:5432/app", "postgresql://app@gate:5432/app"
        ),
        "lake": Connection("lake", "s3://lake", None),
    }
    env = {"POSTGRES_PASSWORD": "vault:warehouse/password", "LEVEL": "3"}
    assert cookbook.services == {
        "warehouse": Service("warehouse", "postgres:17", 5432, "pg_isready -U postgres", env)
    }
    assert cookbook.pools == {"api": 2}
    assert cookbook.gate == GateSettings("small", ("lib",), ("ruff check .",))
    assert cookbook.kitchens == {"main": Policy(True, "docker"), "dev": Policy(parent=cookbook.production)}


def test_a_name_is_all_that_a_cookbook_must_say() -> None:
    """Everything else has a default, limits included."""
    cookbook, faults = parse_cookbook(b'[cookbook]\nname = "flights"')
    assert (cookbook, faults) == (Cookbook(name="flights"), ())
    assert cookbook is not None
    assert (cookbook.production, cookbook.worktrees) == ("production", "../{repository}.kitchens")
    assert cookbook.runtime == Runtime("auto", "python:3.12-slim", None, None, "kitchen", 2 * 1024**3, 2, 512)
    assert cookbook.gate.variation == "test"


def test_permanent_kitchens_are_production_and_those_with_a_policy() -> None:
    """A kitchen without a policy has one that allows everything."""
    cookbook, _ = parse_cookbook(WHOLE.encode())
    assert cookbook is not None
    assert [cookbook.is_permanent(name) for name in ("main", "dev", "other")] == [True, True, False]
    assert cookbook.policy("main").protected
    assert cookbook.policy("other") == Policy()


@pytest.mark.parametrize(
    ("text", "size"), [('"512m"', 512 * 1024**2), ('"2G"', 2 * 1024**3), ('"100kb"', 102400), ("7", 7)]
)
def test_memory_is_read_to_bytes(text: str, size: int) -> None:
    """With docker's units."""
    cookbook, _ = parse_cookbook(f'[cookbook]\nname = "x"\n[runtime]\nmemory = {text}'.encode())
    assert cookbook is not None
    assert cookbook.runtime.memory == size


@pytest.mark.parametrize(
    ("text", "where", "message", "hint"),
    [
        ("[cookbok]", (3, 1, "cookbok"), "unknown key `cookbok`", "did you mean `cookbook`?"),
        ("[runtime]\nknid = 'auto'", (4, 1, "runtime.knid"), "unknown key `knid` in `runtime`", "did you mean `kind`?"),
        ("[runtime]\nkind = 'dokcer'", (4, 1, "runtime.kind"), "`runtime.kind` must be one of `auto`, `docker`, `process`, not `dokcer`", "did you mean `docker`?"),
        ("[runtime]\nimage = 'a'\nbuild = 'b'", (5, 1, "runtime.build"), "`runtime` has both `image` and `build`; an image is either taken or built", None),
        ("[runtime]\nmemory = '2x'", (4, 1, "runtime.memory"), "`runtime.memory`: `2x` is no size; write one such as `512m` or `2g`", None),
        ("worktrees = '~/kitchens'", (3, 1, "cookbook.worktrees"), "`cookbook.worktrees`: `~/kitchens` is no path; write one from the repository, or from `/`", None),
        ("[runtime]\ncpus = 0", (4, 1, "runtime.cpus"), "`runtime.cpus`: `0` is no number of processors", None),
        ("[runtime]\npids = true", (4, 1, "runtime.pids"), "`runtime.pids` must be an integer, not a boolean", None),
        ("[runtime]\nrequirements = '../r.txt'", (4, 1, "runtime.requirements"), "`runtime.requirements`: `../r.txt` is no path inside the cookbook", None),
        ("[connections.w]", (3, 1, "connections.w"), "`connections.w` lacks `url`", None),
        ("[services.w]\nimage = 'x'\nport = 0", (5, 1, "services.w.port"), "`services.w.port`: `0` is no port; they go from 1 to 65535", None),
        ("[services.'W W']\nimage = 'x'", (3, 1, 'services."W W"'), "`services.\"W W\"`: `W W` is no host name; use a-z, 0-9 and `-`", None),
        ("[gate]\nshared = 'lib'", (4, 1, "gate.shared"), "`gate.shared` must be a list, not a string", 'write `["lib"]`'),
        ("[gate]\nshared = ['/lib']", (4, 11, "gate.shared[0]"), "`gate.shared[0]`: `/lib` is no path inside the cookbook", None),
        ("[kitchens.'a b']", (3, 1, 'kitchens."a b"'), "`kitchens.\"a b\"`: `a b` cannot name a kitchen: it holds ' ', which a branch or a folder cannot", None),
        ("[kitchens.dev]\nisolation = 'vm'", (4, 1, "kitchens.dev.isolation"), "`kitchens.dev.isolation` must be one of `docker`, `process`, not `vm`", None),
        ("[kitchens.production]\nparent = 'dev'", (4, 1, "kitchens.production.parent"), "`production` is the root kitchen, so it has no parent", None),
        ("[kitchens.a]\nparent = 'b'\n[kitchens.b]\nparent = 'a'", (4, 1, "kitchens.a.parent"), "kitchens are each other's parents: `a` → `b` → `a`", None),
    ],
)  # fmt: skip
def test_a_fault_says_where_and_what(
    text: str, where: tuple[int, int, str], message: str, hint: str | None
) -> None:
    """One sentence with line, column, key and the nearest right spelling."""
    cookbook, (fault,) = parse_cookbook(f'[cookbook]\nname = "x"\n{text}'.encode())
    assert cookbook is None
    assert (fault.line, fault.column, fault.key) == where
    assert (fault.file, fault.message, fault.hint) == ("kitchens.toml", message, hint)


def test_all_faults_are_told_at_once() -> None:
    """In the order of the file."""
    _, faults = parse_cookbook(b"[cookbook]\nproduction = 'a b'\n[runtime]\nkind = 1\nimage = ''\n[gat]")
    assert [(fault.line, fault.key) for fault in faults] == [
        (1, "cookbook"),
        (2, "cookbook.production"),
        (4, "runtime.kind"),
        (5, "runtime.image"),
        (6, "gat"),
    ]


def test_reading_settings_imports_nothing_heavy() -> None:
    """Every command reads `kitchens.toml`; none of them should wait for it."""
    code = (
        "import sys; from kitchens.model.cookbook import parse_cookbook\n"
        "assert parse_cookbook(b'[cookbook]\\nname = \"x\"')[0]\n"
        "heavy = {'jinja2', 'difflib', 'tomlkit', 'docker', 'git', 'msgspec', 'json'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_files_that_the_settings_name_and_that_are_not_there_are_found(tmp_path: Path) -> None:
    """With line and nearest name; what is shared may be missing, which is worth a warning."""
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "code.py").write_text("")
    text = b"""[cookbook]
name = "x"
[runtime]
requirements = "requirments.txt"
[gate]
shared = ["lib", "lib/cod.py"]
"""
    found = missing_files(text, FolderSource(tmp_path))
    assert [(fault.severity, fault.line, fault.message, fault.hint) for fault in found] == [
        (
            "error",
            4,
            "`runtime.requirements` names `requirments.txt`, which does not exist",
            "did you mean `requirements.txt`?",
        ),
        (
            "warning",
            6,
            "`gate.shared[1]` names `lib/cod.py`, which does not exist",
            "did you mean `code.py`?",
        ),
    ]


@pytest.mark.parametrize(
    ("image", "good"),
    [
        ("python:3.12-slim", True),
        ("kitchens-test/python:bookworm", True),
        ("Registry.example:5000/team/my_image--x@sha256:" + "a" * 64, True),
        ("localhost/a", True),
        ("Bad Image", False),
        ("Python:3", False),
        ("a:b:c", False),
        ("-x", False),
    ],
)
def test_what_is_no_image_is_found_before_any_engine_is_asked(image: str, good: bool) -> None:
    """The engine would call it a failure of its own."""
    cookbook, faults = parse_cookbook(f'[cookbook]\nname = "x"\n[runtime]\nimage = "{image}"\n'.encode())
    assert (cookbook is not None, [fault.line for fault in faults]) == (good, [] if good else [4])
