"""A repository with the hook guards itself, whoever pushes to it and with whatever."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kitchens.actions.kitchens import Kitchens
from kitchens.actions.landing.merging import plan_merge
from kitchens.actions.landing.moving import MovePlan, land
from kitchens.cli.desk import Desk as CommandDesk
from kitchens.cli.stop import StopSignal
from tests.cli.conftest import RECIPE, Desk
from tests.cli.sharing.conftest import SHARED, Team, change
from tests.cli.sharing.http import served


@pytest.fixture(params=["file", "http"])
def guarded(team: Team, request: pytest.FixtureRequest) -> Iterator[Team]:
    """The team's repository with the hook, over `file://` and over git's HTTP backend."""
    assert team.ada.json("hook", "install", str(team.hub))["status"] == "installed"
    if request.param == "file":
        yield team
        return
    team.at_hub("config", "http.receivepack", "true")
    with served(team.top) as url:
        team.url = f"{url}/hub.git"
        team.ada.git("remote", "set-url", "origin", team.url)
        yield team


def pushed(desk: Desk, *words: str) -> tuple[int, str]:
    """Type `git push origin WORDS`: its exit status, and what it said."""
    done = subprocess.run(
        ["git", "push", "--quiet", "origin", *words],
        cwd=desk.folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stderr


def untested(desk: Desk, top: int) -> str:
    """A plain commit in production that changes the recipe."""
    desk.write("recipes/counts/recipe.toml", RECIPE.replace("top = 3", f"top = {top}"))
    return desk.save("untested")


def test_an_untested_commit_gets_in_once_it_is_tested(guarded: Team) -> None:
    """A plain push is refused with the reason and what to type; that gets it in. Merges and promotions pass."""
    change(guarded.ada, "one", top=5)
    guarded.ada.json("merge", "one")
    assert guarded.ada.json("promote", "dev")["status"] == "promoted"
    commit = untested(guarded.ada, 6)
    before = guarded.refs()
    status, said = pushed(guarded.ada, "production")
    assert status != 0
    assert f"`production` is protected, and commit `{commit[:12]}` recipe `counts`" in said
    assert "was never attested: recipe changed; nothing was changed" in said
    assert f"`kitchen test --commit {commit[:12]} --into production` and then `kitchen sync`" in said
    assert guarded.refs() == before
    guarded.ada.json("test", "--commit", commit[:12], "--into", "production")
    assert guarded.ada.json("sync")["left"] == []
    assert guarded.tip("production") == commit


def test_nobody_takes_back_what_was_written_down(team: Team) -> None:
    """Deletions and rewinds of a protected kitchen, of registrations, attestations and promotions are refused."""
    ada = team.ada
    change(ada, "one", top=5)
    ada.json("merge", "one")
    ada.json("promote", "dev")
    ada.json("hook", "install", str(team.hub))
    before = team.refs()
    ada.git("branch", "--force", "old", "production~1")
    bare = ada.git("commit-tree", "-m", "mine", ada.git("rev-parse", "refs/kitchens/dev^{tree}"))
    empty = ada.git("hash-object", "-t", "tree", "-w", "/dev/null")
    lost = ada.git("commit-tree", "-p", "refs/attestations/gate", "-m", "lost", empty)
    refused = {
        ":production": "`production` is the root kitchen and cannot be deleted",
        "+old:production": "`production` is protected, and commits that landed in it do not go away",
        ":refs/kitchens/production": "its registration cannot be deleted",
        f"+{bare}:refs/kitchens/dev": "the registration of `dev` would lose what others wrote",
        ":refs/attestations/gate": "is the proof of what landed, and cannot be deleted",
        f"+{lost}:refs/attestations/gate": "would lose attestations that are there",
        ":refs/tags/promoted/production/1": "tells of a promotion, and stays as it is",
    }
    for words, reason in refused.items():
        status, said = pushed(ada, words)
        assert status != 0, words
        assert reason in said
        assert team.refs() == before


def test_no_object_is_replaced(team: Team) -> None:
    """Under the id of what was tested, git would show something else to whoever fetches it or deploys from there."""
    team.ada.json("hook", "install", str(team.hub))
    before = team.refs()
    good = team.ada.tip("production")
    bad = untested(team.ada, 6)
    team.ada.git("replace", good, bad)
    status, said = pushed(team.ada, "refs/replace/*:refs/replace/*")
    assert (status, team.refs()) == (1, before)
    assert f"`refs/replace/{good}` would show another object" in said
    team.at_hub("update-ref", f"refs/replace/{good}", "refs/kitchens/production")
    assert pushed(team.ada, f":refs/replace/{good}")[0] == 0
    assert team.refs() == before


def test_the_root_stays_the_root(team: Team) -> None:
    """Below another kitchen, nobody could tell whose rules say what is protected."""
    team.ada.json("hook", "install", str(team.hub))
    house = CommandDesk(str(team.ada.folder), as_json=False, stop=StopSignal(), quiet=True).house
    before = team.refs()
    with house.repository:
        root = Kitchens(house).get("production")
        assert root.registered is not None
        assert root.registered_at is not None
        below = root.registered._replace(parent=Kitchens(house).get("dev").name)
        commit = house.registrations.draft(below, [root.registered_at], "below", house.identity, house.now())
    status, said = pushed(team.ada, f"{commit}:refs/kitchens/production")
    assert (status, team.refs()) == (1, before)
    assert "`production` is the root kitchen, and would be below `dev`" in said


@pytest.mark.parametrize("through", ["refs/heads/production", "refs/heads/other"])
def test_another_name_of_a_protected_kitchen_is_no_way_in(team: Team, through: str) -> None:
    """A symbolic ref moves what it names, whether it names it itself or by another one."""
    team.at_hub("symbolic-ref", "refs/heads/other", "refs/heads/production")
    team.at_hub("symbolic-ref", "refs/heads/main", through)
    team.ada.json("hook", "install", str(team.hub))
    commit = untested(team.ada, 6)
    before = team.refs()
    status, said = pushed(team.ada, "production:main")
    assert (status, team.refs()) == (1, before)
    assert f"`production` is protected, and commit `{commit[:12]}`" in said


def test_what_landed_above_passes_below_by_the_rules_of_below(team: Team) -> None:
    """Attested under the settings of production is not attested under those of `dev`."""
    ada = team.ada
    ada.commit("kitchens.toml", SHARED.replace("[kitchens.dev]", "[kitchens.dev]\nprotected = true"))
    ada.json("sync")
    ada.json("merge", "production", "--into", "dev")
    ada.json("promote", "dev")
    ada.json("set", "dev", "top=9")
    change(ada, "one", parent="production", top=5)
    ada.json("merge", "one")
    ada.json("sync")
    ada.json("hook", "install", str(team.hub))
    before = team.refs()
    status, said = pushed(ada, "production:dev")
    assert (status, team.refs()) == (1, before)
    short = ada.tip("production")[:12]
    assert f"`dev` is protected, and commit `{short}` recipe `counts` (test) was never attested" in said
    ada.json("test", "--commit", short, "--into", "dev")
    ada.json("sync")
    assert pushed(ada, "production:dev")[0] == 0


def test_a_protected_kitchen_does_not_begin_apart(team: Team) -> None:
    """A history with another first commit has no step that anybody could prove."""
    rules = f'{SHARED}\n[kitchens.test]\nprotected = true\nparent = "production"\n'
    team.ada.commit("kitchens.toml", rules)
    team.ada.json("sync")
    team.ada.json("hook", "install", str(team.hub))
    tree = team.ada.git("rev-parse", f"{untested(team.ada, 6)}^{{tree}}")
    apart = team.ada.git("commit-tree", "-m", "mine", tree)
    before = team.refs()
    status, said = pushed(team.ada, f"{apart}:refs/heads/test")
    assert (status, team.refs()) == (1, before)
    assert f"commit `{apart[:12]}` begins a history of its own" in said
    team.ada.git("update-ref", "refs/heads/test", apart)
    (fault,) = team.ada.json("verify", "test", status=1)["faults"]
    assert fault["commit"] == apart
    assert pushed(team.ada, "production~1:refs/heads/test") == (0, "")


def test_a_landing_that_comes_in_a_freeze_comes_too_late(team: Team) -> None:
    """The time on record is the one of whoever landed it; a rollback comes through."""
    change(team.ada, "one")
    team.ada.json("merge", "one")
    team.ada.json("promote", "dev")
    begins = datetime.now(UTC) - timedelta(hours=1)
    frozen = f"protected = true\nfreeze = [{{ from = {begins.isoformat()}, to = 2099-12-31 }}]"
    team.ada.commit("kitchens.toml", SHARED.replace("protected = true", frozen))
    team.ada.json("sync")
    team.ada.json("hook", "install", str(team.hub))
    change(team.ada, "two", parent="production")
    before = team.refs()
    house = CommandDesk(str(team.ada.folder), as_json=False, stop=StopSignal(), quiet=True).house
    with house.repository:
        house.now = lambda: begins - timedelta(hours=1)
        plan = plan_merge(Kitchens(house), "two", "production", None)
        assert isinstance(plan, MovePlan)
        assert land(house, plan).status == "merged"
    status, said = pushed(team.ada, "production", "refs/kitchens/production")
    assert (status, team.refs()) == (1, before)
    assert "comes too late: `production` is frozen" in said
    assert "kitchen test" not in said
    team.ada.git("update-ref", "refs/heads/production", team.tip("production"))
    team.ada.git("reset", "--quiet", "--hard")
    assert team.ada.json("rollback", "production")["status"] == "rolled-back"


def test_sandboxes_are_free(team: Team) -> None:
    """They are made, rewound and deleted by whoever likes; untested as they are."""
    team.ada.json("hook", "install", str(team.hub))
    team.ada.json("create", "one", "--from", "dev", "--no-test")
    untested(team.ada, 9)
    assert pushed(team.ada, "production:one") == (0, "")
    assert pushed(team.ada, "+production~1:one") == (0, "")
    assert pushed(team.ada, "production:refs/heads/else") == (0, "")
    assert pushed(team.ada, ":one", ":else") == (0, "")
    # The commit in production is only here: `sync` says so, and takes the rest there.
    assert [one["status"] for one in team.ada.json("sync", status=3)["left"]] == ["unproved"]


def test_names_that_are_no_text_pass(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch may have any bytes in its name, and a locale that knows no such text is in nobody's way."""
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")
    team.ada.json("hook", "install", str(team.hub))
    assert pushed(team.ada, os.fsdecode(b"production:refs/heads/caf\xe9"))[0] == 0
    status, said = pushed(
        team.ada, f"+{untested(team.ada, 6)}:production", os.fsdecode(b":refs/heads/caf\xe9")
    )
    assert (status, "is protected" in said) == (1, True)


