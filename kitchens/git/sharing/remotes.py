"""A remote that a team shares: what it has is fetched to refs of our own, and what is ours is pushed in one step.

Of the user's configuration nothing is changed: every call says what it fetches and pushes. What the remote has lies
under `refs/kitchens-remote/<remote>/…`, where git's own commands do not look.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from kitchens.git.claims import Claim, abandoned, alone, claim, clear_lock
from kitchens.git.command import Answer, Git, text
from kitchens.git.refs import Moved
from kitchens.git.repository import Repository
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

#: Where what a remote has is fetched to: `refs/heads/x` of `origin` becomes `refs/kitchens-remote/origin/heads/x`.
FETCHED = "refs/kitchens-remote/"

#: What is fetched, each with everything below it.
SHARED = ("refs/heads/", "refs/kitchens/", "refs/attestations/", "refs/tags/promoted/")

#: What a claim is called under which refs of ours are fetched.
PURPOSE = "fetch"

#: Seconds for which a fetch waits for another one of this clone.
PATIENCE = 600.0

#: A change of a ref at the remote: what it shall be, and what it must be before. None: absent.
Change = tuple[str | None, str | None]


def require_remote(repository: Repository, name: str) -> None:
    """Raise `InvalidInput` when this clone knows no remote `name`. A URL is none: whoever writes `kitchens.toml`
    does not choose with whom this machine speaks."""
    if not has_remote(repository, name):
        raise InvalidInput(
            f"`kitchens.toml` says that kitchens are shared at `{name}`, and this clone has no such remote",
            f"`git remote add {name} URL`",
            code="no-remote",
        )


def has_remote(repository: Repository, name: str) -> bool:
    """Whether this clone has a remote `name`."""
    words = ("config", "--get-all", f"remote.{name}.url")
    return repository.git.run(*words, check=False).status == 0


def fetch(repository: Repository, remote: str) -> dict[str, str]:
    """Fetch what the remote has of kitchens; its refs by the names that they have there.

    Raises `EnvironmentFailure` when it cannot be reached; what was fetched before stays.
    """
    require_remote(repository, remote)
    place = f"{FETCHED}{remote}/"
    specs = [f"+{prefix}*:{place}{prefix.removeprefix('refs/')}*" for prefix in SHARED]
    words = (
        # Not atomic: then git would not prune first, and `x` that is gone would be in the way of `x/y`.
        *("-c", "fetch.pruneTags=false", "fetch", "--quiet", "--prune", "--no-tags"),
        *("--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"),
    )
    with alone(repository.claims, f"remote-{remote.replace('/', '%')}", PATIENCE):
        _clear(repository)
        held = claim(repository.claims, PURPOSE, place=place)
        try:
            answer = _speaker(repository).run(
                *words, "--", remote, *specs, check=False, keep=(held.descriptor,)
            )
            if answer.status != 0:
                # As any fetch it also brings the user's tracking branches up to date; where one of them is in
                # another's way, ours alone.
                answer = _speaker(repository).run(
                    *words, "--refmap=", "--", remote, *specs, check=False, keep=(held.descriptor,)
                )
        finally:
            held.release()
        if answer.status != 0:
            raise _unreachable(repository, remote, answer)
        return seen(repository, remote)


def seen(repository: Repository, remote: str) -> dict[str, str]:
    """What the remote had when it was fetched last, by the names that its refs have there."""
    place = f"{FETCHED}{remote}/"
    found = repository.refs.refs(*(f"{place}{prefix.removeprefix('refs/')}" for prefix in SHARED))
    return {f"refs/{ref.removeprefix(place)}": oid for ref, oid in found.items()}


def push(
    repository: Repository, remote: str, changes: Mapping[str, Change], held: Claim | None = None
) -> None:
    """Make all of `changes` at the remote, or none, each only where the ref still is what it must be.

    Raises `Moved` when somebody else was faster, and `EnvironmentFailure` when the remote cannot be reached or refuses.
    Git inherits the claim `held`.
    """
    words = (
        *("push", "--quiet", "--atomic", "--no-verify", "--no-signed", "--no-follow-tags"),
        "--no-recurse-submodules",
    )
    leases = [f"--force-with-lease={ref}:{old or ''}" for ref, (_, old) in changes.items()]
    specs = [f"{new or ''}:{ref}" for ref, (new, _) in changes.items()]
    keep = () if held is None else (held.descriptor,)
    answer = _speaker(repository).run(*words, *leases, "--", remote, *specs, check=False, keep=keep)
    if answer.status != 0:
        _judge(repository, remote, changes, answer)
    place = f"{FETCHED}{remote}/"
    ours = {f"{place}{ref.removeprefix('refs/')}": new for ref, (new, _) in changes.items()}
    # The next fetch would say the same.
    with suppress(EnvironmentFailure, InvalidInput):
        now = {ref: repository.refs.read(ref) for ref in ours}
        wanted = {ref: (new, now[ref]) for ref, new in ours.items() if new != now[ref]}
        if wanted:
            repository.refs.update(wanted, "kitchen: pushed")


def known(repository: Repository, remote: str) -> dict[str, tuple[str, str | None]]:
    """The kitchens that were the same here and at the remote when both were last compared: name → registration and
    tip. What is missing on one side since was deleted there."""
    content = repository.objects.read_all([_known_ref(remote)])[0]
    if content is None:
        return {}
    return {name: (one, tip) for name, (one, tip) in json.loads(content).items()}


def remember(repository: Repository, remote: str, kitchens: Mapping[str, tuple[str, str | None]]) -> None:
    """Write down what is the same on both sides."""
    from kitchens.git.pack import written

    ref = _known_ref(remote)
    content = json.dumps({name: list(kitchens[name]) for name in sorted(kitchens)}).encode()
    made = written("blob", content, repository.objects.width)
    old = repository.refs.read(ref)
    if old != made.oid:
        repository.objects.write([made])
        # Somebody who compared in this very moment knows as much.
        with suppress(Moved):
            repository.refs.move(ref, made.oid, old, "kitchen: known")


@contextmanager
def quarantined(repository: Repository, environment: Mapping[str, str]) -> Iterator[Repository]:
    """The repository with the objects that a push brought, as a hook sees them before anything is accepted."""
    for name in ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"):
        if name in environment:
            repository.git.environment[name] = environment[name]
    with repository:
        yield repository


def _speaker(repository: Repository) -> Git:
    """Git as it speaks with a remote: a URL that is a relative path begins at the top of the main checkout."""
    return repository.git.at(repository.top, git_dir=repository.common)


def _judge(repository: Repository, remote: str, changes: Mapping[str, Change], answer: Answer) -> None:
    """Return when a push that did not end well was carried out nonetheless; raise what was wrong with it."""
    listed = _speaker(repository).run("ls-remote", "--quiet", "--refs", "--", remote, *changes, check=False)
    if listed.status != 0:
        raise _unreachable(repository, remote, answer)
    lines = (line.partition("\t") for line in listed.text.split("\n") if line)
    there = {ref: oid for oid, _, ref in lines}
    if all(there.get(ref) == new for ref, (new, _) in changes.items()):
        # The answer was lost on its way, or somebody else did the same.
        return
    # A branch that moved says most of what happened.
    for ref, (_, old) in sorted(changes.items(), key=lambda each: not each[0].startswith("refs/heads/")):
        if there.get(ref) != old:
            raise Moved(ref, old, there.get(ref))
    raise EnvironmentFailure(
        f"`{remote}` refuses the push, and nothing was changed there: {_complaint(answer)}",
        code="remote-refused",
    )


def _unreachable(repository: Repository, remote: str, answer: Answer) -> EnvironmentFailure:
    repository.git.require_version()
    trouble = repository.git.disk_trouble()
    hints = () if trouble is None else (f"{trouble[0]}: {trouble[1]}",)
    return EnvironmentFailure(
        f"`{remote}` cannot be reached: {_complaint(answer)}",
        *(hints or (f"`git ls-remote {remote}` asks the same of it",)),
        code="remote",
    )


def _complaint(answer: Answer) -> str:
    """What git or the other side said first, to be quoted and never to be decided on."""
    lines = [line.strip() for line in text(answer.err).splitlines()]
    said = [line.removeprefix("remote: ").removeprefix("error: ") for line in lines if line]
    theirs = [line for line in lines if line.startswith("remote: error: ")]
    # Git says only that it read nothing where its ssh said why.
    fatal = [line for line in lines if line.startswith(("fatal: ", "ssh: "))]
    first = theirs or fatal or said or ["it said nothing"]
    return first[0].removeprefix("remote: error: ").removeprefix("fatal: ").rstrip(".")


def _known_ref(remote: str) -> str:
    return f"{FETCHED}{remote}/known"


def _clear(repository: Repository) -> None:
    """Remove the locks of a fetch that was killed with its machine: below our own refs nobody else writes."""
    for left in abandoned(repository.claims, PURPOSE):
        for path in (repository.common / str(left.what["place"])).rglob("*.lock"):
            clear_lock(path, left.what["when"])
        clear_lock(repository.common / "packed-refs.lock", left.what["when"])
        left.release()


def hooks_folder(repository: Repository) -> Path:
    """Where git looks for this repository's hooks. (Our own calls run none.)"""
    words = ("config", "--show-scope", "-z", "--type=path", "--get-all", "core.hooksPath")
    fields = repository.git.run(*words, check=False).fields
    named = [path for scope, path in zip(fields[::2], fields[1::2], strict=True) if scope != "command"]
    return Path(os.path.join(repository.common, named[-1] if named else "hooks"))
