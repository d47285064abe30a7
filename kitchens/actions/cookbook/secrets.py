"""`kitchen vault`: what is in the vault by name, and putting values in. Values go in and never come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchens
from kitchens.model.cookbook import Cookbook
from kitchens.model.secret import Secret, parse_name, parse_value
from kitchens.vault.opened import KitchenSecrets, Vault, open_vault
from kitchens_engine.errors import InvalidInput
from kitchens_engine.ports import DEFAULT


def secrets_of(house: House, cookbook: Cookbook, kitchen: str) -> KitchenSecrets:
    """The vault of the cookbook, as an order run or a gate of this kitchen sees it."""
    return KitchenSecrets(_vault(house, cookbook), kitchen)


def parse_secret(house: House, name: str, scope: str, kitchen: str | None) -> Secret:
    """Which secret a command line means. Raises `InvalidInput`, also for a kitchen that is not there."""
    if kitchen is not None:
        if scope != DEFAULT:
            raise InvalidInput(
                f"scope `{scope}` is the same for all kitchens", "give `--scope` or `--kitchen`, not both"
            )
        kitchen = Kitchens(house).get(kitchen).name
    return Secret(parse_name(name), scope, kitchen)


def set_secret(house: House, cookbook: Cookbook, secret: Secret, data: bytes) -> dict[str, Any]:
    """Store a value as it was given, and answer with everything but it."""
    when = house.now()
    replaced = _vault(house, cookbook).put(secret, parse_value(data), when)
    return secret.document(when) | {"status": "replaced" if replaced else "set"}


def list_secrets(house: House, cookbook: Cookbook) -> list[dict[str, Any]]:
    """Names, scopes, kitchens and times. Never values."""
    return [secret.document(when) for secret, when in _vault(house, cookbook).secrets().items()]


def remove_secrets(house: House, cookbook: Cookbook, secrets: Sequence[Secret]) -> dict[str, Any]:
    """Take them out, one after the other; the first that is not there stops it."""
    vault = _vault(house, cookbook)
    for secret in secrets:
        vault.remove(secret)
    return {"removed": [secret.document(None) for secret in secrets]}


def _vault(house: House, cookbook: Cookbook) -> Vault:
    return open_vault(cookbook.vault, house.repository.common, house.environment)
