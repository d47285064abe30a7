"""What others shared at the remote arrives here: it is folded into what is ours, and branches follow as
`git merge --ff-only` would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchens
from kitchens.git.history import is_ancestor
from kitchens.git.moving.landing import carry_out, plan_landing
from kitchens.git.refs import Moved
from kitchens.git.sharing import remotes
from kitchens.model.cookbook import Cookbook
from kitchens.model.kitchen import Registration
from kitchens.model.names import KitchenName
from kitchens.store.attestations import REF as ATTESTATIONS
from kitchens.store.folding import fold_attestations, fold_registration
from kitchens_engine.errors import EnvironmentFailure, InvalidInput, KitchensError
from kitchens_engine.tuples import NamedTuple

HEADS = "refs/heads/"
REGISTRATIONS = "refs/kitchens/"
PROMOTED = "refs/tags/promoted/"


class Came(NamedTuple):
    """One thing that arrived, or that left: `what` is `branch`, `registration`, `attestations`, `tag` or `deletion`;
    `name` the kitchen (or the tag), None for attestations."""

    what: str
    name: str | None
    before: str | None
    after: str | None

    def document(self) -> dict[str, str | None]:
        """As `--json` shows it."""
        return {"what": self.what, "name": self.name, "from": self.before, "to": self.after}


class Left(NamedTuple):
    """A kitchen that is not the same on both sides, and why: `status` is `ahead`, `diverged` or `in-the-way`."""

    kitchen: str
    status: str
    why: str
    hint: str | None = None

    def document(self) -> dict[str, str | None]:
        """As `--json` shows it."""
        return self._asdict()


class Arrival(NamedTuple):
    """What the remote has (its refs, by the names there), what of it came here, and what could not follow."""

    remote: str
    there: Mapping[str, str]
    came: tuple[Came, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether kitchens are shared there at all."""
        return any(ref.startswith(REGISTRATIONS) for ref in self.there)

    def tip(self, name: str) -> str | None:
        """Where a branch is at the remote."""
        return self.there.get(f"{HEADS}{name}")


#: Where a clone has the branches of its remotes.
_TRACKED = "refs/remotes/"


def remote_of(house: House, kitchens: Kitchens | None = None) -> str | None:
    """The remote at which the cookbook's kitchens land; None: nowhere. `kitchens` is what was read already."""
    try:
        return rules_of(house, kitchens).remote
    except KitchensError:
        return None


def rules_of(house: House, kitchens: Kitchens | None = None) -> Cookbook:
    """`kitchens.toml` at production's tip; in a clone that has no production yet, the one that is checked out."""
    try:
        cookbook = (kitchens or Kitchens(house)).cookbook
    except InvalidInput:
        cookbook = None
    if cookbook is not None:
        return cookbook
    if not _begun(house) and (offered := _offered(house)) is not None:
        return offered
    return house.view("HEAD").cookbook


def arrive(house: House, kitchens: Kitchens | None = None, *, everything: bool = False) -> Arrival | None:
    """Fetch and fold what the remote has; the permanent kitchens follow it, with `everything` all that are here.

    None when the cookbook names no remote. Raises `EnvironmentFailure` when it cannot be reached, `InvalidInput` when
    this clone does not know it. Whatever cannot follow stays as it is, and is named.
    """
    remote = remote_of(house, kitchens)
    return None if remote is None else arrive_from(house, remote, everything=everything)


def arrive_from(house: House, remote: str, *, everything: bool = False) -> Arrival:
    """The same from a remote by name."""
    there = remotes.fetch(house.repository, remote)
    came = [*fold_seen(house, there), *_fold_registrations(house, remote, there)]
    came += _take_tags(house, there)
    moved, left = _follow_all(house, remote, there, everything=everything)
    arrival = Arrival(remote, there, (*came, *moved), tuple(left))
    compare(house, arrival)
    return arrival


def arrive_if_possible(house: House) -> Arrival | None:
    """The same for what can also be done without the remote; a note says why nothing came."""
    try:
        return arrive(house)
    except EnvironmentFailure as failure:
        house.note(f"nothing new from others: {failure.message}")
    except InvalidInput as fault:
        if fault.code != "no-remote":
            raise
    return None


def join(house: House) -> Arrival | None:
    """In a clone of a cookbook: fetch what the team shares, so that its kitchens are kitchens here, too. None when the
    cookbook names no remote, or this clone does not know it (yet)."""
    begun = _begun(house)
    remote = remote_of(house)
    if remote is None or not remotes.has_remote(house.repository, remote):
        return None
    arrival = arrive_from(house, remote)
    if not begun:
        _check_out(house)
    return arrival


