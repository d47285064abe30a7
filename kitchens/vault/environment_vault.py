"""Secrets from variables of the caller, as CI systems hand them out: `flights/token` is `KITCHENS_SECRET_FLIGHTS_TOKEN`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from kitchens.model.secret import Secret
from kitchens_engine.errors import InvalidInput
from kitchens_engine.ports import GATE

_PREFIXES = {"default": "KITCHENS_SECRET_", GATE: "KITCHENS_GATE_SECRET_"}


def variable(name: str, scope: str) -> str:
    """The variable that holds a secret: capitals, and `_` for whatever no variable's name may hold."""
    return _PREFIXES[scope] + re.sub(r"[^A-Z0-9_]", "_", name.upper())


class EnvironmentVault:
    """A vault that is read only. It knows no kitchens: whoever sets the variables decides for whom."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def value(self, secret: Secret) -> str | None:
        """The variable's value; None where it is not set, or empty, as CI systems leave those that they keep back."""
        if secret.kitchen is not None:
            return None
        return self._environment.get(variable(secret.name, secret.scope)) or None

    def secrets(self) -> dict[Secret, datetime | None]:
        """The variables that are set, each by its own name: what name it had before cannot be told."""
        found = [
            Secret(name, scope)
            for scope, prefix in _PREFIXES.items()
            for name, value in self._environment.items()
            if value and name.startswith(prefix)
        ]
        return dict.fromkeys(sorted(found, key=lambda secret: secret[:2]))

    def put(self, secret: Secret, value: str, when: datetime) -> bool:
        """Refused: an environment is its owner's."""
        raise _read_only(secret)

    def remove(self, secret: Secret) -> None:
        """Refused in the same way."""
        raise _read_only(secret)

    def how_to_set(self, secret: Secret) -> str:
        """The act that puts it there."""
        return f"set the variable `{variable(secret.name, secret.scope)}`"


def _read_only(secret: Secret) -> InvalidInput:
    name = variable(secret.name, secret.scope)
    return InvalidInput(
        "the vault of this cookbook is the environment (`[vault] kind`), which is not ours to change",
        f"set or unset the variable `{name}` yourself",
    )
