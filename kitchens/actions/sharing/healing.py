"""Pushes whose process was killed: the next command looks at what came of them."""

from __future__ import annotations

from kitchens.actions.house import House
from kitchens.git.claims import abandoned
from kitchens_engine.errors import KitchensError

#: What a claim is called under which something is pushed.
PURPOSE = "push"


def heal_pushes(house: House) -> None:
    """What has landed at the remote is followed here. While it cannot be reached, the next command tries again."""
    for held in abandoned(house.repository.claims, PURPOSE):
        # Fetching and folding are paid for by the command that finds something to heal.
        from kitchens.actions.sharing.arriving import arrive_from

        remote = str(held.what["remote"])
        try:
            arrive_from(house, remote, everything=True)
        except KitchensError as failure:
            house.note(
                f"a push to `{remote}` was cut off, and what came of it is not known: {failure.message}"
            )
            held.forget()
        else:
            held.release()
