"""The environment of a node: nothing of the caller's but what the contract allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kitchens_engine.order import Order
    from kitchens_engine.state.attempt import Attempt
    from kitchens_engine.state.scope import Scope

_ALLOWED = frozenset(
    {
        "PATH",
        "LANG",
        "TZ",
        "TERM",
        "TMPDIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "FTP_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "NODE_EXTRA_CA_CERTS",
        "PIP_CERT",
    }
)
_PROXIES = frozenset(name.lower() for name in _ALLOWED if name.endswith("_PROXY"))


def allowed(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of the caller's environment that nodes may see: PATH, locale, zone, terminal, proxies, CA bundle."""
    return {
        name: value
        for name, value in environment.items()
        if name in _ALLOWED or name in _PROXIES or name.startswith("LC_")
    }


def of_process(
    order: Order, scope: Scope, path: str, attempt: Attempt, own: Mapping[str, str], database: bool
) -> dict[str, str]:
    """The variables of one process over the runtime's own: its HOME, the node's own, and `KITCHEN_*`.

    What is allowed of the caller's is the runtime's matter: paths mean another thing in a container.
    """
    environment = {"HOME": attempt.home, "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= own
    environment |= {
        "KITCHEN": order.kitchen.name,
        "KITCHEN_RECIPE": scope.plan.recipe.name,
        "KITCHEN_VARIATION": scope.plan.variation or "",
        "KITCHEN_RUN": order.run,
        "KITCHEN_NODE": path,
        "KITCHEN_DATA": str(order.kitchen.data),
        "KITCHEN_VARIABLES": scope.variables_file,
        "KITCHEN_OUTPUT": attempt.output,
    }
    if scope.inputs_file:
        environment["KITCHEN_INPUTS"] = scope.inputs_file
    if database:
        environment["KITCHEN_DATABASE"] = str(order.kitchen.database)
    return environment
