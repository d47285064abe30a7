"""What a command may cost, counted in git processes: unlike milliseconds, they are the same on every machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kitchens.gate import reach
from tests.cli.conftest import Desk

Counted = Callable[..., list[str]]


@pytest.fixture
def counted(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Type a command and get the git processes that it started, by their words."""
    log, shim = tmp_path / "git.log", tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{log}"\nexec "{shutil.which("git")}" "$@"\n')
    shim.chmod(0o755)

    def type_and_count(*words: str) -> list[str]:
        with monkeypatch.context() as patch:
            patch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
            desk.json(*words)
        found = log.read_text().splitlines()
        log.unlink()
        return found

    return type_and_count


def test_a_list_costs_four_processes_however_many_kitchens_there_are(desk: Desk, counted: Counted) -> None:
    """Where the repository is, one reader for all registrations, and two that walk their commits."""
    for name in ("one", "two", "three"):
        desk.json("create", name, "--no-test")

    assert len(counted("list")) <= 4


@pytest.mark.parametrize("file", ["README.md", "recipes/counts/recipe.toml"])
def test_a_merge_of_an_attested_change_is_few_processes(desk: Desk, counted: Counted, file: str) -> None:
    """Whether it touches a recipe or not: where the repository is, one reader, what is dirty at the source, git's
    configuration; the merge, and once more for its certificate; the files of the target's checkout; its refs."""
    desk.json("create", "dev")
    desk.json("create", "idea", "--from", "dev")
    desk.commit(file, f"{(desk.path('idea') / file).read_text()}# changed\n", "idea")
    desk.json("test", "idea")

    assert len(found := counted("merge", "idea")) <= 8, "\n".join(found)


def test_a_preview_is_four_processes(desk: Desk, counted: Counted) -> None:
    """Where the repository is, one reader, one merge, and beside it git's configuration; for all kitchens two more: which
    of them are merged, and their attributes."""
    for name in ("one", "two", "three"):
        desk.json("create", name, "--no-test")
        desk.commit(f"recipes/{name}/recipe.toml", '[nodes.n]\nrun = "true"\n', name)
    desk.commit("README.md", "changed\n")

    assert len(found := counted("preview", "one")) <= 4, "\n".join(found)
    assert len(found := counted("preview", "--all")) <= 6, "\n".join(found)


def test_an_attested_gate_starts_nothing(desk: Desk, counted: Counted) -> None:
    """However many recipes: git is asked where things are, no runtime is made, and no run is put on record."""
    for number in range(12):
        desk.write(f"recipes/r{number}/recipe.toml", '[nodes.n]\nrun = "true"\n')
    desk.save("recipes")
    desk.json("test", "production", "--all")
    runs = desk.json("order", "list", "--limit", "99")

    assert len(found := counted("test", "production", "--all")) <= 6, "\n".join(found)
    assert desk.json("order", "list", "--limit", "99") == runs
    assert not imports_of(desk, "test", "production", "--all") & {
        "docker",
        "kitchens.actions.gates.examining",
        "kitchens_engine.running.runner",
        "kitchens_engine.records",
    }


def test_a_proof_is_few_processes_however_much_landed(desk: Desk, counted: Counted) -> None:
    """Git walks, lists what there is to read, and one reader answers."""
    desk.json("create", "dev")
    for number in range(3):
        desk.commit(f"note-{number}.md", "note\n", "dev")
        desk.json("merge", "dev")

    assert len(found := counted("verify")) <= 8, "\n".join(found)


def test_who_reaches_whom_is_read_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next command goes by what was kept, and reads the recipe that changed; a proof reads them all itself."""
    monkeypatch.setattr(reach, "_KNOWN", {})
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/new/recipe.toml", '[nodes.n]\nrun = "true"\n', "dev")
    desk.json("preview", "dev")
    kept = Path(desk.folder, ".git", "kitchens", "cache", "reach.json")
    written = kept.stat().st_mtime_ns
    desk.json("merge", "dev")
    assert kept.stat().st_mtime_ns == written
    kept.unlink()
    desk.json("verify")
    assert not kept.exists()


def imports_of(desk: Desk, *words: str) -> set[str]:
    """Every module that a command imports."""
    script = (
        f"import sys; from kitchens.cli.run import run; run({words}); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=desk.folder, check=True, capture_output=True, text=True
    )
    return {*done.stderr.split()}


def test_a_list_imports_neither_runtimes_nor_recipes_nor_what_heals(desk: Desk) -> None:
    """What a command does not use costs it nothing."""
    dear = {"docker", "duckdb", "jinja2", "ssl", "tempfile", "traceback", "sqlite3"}
    ours = {
        "kitchens.containers",
        "kitchens.git.moving.healing",
        "kitchens_engine.recipe",
        "kitchens_engine.running.runner",
    }
    assert not imports_of(desk, "list") & (dear | ours)


def test_a_merge_that_touches_no_recipe_imports_nothing_that_reads_them(desk: Desk) -> None:
    """Neither the recipe language, nor what renders templates."""
    desk.json("create", "dev", "--no-test")
    desk.commit("README.md", "changed\n", "dev")
    imported = imports_of(desk, "merge", "dev", "--json")

    assert "kitchens.actions.landing.moving" in imported
    assert not imported & {
        "kitchens_engine.language.load",
        "kitchens_engine.language.check",
        "kitchens_engine.variables.resolve",
        "kitchens_engine.templating.template",
        "kitchens.actions.gates.examining",
    }


def test_an_order_in_the_process_runtime_imports_nothing_of_docker(desk: Desk) -> None:
    """Neither HTTP and TLS, nor what packs images."""
    imported = imports_of(desk, "order", "run", "counts")

    assert "kitchens_engine.runtimes.local" in imported
    assert not imported & {"docker", "http.client", "ssl", "tarfile", "kitchens.containers.engine"}


def test_what_ran_is_listed_without_reading_recipes(desk: Desk) -> None:
    """Neither the recipe language, nor TOML, nor what runs anything."""
    desk.json("order", "run", "counts")
    imported = imports_of(desk, "order", "list")

    assert "kitchens_engine.records" in imported
    assert not imported & {"tomllib", "jinja2", "rich", "kitchens.model.cookbook", "kitchens.containers"}
    assert not any(
        name.startswith(("kitchens_engine.running", "kitchens_engine.language")) for name in imported
    )


def test_a_check_without_sql_imports_no_parser_of_it(desk: Desk) -> None:
    """Neither DuckDB's nor the one for other databases; an order imports none of what only a check looks for."""
    assert not imports_of(desk, "recipe", "check") & {"duckdb", "sqlglot", "docker"}
    assert "kitchens_engine.checking.inspect" not in imports_of(desk, "order", "run", "counts")
