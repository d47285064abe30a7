"""Whose rules count where nobody can read those at a kitchen's tip."""

from __future__ import annotations

from kitchens.actions.house import House
from kitchens_engine.errors import InvalidInput

FILE = "kitchens.toml"


def in_force(house: House, tip: str, baseline: str | None) -> str:
    """The commit whose `kitchens.toml` rules at the commit `tip`: itself, or, where its own cannot be read or was taken
    away since the baseline, the last before it that could be; `tip` itself where none could.

    Else whoever mends what somebody broke would choose his own examiner.
    """
    # Nearly always it is itself.
    from kitchens.git.history import last_change

    commit = tip
    while fault_at(house, commit) is not None:
        changed = last_change(house.repository, commit, FILE, baseline)
        before = (
            None if changed is None else next(iter(house.repository.objects.commit(changed).parents), None)
        )
        if before is None:
            return tip
        commit = before
    return commit


def fault_at(house: House, commit: str) -> InvalidInput | None:
    """Why the `kitchens.toml` of a commit cannot be read: it is wrong, or not there. None: it can."""
    try:
        _ = house.view(commit).cookbook
    except InvalidInput as fault:
        return fault
    return None
