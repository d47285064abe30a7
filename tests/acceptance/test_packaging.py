"""What the packages hold."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this clone."""
    folder = tmp_path_factory.mktemp("packages")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    return folder


def template_files() -> set[str]:
    """The files of the templates that git keeps, relative to `templates/`."""
    skipped = {"__pycache__", ".pytest_cache"}
    return {
        path.relative_to(ROOT / "templates").as_posix()
        for path in (ROOT / "templates").rglob("*")
        if path.is_file() and not skipped & set(path.parts)
    }


def test_the_wheel_holds_both_packages_and_every_template(packages: Path) -> None:
    """Dotfiles included: a cookbook made from the wheel is the one made from the clone."""
    with zipfile.ZipFile(next(packages.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert {"kitchens/__init__.py", "kitchens_engine/__init__.py", "kitchens/py.typed"} <= names
    assert {f"kitchens/_templates/{file}" for file in template_files()} <= names
    assert "kitchens/_templates/basic/.gitignore" in names
    top = {name.split("/")[0].split("-")[0] for name in names}
    assert top == {"kitchens", "kitchens_engine"}


def test_the_sdist_builds_the_same_wheel(packages: Path) -> None:
    """Whatever the wheel is made of is in the sdist."""
    with tarfile.open(next(packages.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "LICENSE", "README.md", "engine/kitchens_engine/__init__.py"} <= names
    assert {f"templates/{file}" for file in template_files()} <= names


def test_the_lock_names_versions_and_hashes_only() -> None:
    """No registry is written into the lock: a mirror or a proxy serves it as well."""
    for name in ("run", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert "://" not in text
        pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pinned
        assert all("==" in line for line in pinned)
        assert text.count("--hash=sha256:") >= len(pinned)
