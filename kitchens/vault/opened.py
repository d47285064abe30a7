"""The vault that a cookbook names, and what the runs of one kitchen see of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kitchens.model.cookbook import VaultSettings
from kitchens.model.secret import Secret
from kitchens.vault.environment_vault import EnvironmentVault
from kitchens.vault.file_vault import FileVault
from kitchens.vault.home import at_home
from kitchens.vault.keys import Keys
from kitchens_engine.ports import DEFAULT

Vault = FileVault | EnvironmentVault


def open_vault(settings: VaultSettings, common: Path, environment: Mapping[str, str]) -> Vault:
    """The vault. Nothing is read before something is asked. A relative path begins in `common`, the common git
    directory, where no file is ever committed; `~` is the user's home."""
    if settings.kind == "env":
        return EnvironmentVault(environment)
    if settings.path is None:
        path = common / "kitchens" / "vault.age"
    else:
        path = common / at_home(Path(settings.path))
    return FileVault(path, Keys(environment))


class KitchenSecrets:
    """A vault as the runs of one kitchen see it: in the scope `default` its own values come before those for all."""

    def __init__(self, vault: Vault, kitchen: str) -> None:
        self._vault = vault
        self._kitchen = kitchen

    def has(self, name: str, scope: str) -> bool:
        """Whether there is a value."""
        return self.resolve(name, scope) is not None

    def resolve(self, name: str, scope: str) -> str | None:
        """The value; None when there is none."""
        own = self._vault.value(Secret(name, scope, self._kitchen)) if scope == DEFAULT else None
        return own if own is not None else self._vault.value(Secret(name, scope))

    def how_to_set(self, name: str, scope: str) -> str:
        """The act that puts one there."""
        return self._vault.how_to_set(Secret(name, scope))
