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


def test_who_may_sign_is_no_strangers_to_change(desk: Desk) -> None:
    """A change of the signers, or of `kitchens.toml`, has no recipe to show, and still lands with a signature only."""
    desk.commit(ALLOWED, sign_with(desk, "ada"))
    desk.json("create", "dev")
    desk.commit(ALLOWED, sign_with(desk, "eve"), "dev")
    before = desk.refs()
    assert desk.json("merge", "dev", status=4)["code"] == "unsigned"
    assert desk.refs() == before
    sign_with(desk, "ada")
    (verdict,) = desk.json("merge", "dev")["gate"]["recipes"]
    assert (verdict["recipe"], verdict["status"]) == ("[gate] rules", "passed")
    assert desk.json("verify")["status"] == "verified"


def test_the_queue_runs_no_gate_that_would_not_count(desk: Desk) -> None:
    """It is refused as a merge is, before anything runs; what waits still waits."""
    desk.commit(ALLOWED, sign_with(desk, "ada"))
    desk.json("create", "dev")
    desk.commit("recipes/counts/recipe.toml", changed(4), "dev")
    desk.json("queue", "add", "dev")
    runs = desk.json("order", "list")
    sign_with(desk, "eve")
    assert desk.json("queue", "run", status=4)["code"] == "unsigned"
    assert desk.json("order", "list") == runs
    sign_with(desk, "ada")
    assert [one["status"] for one in desk.json("queue", "run")["changes"]] == ["merged"]


def test_rules_that_were_vouched_for_once_do_not_come_back_by_themselves(desk: Desk) -> None:
    """Eve could sign once; she cannot land that state again, though it was signed then."""
    ada = sign_with(desk, "ada")
    both = ada + sign_with(desk, "eve")
    desk.commit(ALLOWED, ada)
    sign_with(desk, "ada")
    desk.json("create", "dev")
    for allowed in (both, ada):
        desk.commit(ALLOWED, allowed, "dev")
        desk.json("merge", "dev")
    desk.commit(ALLOWED, both, "dev")
    sign_with(desk, "eve")
    assert desk.json("merge", "dev", status=4)["code"] == "unsigned"


def test_rules_need_no_runtime(desk: Desk) -> None:
    """Nothing is run for them, so a policy that asks for containers asks for none here."""
    desk.commit(ALLOWED, sign_with(desk, "ada"))
    cookbook = COOKBOOK.replace("protected = true", 'protected = true\nisolation = "docker"')
    desk.commit("kitchens.toml", cookbook)
    desk.json("create", "dev", "--no-test")
    desk.commit("kitchens.toml", f"# with a word on it\n{cookbook}", "dev")
    recipes = desk.json("merge", "dev")["gate"]["recipes"]
    assert [(one["recipe"], one["status"]) for one in recipes] == [("[gate] rules", "passed")]
    assert desk.json("verify")["status"] == "verified"


def test_a_plain_commit_that_changes_the_rules_is_a_fault_until_somebody_signs(desk: Desk) -> None:
    """With the command that mends it."""
    desk.commit(ALLOWED, sign_with(desk, "ada"))
    desk.json("create", "dev")
    commit = desk.commit("kitchens.toml", COOKBOOK.replace("protected = true", "protected = false"))
    (fault,) = desk.json("verify", status=1)["faults"]
    assert (fault["commit"], "its change of the rules was never attested" in fault["why"]) == (commit, True)
    sign_with(desk, "eve")
    desk.json("test", "--commit", commit, "--into", "production")
    assert "which nobody in" in desk.json("verify", status=1)["faults"][0]["why"]
    sign_with(desk, "ada")
    desk.json("test", "--commit", commit, "--into", "production")
    assert desk.json("verify")["faults"] == []


def test_a_kitchen_that_is_behind_changes_no_rules(desk: Desk) -> None:
    """Whoever tests it does not vouch for those that it was made with."""
    desk.commit(ALLOWED, sign_with(desk, "ada"))
    desk.json("create", "dev")
    desk.json("create", "old", "--from", "production")
    desk.commit("recipes/counts/recipe.toml", changed(4), "old")
    desk.commit("kitchens.toml", f"# newer\n{COOKBOOK}", "dev")
    desk.json("merge", "dev")
    assert [one["recipe"] for one in desk.json("test", "old")["gate"]["recipes"]] == ["counts"]
