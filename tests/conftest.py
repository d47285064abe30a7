"""What every test stands on: a home of its own, no git settings of the machine, and an honest word about Docker."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REQUIRE_DOCKER = os.environ.get("KITCHENS_REQUIRE_DOCKER") == "1"
NO_DOCKER = "no Docker engine answers"


def pytest_configure() -> None:
    """The environment of every test and of all that it starts, from before the first import.

    The caches stay: pip's downloads are the user's own, toolchains are kept in the
    clone's `.cache` (they are named by their content, so an old one is never wrong).
    """
    os.environ.setdefault("PIP_CACHE_DIR", str(_pip_cache()))
    if settings := _pip_settings():
        os.environ.setdefault("PIP_CONFIG_FILE", str(settings))
    for name in [name for name in os.environ if name.startswith(("GIT_", "KITCHEN_", "XDG_"))]:
        if name not in ("GIT_SSL_CAINFO", "GIT_EXEC_PATH"):
            del os.environ[name]
    home = tempfile.mkdtemp(prefix="kitchens-home-")
    os.environ |= {
        "HOME": home,
        "XDG_CACHE_HOME": str(ROOT / ".cache" / "tests"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ada Cook",
        "GIT_AUTHOR_EMAIL": "ada@kitchens.example",
        "GIT_COMMITTER_NAME": "Ada Cook",
        "GIT_COMMITTER_EMAIL": "ada@kitchens.example",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }


def pytest_unconfigure() -> None:
    """The home of this process goes with it."""
    home = Path(os.environ["HOME"])
    if home.name.startswith("kitchens-home-"):
        shutil.rmtree(home, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Docker tests are skipped where no engine answers, unless the caller insists."""
    marked = [item for item in items if item.get_closest_marker("docker")]
    if marked and not REQUIRE_DOCKER and not _engine_answers():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=NO_DOCKER))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The last word on what was not tested."""
    skipped = [
        report for report in terminalreporter.stats.get("skipped", []) if NO_DOCKER in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} Docker tests were skipped: {NO_DOCKER}")


def _engine_answers() -> bool:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=5)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except DockerException:
        return False
    finally:
        client.close()


def _pip_cache() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pip"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pip"


def _pip_settings() -> Path | None:
    """The user's own pip settings (a mirror, a CA bundle), which a hermetic home would hide."""
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for file in (folder / "pip" / "pip.conf", Path.home() / ".pip" / "pip.conf"):
        if file.is_file():
            return file
    return None
