"""Where the cookbook names a remote, kitchens land there."""

from __future__ import annotations

import json
import os

import pytest

from kitchens.actions.sharing.arriving import arrive, settle
from kitchens.cli.desk import Desk as CommandDesk
from kitchens.cli.run import run
from kitchens.cli.stop import StopSignal
from tests.cli.sharing.conftest import Team, change, typed
from tests.cli.sharing.http import served
from tests.kitchens.crash import fork


def test_a_merge_lands_at_the_remote_and_here(team: Team) -> None:
    """The branch, its registration and the attestations arrive together; checkouts here follow."""
    change(team.ada, "late", top=5)
    document = team.ada.json("merge", "late")
    assert document["status"] == "merged"
    assert team.tip("dev") == team.ada.tip("dev") == document["commit"]
    assert (team.ada.path("dev") / "late.txt").exists()
    assert team.ada.git("status", "--porcelain", folder=team.ada.path("dev")) == ""
    for ref in ("refs/kitchens/dev", "refs/kitchens/production", "refs/attestations/gate"):
        assert team.at_hub("rev-parse", ref) == team.ada.git("rev-parse", ref)
    bob = team.clone("bob")
    assert bob.json("verify", "dev")["landings"] == 1


def test_a_merge_comes_on_top_of_what_others_landed(team: Team) -> None:
    """The candidate is made on the remote's tip, and a checkout here comes along."""
    bob = team.clone("bob")
    change(team.ada, "one", top=5)
    change(bob, "two")
    team.ada.json("merge", "one")
    document = bob.json("merge", "two")
    assert document["status"] == "merged"
    assert team.tip("dev") == bob.tip("dev")
    assert {"one.txt", "two.txt"} <= set(team.at_hub("ls-tree", "--name-only", "dev").splitlines())
    # What Ada's gate found is known here: nothing ran again.
    assert [recipe["status"] for recipe in document["gate"]["recipes"]] in ([], ["attested"])


def test_two_clones_that_merge_at_once_both_land(team: Team) -> None:
    """Whoever is slower fetches, merges again, and tests nothing twice."""
    bob = team.clone("bob")
    change(team.ada, "one", top=5)
    change(bob, "two")
    before = team.tip("dev")
    assert [wait() for wait in [typed(team.ada, "merge", "one"), typed(bob, "merge", "two")]] == [0, 0]
    assert {"one.txt", "two.txt"} <= set(team.at_hub("ls-tree", "--name-only", "dev").splitlines())
    assert len(team.at_hub("rev-list", "--first-parent", f"{before}..dev").split()) == 2
    assert bob.kitchen("sync").status == 0
    assert bob.json("verify", "dev")["landings"] == 2


def test_what_another_process_here_landed_meanwhile_is_not_taken_for_commits_that_only_we_have(
    team: Team,
) -> None:
    """Whoever fetched before it sees `dev` ahead of what the remote had then, and looks again."""
    change(team.ada, "one")
    house = CommandDesk(str(team.ada.folder), as_json=False, stop=StopSignal(), quiet=True).house
    with house.repository:
        before = arrive(house)
        team.ada.json("merge", "one")
        found = settle(house, before, "dev")
    assert before is not None and found is not None
    assert before.tip("dev") != found.tip("dev") == team.tip("dev")


def test_a_promotion_and_a_rollback_land_there(team: Team) -> None:
    """The promotion's tag travels; the other clone sees both after a sync."""
    bob = team.clone("bob")
    change(team.ada, "one", top=5)
    team.ada.json("merge", "one")
    promoted = team.ada.json("promote", "dev")
    assert promoted["stages"][0]["tag"] == "promoted/production/1"
    assert team.tip("production") == promoted["commit"] == team.ada.tip("production")
    assert "promoted/production/1" in team.at_hub("tag")
    rolled = bob.json("rollback", "production")
    assert team.tip("production") == rolled["commit"] == bob.tip("production")
    assert "promoted/production/1" in bob.git("tag")
    assert team.ada.kitchen("sync").status == 0
    assert team.ada.tip("production") == rolled["commit"]
    assert len(team.ada.json("verify")["faults"]) == 0


def test_the_queue_lands_there(team: Team) -> None:
    """All that waits, though somebody landed at the remote after it was queued."""
    bob = team.clone("bob")
    change(team.ada, "one", top=5)
    change(team.ada, "two")
    team.ada.json("queue", "add", "one", "two")
    change(bob, "three")
    bob.json("merge", "three")
    done = team.ada.json("queue", "run")
    assert [one["status"] for one in done["changes"]] == ["merged", "merged"]
    assert team.tip("dev") == team.ada.tip("dev")
    landed = set(team.at_hub("ls-tree", "--name-only", "dev").splitlines())
    assert {"one.txt", "two.txt", "three.txt"} <= landed


def test_without_the_remote_nothing_lands(team: Team) -> None:
    """One sentence, exit 5; every ref as it was, here and there."""
    change(team.ada, "one", top=5)
    before, there = team.ada.refs(), team.refs()
    team.hub.rename(team.top / "gone")
    answer = team.ada.kitchen("merge", "one")
    (team.top / "gone").rename(team.hub)
    assert (answer.status, team.refs()) == (5, there)
    assert answer.err.startswith("error: `origin` cannot be reached: ")
    assert team.ada.refs() == before
    assert "hint: `git ls-remote origin` asks the same of it" in answer.err


