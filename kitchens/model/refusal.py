"""Why a policy refuses a landing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple


class Refusal(NamedTuple):
    """Why nothing may land now. `code` is `frozen` or `approvals`; `until` says when a freeze ends, where it is known;
    `hint` is an act."""

    code: str
    why: str
    until: datetime | None = None
    hint: str | None = None

    def document(self) -> dict[str, Any]:
        """As `--json` shows it."""
        until = self.until and self.until.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return {"code": self.code, "why": self.why, "until": until, "hint": self.hint}
