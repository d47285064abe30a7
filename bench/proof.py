"""The gate's own speed: proof, lists and previews of a thousand, without a test that runs."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from desk import EMPTY, KITCHEN, Desk
from figures import Figure, least, show, timed

if TYPE_CHECKING:
    from kitchens.actions.house import House

MANY = 1000
FILES = 10_000
RECIPES = 100
TESTS = "import time\n\n\ndef test_slow(): time.sleep(10)\n"
RECIPE = '[nodes.n]\nrun = "true"\n'


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kitchens-bench-") as folder:
        show(figures(Path(folder)))


def figures(folder: Path) -> Iterator[Figure]:
    """Each figure as soon as it is known."""
    yield from _figures_of_many_kitchens(Many(folder / "many"))
    yield from _figures_of_many_files(Large(folder / "large"))
    yield from _figures_of_landings(Landings(folder / "landings"))
    yield _figure_of_an_attested_gate(Attested(folder / "attested"))
    yield _figure_of_a_gate(Slow(folder / "slow"))
    yield _figure_of_a_proof(Landed(folder / "landed"))


def _figures_of_many_kitchens(desk: Many) -> Iterator[Figure]:
    words = ("git", "for-each-ref", "refs/heads/", "refs/kitchens/")

    def floor() -> float:
        began = time.perf_counter()
        for _ in range(4):
            desk.run(*words)
        desk.run(KITCHEN, "--version")
        return time.perf_counter() - began

    desk.run(KITCHEN, "list")
    ours, beside = least(9, lambda: desk.run(KITCHEN, "list"), floor)
    yield Figure(
        f"kitchen list, {MANY:,} kitchens, warm", "4 × git for-each-ref, and --version", ours, beside, 1
    )
    with desk.house() as house:
        ours, beside = least(5, lambda: desk.preview_all(house), desk.merge_trees)
    name = f"preview --all, {MANY:,} kitchens, in process"
    yield Figure(name, "git merge-tree --stdin", ours, beside, 0.7, absolute=True)


def _figures_of_many_files(desk: Large) -> Iterator[Figure]:
    words = ("git", "merge-tree", "--write-tree", "production", "idea")
    ours, beside = least(15, desk.preview, lambda: desk.run(*words))
    yield Figure(f"preview, {FILES:,} files, in process", "git merge-tree", ours, beside, 3)


def _figures_of_landings(desk: Landings) -> Iterator[Figure]:
    beside = f"git merge, a checkout of {FILES:,}"
    for what, target in (("checked out nowhere", "lone"), (f"with a checkout of {FILES:,}", "dev")):
        for whole in (False, True):
            ours, floor = least(9, partial(desk.land, target, whole=whole), desk.git_merge)
            name = "merge, its source's checkout looked at" if whole else "candidate, certificate, landing"
            yield Figure(f"{name}; {what}", beside, ours, floor, 0.5)


def _figure_of_an_attested_gate(desk: Attested) -> Figure:
    ours, beside = least(
        7, lambda: desk.run(KITCHEN, "test", "production", "--all", "--json"), lambda: desk.run(*EMPTY)
    )
    return Figure(f"attested gate of {RECIPES} recipes", "python -c pass", ours, beside, 0.5, absolute=True)


def _figure_of_a_gate(desk: Slow) -> Figure:
    desk.gate()  # the first one waits for the toolchain
    ours, beside = least(2, desk.gate, desk.bare_tests)
    return Figure("a gate whose tests take 10 s", "the bare tests", ours, beside, 1.05)


def _figure_of_a_proof(desk: Landed) -> Figure:
    walk = ("git", "rev-list", "--objects", "production")
    ours, beside = least(5, lambda: desk.run(KITCHEN, "verify", "--json"), lambda: desk.run(*walk))
    name = f"kitchen verify, {MANY:,} landings"
    return Figure(name, "git rev-list --objects", ours, beside, 2, absolute=True)


class Grown(Desk):
    """A cookbook whose history is written by `git fast-import`, and whose kitchens have no checkouts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        super().__init__(folder)

    @contextmanager
    def house(self) -> Iterator[House]:
        """Its house, in this process, which forgets what it measured before: a command of its own knows nothing of it."""
        from kitchens.actions.house import House
        from kitchens.cli.stop import StopSignal
        from kitchens.git.repository import open_repository

        gc.collect()
        gc.freeze()
        with open_repository(self.cookbook, self.environment) as repository:
            yield House(
                repository=repository,
                environment=self.environment,
                cache=self.home / "cache",
                now=lambda: datetime.now(UTC),
                interpreter=sys.executable,
                tell=lambda _: None,
                watch=StopSignal().watched,
            )

    def grow(self, lines: str) -> None:
        """Add commits."""
        subprocess.run(
            ["git", "fast-import", "--quiet", "--force"],
            cwd=self.cookbook,
            env=self.environment,
            input=lines.encode(),
            check=True,
        )

    def tip(self, ref: str) -> str:
        """The commit at a ref."""
        words = ["git", "rev-parse", ref]
        return subprocess.run(
            words, cwd=self.cookbook, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()


def _commit(ref: str, mark: int, parents: tuple[str, ...], *files: tuple[str, str]) -> str:
    head = f"commit {ref}\nmark :{mark}\ncommitter Ada <ada@kitchens.example> {1_790_000_000 + mark} +0000\ndata 1\nx\n"
    lines = [f"{'merge' if place else 'from'} {parent}\n" for place, parent in enumerate(parents)]
    lines += [f"M 100644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in files]
    return head + "".join(lines) + "\n"


def _edited(numbers: Iterable[int]) -> list[tuple[str, str]]:
    return [(f"data/part-{at % 100}/{at}.txt", "changed\n") for at in numbers]


class Many(Grown):
    """A thousand kitchens, each a commit ahead of production."""

    def __init__(self, folder: Path) -> None:
        from kitchens.model.kitchen import Registration
        from kitchens.model.names import KitchenName

        super().__init__(folder)
        self.make_cookbook(**{f"r{number}": RECIPE for number in range(20)})
        self.run(KITCHEN, "create", "dev", "--no-test")
        tip = self.tip("production")
        self.grow(
            "".join(
                _commit(f"refs/heads/k{at}", at + 1, (tip,), (f"recipes/r{at % 20}/note.txt", f"{at}\n"))
                for at in range(MANY)
            )
        )
        with self.house() as house:
            for at in range(MANY):
                name = KitchenName(f"k{at}")
                made = Registration(name, KitchenName("production"), False, str(house.identity), house.now())
                house.register(made, None, "create from production")
        self.pairs = "".join(f"{tip} {self.tip(f'k{at}')}\n" for at in range(MANY)).encode()

    def preview_all(self, house: House) -> None:
        """What a merge of each of them would do."""
        from kitchens.actions.landing.previewing import preview_all

        assert len(preview_all(house, "production")) == MANY

    def merge_trees(self) -> None:
        """The same merges by git alone."""
        words = ["git", "merge-tree", "--stdin", "--write-tree", "-z", "--name-only"]
        subprocess.run(
            words,
            cwd=self.cookbook,
            env=self.environment,
            input=self.pairs,
            check=True,
            stdout=subprocess.DEVNULL,
        )


class Large(Grown):
    """Many files, of which production changed one in each folder and a kitchen the same in some."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.make_cookbook(one=RECIPE)
        self.run(KITCHEN, "create", "idea", "--no-test")
        files = [(f"data/part-{at % 100}/{at}.txt", f"file {at}\n") for at in range(FILES)]
        self.grow(
            _commit("refs/heads/production", 1, (self.tip("production"),), *files)
            + _commit(
                "refs/heads/idea", 2, (":1",), *_edited(range(50, 60)), ("recipes/one/note.txt", "idea\n")
            )
            + _commit("refs/heads/production", 3, (":1",), *_edited(range(100)))
        )

    def preview(self) -> float:
        """Seconds of a preview in an open repository, its reader process included."""
        from kitchens.actions.landing.previewing import preview

        with self.house() as house:
            began = time.perf_counter()
            preview(house, "idea", None)
            return time.perf_counter() - began


class Landings(Grown):
    """Many files, kitchens `dev` and `idea` with checkouts, `lone` without, and the same in plain git."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.make_cookbook(one=RECIPE)
        for at in range(FILES):
            file = self.cookbook / f"data/part-{at % 100}/{at}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"file {at}\n" * 20)
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "Many files")
        for name, parent in (("dev", "production"), ("lone", "dev"), ("idea", "dev")):
            self.run(KITCHEN, "create", name, "--from", parent, "--no-test")
        self.run("git", "worktree", "remove", str(self.home / "shop.kitchens" / "lone"))
        self.run("git", "worktree", "add", "--quiet", "-b", "plain", str(self.home / "plain"), "dev")
        self.run("git", "worktree", "add", "--quiet", "-b", "change", str(self.home / "change"), "dev")
        self.changes = 0

    def land(self, into: str, *, whole: bool) -> float:
        """Seconds of a merge of a change that needs no test, in an open repository, its reader process included.
        Without `whole` nobody looks for uncommitted changes in the source's checkout."""
        from kitchens.actions.kitchens import Kitchens
        from kitchens.actions.landing.merging import merge, plan_merge
        from kitchens.actions.landing.moving import MovePlan, land

        self._change(self.home / "shop.kitchens" / "idea")
        with self.house() as house:
            began = time.perf_counter()
            if whole:
                moved = merge(house, "idea", into, None)
            else:
                plan = plan_merge(Kitchens(house), "idea", into, None)
                assert isinstance(plan, MovePlan)
                moved = land(house, plan)
            took = time.perf_counter() - began
        assert moved.status == "merged"
        return took

    def git_merge(self) -> float:
        """Seconds of a merge of such a change by git, in a checkout."""
        self._change(self.home / "change")
        words = ("git", "merge", "--quiet", "--no-ff", "--no-edit", "change")
        return timed(lambda: self.run(*words, folder=self.home / "plain"))

    def _change(self, folder: Path) -> None:
        self.changes += 1
        (folder / "data/part-7/7.txt").write_text(f"change {self.changes}\n" * 20)
        self.run("git", "commit", "--quiet", "--all", "--message", f"Change {self.changes}", folder=folder)


class Attested(Desk):
    """Recipes that have all passed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        super().__init__(folder)
        self.make_cookbook(**{f"r{number}": RECIPE for number in range(RECIPES)})
        self.run(KITCHEN, "create", "dev", "--no-test")
        self.run(KITCHEN, "test", "production", "--all")


class Slow(Desk):
    """A recipe whose functional tests take ten seconds."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        super().__init__(folder)
        self.make_cookbook(slow=RECIPE)
        settings = self.cookbook / "kitchens.toml"
        settings.write_text(
            settings.read_text().replace("[runtime]\n", '[runtime]\nrequirements = "requirements.txt"\n')
        )
        (self.cookbook / "requirements.txt").write_text("pytest\n")
        tests = self.cookbook / "recipes/slow/tests"
        tests.mkdir()
        (tests / "test_slow.py").write_text(TESTS)
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "Slow tests")
        self.changes = 0

    def gate(self) -> float:
        """Seconds of a gate that has to test."""
        self.changes += 1
        (self.cookbook / "recipes/slow/note.txt").write_text(f"{self.changes}\n")
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "Another note")
        return timed(lambda: self.run(KITCHEN, "test", "production"))

    def bare_tests(self) -> None:
        """The same tests by the same interpreter."""
        (python,) = (self.home / ".cache/kitchens/toolchains").glob("*/bin/python")
        self.run(str(python), "-m", "pytest", "-q", "recipes/slow/tests")