def _offered(house: House) -> Cookbook | None:
    """What a remote's branch says that is production of a cookbook which is shared there."""
    for ref, tip in house.repository.refs.refs(_TRACKED).items():
        remote, _, branch = ref.removeprefix(_TRACKED).partition("/")
        with suppress(KitchensError):
            cookbook = house.view(tip).cookbook
            if (cookbook.remote, cookbook.production) == (remote, branch):
                return cookbook
    return None


def _begun(house: House) -> bool:
    """Whether anything is checked out: not in a clone of a repository whose own HEAD names a branch that nobody made."""
    return house.repository.objects.resolve("HEAD^{commit}") is not None


def _check_out(house: House) -> None:
    """As `git clone` does it where HEAD names a branch: production, unless files of the user's are in the way."""
    root = Kitchens(house).root
    words = ("checkout", "--quiet", str(root), "--")
    if house.repository.checkout(house.repository.here).run(*words, check=False).status:
        house.note(f"`{root}` was not checked out, since there are files in its way: `git checkout {root}`")


def refreshed(house: House, arrival: Arrival | None) -> Arrival | None:
    """What was seen of the remote last: what we pushed ourselves since is in it."""
    return arrival and Arrival(arrival.remote, remotes.seen(house.repository, arrival.remote))


def settle(house: House, arrival: Arrival | None, name: str) -> Arrival | None:
    """Before something lands in `name`: it must be here as it is at the remote. What is behind follows.

    Gives what was seen of the remote last: another process of this clone may have landed there, and here, since
    `arrival` came. Raises `InvalidInput` for commits that are only here, and for edited files of a checkout in the way.
    """
    while arrival is not None and (there := arrival.tip(name)) is not None:
        here = house.repository.refs.branch(name)
        # A kitchen that is not here is not made by what wants to land in it.
        if here in (None, there) or (found := follow(house, arrival.remote, name, there)) is None:
            break
        newer = arrive_from(house, arrival.remote)
        if newer.tip(name) == there:
            hints = (found.hint,) if found.hint else ()
            raise InvalidInput(f"{found.why}; nothing has landed", *hints, code=found.status)
        arrival = newer
    return arrival


def follow(house: House, remote: str, name: str, there: str) -> Left | None:
    """Bring the branch `name` and its checkouts to where it is at the remote; None when it is there now."""
    repository = house.repository
    for _ in range(3):
        here = repository.refs.branch(name)
        if here == there:
            return None
        try:
            if here is None:
                repository.refs.move(f"{HEADS}{name}", there, None, f"kitchen: from {remote}")
                return None
            if not is_ancestor(repository, here, there):
                return apart(house, remote, name, here, there)
            plan = plan_landing(repository, name, here, there, at_once=True)
            for path in carry_out(plan, lambda: None, f"kitchen: follow {remote}"):
                house.note(f"{path} was edited in this very moment and left as it is")
        except Moved:
            continue
        except InvalidInput as fault:
            why = f"`{name}` is behind `{remote}`, and cannot follow: {fault.message}"
            return Left(name, "in-the-way", why, fault.hints[0] if fault.hints else None)
        return None
    return Left(name, "in-the-way", f"`{name}` moves all the time", "try again")


def compare(house: House, arrival: Arrival) -> None:
    """Write down which kitchens are the same on both sides: what is missing on one of them later was deleted there."""
    here = house.repository.refs.refs(HEADS, REGISTRATIONS)
    before = remotes.known(house.repository, arrival.remote)
    found: dict[str, tuple[str, str | None]] = {}
    for ref, oid in arrival.there.items():
        name = ref.removeprefix(REGISTRATIONS)
        if name == ref:
            continue
        if here.get(ref) == oid:
            found[name] = (oid, arrival.tip(name))
        elif name in before:
            found[name] = before[name]
    remotes.remember(house.repository, arrival.remote, found)


def apart(house: House, remote: str, name: str, here: str, there: str) -> Left | None:
    """Why a branch that is at `here` cannot follow to `there`, which does not contain it."""
    if is_ancestor(house.repository, there, here):
        return Left(
            name,
            "ahead",
            f"`{name}` has commits here that `{remote}` lacks",
            "`kitchen sync` takes them there",
        )
    return Left(
        name,
        "diverged",
        f"`{name}` has commits here that `{remote}` lacks, and `{remote}` has others",
        f"`git merge {remotes.FETCHED}{remote}/heads/{name}` in its checkout settles it, then `kitchen sync`",
    )


def fold_seen(house: House, there: Mapping[str, str]) -> list[Came]:
    """Take up what others attested."""
    theirs = there.get(ATTESTATIONS)
    before = house.repository.refs.read(ATTESTATIONS)
    if theirs is None or theirs == before:
        return []
    if not fold_attestations(house.repository, theirs, lambda: house.identity, house.now()):
        return []
    return [Came("attestations", None, before, house.repository.refs.read(ATTESTATIONS))]


