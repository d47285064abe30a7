"""What a gate found, as values that fold into one status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.model.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a recipe is red: the node, and the test with its value and limit when a test decided. `hint` is an
    act that may mend it; `file` and `line` are where the test, or else the node, is written in the cookbook;
    `recipe` is whose a functional test is."""

    node: str | None
    test: str | None
    value: Any
    limits: Any
    why: str | None
    log: str | None
    hint: str | None = None
    file: str | None = None
    line: int | None = None
    recipe: str | None = None

    @property
    def name(self) -> str:
        """What failed, in words: the node, its test, or the functional test."""
        return ": ".join(part for part in (self.node, self.test) if part) or "the run"

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {
            "node": self.node,
            "test": self.test,
            "value": self.value,
            "limits": self.limits,
            "why": self.why,
            "log": self.log,
            "file": self.file,
            "line": self.line,
        } | ({"hint": self.hint} if self.hint else {})


class Measured(NamedTuple):
    """What a gate measured with one test. What is attested may know the value only; a functional test has no node."""

    node: str | None
    name: str
    status: str
    value: Any
    limits: Any

    @property
    def key(self) -> str:
        """What tells it from a test of another node with the same name."""
        return self.name if self.node is None else f"{self.node}: {self.name}"

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {
            "node": self.node,
            "name": self.name,
            "status": self.status,
            "value": self.value,
            "limits": self.limits,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's word on one recipe: `passed`, `failed`, `attested` or `deleted`.

    `run` is the order run that is the evidence. `failures` are empty unless failed;
    `warnings` are sentences about what passed; `tests` are what was measured. It was run again `retries` times, because it was red; green at last,
    what had failed is `flaky`.
    """

    recipe: str
    variation: str | None
    status: str
    why: str
    fingerprint: str
    run: str | None
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()
    retries: int = 0
    flaky: tuple[str, ...] = ()
    tests: tuple[Measured, ...] = ()

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        document: dict[str, Any] = {
            "recipe": self.recipe,
            "variation": self.variation,
            "status": self.status,
            "why": self.why,
            "fingerprint": self.fingerprint,
            "run": self.run,
        }
        if self.failures:
            document["failures"] = [failure.document() for failure in self.failures]
        if self.warnings:
            document["warnings"] = list(self.warnings)
        if self.retries:
            document |= {"retries": self.retries, "flaky": list(self.flaky)}
        if self.tests:
            document["tests"] = [test.document() for test in self.tests]
        return document


@dataclass(frozen=True, slots=True)
class Gate:
    """The verdicts of one gate, sorted by recipe."""

    verdicts: tuple[Verdict, ...] = ()

    @property
    def status(self) -> str:
        """`red` when any recipe failed, `unneeded` when nothing had to be shown, else `green`."""
        return fold(verdict.status for verdict in self.verdicts)

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {"status": self.status, "recipes": [verdict.document() for verdict in self.verdicts]}


def fold(statuses: Iterable[str]) -> str:
    """The gate's status from those of its recipes."""
    seen = set(statuses)
    if "failed" in seen:
        return "red"
    return "green" if seen & {"passed", "attested"} else "unneeded"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A path that two sides changed in ways git cannot settle; `kind` is git's own name for it."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Move:
    """What came of a merge, a promotion or a rollback.

    `status` is `merged`, `promoted`, `rolled-back`, `unchanged`, `red`, `conflict` or
    `refused`. `commit` and `tree` are the target's tip after it, or the candidate's when
    the gate was red. `restored` is the commit whose tree a rollback brings back; `reconciled` are the
    rollbacks that came with a merge, and whose effect was kept out of it; `tag` tells of a promotion;
    `refusal` is why a policy refused it.
    """

    status: str
    kitchen: str
    into: str
    commit: str | None
    tree: str | None
    gate: Gate = Gate()
    conflicts: tuple[Conflict, ...] = ()
    stages: tuple[Move, ...] | None = None
    why: str | None = None
    notes: tuple[str, ...] = ()
    restored: str | None = None
    reconciled: tuple[str, ...] = ()
    tag: str | None = None
    refusal: Refusal | None = None

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        document: dict[str, Any] = {
            "status": self.status,
            "kitchen": self.kitchen,
            "into": self.into,
            "commit": self.commit,
            "tree": self.tree,
            "gate": self.gate.document(),
            "conflicts": [{"path": conflict.path, "kind": conflict.kind} for conflict in self.conflicts],
        }
        if self.stages is not None:
            document["stages"] = [stage.document() for stage in self.stages]
        if self.tag:
            document["tag"] = self.tag
        if self.restored:
            document["restored"] = self.restored
        if self.reconciled:
            document["reconciled"] = list(self.reconciled)
        if self.why:
            document["why"] = self.why
        if self.refusal is not None:
            document |= self.refusal.document()
        if self.notes:
            document["notes"] = list(self.notes)
        return document


def failures_of(document: Mapping[str, Any]) -> tuple[Failure, ...]:
    """The failures in an order run's document (the shape of `kitchen order show --json`)."""
    found = list(_node_failures(document.get("nodes", ()), ""))
    for test in document.get("tests", ()):
        if test["status"] == "failed":
            found.append(
                Failure(
                    None,
                    test["name"],
                    test.get("value"),
                    test.get("limits"),
                    test.get("message"),
                    test.get("log"),
                    recipe=test.get("recipe"),
                )
            )
    if not found and document.get("why"):
        found.append(Failure(None, None, None, None, document["why"], document.get("log")))
    return tuple(found)


def measured_in(document: Mapping[str, Any]) -> tuple[Measured, ...]:
    """What an order run measured, in the order of its document."""
    return (
        *_measured(document.get("nodes", ()), ""),
        *(_one_measured(None, test) for test in document.get("tests", ())),
    )


def _measured(nodes: Iterable[Mapping[str, Any]], above: str) -> Iterable[Measured]:
    for node in nodes:
        path = f"{above}{node['name']}"
        for test in node.get("tests", ()):
            yield _one_measured(path, test)
        yield from _measured(node.get("nodes") or (), f"{path}/")


def _one_measured(node: str | None, test: Mapping[str, Any]) -> Measured:
    return Measured(node, test["name"], test["status"], test.get("value"), test.get("limits"))


def _node_failures(nodes: Iterable[Mapping[str, Any]], above: str) -> Iterable[Failure]:
    for node in nodes:
        path = f"{above}{node['name']}"
        inner = list(_node_failures(node.get("nodes") or (), f"{path}/"))
        yield from inner
        if node["status"] != "failed" or inner:
            continue
        broken = [test for test in node.get("tests", ()) if test["status"] == "failed"]
        log = node.get("log")
        for test in broken:
            yield Failure(path, test["name"], test.get("value"), test.get("limits"), test.get("message"), log)
        if not broken:
            yield Failure(path, None, None, None, node.get("why"), log)
