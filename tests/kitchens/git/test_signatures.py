"""SSH signatures: made with the user's key as git does it, counted when that key is allowed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kitchens.git.signatures import Signers, Signing, sign, signing
from kitchens_engine.errors import EnvironmentFailure

from ..conftest import WHEN


def key(folder: Path, name: str = "key") -> Path:
    """A key without a passphrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    return folder / name


def allowed(file: Path, who: str = "ada@example.com", options: str = "") -> bytes:
    """An `allowed_signers` file with this key."""
    return f"{who} {options}{file.with_suffix('.pub').read_text()}".encode()


def test_a_signature_names_its_signer(tmp_path, environment):
    """For exactly the content that was signed, by a key that is allowed, in our namespace, at that time."""
    mine, other = key(tmp_path), key(tmp_path, "other")
    signature = sign(b"words", Signing(str(mine), "ssh-keygen", False), environment)
    assert Signers(allowed(mine), environment).signer(b"words", signature, WHEN) == "ada@example.com"
    assert Signers(allowed(mine), environment).signer(b"other words", signature, WHEN) is None
    assert Signers(allowed(mine), environment).signer(b"words", None, WHEN) is None
    assert Signers(allowed(mine), environment).signer(b"words", b"nonsense", WHEN) is None
    assert Signers(allowed(other), environment).signer(b"words", signature, WHEN) is None
    for options in ('namespaces="git" ', 'valid-before="20200101" '):
        assert Signers(allowed(mine, options=options), environment).signer(b"words", signature, WHEN) is None


def test_who_signed_before_is_tried_first(tmp_path, environment):
    """One process instead of two for each signature of his; that of somebody else is still his own."""
    mine, other = key(tmp_path), key(tmp_path, "other")
    calls, program = tmp_path / "calls", tmp_path / "counted"
    program.write_text(f'#!/bin/sh\necho "$2" >> {calls}\nexec ssh-keygen "$@"\n')
    program.chmod(0o755)
    signers = Signers(allowed(mine) + allowed(other, "bob@example.com"), environment, str(program))
    for words, file, who in (
        (b"one", mine, "ada@example.com"),
        (b"two", mine, "ada@example.com"),
        (b"three", other, "bob@example.com"),
    ):
        signature = sign(words, Signing(str(file), "ssh-keygen", False), environment)
        assert signers.signer(words, signature, WHEN) == who
    asked = ["find-principals", "verify"]
    assert calls.read_text().split() == [*asked, "verify", *asked]
    many = [
        (words, sign(words, Signing(str(file), "ssh-keygen", False), environment), WHEN)
        for words, file in ((b"four", other), (b"five", mine), (b"six", other), (b"seven", mine))
    ]
    signers.learn([*many, (b"other words", many[0][1], WHEN)])
    assert [signers.signer(*each) for each in many] == ["bob@example.com", "ada@example.com"] * 2
    assert signers.signer(b"other words", many[0][1], WHEN) is None
    assert calls.read_text().split()[5:].count("verify") == 5


def test_gits_settings_name_the_key(checkout, repository, tmp_path, environment):
    """SSH only; `commit.gpgSign` is the user's, not the one that we pin; no program is taken from a repository."""
    assert signing(repository) is None
    checkout.git("config", "user.signingKey", str(tmp_path / "key"))
    assert signing(repository) is None
    checkout.git("config", "gpg.format", "ssh")
    assert signing(repository) == Signing(str(tmp_path / "key"), "ssh-keygen", False)
    checkout.git("config", "commit.gpgSign", "true")
    checkout.git("config", "gpg.ssh.program", str(tmp_path / "theirs"))
    assert signing(repository) == Signing(str(tmp_path / "key"), "ssh-keygen", True)


def test_a_key_that_cannot_sign_is_one_sentence(tmp_path, environment):
    """Named, with git's setting."""
    with pytest.raises(EnvironmentFailure, match="did not sign"):
        sign(b"words", Signing(str(tmp_path / "none"), "ssh-keygen", False), environment)
    with pytest.raises(EnvironmentFailure, match="could not be started"):
        sign(b"words", Signing(str(tmp_path / "none"), str(tmp_path / "no-program"), False), environment)