def _fold_registrations(house: House, remote: str, there: Mapping[str, str]) -> list[Came]:
    """Those of the kitchens that are here, of the permanent ones, and of all above them."""
    refs = house.repository.refs
    here = refs.refs(HEADS, REGISTRATIONS)
    known = remotes.known(house.repository, remote)
    theirs = {ref[len(REGISTRATIONS) :]: oid for ref, oid in there.items() if ref.startswith(REGISTRATIONS)}
    came = _dropped(house, known, theirs, here)
    new = {name: oid for name, oid in theirs.items() if here.get(f"{REGISTRATIONS}{name}") != oid}
    read = dict(zip(new, house.registrations.at(list(new.values())), strict=True))
    for name in sorted(_wanted(read, here, known)):
        before = here.get(f"{REGISTRATIONS}{name}")
        if fold_registration(
            house.repository, KitchenName(name), new[name], lambda: house.identity, house.now()
        ):
            came.append(Came("registration", name, before, refs.read(f"{REGISTRATIONS}{name}")))
    return came


def _wanted(
    read: Mapping[str, Registration], here: Mapping[str, str], known: Mapping[str, object]
) -> set[str]:
    wanted: set[str] = set()
    for name, registration in read.items():
        registered = f"{REGISTRATIONS}{name}" in here
        # Known and not registered here any more: it was deleted here, and the remote has yet to hear of it.
        if registered or (name not in known and (f"{HEADS}{name}" in here or registration.permanent)):
            wanted.add(name)
    above = {str(read[name].parent) for name in wanted}
    while new := {name for name in above if name in read} - wanted:
        wanted |= new
        above = {str(read[name].parent) for name in new}
    return wanted


def _dropped(
    house: House,
    known: Mapping[str, tuple[str, str | None]],
    theirs: Mapping[str, str],
    here: Mapping[str, str],
) -> list[Came]:
    """Sandboxes that others deleted, and that were not touched here: their registration goes. Branch and folder stay
    as they are, as git leaves a branch whose counterpart is gone."""
    gone = [name for name in known if name not in theirs and f"{REGISTRATIONS}{name}" in here]
    # A remote that lost everything is no reason to lose it here, too.
    if not theirs or not gone:
        return []
    came = []
    for name, registration in zip(
        gone, house.registrations.at([here[f"{REGISTRATIONS}{name}"] for name in gone]), strict=True
    ):
        oid = here[f"{REGISTRATIONS}{name}"]
        if registration.permanent or oid != known[name][0]:
            continue
        try:
            house.repository.refs.delete(f"{REGISTRATIONS}{name}", oid)
        except Moved:
            continue
        came.append(Came("deletion", name, oid, None))
        house.note(f"the kitchen `{name}` was deleted by others; its branch stays here")
    return came


def _take_tags(house: House, there: Mapping[str, str]) -> list[Came]:
    """Promotions that are told of there; a tag of the same name that is here stays."""
    here = house.repository.refs.refs(PROMOTED)
    came = []
    for ref, oid in there.items():
        if ref.startswith(PROMOTED) and ref not in here:
            try:
                house.repository.refs.move(ref, oid, None, "kitchen: fetched")
            except Moved:
                continue
            came.append(Came("tag", ref.removeprefix("refs/tags/"), None, oid))
    return came


def _follow_all(
    house: House, remote: str, there: Mapping[str, str], *, everything: bool
) -> tuple[list[Came], list[Left]]:
    """Production first: its `kitchens.toml` names the others."""
    root = rules_of(house).production
    came, left = _follow_each(house, remote, there, [root])
    refs = house.repository.refs.refs(HEADS, REGISTRATIONS)
    here = {ref[len(REGISTRATIONS) :]: oid for ref, oid in refs.items() if ref.startswith(REGISTRATIONS)}
    registered = dict(zip(here, house.registrations.at(list(here.values())), strict=True))
    named = set(rules_of(house).kitchens)
    known = remotes.known(house.repository, remote)
    names = []
    for name in sorted({*named, *registered} - {root}):
        permanent = name in named or registered[name].permanent
        present = f"{HEADS}{name}" in refs
        deleted = name in known and name not in registered
        if (permanent or (everything and present)) and (present or not deleted):
            names.append(name)
    more = _follow_each(house, remote, there, names)
    return came + more[0], left + more[1]


def _follow_each(
    house: House, remote: str, there: Mapping[str, str], names: Iterable[str]
) -> tuple[list[Came], list[Left]]:
    came: list[Came] = []
    left: list[Left] = []
    for name in names:
        tip, here = there.get(f"{HEADS}{name}"), house.repository.refs.branch(name)
        if tip is None or tip == here:
            continue
        try:
            apart = follow(house, remote, name, tip)
        except EnvironmentFailure as failure:
            apart = Left(name, "in-the-way", f"`{name}` cannot follow `{remote}`: {failure.message}")
        if apart is None:
            came.append(Came("branch", name, here, tip))
        else:
            left.append(apart)
    return came, left
