"""Registrations of kitchens: `refs/kitchens/<name>`, a commit chain whose `git log` is the audit trail."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kitchens.git.refs import Moved, RefMove
from kitchens.git.repository import Repository
from kitchens.model.kitchen import Certificate, Identity, Landing, Made, Provision, Registration
from kitchens.model.names import KitchenName
from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.tuples import NamedTuple
from kitchens_engine.variables import layers

PREFIX = "refs/kitchens/"
DELETED = "refs/deleted/"
FILE = "kitchen.toml"

#: Raised when older programs could misread what is written; they then refuse instead.
FORMAT = 2

#: The line before the text: the text's own SHA-256. The first format had none.
_SEAL = "# sha256 "


class Deleted(NamedTuple):
    """A kitchen that was deleted: `ref` keeps its last commit `tip` alive."""

    name: KitchenName
    when: datetime
    tip: str
    ref: str


class Written(NamedTuple):
    """When a setting got the value that it has: the commit of the registration, who, and when."""

    commit: str
    who: str
    when: datetime


class Registrations:
    """The registrations in one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._objects = repository.objects
        self._refs = repository.refs

    def read(self, name: KitchenName) -> tuple[Registration, str] | None:
        """The registration of a kitchen and the id to write it back by, or None when there is none."""
        oid = self._refs.read(f"{PREFIX}{name}")
        if oid is None:
            return None
        return self._parsed([oid])[0], oid

    def at(self, oids: Sequence[str]) -> list[Registration]:
        """The registrations that were written under these ids, in one go."""
        return self._parsed(list(oids))

    def all(self) -> dict[KitchenName, Registration]:
        """Every registration, by name: one process for the refs, and one answers for all the contents."""
        found = self._refs.refs(PREFIX)
        names = [KitchenName(ref.removeprefix(PREFIX)) for ref in found]
        return dict(zip(names, self._parsed(list(found.values())), strict=True))

    def write(
        self, registration: Registration, old: str | None, reason: str, identity: Identity, when: datetime
    ) -> str:
        """Write a registration over the one at `old` (None: the kitchen is new), and give its new id.

        Raises `Moved` when somebody else wrote it first. `reason` is its line in `git log`.
        """
        move = self.drafted(registration, old, reason, identity, when)
        self._refs.move(*move)
        return move.new

    def drafted(
        self, registration: Registration, old: str | None, reason: str, identity: Identity, when: datetime
    ) -> RefMove:
        """Store a registration that follows the one at `old`, and give the move by which it counts."""
        made = self.draft(registration, [old] if old else [], reason, identity, when)
        return RefMove(f"{PREFIX}{registration.name}", made, old, f"kitchen: {reason}")

    def draft(
        self,
        registration: Registration,
        parents: Sequence[str],
        reason: str,
        identity: Identity,
        when: datetime,
    ) -> str:
        """Store a version of a registration that follows `parents`, and give its id. No ref moves."""
        # Hashing, packing and writing TOML cost imports that only writers pay.
        from kitchens.git.pack import commit, tree, written
        from kitchens.store.toml import document

        width = self._objects.width
        file = written("blob", _sealed(document(_values(registration))), width)
        folder = tree([("100644", file.oid, FILE)], width)
        made = commit(folder.oid, parents, reason, identity, when, width)
        self._objects.write([file, folder, made])
        return made.oid

    def landings(self, name: KitchenName, limit: int | None = None) -> list[Landing]:
        """The landings on a kitchen, newest first, also those that never became done."""
        tip = self._refs.read(f"{PREFIX}{name}")
        if tip is None:
            return []
        chain = self._repository.git.run("rev-list", "--topo-order", tip, "--").text.split("\n")
        found: dict[tuple[str, str, datetime], Landing] = {}
        for start in range(0, len(chain), 200):
            for registration in self._parsed(chain[start : start + 200]):
                if (landing := registration.landing) is not None:
                    # Each later version of the registration still carries the landing before it.
                    found.setdefault((landing.previous, landing.commit, landing.when), landing)
            if limit is not None and len(found) >= limit:
                break
        return list(found.values())[:limit]

    def history(self, name: KitchenName) -> list[Registration]:
        """Every version of a kitchen's registration, newest first."""
        tip = self._refs.read(f"{PREFIX}{name}")
        if tip is None:
            return []
        chain = self._repository.git.run("rev-list", "--topo-order", tip, "--").text.split("\n")
        return self._parsed(chain)

    def written(self, name: KitchenName, keys: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], Written]:
        """Who gave each of these settings the value that it has now, by their keys."""
        current = self.read(name)
        if current is None:
            return {}
        chain = self._repository.git.run("rev-list", "--topo-order", current[1], "--").text.split("\n")
        open_keys = dict.fromkeys(keys, current[1])
        origin: dict[tuple[str, ...], str] = {}
        for start in range(0, len(chain), 200):
            part = chain[start : start + 200]
            for oid, registration in zip(part, self._parsed(part), strict=True):
                for key in [key for key in open_keys if _differs(registration, current[0], key)]:
                    origin[key] = open_keys.pop(key)
                open_keys = dict.fromkeys(open_keys, oid)
            if not open_keys:
                break
        origin |= open_keys
        commits = self._objects.commits(list(origin.values()))
        return {
            key: Written(oid, str(commit.author), commit.committed.astimezone(UTC))
            for (key, oid), commit in zip(origin.items(), commits, strict=True)
        }

    def remove(
        self, name: KitchenName, tip: str | None, when: datetime, *, branch: bool = True
    ) -> str | None:
        """Delete a kitchen: its branch goes if it is at `tip`, which is kept under the ref that is returned.

        The branch is the point of no return: before it nothing is gone, and a call with the
        `tip` None finishes after it. Raises `Moved` when the branch has moved on.
        """
        kept = None
        if tip is not None:
            kept = self._keep(name, tip, when)
            if branch:
                try:
                    self._refs.delete(f"refs/heads/{name}", tip)
                except Moved:
                    self._refs.delete(kept, tip)
                    raise
        self._refs.drop(f"{PREFIX}{name}")
        return kept

    def deleted(self) -> list[Deleted]:
        """The deleted kitchens whose commits are still kept, oldest first."""
        found = []
        for ref, tip in self._refs.refs(DELETED).items():
            name, _, stamp = ref.removeprefix(DELETED).rpartition("/")
            moment = datetime.strptime(stamp[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            found.append(Deleted(KitchenName(name), moment, tip, ref))
        return sorted(found, key=lambda each: each.when)

    def forget(self, deleted: Deleted) -> None:
        """Let go of a deleted kitchen's commits."""
        self._refs.delete(deleted.ref, deleted.tip)

    def _keep(self, name: KitchenName, tip: str, when: datetime) -> str:
        stamp = f"{when.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        for suffix in ("", *(f"-{count}" for count in range(2, 100))):
            ref = f"{DELETED}{name}/{stamp}{suffix}"
            try:
                self._refs.move(ref, tip, None, "kitchen: deleted")
            except Moved:
                # A kitchen of this name was deleted in the same second.
                continue
            return ref
        raise EnvironmentFailure(f"`{DELETED}{name}/{stamp}` is taken", code="deleted")

    def _parsed(self, oids: list[str]) -> list[Registration]:
        if self._objects.distrusts:
            # Commit and tree are read too, and held to their ids.
            self._objects.commits(oids)
            self._objects.foresee(oids, "")
            contents = self._objects.read_all([self._file(oid) for oid in oids])
        else:
            contents = self._objects.read_all([f"{oid}:{FILE}" for oid in oids])
        return [_registration(oid, content) for oid, content in zip(oids, contents, strict=True)]

    def _file(self, oid: str) -> str:
        entry = self._objects.entry(oid, FILE)
        return f"{oid}:{FILE}" if entry is None else entry.oid


def _differs(one: Registration, other: Registration, keys: tuple[str, ...]) -> bool:
    return layers.found(one.settings, keys) != layers.found(other.settings, keys)


def _sealed(text: bytes) -> bytes:
    """The text under the line that tells when a byte of it was changed."""
    return f"{_SEAL}{hashlib.sha256(text).hexdigest()}\n".encode() + text


def _values(registration: Registration) -> dict[str, Any]:
    landing = registration.landing
    return {
        "format": FORMAT,
        "name": str(registration.name),
        "parent": str(registration.parent) if registration.parent else None,
        "permanent": registration.permanent,
        "owner": registration.owner,
        "created": registration.created,
        "expires": registration.expires,
        "baseline": registration.baseline,
        "adopted": registration.adopted,
        "settings": registration.settings or None,
        "landing": landing
        and {
            "status": landing.status,
            "previous": landing.previous,
            "commit": landing.commit,
            "source": landing.source,
            "who": landing.who,
            "when": landing.when,
            "recipes": [list(pair) for pair in landing.recipes],
            "certificate": landing.certificate and _certificate_values(landing.certificate),
        },
        "made": registration.made and _made_values(registration.made),
    }


def _certificate_values(certificate: Certificate) -> dict[str, Any]:
    return {
        "bases": list(certificate.bases),
        "sides": list(certificate.sides),
        "tree": certificate.tree,
        "digest": certificate.digest,
        "reconciled": list(certificate.reconciled) or None,
    }


def _registration(oid: str, content: bytes | None) -> Registration:
    try:
        if content is None:
            raise ValueError(f"there is no `{FILE}` in it")
        values = tomllib.loads(content.decode())
        if values["format"] > FORMAT:
            raise ValueError("a newer version of kitchens wrote it")
        if values["format"] > 1 and content != _sealed(content.partition(b"\n")[2]):
            raise ValueError("it was changed after it was written")
        return _from_values(values)
    except (KeyError, TypeError, ValueError) as error:
        raise EnvironmentFailure(
            f"the registration in commit `{oid[:12]}` cannot be read: {error}",
            f"`git log {oid[:12]}` shows who wrote it",
            code="registration",
        ) from error


def _from_values(values: Mapping[str, Any]) -> Registration:
    parent = values.get("parent")
    landing = values.get("landing")
    return Registration(
        name=KitchenName(values["name"]),
        parent=KitchenName(parent) if parent else None,
        permanent=values["permanent"],
        owner=values["owner"],
        created=values["created"],
        expires=values.get("expires"),
        baseline=values.get("baseline"),
        adopted=values["adopted"],
        settings=values.get("settings", {}),
        landing=landing and _landing(landing),
        made=values.get("made") and _made(values["made"]),
    )


def _made_values(made: Made) -> dict[str, Any]:
    return {
        "template": made.template,
        "at": made.at,
        "words": dict(made.words),
        "provision": [
            {key: value for key, value in step._asdict().items() if value is not None}
            for step in made.provision
        ],
    }


def _made(values: Mapping[str, Any]) -> Made:
    steps = tuple(Provision(**step) for step in values.get("provision", ()))
    return Made(values["template"], values.get("at"), values.get("words", {}), steps)


def _landing(values: Mapping[str, Any]) -> Landing:
    certificate = values.get("certificate")
    return Landing(
        status=values["status"],
        previous=values["previous"],
        commit=values["commit"],
        source=values["source"],
        who=values["who"],
        when=values["when"],
        recipes=tuple((recipe, fingerprint) for recipe, fingerprint in values["recipes"]),
        certificate=certificate and _certificate(certificate),
    )


def _certificate(values: Mapping[str, Any]) -> Certificate:
    ours, theirs = values["sides"]
    return Certificate(
        tuple(values["bases"]),
        (ours, theirs),
        values["tree"],
        values["digest"],
        tuple(values.get("reconciled", ())),
    )
