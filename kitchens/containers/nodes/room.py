"""One hardened container with the agent in it, from its creation to its removal."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from kitchens.containers import hardening, networks, owners
from kitchens.containers.engine import ContainerEnded, Engine, EngineUnreachable
from kitchens.containers.nodes import agent
from kitchens.containers.nodes.conversation import Conversation, Silenced
from kitchens.containers.place import Place
from kitchens.containers.toolchains.image import ImageToolchain

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Room:
    """A container whose agent (`process`) answered. `has_python` says whether its toolchain has one; `mark` begins what the nodes
    of this room, and no others, carry."""

    engine: Engine
    container: str
    talk: Conversation
    has_python: bool
    process: int
    mark: str

    def why_ended(self) -> str:
        """One sentence on how it came to its end."""
        return self.engine.why_ended(self.container)

    def close(self) -> None:
        """Remove it, and with it whatever still runs in it. Nothing happens to one that is gone."""
        _close(self.engine, self.container, self.talk)

    def discard(self) -> None:
        """Remove the container, since something in it cannot be ended otherwise."""
        self.close()


def open_room(engine: Engine, toolchain: ImageToolchain, place: Place) -> Room:
    """Start a container for `place`, as the caller's user.

    It ends with this process, however that ends: its agent reads from us, and the engine
    removes it when that is over.
    """
    container = engine.create(
        toolchain.name,
        ["/bin/sh", "-c", agent.SCRIPT, "agent", toolchain.python],
        hardening.container_settings(
            place, owners.labels(place.cookbook, place.kitchen, place.run), user_of(engine), toolchain.path
        ),
        hardening.container_limits(place, engine.remaps_users),
    )
    try:
        if place.network == "open" and place.inside is not None:
            networks.join(engine, place.inside, container)
        talk = Conversation(engine.start_attached(container))
    except BaseException:
        engine.remove(container)
        raise
    try:
        return Room(engine, container, talk, *greeted(talk, toolchain.name), new_mark())
    except BaseException:
        _close(engine, container, talk)
        raise


def _close(engine: Engine, container: str, talk: Conversation) -> None:
    try:
        engine.require_answer()  # a stopped one would be waited for; it sweeps up when it goes on
        engine.remove(container)
    finally:
        talk.close()


def new_mark() -> str:
    """A mark that no other room has."""
    return os.urandom(8).hex()


def greeted(talk: Conversation, image: str) -> tuple[bool, int]:
    """Wait for the agent's first word: whether the container has our Python, and the agent's process."""
    deadline = time.monotonic() + _PATIENCE
    while (left := deadline - time.monotonic()) > 0:
        try:
            answers = talk.hear(left)
        except Silenced:
            said = talk.complaint or "it ended at once"
            raise ContainerEnded(
                f"no shell could be started in `{image}`: {said}", "the image needs /bin/sh"
            ) from None
        for words in answers:
            if words[:1] == ["ready"]:
                return words[1] == "1", int(words[2])
    raise EngineUnreachable(f"the container of `{image}` did not answer within a minute")


def user_of(engine: Engine) -> str:
    """The caller's uid and gid. A rootless engine maps the caller to its root."""
    return "0:0" if engine.rootless else f"{os.getuid()}:{os.getgid()}"