def test_the_proof_may_come_in_the_same_push(team: Team) -> None:
    """Attestation and commit together pass; the same commit under a moved baseline does not."""
    ada = team.ada
    ada.json("hook", "install", str(team.hub))
    commit = untested(ada, 7)
    ada.json("test", "--commit", commit, "--into", "production")
    forged = rebased(ada, commit)
    status, said = pushed(ada, "production", f"{forged}:refs/kitchens/production")
    assert status != 0
    assert "the baseline of `production` is where its proof begins" in said
    assert pushed(ada, "production")[0] != 0
    assert pushed(ada, "production", "refs/attestations/gate") == (0, "")


def rebased(desk: Desk, commit: str) -> str:
    """A version of production's registration, sealed as it must be, whose baseline is `commit`."""
    import re
    from hashlib import sha256

    text = desk.git("cat-file", "blob", "refs/kitchens/production:kitchen.toml").partition("\n")[2] + "\n"
    text = re.sub('baseline = ".*"', f'baseline = "{commit}"', text)
    Path(desk.folder.parent, "forged").write_text(f"# sha256 {sha256(text.encode()).hexdigest()}\n{text}")
    blob = desk.git("hash-object", "-w", str(desk.folder.parent / "forged"))
    made = subprocess.run(
        ["git", "mktree"],
        cwd=desk.folder,
        input=f"100644 blob {blob}\tkitchen.toml\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return desk.git("commit-tree", "-p", "refs/kitchens/production", "-m", "forged", made)


def test_a_hook_that_is_there_runs_first(team: Team) -> None:
    """It hears the same, and its refusal counts; installed twice, nothing changes."""
    hook = team.hub / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\ncat > {team.top}/heard\ntest ! -e {team.top}/closed\n")
    hook.chmod(0o755)
    document = team.ada.json("hook", "install", str(team.hub))
    assert (document["status"], document["before"]) == ("installed", f"{hook}.before-kitchens")
    written = hook.read_bytes()
    assert team.ada.json("hook", "install", str(team.hub))["status"] == "unchanged"
    assert hook.read_bytes() == written
    assert pushed(team.ada, "dev:refs/heads/one") == (0, "")
    assert (team.top / "heard").read_text().endswith(" refs/heads/one\n")
    (team.top / "closed").touch()
    assert pushed(team.ada, "dev:refs/heads/two")[0] != 0
    (team.top / "closed").unlink()
    untested(team.ada, 8)
    assert pushed(team.ada, "production")[0] != 0


def test_only_a_bare_repository_gets_the_hook(team: Team) -> None:
    """One sentence otherwise, and nothing is written."""
    answer = team.ada.kitchen("hook", "install")
    assert answer.status == 2
    assert "is no bare repository" in answer.err
    assert not (team.ada.folder / ".git/hooks/pre-receive").exists()
