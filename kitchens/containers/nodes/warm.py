"""A kitchen's warm toolchain container: started once, and used by several processes at once, each with an agent of its own in it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kitchens.containers import hardening, networks, objects, owners
from kitchens.containers.engine import ContainerEnded, Engine
from kitchens.containers.nodes import agent
from kitchens.containers.nodes.conversation import Conversation, Silenced
from kitchens.containers.nodes.room import Room, greeted, new_mark, user_of
from kitchens.containers.place import Place
from kitchens.containers.toolchains.image import ImageToolchain
from kitchens_engine.errors import EnvironmentFailure

#: What such a container carries; the value is the hash of all that it is made of.
TOOLCHAIN = owners.LABEL + "toolchain"
#: Raised when what a container is made with changes: one of an older version is made anew.
_FORMAT = 1
#: Its first process waits for the end of an input that nobody holds.
_KEEPER = ["/bin/sh", "-c", "while read -r line; do :; done"]
#: So long at most the agent may take to end what carries its mark.
_PATIENCE = 5.0


def key_of(engine: Engine, toolchain: ImageToolchain, place: Place) -> str:
    """The hash of everything that a warm container for this place is made of. A folder that was made anew under the
    same path is another one: a container holds the old."""
    folders = [_identity(place.checkout), _identity(place.data), _identity(place.lodge)]
    folders.append(_identity(place.checkout / ".git"))
    facts = [
        _FORMAT,
        toolchain.id,
        toolchain.path,
        hardening.container_settings(place, {}, user_of(engine), toolchain.path),
        hardening.container_limits(place, engine.remaps_users),
        place.inside,
        folders,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def make(
    engine: Engine, toolchain: ImageToolchain, place: Place, name: str, labels: Mapping[str, str], key: str
) -> str:
    """Start one as the caller's user; its id. It outlives this process, and is gone when it has ended."""
    settings = hardening.container_settings(
        place, {**labels, TOOLCHAIN: key}, user_of(engine), toolchain.path
    )
    limits = hardening.container_limits(place, engine.remaps_users)
    container = engine.create(toolchain.name, _KEEPER, {**settings, "name": name}, limits)
    try:
        if place.network == "open" and place.inside is not None:
            networks.join(engine, place.inside, container)
        engine.start(container)
    except BaseException:
        engine.remove(container)
        raise
    return container


def enter(
    engine: Engine, container: str, toolchain: ImageToolchain, run: str, alone: Callable[[], bool]
) -> WarmRoom:
    """A room in a warm container, with an agent of its own, in which nothing of an earlier runner of `run` runs any more.

    `alone` says, when the room is given back, whether nobody else uses the container, and keeps others out until the
    caller lets go of it. Raises `ContainerEnded` for a container that is gone.
    """
    mark = new_mark()
    room = WarmRoom(engine, container, *_agent(engine, container, toolchain, mark), mark, toolchain, alone)
    if run:
        room.talk.say(agent.seek(f"KITCHEN_RUN={run}"))
    return room


@dataclass(frozen=True, slots=True)
class WarmRoom(Room):
    """A part of a warm container: the nodes that one agent starts. When its holder dies, however that happens, the
    agent reads the end of its input and ends them, and nothing else."""

    toolchain: ImageToolchain
    alone: Callable[[], bool]

    def why_ended(self) -> str:
        """One sentence on how it came to its end."""
        try:
            self.engine.require_answer()
            if objects.state_of(self.engine, self.container).get("Running"):
                return "what started its processes was ended"
        except EnvironmentFailure:
            pass
        return self.engine.why_ended(self.container)

    def close(self) -> None:
        """End what still runs in it; the container stays."""
        self.engine.require_answer()
        if self._left(self.talk):
            return
        # Its agent was gone before: another one ends what that left.
        with contextlib.suppress(ContainerEnded):  # so is the container
            self._left(_agent(self.engine, self.container, self.toolchain, self.mark)[0])

    def discard(self) -> None:
        """Remove the container, since something in it cannot be ended otherwise."""
        self.talk.close()
        self.engine.remove(self.container)

    def _left(self, talk: Conversation) -> bool:
        """Have the agent end everything, and wait for that; False when there is no agent any more."""
        try:
            if self.alone():
                talk.say(agent.tidy())
            talk.say(agent.check({}))
            talk.finish()
            return _checked(talk)
        except Silenced:
            return False
        finally:
            talk.close()


def _checked(talk: Conversation) -> bool:
    """Whether the agent was there; waits until it has ended, for a while."""
    deadline, answered = time.monotonic() + _PATIENCE, False
    with contextlib.suppress(Silenced):
        while (left := deadline - time.monotonic()) > 0:
            answered |= ["checked"] in talk.hear(left)
    return answered


def _agent(
    engine: Engine, container: str, toolchain: ImageToolchain, mark: str
) -> tuple[Conversation, bool, int]:
    """An agent in a running container, whether that has our Python, and the agent's process. It carries the mark itself, and so does whatever
    it is about to become a node."""
    words = ["/bin/sh", "-c", agent.SCRIPT, "agent", toolchain.python, f"{agent.MARK}={mark}."]
    _, stream = objects.talk_in(engine, container, words, {agent.MARK: f"{mark}.0."}, terminal=False)
    talk = Conversation(stream)
    try:
        return talk, *greeted(talk, toolchain.name)
    except BaseException:
        talk.close()
        raise


def _identity(path: Path | None) -> tuple[int, int] | None:
    try:
        facts = os.stat(path or "")
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
