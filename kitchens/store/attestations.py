"""Attestations: `refs/attestations/gate`, a tree `<2 hex>/<62 hex>/<run>.json` of in-toto statements.

Adding is a union: two writers who meet both keep what they wrote.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens.model.kitchen import Attestation, Identity
from kitchens_engine.errors import EnvironmentFailure

if TYPE_CHECKING:
    from kitchens.git.pack import Written

REF = "refs/attestations/gate"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"

#: Seconds for which a writer who keeps meeting others tries again.
PATIENCE = 60.0

#: Files of one folder: name → id. A folder is named by the fingerprint's halves.
_Files = dict[str, str]


class Attestations:
    """The attestations in one repository."""

    def __init__(self, repository: Repository) -> None:
        self._objects = repository.objects
        self._refs = repository.refs

    def find(self, fingerprints: Iterable[str]) -> dict[str, tuple[Attestation, ...]]:
        """The attestations of each fingerprint, maybe none. What cannot be read attests nothing."""
        tip = self._refs.read(REF)
        wanted = list(dict.fromkeys(fingerprints))
        if tip is None:
            return dict.fromkeys(wanted, ())
        files = {each: self._files(tip, each) for each in wanted}
        contents = iter(self._objects.read_all([oid for found in files.values() for oid in found.values()]))
        return {
            fingerprint: tuple(
                attestation for _ in found if (attestation := _parse(next(contents), fingerprint)) is not None
            )
            for fingerprint, found in files.items()
        }

    def add(self, attestations: Sequence[Attestation], identity: Identity, when: datetime) -> None:
        """Add all of `attestations` in one step, beside whatever others add meanwhile."""
        if not attestations:
            return
        deadline = time.monotonic() + PATIENCE
        reason = "attest " + ", ".join(dict.fromkeys(each.recipe for each in attestations))
        while True:
            tip = self._refs.read(REF)
            try:
                self._refs.move(REF, self._write(attestations, tip, reason, identity, when), tip, reason)
            except Moved as error:
                if time.monotonic() > deadline:
                    raise EnvironmentFailure(
                        f"`{REF}` is written by too many others at once", code="moved"
                    ) from error
                # Writers who wait equally long would meet again.
                time.sleep(random.uniform(0.0, 0.05))
            else:
                return

    def _files(self, tip: str, fingerprint: str) -> _Files:
        entries = self._objects.entries(f"{tip}:{fingerprint[:2]}/{fingerprint[2:]}")
        return {entry.name: entry.oid for entry in entries if entry.kind == "blob"}

    def _write(
        self,
        attestations: Sequence[Attestation],
        tip: str | None,
        reason: str,
        identity: Identity,
        when: datetime,
    ) -> str:
        """Store a commit on `tip` that holds all of `attestations` too."""
        # Hashing and packing cost an import that only writers pay.
        from kitchens.git.pack import commit, tree, written

        width = self._objects.width
        made: list[Written] = []

        def keep(each: Written) -> str:
            made.append(each)
            return each.oid

        changed: dict[str, dict[str, _Files]] = {}
        for each in attestations:
            first, rest = each.fingerprint[:2], each.fingerprint[2:]
            files = changed.setdefault(first, {}).setdefault(
                rest, self._files(tip, each.fingerprint) if tip else {}
            )
            files[f"{each.run}.json"] = keep(written("blob", _statement(each), width))
        root = self._folders(tip, "")
        for first, folders in changed.items():
            below = self._folders(tip, first)
            for rest, files in folders.items():
                lines = [("100644", oid, name) for name, oid in files.items()]
                below[rest] = keep(tree(lines, width))
            root[first] = keep(tree([("040000", oid, name) for name, oid in below.items()], width))
        top = keep(tree([("040000", oid, name) for name, oid in root.items()], width))
        head = keep(commit(top, [tip] if tip else [], reason, identity, when, width))
        self._objects.write(made)
        return head

    def _folders(self, tip: str | None, path: str) -> dict[str, str]:
        if tip is None:
            return {}
        return {entry.name: entry.oid for entry in self._objects.entries(f"{tip}:{path}")}


def _statement(attestation: Attestation) -> bytes:
    """The in-toto statement: this commit and this tree passed, under this fingerprint."""
    statement = {
        "_type": STATEMENT,
        "subject": [
            {"name": "commit", "digest": {"gitCommit": attestation.commit}},
            {"name": "tree", "digest": {"gitTree": attestation.tree}},
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "result": "PASSED",
            "configuration": [{"name": "fingerprint", "digest": {"sha256": attestation.fingerprint}}],
            "recipe": attestation.recipe,
            "variation": attestation.variation,
            "runtime": attestation.runtime,
            "toolchain": attestation.toolchain,
            "run": attestation.run,
            "runner": attestation.runner,
            "who": attestation.who,
            "when": attestation.when.astimezone(UTC).isoformat(),
            "measures": _plain(attestation.measures),
        },
    }
    return json.dumps(statement, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _parse(content: bytes | None, fingerprint: str) -> Attestation | None:
    """The attestation in a statement, or None for what is none of ours or of another fingerprint."""
    try:
        statement = json.loads(content or b"")
        predicate = statement["predicate"]
        digests = {key: value for each in statement["subject"] for key, value in each["digest"].items()}
        found = Attestation(
            fingerprint=predicate["configuration"][0]["digest"]["sha256"],
            recipe=predicate["recipe"],
            variation=predicate["variation"],
            commit=digests["gitCommit"],
            tree=digests["gitTree"],
            runtime=predicate["runtime"],
            toolchain=predicate["toolchain"],
            run=predicate["run"],
            runner=predicate["runner"],
            who=predicate["who"],
            when=datetime.fromisoformat(predicate["when"]),
            measures=predicate["measures"],
        )
        passed = predicate["result"] == "PASSED" and statement["predicateType"] == PREDICATE
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return found if passed and found.fingerprint == fingerprint else None


def _plain(value: Any) -> Any:
    """A measure as JSON has it: numbers that it lacks, dates and decimals become text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
    return str(value)