def test_what_ssh_says_is_the_reason(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git says only that it could not read."""
    said = "ssh: connect to host far.example port 22: Connection refused"
    monkeypatch.setenv("GIT_SSH_COMMAND", f"echo '{said}' >&2; exit 255; :")
    team.ada.git("remote", "set-url", "origin", "far.example:shop.git")
    error = team.ada.json("sync", status=5)["error"]
    assert error["message"] == f"`origin` cannot be reached: {said}"


def test_a_remote_that_refuses_is_quoted_and_nothing_lands(team: Team) -> None:
    """A hook of the server's own, say: exit 5, nothing half-pushed, nothing here but the attestation."""
    change(team.ada, "one", top=5)
    hook = team.hub / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'error: the server is closed' >&2\nexit 1\n")
    hook.chmod(0o755)
    dev, there = team.ada.tip("dev"), team.refs()
    answer = team.ada.kitchen("merge", "one")
    assert answer.status == 5
    assert "`origin` refuses the push, and nothing was changed there: the server is closed" in answer.err
    assert (team.ada.tip("dev"), team.refs()) == (dev, there)
    hook.unlink()
    # The verdict is attested: it is not tested twice.
    gate = team.ada.json("merge", "one")["gate"]
    assert [recipe["status"] for recipe in gate["recipes"]] == ["attested"]


def test_commits_that_only_this_clone_has_are_not_landed_on(team: Team) -> None:
    """A plain commit in `dev` must be at the remote first; then it is merged as any other."""
    change(team.ada, "one", top=5)
    team.ada.commit("plain.txt", "plain\n", "dev")
    answer = team.ada.kitchen("merge", "one")
    assert answer.status == 2
    assert "`dev` has commits here that `origin` lacks; nothing has landed" in answer.err
    assert team.ada.kitchen("sync").status == 0
    assert team.ada.json("merge", "one")["status"] == "merged"


def test_an_edited_file_in_the_way_refuses_before_anything_is_pushed(team: Team) -> None:
    """As without a remote: exit 2, and the paths."""
    bob = team.clone("bob")
    team.ada.commit("README.md", "A shop.\n", "dev")
    change(bob, "one")
    team.ada.kitchen("sync")
    bob.write("README.md", "mine\n", bob.path("dev"))
    there = team.refs()
    answer = bob.kitchen("merge", "one")
    assert (answer.status, team.refs()) == (2, there)
    assert "README.md" in answer.err


def test_a_cookbook_without_its_remote_says_what_to_do(team: Team) -> None:
    """The name in `kitchens.toml` is that of a remote which the user knows; never a URL."""
    change(team.ada, "one")
    team.ada.git("remote", "remove", "origin")
    answer = team.ada.kitchen("merge", "one")
    assert answer.status == 2
    assert "hint: `git remote add origin URL`" in answer.err


def test_killed_after_the_push_the_next_command_follows(team: Team) -> None:
    """The remote has moved, this clone has not: whatever is typed next brings it along."""
    change(team.ada, "one", top=5)
    team.ada.json("test", "one")
    # Kills the command that pushes, once the remote has accepted.
    hook = team.hub / "hooks" / "post-receive"
    hook.write_text('#!/bin/sh\nkill -9 "$KITCHEN_TO_KILL"\n')
    hook.chmod(0o755)
    here = team.ada.tip("dev")
    child = typed_and_killed(team)
    assert child == -9
    assert team.ada.tip("dev") == here != team.tip("dev")
    hook.unlink()
    gone = team.top / "gone"
    team.hub.rename(gone)
    answer = team.ada.kitchen("list")
    assert answer.status == 0
    assert "a push to `origin` was cut off, and what came of it is not known" in answer.err
    gone.rename(team.hub)
    team.ada.json("list")
    assert team.ada.tip("dev") == team.tip("dev")
    assert (team.ada.path("dev") / "one.txt").exists()
    assert team.ada.git("status", "--porcelain", folder=team.ada.path("dev")) == ""
    assert json.loads(team.ada.kitchen("verify", "dev", "--json").out)["landings"] == 1
    assert team.ada.json("merge", "one")["status"] == "unchanged"
    team.ada.git("fsck", "--strict")


def typed_and_killed(team: Team) -> int:
    """`kitchen merge one` in a process that a hook of the remote can kill."""
    child = fork()
    if child == 0:
        os.environ["KITCHEN_TO_KILL"] = str(os.getpid())
        os.chdir(team.ada.folder)
        os._exit(run(["merge", "one"]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_settings_of_others_count_in_the_gate(team: Team) -> None:
    """A `kitchen set` is shared at once; what was set on both sides is folded, none of it lost."""
    bob = team.clone("bob")
    bob.json("set", "dev", "top=7")
    change(team.ada, "one", top=5)
    gate = team.ada.json("merge", "one")["gate"]
    assert [recipe["status"] for recipe in gate["recipes"]] == ["passed"]
    assert team.ada.json("settings", "dev")["settings"] == {"top": 7}


def test_a_server_that_lets_nobody_push_is_told(team: Team) -> None:
    """Fetching works, pushing is forbidden: one sentence, exit 5, nothing lands."""
    change(team.ada, "one")
    team.at_hub("config", "http.receivepack", "false")
    with served(team.top) as url:
        team.ada.git("remote", "set-url", "origin", f"{url}/hub.git")
        dev, there = team.ada.tip("dev"), team.refs()
        answer = team.ada.kitchen("merge", "one")
    assert answer.status == 5
    assert "`origin` refuses the push, and nothing was changed there: " in answer.err
    assert (team.ada.tip("dev"), team.refs()) == (dev, there)
