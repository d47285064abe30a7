"""Many at once: every one lands, or says why not, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from kitchens.cli.run import run
from tests.kitchens.crash import fork
from tests.soak.shop import Shop
from tests.soak.sound import git_finds_it_sound, locks, spread


@pytest.mark.trials(3, 8)
def test_kitchens_that_merge_at_once_all_land(shop: Shop, trials: int) -> None:
    """Each has a file and a line of a recipe of its own; at the end `dev` holds all of them, and proves it."""
    names = [f"cook-{number}" for number in range(trials)]
    for name in names:
        assert shop.kitchen("create", name, "--from", "dev", "--no-test").status == 0
        shop.write(f"{name}.txt", name, shop.path(name))
        shop.write(f"recipes/{name}/recipe.toml", '[nodes.one]\nrun = "true"\n', shop.path(name))
        shop.save(name, shop.path(name))

    answers = [child.wait() for child in [shop.start("merge", name) for name in names]]

    assert [answer.status for answer in answers] == [0] * trials, answers
    landed = shop.git("ls-tree", "--name-only", "dev").splitlines()
    assert {f"{name}.txt" for name in names} <= set(landed)
    assert shop.kitchen("verify", "dev").status == 0
    assert shop.users_files()["dev"] == shop.files["dev"]
    git_finds_it_sound(shop)
    assert locks(shop) == []


@pytest.mark.trials(4, 100)
def test_a_user_commits_with_git_while_others_merge(shop: Shop, trials: int) -> None:
    """Eight merge in a row into `dev`, and whoever sits in its checkout commits there all the while: all of it stays."""
    cooks = min(8, trials // 2)
    names = [f"cook-{number}" for number in range(trials)]
    for number, name in enumerate(names):
        assert shop.kitchen("create", name, "--from", "dev", "--no-test").status == 0
        shop.write(f"{name}.txt", name, shop.path(name))
        if number % 4 == 0:
            shop.write(f"recipes/{name}/recipe.toml", '[nodes.one]\nrun = "true"\n', shop.path(name))
        shop.save(name, shop.path(name))

    running = {merging(shop, names[number::cooks]) for number in range(cooks)}
    mine: list[str] = []
    ended: list[int] = []
    while running:
        if len(mine) < trials:
            mine.append(committed(shop, f"mine-{len(mine)}.txt"))
        time.sleep(0.5)
        for pid in list(running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                running.remove(pid)
                ended.append(os.waitstatus_to_exitcode(status))

    assert ended == [0] * cooks
    landed = set(shop.git("ls-tree", "--name-only", "dev").splitlines())
    assert {f"{name}.txt" for name in names} | set(mine) <= landed
    assert mine
    proof = shop.kitchen("verify", "dev", "--json").document
    assert (proof["faults"], proof["landings"]) == ([], trials + 1)
    assert shop.users_files()["dev"] == shop.files["dev"]
    git_finds_it_sound(shop)
    assert locks(shop) == []


@pytest.mark.trials(4, 24)
def test_creates_and_deletes_at_once_do_each_thing_once(shop: Shop, trials: int) -> None:
    """Of those who create one name, one does; so of those who delete it; different names do not disturb each other."""
    words = [("create", f"cook-{number % (trials // 2)}", "--from", "dev") for number in range(trials)]

    made = [child.wait() for child in [shop.start(*each) for each in words]]

    assert sorted(answer.status for answer in made) == [0] * (trials // 2) + [2] * (trials - trials // 2), (
        made
    )
    listed = {one["name"]: one for one in shop.kitchen("list", "--json").document}
    for number in range(trials // 2):
        assert listed[f"cook-{number}"]["state"] == "ready"
    gone = [child.wait() for child in [shop.start("delete", each[1]) for each in words]]
    assert sorted(answer.status for answer in gone) == [0] * (trials // 2) + [2] * (trials - trials // 2), (
        gone
    )
    assert shop.before.keys() == {ref for ref in shop.refs() if not ref.startswith("refs/deleted/")}
    assert shop.kitchen("doctor").status == 0
    git_finds_it_sound(shop)


@pytest.mark.trials(4, 24)
def test_settings_that_are_set_at_once_are_all_there(shop: Shop, trials: int) -> None:
    """Half of them set one variable, half the other; the registration's history holds every one."""
    words = [("set", "dev", "round=true" if number % 2 else f"top={number + 10}") for number in range(trials)]

    answers = [child.wait() for child in [shop.start(*each) for each in words]]

    assert [answer.status for answer in answers] == [0] * trials, answers
    settings = shop.kitchen("settings", "dev", "--json").document["settings"]
    assert settings["round"] is True and settings["top"] >= 10
    assert int(shop.git("rev-list", "--count", "refs/kitchens/dev")) >= trials // 2