class Landed(Grown):
    """A thousand merges, each attested and certified."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.make_cookbook(**{f"r{number}": RECIPE for number in range(20)})
        self.run(KITCHEN, "create", "dev", "--no-test")
        lines, before = [], self.tip("production")
        for at in range(MANY):
            note = (f"recipes/r{at % 20}/note.txt", f"{at}\n")
            lines.append(_commit("refs/heads/dev", 2 * at + 1, (before,), note))
            lines.append(_commit("refs/heads/production", 2 * at + 2, (before, f":{2 * at + 1}"), note))
            before = f":{2 * at + 2}"
        self.grow("".join(lines))
        with self.house() as house:
            self._record(house)

    def _record(self, house: House) -> None:
        """Write down what `kitchen merge` would have."""
        from kitchens.actions.gates.gating import plan_gate
        from kitchens.actions.kitchens import Kitchens
        from kitchens.actions.landing.certifying import recompute
        from kitchens.git.history import first_parents
        from kitchens.model.kitchen import Attestation, Landing

        kitchen = Kitchens(house).get("production")
        assert kitchen.registered is not None
        chain = first_parents(house.repository, kitchen.tip)[MANY::-1]
        at, attestations = kitchen.registered_at, []
        for previous, commit in pairwise(chain):
            plan = plan_gate(house, commit, kitchen, previous, rules_at=previous)
            for one in plan.runs:
                seen = (one.fingerprint, one.recipe, one.variation, commit, plan.tree, "process", "toolchain")
                run = f"01M{len(attestations):023d}"
                attestations.append(Attestation(*seen, run, "kitchens", str(house.identity), house.now()))
            certificate = recompute(house.repository, commit, previous, again=False)
            landing = Landing(
                "merged", previous, commit, "dev", str(house.identity), house.now(), plan.shown, certificate
            )
            at = house.registrations.write(
                kitchen.registered.with_landing(landing), at, "merged dev", house.identity, house.now()
            )
        house.attestations.add(attestations, house.identity, house.now())


if __name__ == "__main__":
    os.chdir("/")
    main()
