"""Secrets in one encrypted file. What changes it replaces it as a whole: killed anywhere, the old one or the new."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from kitchens.model.secret import Secret
from kitchens.vault.keys import Keys, write_private
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.outcome import timestamp
from kitchens_engine.ports import DEFAULT
from kitchens_engine.toml.nearest import hints
from kitchens_engine.tuples import NamedTuple

_FORMAT = 1
#: Another process holds the lock for as long as it encrypts: a second with a passphrase, else nothing.
_PATIENCE = 30.0


class _Kept(NamedTuple):
    value: str
    when: datetime


class FileVault:
    """The vault in the file at `path`. What was read is kept until the file changes."""

    def __init__(self, path: Path, keys: Keys) -> None:
        self.path = path
        self._keys = keys
        self._seen: tuple[int, ...] | None = None
        self._content: dict[Secret, _Kept] = {}

    def value(self, secret: Secret) -> str | None:
        """The value, or None when there is none."""
        kept = self._read().get(secret)
        return kept.value if kept else None

    def secrets(self) -> dict[Secret, datetime | None]:
        """All that is there, with the time at which it was set."""
        return {secret: kept.when for secret, kept in sorted(self._read().items(), key=_order)}

    def put(self, secret: Secret, value: str, when: datetime) -> bool:
        """Store it. True when it takes the place of an earlier one."""
        with self._alone():
            content = dict(self._read())
            replaced = secret in content
            self._write(content | {secret: _Kept(value, when)})
        return replaced

    def remove(self, secret: Secret) -> None:
        """Take it out. Raises `InvalidInput` when it is not there."""
        with self._alone():
            content = dict(self._read())
            if secret not in content:
                raise _missing(secret, content)
            del content[secret]
            self._write(content)

    def how_to_set(self, secret: Secret) -> str:
        """The command that puts it there."""
        scope = "" if secret.scope == DEFAULT else f" --scope {secret.scope}"
        return f"`kitchen vault set {secret.name}{scope}`"

    def _read(self) -> Mapping[Secret, _Kept]:
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                seen = (status.st_ino, status.st_mtime_ns, status.st_size)
                if seen != self._seen:
                    self._content = _parsed(self._keys.open(file.read(), self.path), self.path)
                    self._seen = seen
        except FileNotFoundError:
            self._seen, self._content = None, {}
        except OSError as error:
            raise EnvironmentFailure(
                f"`{self.path}` cannot be read: {error.strerror}", code="vault"
            ) from error
        return self._content

    def _write(self, content: Mapping[Secret, _Kept]) -> None:
        before = self.path.read_bytes() if self.path.exists() else None
        new = self.path.with_name(f"{self.path.name}.new")
        locked = self._keys.lock(_written(content), before, self.path)
        new.unlink(missing_ok=True)  # of one who was killed; we are alone here
        write_private(new, locked)
        new.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes the file. The lock goes with its holder."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(
                self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise EnvironmentFailure(
                f"`{self.path.parent}` cannot be written: {error.strerror}", code="vault"
            ) from error
        try:
            deadline = time.monotonic() + _PATIENCE
            while not _locked(lock):
                if time.monotonic() > deadline:
                    raise EnvironmentFailure(f"another process has held `{self.path}.lock` for too long")
                time.sleep(0.05)
            yield
        except OSError as error:
            message = f"`{self.path}` cannot be written: {error.strerror}; it is as it was"
            raise EnvironmentFailure(message, code="vault") from error
        finally:
            os.close(lock)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parsed(content: bytes, path: Path) -> dict[Secret, _Kept]:
    try:
        document = json.loads(content)
        if document["format"] > _FORMAT:
            raise EnvironmentFailure(
                f"`{path}` was written by a newer version of kitchens", "install that version", code="vault"
            )
        return {
            Secret(each["name"], each["scope"], each["kitchen"]): _Kept(
                each["value"], datetime.fromisoformat(each["when"])
            )
            for each in document["secrets"]
        }
    except (ValueError, KeyError, TypeError):
        raise EnvironmentFailure(f"`{path}` holds no vault of kitchens", code="vault") from None


def _written(content: Mapping[Secret, _Kept]) -> bytes:
    rows: list[dict[str, Any]] = [
        {**secret._asdict(), "value": kept.value, "when": timestamp(kept.when)}
        for secret, kept in sorted(content.items(), key=_order)
    ]
    return json.dumps({"format": _FORMAT, "secrets": rows}).encode()


def _order(item: tuple[Secret, _Kept]) -> tuple[str, str, str]:
    secret, _ = item
    return (secret.name, secret.scope, secret.kitchen or "")


def _missing(secret: Secret, content: Mapping[Secret, _Kept]) -> InvalidInput:
    beside = [other for other in content if other.name == secret.name]
    where = f"in scope `{secret.scope}`" + (f" for kitchen `{secret.kitchen}`" if secret.kitchen else "")
    if beside:
        scopes = sorted(
            f"scope `{other.scope}`" + (f", kitchen `{other.kitchen}`" if other.kitchen else "")
            for other in beside
        )
        return InvalidInput(
            f"the vault has no `{secret.name}` {where}",
            f"it has one in {' and in '.join(scopes)}",
            code="no-secret",
        )
    names = {other.name for other in content}
    return InvalidInput(f"the vault has no `{secret.name}`", *hints(secret.name, names), code="no-secret")