@pytest.mark.trials(3, 12)
def test_a_kitchen_that_is_merged_and_promoted_at_once_is_whole(shop: Shop, trials: int) -> None:
    """Merges, promotions, deletions, settings and order runs, all of one `dev`."""
    words = [
        ("merge", "feature"),
        ("promote", "dev"),
        ("order", "run", "counts", "--kitchen", "dev"),
        ("set", "dev", "top=7"),
        ("delete", "early"),
        ("create", "late", "--from", "dev"),
    ]
    children = [shop.start(*words[number % len(words)]) for number in range(trials)]

    answers = [child.wait() for child in children]

    assert [answer for answer in answers if answer.status not in (0, 2)] == []
    assert not [answer for answer in answers if "Traceback" in answer.err or "bug" in answer.err]
    assert shop.kitchen("verify", "dev").status == 0
    assert shop.kitchen("verify", "production").status == 0
    shop.users_lost_nothing()
    git_finds_it_sound(shop)


@pytest.mark.trials(1, 30)
def test_a_merge_that_is_stopped_for_a_while_lands_in_the_end(shop: Shop, trials: int) -> None:
    """With all that it started, at any moment, for seconds; another that meets it lands, or says why not."""
    shop.prepare(changed_again)
    began = time.monotonic()
    shop.kitchen("merge", "feature")
    whole = time.monotonic() - began
    for moment in spread(whole, trials):
        shop.reset()
        stopped = shop.start("merge", "feature")
        time.sleep(moment)
        stopped.signal(signal.SIGSTOP)
        other = shop.start("merge", "early")
        time.sleep(0.5 if trials == 1 else 5)
        stopped.signal(signal.SIGCONT)
        answers = [stopped.wait(), other.wait()]
        assert answers[0].status == 0, answers
        assert answers[1].status in (0, 5), answers
        assert "Traceback" not in answers[1].err
        assert shop.kitchen("merge", "early").status == 0
        assert shop.kitchen("verify", "dev").status == 0
        shop.users_lost_nothing()
        assert locks(shop) == []
        git_finds_it_sound(shop)


def changed_again(shop: Shop) -> None:
    """`early` has something to merge, too."""
    shop.write("early.txt", "later\n", shop.path("early"))
    shop.save("later", shop.path("early"))


def merging(shop: Shop, names: list[str]) -> int:
    """A process that merges kitchens one after the other; it fails with the first that does not land."""
    pid = fork()
    if pid == 0:
        os.chdir(shop.folder)
        status = 99
        try:
            status = max(run(["merge", name, "--json"]) for name in names)
        finally:
            os._exit(status)
    return pid


def committed(shop: Shop, name: str) -> str:
    """Commit a file in the checkout of `dev` as users do: again, when git is busy there."""
    folder, deadline = shop.path("dev"), time.monotonic() + 60
    shop.write(name, name, folder)
    for words in (("add", name), ("commit", "--quiet", "--message", name, "--", name)):
        while subprocess.run(["git", *words], cwd=folder, capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    return name
