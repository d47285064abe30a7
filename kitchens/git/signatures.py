"""SSH signatures as git makes them, by `ssh-keygen -Y`, in a namespace of our own: no commit's signature fits here."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from kitchens.git.repository import Repository
from kitchens_engine.errors import EnvironmentFailure
from kitchens_engine.tuples import NamedTuple

NAMESPACE = "kitchens"
PROGRAM = "ssh-keygen"

#: Fewer signatures than this are asked about one after the other.
FEW = 4

_KEYS = r"^(gpg\.format|gpg\.ssh\.program|user\.signingkey|commit\.gpgsign)$"


class Signing(NamedTuple):
    """How the user signs, from git's own settings. `key` is a file, or a public key that an agent holds.

    `always` is `commit.gpgSign`.
    """

    key: str
    program: str
    always: bool


def signing(repository: Repository) -> Signing | None:
    """The user's SSH signing key; None where `gpg.format` is not `ssh`, or there is no `user.signingKey`."""
    words = ("config", "-z", "--show-scope", "--get-regexp", _KEYS)
    fields = iter(repository.git.run(*words, check=False).fields)
    found: dict[str, str] = {}
    for scope, entry in zip(fields, fields, strict=True):
        key, _, value = entry.partition("\n")
        # What we pin ourselves is no word of the user's; and a repository names no program that we run.
        if scope != "command" and (key != "gpg.ssh.program" or scope not in ("local", "worktree")):
            found[key] = value
    if found.get("gpg.format") != "ssh" or not found.get("user.signingkey"):
        return None
    always = found.get("commit.gpgsign", "false").lower() in ("true", "yes", "on", "1", "")
    return Signing(found["user.signingkey"], found.get("gpg.ssh.program", PROGRAM), always)


def sign(content: bytes, how: Signing, environment: Mapping[str, str]) -> bytes:
    """The armoured signature of `content`. Raises `EnvironmentFailure` when the key cannot sign."""
    with tempfile.TemporaryDirectory(prefix="kitchens-") as folder:
        key, agent = how.key.removeprefix("key::"), False
        if key != how.key or key.startswith(("ssh-", "ecdsa-", "sk-")):
            file, agent = Path(folder, "key.pub"), True
            file.write_text(key + "\n", encoding="utf-8")
        else:
            file = Path(environment.get("HOME", "~"), key[2:]) if key.startswith("~/") else Path(key)
        words = ("-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(file), *(("-U",) if agent else ()))
        done = _run(how.program, words, content, environment)
    if done.returncode != 0 or not done.stdout:
        raise EnvironmentFailure(
            f"`{how.key}` did not sign: {_last_line(done.stderr)}",
            "`git config user.signingKey` names the key; `ssh-add` hands it to the agent",
            code="signing",
        )
    return done.stdout


class Signers:
    """The people whose signatures count: the content of an `allowed_signers` file (ssh-keygen(1), ALLOWED SIGNERS)."""

    def __init__(self, content: bytes, environment: Mapping[str, str], program: str = PROGRAM) -> None:
        self._content = content
        self._environment = environment
        self._program = program
        self._known: dict[tuple[bytes, bytes], str | None] = {}
        #: Who signed with a key before: most signatures are by few.
        self._met: dict[bytes, str] = {}

    def signer(self, content: bytes, signature: bytes | None, when: datetime) -> str | None:
        """Who signed exactly this content, with a key that was allowed at that time; None when nobody did."""
        if signature is None:
            return None
        asked = (content, signature)
        if asked not in self._known:
            self._known[asked] = self._ask(content, signature, when)
        return self._known[asked]

    def learn(self, signed: Iterable[tuple[bytes, bytes, datetime]]) -> None:
        """Ask about many at once: as many programs as there are processors."""
        new = [each for each in dict.fromkeys(signed) if each[:2] not in self._known]
        if len(new) < FEW:
            return
        # Who signed the first is known to the others.
        self.signer(*new[0])
        # Threads cost an import that few signatures need not pay.
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(os.cpu_count() or 1)
        try:
            list(pool.map(lambda each: self.signer(*each), new[1:]))
        finally:
            pool.shutdown(cancel_futures=True)

    def _ask(self, content: bytes, signature: bytes, when: datetime) -> str | None:
        key = _key(signature)
        moment = f"-Overify-time={when.astimezone(UTC):%Y%m%d%H%M%S}"
        with _files(self._content, signature) as (allowed, signed):
            about = ("-f", allowed, "-s", signed, moment)
            for principal in self._candidates(key, about):
                words = ("-Y", "verify", "-n", NAMESPACE, "-I", principal, *about)
                if _run(self._program, words, content, self._environment).returncode == 0:
                    self._met[key] = principal
                    return principal
        return None

    def _candidates(self, key: bytes, about: Sequence[str]) -> Iterator[str]:
        """Those who may have made a signature with a key: who did before, because to ask takes as long as to try, then
        whom it belongs to."""
        met = self._met.get(key)
        if met is not None:
            yield met
        found = _run(self._program, ("-Y", "find-principals", *about), b"", self._environment)
        if found.returncode == 0:
            yield from (
                each for each in found.stdout.decode(errors="replace").split("\n") if each not in ("", met)
            )


def _key(signature: bytes) -> bytes:
    """The public key that a signature says it was made with (OpenSSH, PROTOCOL.sshsig); empty when it says nothing."""
    body = b"".join(line for line in signature.splitlines() if not line.startswith(b"-----"))
    with suppress(ValueError):
        said = base64.b64decode(body)
        return said[14 : 14 + int.from_bytes(said[10:14], "big")]
    return b""


@contextmanager
def _files(*contents: bytes) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory(prefix="kitchens-") as folder:
        paths = [Path(folder, str(number)) for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        yield [str(path) for path in paths]


def _run(
    program: str, words: Sequence[str], input: bytes, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    try:
        # The times in an `allowed_signers` file are read in the local zone: one zone for all machines.
        return subprocess.run(
            [program, *words], input=input, capture_output=True, check=False, env={**environment, "TZ": "UTC"}
        )
    except OSError as error:
        raise EnvironmentFailure(
            f"`{program}` could not be started: {error.strerror}",
            "signatures need OpenSSH 8.9 or newer",
            code="signing",
        ) from error


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"
