"""Signed attestations: who may vouch for what lands in a kitchen."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cli.conftest import COOKBOOK, RECIPE, Desk

ALLOWED = ".kitchens/allowed_signers"


def sign_with(desk: Desk, name: str) -> str:
    """Sign with a key of this name, made when there is none; its line for `allowed_signers`."""
    file = Path(desk.folder.parent, name)
    if not file.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    desk.git("config", "gpg.format", "ssh")
    desk.git("config", "user.signingKey", str(file))
    return f"{name}@kitchens.example {Path(f'{file}.pub').read_text()}"


def changed(top: int) -> str:
    """The recipe with another default."""
    return RECIPE.replace("top = 3", f"top = {top}")


def test_only_allowed_keys_count(desk: Desk) -> None:
    """A stranger's gate is refused before it runs, and nothing moves; what an allowed key signed lands for anybody."""
    line = sign_with(desk, "ada")
    desk.commit(ALLOWED, line)
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", changed(4), "dev")
    sign_with(desk, "eve")
    before = desk.refs()
    refused = desk.json("merge", "dev", status=4)
    assert (refused["status"], refused["code"], desk.refs()) == ("refused", "unsigned", before)
    sign_with(desk, "ada")
    assert desk.json("test", "dev")["gate"]["status"] == "green"
    sign_with(desk, "eve")
    merged = desk.json("merge", "dev")
    assert [one["status"] for one in merged["gate"]["recipes"]] == ["attested"]
    verified = desk.json("verify")
    assert (verified["status"], verified["landings"], verified["faults"]) == ("verified", 1, [])


def test_without_a_key_such_a_gate_is_refused(desk: Desk) -> None:
    """With the settings that make git sign."""
    desk.commit(ALLOWED, sign_with(desk, "ada"))
    desk.git("config", "--unset", "user.signingKey")
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", changed(4), "dev")
    answer = desk.kitchen("merge", "dev")
    assert answer.status == 4
    assert "git has no SSH key of yours" in answer.err


def test_a_policy_that_asks_for_signatures_needs_signers(desk: Desk) -> None:
    """Until the file comes nothing lands; the change that brings it is judged by it."""
    desk.commit("kitchens.toml", COOKBOOK.replace("protected = true", "protected = true\nsigned = true"))
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", changed(4), "dev")
    assert desk.json("merge", "dev", status=2)["error"]["code"] == "signers"
    desk.commit(ALLOWED, sign_with(desk, "ada"), "dev")
    assert desk.json("merge", "dev")["status"] == "merged"


def test_gate_sign_needs_a_key(desk: Desk) -> None:
    """And signs with it where nobody counts signatures yet; `verify` then counts on those of today."""
    desk.commit("kitchens.toml", f"{COOKBOOK}\n[gate]\nsign = true\n")
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", changed(4), "dev")
    assert desk.json("merge", "dev", status=2)["error"]["code"] == "signing"
    line = sign_with(desk, "ada")
    desk.json("merge", "dev")
    assert desk.json("verify")["status"] == "unsigned"
    desk.commit(ALLOWED, line)
    assert desk.json("verify")["status"] == "verified"
