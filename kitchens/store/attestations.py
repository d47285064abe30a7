"""Attestations: `refs/attestations/gate`, a tree `<2 hex>/<62 hex>/<run>.<hash>.json` of in-toto statements.
Those of verdicts that were red first are in `flaky/<recipe>/` too.

The hash is the first half of the statement's own SHA-256: a statement that was changed after it was written attests
nothing. (Those that the first version wrote, `<run>.json`, have none.) A signature lies beside its statement, under
its name and `.sig`. Adding is a union: two writers who meet both keep what they wrote.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens.model.kitchen import Attestation, Identity
from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.git.pack import Written
    from kitchens.git.signatures import Signers

REF = "refs/attestations/gate"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"

#: What the name of a signature adds to that of its statement.
SIGNATURE = ".sig"

#: Seconds for which a writer who keeps meeting others tries again.
PATIENCE = 60.0

#: Where the statements lie once more whose verdicts were red first, by recipe.
FLAKY = "flaky"

#: Files of one folder: name → id.
_Files = dict[str, str]

#: The two parts of a folder's path: the halves of a fingerprint, or `FLAKY` and a recipe.
_Folder = tuple[str, str]

#: What signs a statement.
Sign = Callable[[bytes], bytes]


class Found(NamedTuple):
    """What is stored under one fingerprint: what attests it, the runs whose statements were damaged, and, of what attests
    it, each statement and its signature."""

    attestations: tuple[Attestation, ...] = ()
    damaged: tuple[str, ...] = ()
    statements: tuple[tuple[bytes, bytes | None], ...] = ()


class Attestations:
    """The attestations in one repository."""

    def __init__(self, repository: Repository) -> None:
        self._objects = repository.objects
        self._refs = repository.refs
        self._still: list[str | None] = []
        self._foreseen: dict[str, bytes | None] = {}

    @contextmanager
    def still(self, foreseen: Iterable[str] = ()) -> Iterator[None]:
        """Until the end, look at what is stored now: whoever asks a thousand times need not look for news each time.
        What is stored under the `foreseen` fingerprints is read at once."""
        tip = self._refs.read(REF)
        if tip is not None:
            self._foresee(tip, set(foreseen))
        self._still.append(tip)
        try:
            yield
        finally:
            self._still.pop()
            self._foreseen = {}

    def _foresee(self, tip: str, fingerprints: set[str]) -> None:
        folders = [_halves(each) for each in sorted(fingerprints)]
        for parts in (1, 2):
            paths = dict.fromkeys("/".join(folder[:parts]) for folder in folders)
            entries = (self._objects.entry(tip, path) for path in paths)
            self._objects.learn([entry.oid for entry in entries if entry is not None])
        oids = [oid for folder in folders for oid in self._files(tip, folder).values()]
        self._foreseen = dict(zip(oids, self._objects.read_all(oids), strict=True))

    def find(
        self, fingerprints: Iterable[str], signers: Signers | None = None
    ) -> dict[str, tuple[Attestation, ...]]:
        """The attestations of each fingerprint, maybe none. What cannot be read attests nothing.

        With `signers` each says who of them signed it.
        """
        return {each: found.attestations for each, found in self.look(fingerprints, signers).items()}

    def look(self, fingerprints: Iterable[str], signers: Signers | None = None) -> dict[str, Found]:
        """What is stored under each fingerprint, also what is damaged. One question to git for each kind of object."""
        tip = self._still[-1] if self._still else self._refs.read(REF)
        wanted = list(dict.fromkeys(fingerprints))
        if tip is None:
            return dict.fromkeys(wanted, Found())
        files = {each: self._files(tip, _halves(each)) for each in wanted}
        oids = [oid for found in files.values() for oid in found.values()]
        new = [oid for oid in oids if oid not in self._foreseen]
        contents = (
            {**self._foreseen, **dict(zip(new, self._objects.read_all(new), strict=True))}
            if new
            else self._foreseen
        )
        found = {
            each: _found(each, {name: contents[oid] for name, oid in named.items()})
            for each, named in files.items()
        }
        return found if signers is None else _signed(found, signers)

    def flaky(self, recipe: str) -> tuple[Attestation, ...]:
        """The attestations of a recipe whose verdicts were red first, oldest first."""
        tip = self._refs.read(REF)
        files = {} if tip is None else self._files(tip, (FLAKY, recipe))
        contents = self._objects.read_all(list(files.values()))
        found = [
            attestation
            for name, content in zip(files, contents, strict=True)
            if not name.endswith(SIGNATURE) and is_whole(name, content)
            if (attestation := _parse(content)) is not None
        ]
        return tuple(sorted(found, key=lambda each: each.when))

    def add(
        self,
        attestations: Sequence[Attestation],
        identity: Identity,
        when: datetime,
        sign: Sign | None = None,
    ) -> None:
        """Add all of `attestations` in one step, beside whatever others add meanwhile; signed with `sign`."""
        if not attestations:
            return
        deadline = time.monotonic() + PATIENCE
        statements = [(folder, files) for each in attestations for folder, files in _placed(each, sign)]
        reason = "attest " + ", ".join(dict.fromkeys(each.recipe for each in attestations))
        while True:
            tip = self._refs.read(REF)
            try:
                self._refs.move(REF, self._write(statements, tip, reason, identity, when), tip, reason)
            except Moved as error:
                if time.monotonic() > deadline:
                    raise EnvironmentFailure(
                        f"`{REF}` is written by too many others at once", code="moved"
                    ) from error
                # Writers who wait equally long would meet again.
                time.sleep(random.uniform(0.0, 0.05))
            else:
                return

    def _files(self, tip: str, folder: _Folder) -> _Files:
        entries = self._objects.entries(f"{tip}:{'/'.join(folder)}")
        return {entry.name: entry.oid for entry in entries if entry.kind == "blob"}

    def _write(
        self,
        statements: Sequence[tuple[_Folder, Mapping[str, bytes]]],
        tip: str | None,
        reason: str,
        identity: Identity,
        when: datetime,
    ) -> str:
        """Store a commit on `tip` that holds all these files, by folder and name, too."""
        # Hashing and packing cost an import that only writers pay.
        from kitchens.git.pack import commit, tree, written

        width = self._objects.width
        made: dict[str, Written] = {}

        def keep(each: Written) -> str:
            made[each.oid] = each
            return each.oid

        changed: dict[str, dict[str, _Files]] = {}
        for (first, rest), contents in statements:
            files = changed.setdefault(first, {}).setdefault(
                rest, self._files(tip, (first, rest)) if tip else {}
            )
            for name, content in contents.items():
                files[name] = keep(written("blob", content, width))
        root = self._folders(tip, "")
        for first, folders in changed.items():
            below = self._folders(tip, first)
            for rest, files in folders.items():
                lines = [("100644", oid, name) for name, oid in files.items()]
                below[rest] = keep(tree(lines, width))
            root[first] = keep(tree([("040000", oid, name) for name, oid in below.items()], width))
        top = keep(tree([("040000", oid, name) for name, oid in root.items()], width))
        head = keep(commit(top, [tip] if tip else [], reason, identity, when, width))
        self._objects.write(list(made.values()))
        return head

    def _folders(self, tip: str | None, path: str) -> dict[str, str]:
        if tip is None:
            return {}
        return {entry.name: entry.oid for entry in self._objects.entries(f"{tip}:{path}")}


def _found(fingerprint: str, files: Mapping[str, bytes | None]) -> Found:
    good, damaged, statements = [], [], []
    for name, content in files.items():
        if name.endswith(SIGNATURE):
            continue
        attestation = _parse(content, fingerprint) if is_whole(name, content) else None
        if attestation is None or content is None:
            damaged.append(name.partition(".")[0])
        else:
            good.append(attestation)
            statements.append((content, files.get(name + SIGNATURE)))
    return Found(tuple(good), tuple(damaged), tuple(statements))


def _signed(found: Mapping[str, Found], signers: Signers) -> dict[str, Found]:
    """The same, each with who signed it."""
    signers.learn(
        (content, signature, attestation.when)
        for each in found.values()
        for attestation, (content, signature) in zip(each.attestations, each.statements, strict=True)
        if signature is not None
    )
    return {
        fingerprint: each._replace(
            attestations=tuple(
                attestation._replace(signer=signers.signer(content, signature, attestation.when))
                for attestation, (content, signature) in zip(each.attestations, each.statements, strict=True)
            )
        )
        for fingerprint, each in found.items()
    }


def is_whole(name: str, content: bytes | None) -> bool:
    """Whether the content is the one that the file was named for."""
    said = name.split(".")[1:-1]
    return content is not None and (not said or said == [_hash(content)])


def _halves(fingerprint: str) -> _Folder:
    return fingerprint[:2], fingerprint[2:]


def _placed(attestation: Attestation, sign: Sign | None) -> list[tuple[_Folder, dict[str, bytes]]]:
    """The files of one attestation, in each folder that they belong to."""
    files = _named(attestation, sign)
    found = [(_halves(attestation.fingerprint), files)]
    return [*found, ((FLAKY, attestation.recipe), files)] if attestation.retries else found


def _named(attestation: Attestation, sign: Sign | None) -> dict[str, bytes]:
    """The files of one attestation."""
    content = _statement(attestation)
    name = f"{attestation.run}.{_hash(content)}.json"
    return {name: content} | ({} if sign is None else {name + SIGNATURE: sign(content)})


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _statement(attestation: Attestation) -> bytes:
    """The in-toto statement: this commit and this tree passed, under this fingerprint."""
    statement = {
        "_type": STATEMENT,
        "subject": [
            {"name": "commit", "digest": {"gitCommit": attestation.commit}},
            {"name": "tree", "digest": {"gitTree": attestation.tree}},
            *({"name": path, "digest": {"gitTree": oid}} for path, oid in sorted(attestation.parts.items())),
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
            **(_retried(attestation) if attestation.retries else {}),
            **({"services": dict(attestation.services)} if attestation.services else {}),
        },
    }
    return json.dumps(statement, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _retried(attestation: Attestation) -> dict[str, Any]:
    return {"retries": attestation.retries, "flaky": list(attestation.flaky)}


def _parse(content: bytes | None, fingerprint: str | None = None) -> Attestation | None:
    """The attestation in a statement, or None for what is none of ours, or of another fingerprint than this."""
    try:
        statement = json.loads(content or b"")
        predicate = statement["predicate"]
        commit, tree, *parts = statement["subject"]
        found = Attestation(
            fingerprint=predicate["configuration"][0]["digest"]["sha256"],
            recipe=predicate["recipe"],
            variation=predicate["variation"],
            commit=commit["digest"]["gitCommit"],
            tree=tree["digest"]["gitTree"],
            runtime=predicate["runtime"],
            toolchain=predicate["toolchain"],
            run=predicate["run"],
            runner=predicate["runner"],
            who=predicate["who"],
            when=datetime.fromisoformat(predicate["when"]),
            measures=predicate["measures"],
            parts={each["name"]: each["digest"]["gitTree"] for each in parts},
            retries=predicate.get("retries", 0),
            flaky=tuple(predicate.get("flaky", ())),
            services=predicate.get("services", {}),
        )
        passed = predicate["result"] == "PASSED" and statement["predicateType"] == PREDICATE
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return found if passed and fingerprint in (None, found.fingerprint) else None


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
