"""Speed of kitchens with services, beside bare `docker run -d`, measured turn by turn in one run. It informs; it never fails.

Needs an engine with the images of the Docker tests (`.ci/base-image`).
"""

from __future__ import annotations

import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from desk import KITCHEN, Desk
from figures import Figure, show, timed, turns

IMAGE = "kitchens-test/busybox:static"
POSTGRES = "kitchens-test/postgres:bookworm"
SERVE = ("httpd", "-f", "-p", "8080", "-h", "/")
KITCHENS = 20
NODES = 200
#: 14 MB of rows in PostgreSQL.
ROWS = "create table flights as select i as id, repeat(md5(i::text), 3) as line from generate_series(1, 100000) as i;\n"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kitchens-bench-") as folder:
        desk = Kitchens(Path(folder))
        try:
            show(figures(desk))
        finally:
            desk.clear()


def figures(desk: Kitchens) -> Iterator[Figure]:
    """Each figure as soon as it is known."""
    desk.make("")
    desk.up("plain")
    ours, floor = turns(7, desk.up, desk.bare)
    yield Figure("create, then up, its toolchain", "docker run -d", ours, floor, 2.5)
    yield desk.many("their toolchains")

    small = f'image = "{IMAGE}"\ncommand = {list(SERVE)!r}\nport = 8080\n'.replace("'", '"')
    desk.make(f"[services.it]\n{small}")
    desk.up("first")
    ours, floor = turns(7, desk.up, desk.bare)
    yield Figure("create, then up, with a small service", "docker run -d", ours, floor, 2.5)

    container = desk.toolchain("first")
    ours, floor = turns(5, lambda: desk.node("first"), lambda: desk.run("docker", "exec", container, "true"))
    yield Figure(f"a node in a warm kitchen, {NODES} of `true`", "docker exec", ours, floor, 0.1)

    yield desk.many("with a small service each")

    away = f"DOCKER_HOST=unix://{desk.home}/nowhere.sock"
    ours, floor = turns(
        9, lambda: desk.run("env", away, KITCHEN, "list"), lambda: desk.run("env", KITCHEN, "list")
    )
    yield Figure(f"kitchen list, {desk.count} kitchens, no engine", "with the engine", ours, floor, 1.1)

    desk.files["warehouse/rows.sql"] = ROWS
    desk.make(
        f'[services.it]\nimage = "{POSTGRES}"\nport = 5432\nhealth = "pg_isready -U postgres"\n'
        'env = { POSTGRES_PASSWORD = "of-the-bench" }\ninit = ["warehouse/rows.sql"]\n'
    )
    first = timed(desk.up)
    ours, _ = turns(3, desk.up, lambda: None)
    yield Figure("create, then up, PostgreSQL with 14 MB", "the first time", ours, first, 0.6)


class Kitchens(Desk):
    """Cookbooks with one service each or none, and the bare containers beside them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.files: dict[str, str] = {}
        self.label = f"kitchens-bench-{secrets.token_hex(4)}"
        self.count = 0

    @property
    def environment(self) -> Mapping[str, str]:
        return {**super().environment, "KITCHENS_CACHE": str(self.home / "cache")}

    def make(self, services: str) -> None:
        """A cookbook with these services."""
        self.count += 1
        self.folder = self.home / f"shop-{self.count}"
        self.run(KITCHEN, "init", self.folder.name, folder=self.home)
        (self.folder / "kitchens.toml").write_text(
            f'[cookbook]\nname = "{self.label}"\n[runtime]\nkind = "docker"\nimage = "{IMAGE}"\n{services}'
        )
        for recipe, nodes in (("one", 1), ("many", NODES)):
            text = "".join(f'[nodes.n{number}]\nrun = "true"\n' for number in range(nodes))
            self.files[f"recipes/{recipe}/recipe.toml"] = text
        for path, text in self.files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "A service to be measured")

    def toolchain(self, name: str) -> str:
        """The container in which nodes of a kitchen run."""
        words = [
            "ps",
            "-q",
            "--filter",
            f"label=org.kitchens.kitchen={name}",
            "--filter",
            "label=org.kitchens.toolchain",
        ]
        words += ["--filter", f"label=org.kitchens.cookbook={self.label}"]
        return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()

    def node(self, name: str) -> float:
        """Seconds that each of many nodes takes, net of an order of one."""
        one, many = (
            timed(lambda recipe=recipe: self.run(KITCHEN, "order", "run", recipe, "--kitchen", name))  # type: ignore[misc]
            for recipe in ("one", "many")
        )
        return (many - one) / (NODES - 1)

    def create(self, name: str = "") -> str:
        """A kitchen."""
        self.count += 1
        name = name or f"kitchen-{self.count}"
        self.run(KITCHEN, "create", name, "--no-test")
        return name

    def up(self, name: str = "") -> None:
        """A kitchen that is up."""
        self.run(KITCHEN, "up", self.create(name))

    def many(self, what: str) -> Figure:
        """Many kitchens that come up at the same time."""
        names = [self.create() for _ in range(KITCHENS)]
        ours = timed(lambda: self.at_once(names))
        floor = timed(lambda: [self.bare() for _ in range(KITCHENS)] and None)
        return Figure(
            f"{KITCHENS} kitchens up at once, {what}", f"{KITCHENS} times docker run -d", ours, floor, 1
        )

    def at_once(self, names: list[str]) -> None:
        """All of them come up at the same time."""
        running = [
            subprocess.Popen(
                [KITCHEN, "up", name], cwd=self.folder, env=self.environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for name in names
        ]  # fmt: skip
        if failed := [name for name, one in zip(names, running, strict=True) if one.wait()]:
            raise SystemExit(f"these kitchens did not come up: {', '.join(failed)}")

    def bare(self) -> None:
        """A container without a kitchen."""
        label = f"org.kitchens.cookbook={self.label}"
        self.run("docker", "run", "-d", "-p", "127.0.0.1::8080", "--label", label, IMAGE, *SERVE)

    def clear(self) -> None:
        """Remove everything that was made on the engine."""
        labels = [f"org.kitchens.cookbook={self.label}"]
        labels += [
            f"org.kitchens.seed={path.name}" for path in (self.home / "cache/seeds").glob("[0-9a-f]*[0-9a-f]")
        ]
        for label in labels:
            for kind, remove in (
                ("ps -aq", "rm -f"),
                ("network ls -q", "network rm"),
                ("volume ls -q", "volume rm"),
            ):
                words = ["docker", *kind.split(), "--filter", f"label={label}"]
                found = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
                if found:
                    with suppress(subprocess.CalledProcessError):
                        self.run("docker", *remove.split(), *found)


def answers() -> bool:
    """Whether there is an engine with the images."""
    words = ["docker", "image", "inspect", IMAGE, POSTGRES]
    try:
        return subprocess.run(words, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    if answers():
        main()
    else:
        print("no Docker engine with the images of `.ci/base-image` answers: services were not measured")
