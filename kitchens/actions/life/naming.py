"""Names that a new kitchen may have: beside others git and file systems must be able to hold it."""

from __future__ import annotations

import unicodedata

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchens
from kitchens.git.sharing.remotes import FETCHED
from kitchens.model.cookbook import Cookbook
from kitchens.model.names import KitchenName
from kitchens_engine.errors import InvalidInput


def free_name(kitchens: Kitchens, text: str) -> str:
    """The name of a kitchen that can be made. Raises `InvalidInput`."""
    name = KitchenName.parse(text)
    refuse_taken(kitchens, name, adopt=False)
    return name


def refuse_taken(kitchens: Kitchens, name: KitchenName, adopt: bool) -> None:
    """Raise `InvalidInput` for a name that another kitchen or branch has, or has nearly; or, to `adopt`, that none has."""
    names = {*kitchens.branches, *kitchens.names}
    same = name if name in names else next((one for one in names if _folded(one) == _folded(name)), None)
    if same is not None and same != name:
        how = "in case" if same.lower() == name.lower() else "in case or in how its letters are encoded"
        raise InvalidInput(
            f"`{name}` differs only {how} from `{same}`, which many file systems cannot tell apart",
            code="kitchen-exists",
        )
    if same in kitchens.names:
        raise InvalidInput(
            f"the kitchen `{name}` exists already", f"`kitchen show {name}`", code="kitchen-exists"
        )
    if same is not None and not adopt:
        raise InvalidInput(
            f"the branch `{name}` exists already and is no kitchen",
            f"`kitchen create {name} --adopt` makes it one",
            code="branch-exists",
        )
    if same is None and adopt:
        far = fetched(kitchens.house, name)
        raise InvalidInput(
            f"there is no branch `{name}` to adopt",
            *(f"`git branch {name} {one}` brings the one there is elsewhere" for one in far[:1]),
            code="no-branch",
        )
    for one in names:
        if one != name and (why := _apart(name, one)) is not None:
            raise InvalidInput(why, code="kitchen-name")


def fetched(house: House, name: str) -> list[str]:
    """The branches `name` that git has fetched from its remotes, such as `origin/dev`."""
    prefix = "refs/remotes/"
    short = [ref.removeprefix(prefix) for ref in house.repository.refs.refs(prefix)]
    return [one for one in short if one.partition("/")[2] == name]


def _apart(name: str, other: str) -> str | None:
    """Why two names cannot both be folders and files below one folder."""
    if other.startswith(f"{name}/") or name.startswith(f"{other}/"):
        return f"git cannot hold `{name}` beside the branch `{other}`"
    for ours, theirs in zip(name.split("/"), other.split("/"), strict=False):
        if ours == theirs:
            continue
        if _folded(ours) == _folded(theirs):
            return (
                f"`{name}` and `{other}` differ only in case where they begin, "
                "which many file systems cannot tell apart"
            )
        break
    return None


def refuse_taken_there(house: House, cookbook: Cookbook | None, name: str) -> None:
    """What others made at the remote is theirs, whether or not it is here."""
    remote = None if cookbook is None else cookbook.remote
    if remote is None:
        return
    ref = f"{FETCHED}{remote}/heads/{name}"
    if house.repository.refs.read(ref) is not None:
        raise InvalidInput(
            f"`{name}` exists already at `{remote}`",
            f"`git branch {name} {ref}` and then `kitchen sync` bring it here",
            code="kitchen-exists",
        )


def _folded(name: str) -> str:
    """The name as a file system may see it that knows no case and composes letters."""
    return unicodedata.normalize("NFC", name).casefold()
