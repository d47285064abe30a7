"""Who vouches for an attestation: whose signatures count in a kitchen, and how the user makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kitchens.actions.house import House
from kitchens.gate.tree import TreeView
from kitchens_engine.errors import InvalidInput, Refused

if TYPE_CHECKING:
    from kitchens.git.signatures import Signers

#: The file at a kitchen's tip that says whose signatures count there, in the format of ssh-keygen(1).
ALLOWED = ".kitchens/allowed_signers"

#: The files at a kitchen's tip that hold its rules.
RULE_FILES = (ALLOWED, "kitchens.toml")


def signers_of(house: House, rules: TreeView, candidate: TreeView, *, required: bool) -> Signers | None:
    """Those whose signatures count under the rules of a tip; None where unsigned attestations count too.

    Where signatures are `required` before anybody was named, the candidate's file counts: it is about to arrive.
    """
    content = rules.source.read(ALLOWED)
    if content is None and required:
        content = candidate.source.read(ALLOWED)
        if content is None:
            raise InvalidInput(
                f"`signed = true` in `kitchens.toml` asks for signed attestations, and there is no `{ALLOWED}`",
                'add it, with a line `you@example.com namespaces="kitchens" ssh-ed25519 …` for each who may sign',
                code="signers",
                file="kitchens.toml",
            )
    return None if content is None else house.signers(content)


def signature_for(house: House, asked: bool, signers: Signers | None) -> Callable[[bytes], bytes] | None:
    """How attestations are signed here: where the rules ask for it, or `commit.gpgSign` does; None: not at all.

    Raises `InvalidInput` when `[gate] sign` asks for it and git knows no SSH key.
    """
    from kitchens.git.signatures import sign, signing

    how = signing(house.repository)
    if how is None and asked:
        raise InvalidInput(
            "`[gate] sign` asks for signed attestations, and git has no SSH key of yours to sign with",
            "git config --global gpg.format ssh",
            "git config --global user.signingKey ~/.ssh/id_ed25519.pub",
            code="signing",
        )
    if how is None or not (asked or how.always or signers is not None):
        return None
    return lambda content: sign(content, how, house.repository.git.environment)


def require_signature(house: House, asked: bool, signers: Signers | None, source: str, target: str) -> None:
    """Refuse a gate whose verdict would not count: nobody waits an hour to learn that. Also makes sure of the key."""
    make = signature_for(house, asked, signers)
    if signers is None:
        return
    if make is None or signers.signer(b"probe", make(b"probe"), house.now()) is None:
        raise Refused(
            f"only attestations signed by a key in `{ALLOWED}` count in `{target}`, and "
            + ("git has no SSH key of yours" if make is None else "yours is not among them")
            + f"; `{target}` has not moved",
            "`git config gpg.format ssh` and `user.signingKey` make git sign"
            if make is None
            else f"somebody who may sign runs `kitchen test {source}`, and then it lands",
            code="unsigned",
            kitchen=source,
            into=target,
        )
