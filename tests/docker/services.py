"""Cookbooks with services, a user who types in processes of their own, and a census of what lies on the engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kitchens.containers import objects
from kitchens.containers.engine import Engine
from kitchens.containers.owners import LABEL
from tests.desk import Answer, Desk

PASSWORD = "pw-of-the-kitchen/42"
GATE_PASSWORD = "pw-of-the-gate/42"

POSTGRES = """
[connections.warehouse]
url = "postgresql://postgres:vault:warehouse/password@warehouse:5432/postgres"

[services.warehouse]
image = "kitchens-test/postgres:bookworm"
port = 5432
health = "pg_isready -U postgres"
env = { POSTGRES_PASSWORD = "vault:warehouse/password" }
init = ["warehouse/schema.sql"]
seed = "fill"
"""

SCHEMA = """
create table prices (fruit text, price numeric);
insert into prices select 'fruit ' || i, i from generate_series(1, 1000) i;
"""

FILL = """
[nodes.fill]
sql = "insert into prices select 'seeded', 1 from generate_series(1, 5)"
connection = "warehouse"
"""

COUNTS = """
[variations.test]
[nodes.count]
sql = "select count(*) as n from prices"
connection = "warehouse"
[[nodes.count.tests]]
name = "all are there"
output = "n"
equals = 1005
"""

#: A service of one small process, which answers as soon as it listens.
WEB = """
[services.{name}]
image = "kitchens-test/busybox:static"
command = ["sh", "-c", "{command}"]
port = 8080
"""
SERVE = "echo up; echo {name} > /index.html; exec httpd -f -p 8080 -h /"


def web(name: str, command: str = SERVE, more: str = "") -> str:
    """`[services.NAME]` that runs a command."""
    return WEB.format(name=name, command=command.replace("{name}", name)) + more


def settings(name: str, services: str, runtime: str = "") -> str:
    """`kitchens.toml` of a cookbook with services."""
    return f"""
[cookbook]
name = "{name}"
[runtime]
kind = "docker"
image = "kitchens-test/python:bookworm"
{runtime}
{services}
"""


class Processes(Desk):
    """A user whose every command is a process of its own: an engine's connections end with it."""

    def kitchen(self, *words: str, folder: Path | None = None) -> Answer:
        """Type `kitchen WORDS`."""
        done = subprocess.run(
            [sys.executable, "-m", "kitchens.cli.main", *words],
            cwd=folder or self.folder,
            check=False,
            capture_output=True,
            text=True,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def keep(self, name: str, value: str, scope: str = "default") -> None:
        """Put a secret into the vault."""
        subprocess.run(
            [sys.executable, "-m", "kitchens.cli.main", "vault", "set", name, "--scope", scope],
            cwd=self.folder,
            input=value.encode(),
            check=True,
            capture_output=True,
        )


def census(engine: Engine, cookbook: str) -> dict[str, list[str]]:
    """Everything on the engine that belongs to a cookbook's kitchens and gates."""
    label = f"{LABEL}cookbook={cookbook}"
    return {
        "containers": [one.name for one in objects.containers(engine, label)],
        "networks": objects.networks(engine, label),
        "volumes": [name for name, _ in objects.volumes(engine, label)],
    }


NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}
