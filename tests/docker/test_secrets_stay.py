"""A secret through a run, a gate and a merge, in both runtimes: nothing that anybody can look at holds it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kitchens.containers.owners import LABEL
from tests.desk import Desk, desk, empty

__all__ = ["desk", "empty"]

VALUE = "s3cr3t/T0ken+42-of-the-vault"
#: The value in base64, as `base64` prints it; cut where the padding begins.
ENCODED = "czNjcjN0L1Qwa2VuKzQyLW9mLXRoZS12YXVsd"
NAME = "secrets-stay"

COOKBOOK = f"""
[cookbook]
name = "{NAME}"
[runtime]
kind = "{{kind}}"
image = "kitchens-test/python:bookworm"
[kitchens.production]
protected = true
[kitchens.dev]
parent = "production"
"""

RECIPE = """
[variations.test]

[nodes.shell]
run = '''
test -n "$TOKEN"
echo "as it is: $TOKEN"; printf %s "$TOKEN" | base64; env
set -x; : "$TOKEN"; set +x
echo "token=$TOKEN" >> "$KITCHEN_OUTPUT"
echo "$TOKEN" > "$HOME/.netrc"
while [ -e hold ] && [ ! -e go ]; do sleep 0.05; done
'''
secrets = { TOKEN = "vault:flights/token" }

[[nodes.shell.tests]]
name = "what a command measures"
run = 'echo "$TOKEN"'
not_equals = "another"

[nodes.call]
python = "call:main"
secrets = { TOKEN = "vault:flights/token" }

[nodes.after]
needs = ["shell"]
run = 'echo {{ outputs.shell.token }}'
"""

CALL = """
import os
def main():
    print(os.environ["TOKEN"])
    return {"token": "Bearer " + os.environ["TOKEN"]}
"""


def kitchen(desk: Desk, *words: str, status: int = 0) -> str:
    """Type it as a process of its own, and expect `status`; what it said is no place for the secret either."""
    done = subprocess.run(
        [sys.executable, "-m", "kitchens.cli.main", *words],
        cwd=desk.folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert VALUE not in done.stdout + done.stderr
    return done.stdout


def holding(*folders: Path) -> list[Path]:
    """The files that hold the secret, as it is or encoded."""
    found = []
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if VALUE.encode() in content or ENCODED.encode() in content:
                found.append(path)
    return found


def objects(desk: Desk) -> bytes:
    """The content of every object in git."""
    script = "git cat-file --batch-check='%(objectname)' --batch-all-objects | git cat-file --batch"
    return subprocess.run(["/bin/sh", "-c", script], cwd=desk.folder, check=True, capture_output=True).stdout


def argument_lists() -> bytes:
    """The words of every process of this machine, those in containers included."""
    words = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words.append(path.read_bytes())
        except OSError:
            continue
    return b"\n".join(words)


def inspected() -> str:
    """What the engine tells of the containers of this cookbook: `docker inspect` and `docker top`."""
    listed = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}cookbook={NAME}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert listed
    shown = subprocess.run(["docker", "inspect", *listed], check=True, capture_output=True, text=True).stdout
    tops = [
        subprocess.run(["docker", "top", each, "-ef"], check=True, capture_output=True, text=True).stdout
        for each in listed
    ]
    return shown + "".join(tops)


@pytest.mark.parametrize(
    "kind",
    ["process", pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.xdist_group("docker-change")])],
)
def test_a_secret_is_nowhere_during_and_after_a_run_a_gate_and_a_merge(
    desk: Desk, kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither in the repository, its objects, records and logs, nor in argument lists or what the engine shows."""
    if kind == "docker":
        request.getfixturevalue("engine")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    desk.write("recipes/counts/call.py", CALL)
    desk.write("kitchens.toml", COOKBOOK.replace("{kind}", kind))
    desk.commit("README.md", "A shop with secrets.\n")
    kitchen(desk, "create", "dev", "--no-test")
    kitchen(desk, "create", "idea", "--from", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", RECIPE, "idea")
    for scope in ("default", "gate"):
        subprocess.run(
            [sys.executable, "-m", "kitchens.cli.main", "vault", "set", "flights/token", "--scope", scope],
            cwd=desk.folder,
            input=VALUE.encode(),
            check=True,
        )
    worktree = desk.path("idea")
    everything = (desk.folder, worktree.parent, tmp_path)
    recipe = worktree / "recipes" / "counts"
    (recipe / "hold").touch()

    run = subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", "order", "run", "counts", "--kitchen", "idea"],
        cwd=desk.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ,
    )
    deadline = time.monotonic() + 120
    log = None
    while log is None or b": ***\n" not in log.read_bytes():
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.1)
        log = next(desk.folder.glob(".git/kitchens/runs/*/nodes/shell.1/log.txt"), None)
    time.sleep(1)
    during = [
        path for path in holding(*everything) if path.name not in ("output.txt", ".netrc", "result.json")
    ]
    assert during == []
    assert VALUE.encode() not in argument_lists()
    if kind == "docker":
        assert VALUE not in inspected()
    (recipe / "go").touch()
    said, _ = run.communicate(timeout=120)

    assert run.returncode == 0, said
    assert VALUE.encode() not in said
    shown = kitchen(desk, "order", "show", "--json")
    assert '"token": "***"' in shown
    kitchen(desk, "order", "logs")
    assert holding(*everything) == []
    (recipe / "hold").unlink()
    (recipe / "go").unlink()
    kitchen(desk, "test", "idea")
    kitchen(desk, "merge", "idea")
    kitchen(desk, "verify", "dev")
    assert holding(*everything) == []
    assert VALUE.encode() not in objects(desk)
    assert ENCODED.encode() not in objects(desk)
