"""Where the containers of one kitchen belong: their labels, and what is written down about them on this machine."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.actions.services.noted import folder_of
from kitchens.containers.lock import alone
from kitchens.containers.owners import LABEL, machine
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.tuples import NamedTuple

if TYPE_CHECKING:
    from kitchens.containers.engine import Engine

HOME = LABEL + "home"
HOUSE = LABEL + "house"
SERVICE = LABEL + "service"
SPEC = LABEL + "spec"

#: The mark of a kitchen that has, or had, services on an engine.
SERVING = "serving"
#: The note that says after how many seconds without use a kitchen is idle.
IDLE = "idle"


class Home(NamedTuple):
    """One life of a kitchen on this machine. `id` differs for a kitchen that was deleted and made anew; `folder` takes
    what is known of its containers without asking an engine; `house` is that of its repository."""

    kitchen: str
    cookbook: str
    id: str
    folder: Path
    house: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """What everything that belongs to it carries on the engine."""
        return {
            LABEL + "cookbook": self.cookbook,
            LABEL + "kitchen": self.kitchen,
            HOME: self.id,
            HOUSE: self.house,
        }

    @property
    def mine(self) -> str:
        """The label that finds everything of it."""
        return f"{HOME}={self.id}"

    def called(self, what: str) -> str:
        """A name on the engine that no other kitchen has."""
        return f"kitchens-{self.id}-{what}"

    def read(self, name: str) -> dict[str, Any]:
        """What was noted under a name; empty when nothing was."""
        try:
            found: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def note(self, name: str, what: Mapping[str, Any]) -> None:
        """Write it down, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / f".{name}.{os.getpid()}"
        new.write_text(json.dumps(what), encoding="utf-8")
        new.replace(self.folder / name)

    def mark(self, name: str) -> None:
        """Leave a mark, which carries the time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        path.touch()
        os.utime(path)

    def unmark(self, name: str) -> None:
        """Take a mark away."""
        (self.folder / name).unlink(missing_ok=True)

    def marked(self, name: str) -> bool:
        """Whether the mark is there."""
        return (self.folder / name).exists()

    def idle_after(self, seconds: float | None) -> None:
        """From now on it is idle after so many seconds without use (None: never)."""
        if self.read(IDLE) != {"after": seconds}:
            self.note(IDLE, {"after": seconds})

    def idle_for(self) -> float:
        """Seconds since it was last used."""
        try:
            return time.time() - (self.folder / "used").stat().st_mtime
        except FileNotFoundError:
            return 0.0


def home_of(house: House, kitchen: Kitchen, cookbook: str) -> Home:
    """The home of a kitchen as it lives now."""
    import hashlib

    registered = kitchen.registered
    made = "" if registered is None else registered.created.isoformat()
    text = f"{house.repository.common}\0{kitchen.name}\0{made}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = folder_of(house) / quote(kitchen.name, safe="")
    return Home(kitchen.name, cookbook, digest, folder, house_of(house))


def engine_of(house: House, home: Home) -> Engine:
    """The engine that runs the services of a kitchen. Raises `InvalidInput` where there never were any: then it does not
    matter that no engine answers."""
    from kitchens.containers.engine import connect

    try:
        return connect(house.environment)
    except EnvironmentFailure:
        if home.folder.is_dir():
            raise
        raise no_service(home) from None


def no_service(home: Home) -> InvalidInput:
    """The fault of a kitchen none of whose services runs."""
    return InvalidInput(
        f"no service of `{home.kitchen}` runs", f"`kitchen up {home.kitchen}` starts them", code="service"
    )


def house_of(house: House) -> str:
    """What tells the kitchens of this repository on this machine from all others that an engine may serve."""
    import hashlib

    return hashlib.sha256(f"{machine()}\0{house.repository.common}".encode()).hexdigest()[:16]


def green(house: House, spec: str) -> Path:
    """The mark of a service that once was ready as it is specified."""
    return folder_of(house) / ".green" / spec


def is_gone(house: House, home: Home) -> bool:
    """Whether that is written down."""
    return (folder_of(house) / ".gone" / home.id).is_file()


def remember_gone(house: House, home: Home, images: Sequence[str] = ()) -> None:
    """Write down that the kitchen is about to be deleted: what it has on an engine, and the `images` that are for it alone,
    go with it, now or at the next chance."""
    folder = house.state / "services" / ".gone"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / home.id
    note.write_text(json.dumps({"kitchen": home.kitchen, "images": list(images)}), encoding="utf-8")


def lock_of(house: House, home: Home) -> Path:
    """What whoever changes the containers of a kitchen holds."""
    return folder_of(house) / f".{quote(home.kitchen, safe='')}.lock"


@contextmanager
def changing(house: House, home: Home) -> Iterator[None]:
    """One process at a time changes the containers of a kitchen; the second waits, and says so."""
    with alone(
        lock_of(house, home), house.note, f"another command changes the services of `{home.kitchen}`: waiting"
    ):
        yield


@contextmanager
def entered(house: House, home: Home) -> Iterator[None]:
    """`changing`, for whoever starts something: whoever deleted the kitchen while we waited removed what there was, and
    nobody would remove what comes now. Raises `InvalidInput` when it is gone."""
    with changing(house, home):
        kitchen = Kitchens(house).get(home.kitchen)
        if home_of(house, kitchen, home.cookbook).id != home.id:
            raise InvalidInput(
                f"`{home.kitchen}` was deleted and made anew; nothing was started", code="no-kitchen"
            )
        yield


@contextmanager
def used(home: Home) -> Iterator[None]:
    """Meanwhile the kitchen is in use, so that nobody stops its services for being idle."""
    home.folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home.folder / "used", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            home.mark("used")
        yield
    finally:
        if home.folder.is_dir():
            home.mark("used")
        os.close(descriptor)


def in_use(home: Home) -> bool:
    """Whether an order, `exec` or `shell` uses it just now."""
    try:
        descriptor = os.open(home.folder / "used", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
