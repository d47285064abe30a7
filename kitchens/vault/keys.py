"""What opens a vault's file: an age identity in a file of the user's, or a passphrase. The one home of the age library.

KITCHENS_VAULT_KEY_FILE     an identity file; default `kitchens/vault.key` in the user's configuration folder
KITCHENS_VAULT_PASSPHRASE   opens, and makes, a file that is locked with a passphrase instead
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kitchens.vault.home import at_home
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

if TYPE_CHECKING:
    from pyrage import x25519  # type: ignore[import-untyped]

KEY_FILE = "KITCHENS_VAULT_KEY_FILE"
PASSPHRASE = "KITCHENS_VAULT_PASSPHRASE"  # noqa: S105 - the variable's name
_HEAD = b"age-encryption.org/v1\n"
_LOCKED_BY_PASSPHRASE = _HEAD + b"-> scrypt "


class Keys:
    """The keys of one user, as the environment names them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._passphrase = environment.get(PASSPHRASE) or None
        named = environment.get(KEY_FILE)
        self._named = bool(named)
        self.file = at_home(Path(named)) if named else _default(environment)

    def open(self, locked: bytes, path: Path) -> bytes:
        """What the content `locked` of the vault at `path` says. Raises `InvalidInput` or `EnvironmentFailure`."""
        import pyrage

        if not locked.startswith(_HEAD):
            raise EnvironmentFailure(f"`{path}` is damaged: it is no age file", code="vault")
        by_passphrase = locked.startswith(_LOCKED_BY_PASSPHRASE)
        opened: bytes
        try:
            if by_passphrase:
                opened = pyrage.passphrase.decrypt(locked, self._given_passphrase(path))
            else:
                opened = pyrage.decrypt(locked, self._identities(path))
        except pyrage.DecryptError:
            key = f"passphrase in `{PASSPHRASE}`" if by_passphrase else f"key in `{self.file}`"
            raise EnvironmentFailure(
                f"`{path}` cannot be opened: the {key} is another one, or the file is damaged",
                f"`{KEY_FILE}` names the file of the right key, `{PASSPHRASE}` holds a passphrase",
                code="vault",
            ) from None
        return opened

    def lock(self, content: bytes, before: bytes | None, path: Path) -> bytes:
        """`content` encrypted in the way in which the vault was `before`; a new vault makes its key if there is none."""
        import pyrage

        by_passphrase = before.startswith(_LOCKED_BY_PASSPHRASE) if before else self._passphrase is not None
        locked: bytes
        if by_passphrase:
            locked = pyrage.passphrase.encrypt(content, self._given_passphrase(path))
        else:
            if before is None:
                self._make()
            owners = [identity.to_public() for identity in self._identities(path)]
            locked = pyrage.encrypt(content, owners)
        return locked

    def _given_passphrase(self, path: Path) -> str:
        if self._passphrase is None:
            raise InvalidInput(f"`{path}` is locked with a passphrase", f"give it in `{PASSPHRASE}`")
        return self._passphrase

    def _identities(self, path: Path) -> list[x25519.Identity]:
        from pyrage import IdentityError, x25519

        try:
            lines = self.file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            if self._named:
                raise InvalidInput(f"`{KEY_FILE}` names `{self.file}`, which does not exist") from None
            hint = f"copy it there, or name its file in `{KEY_FILE}`"
            raise EnvironmentFailure(
                f"the key of `{path}` is not here: there is no `{self.file}`", hint, code="vault"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise InvalidInput(f"the key file `{self.file}` cannot be read: {why}") from None
        words = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        try:
            found = [x25519.Identity.from_str(word) for word in words]
        except IdentityError:
            found = []
        if not found:
            raise InvalidInput(
                f"`{self.file}` holds no age identity", "its line begins with `AGE-SECRET-KEY-1`"
            )
        return found

    def _make(self) -> None:
        """A key of the user's own, unless there is one. Of two who make it at once, both get the same."""
        from pyrage import x25519

        if self.file.exists():
            return
        identity = x25519.Identity.generate()
        text = f"# opens the vaults of kitchens; whoever loses it loses them\n# public key: {identity.to_public()}\n{identity}\n"
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            with suppress(FileNotFoundError):
                own.unlink()
            write_private(own, text.encode())
            with suppress(FileExistsError):
                os.link(own, self.file)
        finally:
            own.unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """A new file that only its owner may read, on disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _default(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CONFIG_HOME")
    folder = Path(base) if base else at_home(Path(environment.get("HOME", "~"))) / ".config"
    return folder / "kitchens" / "vault.key"
