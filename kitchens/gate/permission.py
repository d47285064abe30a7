"""Whether a kitchen's policy lets something land, whatever its gate says."""

from __future__ import annotations

from datetime import datetime

from kitchens.model.cookbook import Policy
from kitchens.model.freezing import frozen
from kitchens.model.refusal import Refusal


def refusal(
    policy: Policy, kitchen: str, when: datetime, *, rollback: bool = False, seen: bool = False
) -> Refusal | None:
    """Why `policy` refuses a landing in `kitchen`, or None.

    A `rollback` is allowed in a freeze. A tree that the kitchen had already (`seen`) needs no approval once more.
    """
    if policy.approvals and not seen:
        what = "1 approval" if policy.approvals == 1 else f"{policy.approvals} approvals"
        return Refusal(
            "approvals",
            f"`{kitchen}` asks for {what}, which this version of kitchens cannot give; `{kitchen}` has not moved",
            hint=f"`approvals = 0` in `kitchens.toml` at the tip of `{kitchen}` lets changes land without",
        )
    if rollback or (found := frozen(policy.freeze, when)) is None:
        return None
    window, end = found
    until = f"until {end:%Y-%m-%d %H:%M %Z}" if end else "for good"
    reason = f" ({window.reason})" if window.reason else ""
    return Refusal(
        "frozen",
        f"`{kitchen}` is frozen {until}{reason}; `{kitchen}` has not moved",
        end,
        f"`kitchen rollback {kitchen}` is allowed in a freeze",
    )
