"""What every test stands on: a home of its own, no git settings of the machine, and an honest word about Docker."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


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
        # The tests of bubblewrap ask for it; all others find the same on every machine.
        "KITCHENS_BUBBLEWRAP": "no",
        "COLUMNS": "120",
    }


def pytest_unconfigure(config: pytest.Config) -> None:
    """The home of this process goes with it; the very last word is on what was not tested."""
    home = Path(os.environ["HOME"])
    if home.name.startswith("kitchens-home-"):
        shutil.rmtree(home, ignore_errors=True)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if docker := [report for report in skipped if "docker" in report.keywords]:
        reason = str(docker[0].longrepr[2]).removeprefix("Skipped: ")
        reporter.write_line(f"{len(docker)} Docker tests were skipped: {reason}")


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
