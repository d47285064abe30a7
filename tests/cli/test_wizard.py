"""Kitchens made from templates: what is asked, what is run for them, and what is taken back."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from kitchens.model.template import Question
from kitchens_engine.errors import InvalidInput
from tests import postgres as servers
from tests.cli.conftest import COOKBOOK, RECIPE, Desk
from tests.postgres import PASSWORD, Postgres

STEPS = """
description = "two steps"
[questions.where]
ask = "Where"
[questions.size]
ask = "How large"
type = "integer"
default = 3
[kitchen]
ttl = "7d"
set = ["top=@@size@@"]
[[provision]]
ingredient = "first"
rollback = "first-back"
inputs = { text = "@@kitchen@@ @@size@@" }
[[provision]]
ingredient = "second"
rollback = "second-back"
"""


def ingredient(command: str) -> str:
    """An ingredient that runs a command."""
    return f"""
[inputs]
text = {{ type = "string", default = "" }}
[nodes.do]
run = '''{command}'''
"""


@pytest.fixture
def made(desk: Desk, tmp_path: Path) -> Desk:
    """A cookbook with a template of two steps, which write down what they do."""
    log = tmp_path / "log"
    desk.write("templates/steps/template.toml", STEPS)
    for name in ("first", "first-back", "second-back"):
        text = ingredient(f"echo {name} @@where@@ {{{{ inputs.text }}}} >> {log}")
        desk.write(f"templates/steps/ingredients/{name}/recipe.toml", text)
    desk.write(
        "ingredients/second/recipe.toml", ingredient(f"echo second >> {log}; test ! -e {tmp_path}/bad")
    )
    desk.save("a template")
    return desk


def log(tmp_path: Path) -> list[str]:
    """What the steps wrote."""
    path = tmp_path / "log"
    return [line.strip() for line in path.read_text().splitlines()] if path.exists() else []


def test_a_template_runs_its_steps_and_deletion_takes_them_back(made: Desk, tmp_path: Path) -> None:
    """Last step first; answers are in settings and files; the records name the runs."""
    document = made.json("create", "my-idea", "--template", "steps", "--answer", "where=here", "--no-test")
    assert [one["status"] for one in document["provision"]] == ["done", "done"]
    assert log(tmp_path) == ["first here my-idea 3", "second"]
    assert made.json("settings", "my-idea")["settings"] == {"top": 3}
    assert made.json("list")[-1]["expires"] is not None
    run = made.json("order", "show", document["provision"][0]["run"])
    assert (run["kitchen"], run["recipe"], run["status"]) == ("my-idea", "template-steps-first", "passed")
    made.json("delete", "my-idea")
    assert log(tmp_path)[2:] == ["second-back here", "first-back here my-idea 3"]


def test_a_step_that_fails_takes_back_what_was_done_and_leaves_no_kitchen(made: Desk, tmp_path: Path) -> None:
    """Exit 1; what failed is taken back too, since it may be half done."""
    (tmp_path / "bad").touch()
    document = made.json(
        "create", "idea", "--template", "steps", "--answer", "where=here", "--no-test", status=1
    )
    assert [(one["ingredient"], one["status"]) for one in document["provision"]] == [
        ("first", "undone"),
        ("second", "undone"),
    ]
    assert document["removed"] is True
    assert log(tmp_path) == ["first here idea 3", "second", "second-back here", "first-back here idea 3"]
    assert [one["name"] for one in made.json("list")] == ["production"]


def test_a_creation_that_was_killed_goes_on_where_it_was(made: Desk, tmp_path: Path) -> None:
    """What was done is not done again; what was started is."""
    slow = ingredient(f"echo second >> {tmp_path}/log; test -e {tmp_path}/go || sleep 60")
    made.commit("ingredients/second/recipe.toml", slow)
    words = ["create", "idea", "--template", "steps", "--answer", "where=here", "--no-test"]
    child = subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", *words], cwd=made.folder, start_new_session=True
    )
    while len(log(tmp_path)) < 2:
        time.sleep(0.02)
        assert child.poll() is None
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    (tmp_path / "go").touch()
    document = made.json(*words)
    assert [one["status"] for one in document["provision"]] == ["done", "done"]
    assert log(tmp_path) == ["first here idea 3", "second", "second"]
    assert made.kitchen(*words).status == 2


def test_two_who_work_on_one_template_do_it_one_after_the_other(made: Desk, tmp_path: Path) -> None:
    """The second creation waits, says so, and finds everything done; so does a deletion."""
    slow = ingredient(f"echo second >> {tmp_path}/log; until test -e {tmp_path}/go; do sleep 0.02; done")
    made.commit("ingredients/second/recipe.toml", slow)
    words = ["create", "idea", "--template", "steps", "--answer", "where=here", "--no-test"]

    def start(*more: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "kitchens.cli.main", *more]
        return subprocess.Popen(line, cwd=made.folder, stderr=subprocess.PIPE, text=True)

    first = start(*words)
    while len(log(tmp_path)) < 2:
        time.sleep(0.02)
        assert first.poll() is None
    others = [start(*words), start("delete", "idea")]
    for other in others:
        assert other.stderr is not None
        assert "works on the template of `idea`: waiting" in other.stderr.readline()
    assert len(log(tmp_path)) == 2
    (tmp_path / "go").touch()
    assert first.wait() == 0
    assert others[1].wait() == 0
    others[0].wait()
    for each in (first, *others):
        each.communicate()
    assert log(tmp_path) == [
        *("first here idea 3", "second"),
        *("second-back here", "first-back here idea 3"),
    ]
    assert [one["name"] for one in made.json("list")] == ["production"]


def test_a_rollback_that_fails_keeps_the_kitchen_unless_forced(made: Desk, tmp_path: Path) -> None:
    """Nothing is deleted; `--force` leaves what the template made, and says so."""
    made.commit("templates/steps/ingredients/first-back/recipe.toml", ingredient("exit 3"))
    made.json("create", "idea", "--template", "steps", "--answer", "where=x", "--no-test")
    answer = made.kitchen("delete", "idea")
    assert (answer.status, "nothing was deleted" in answer.err, "--force" in answer.err) == (1, True, True)
    assert len(made.json("list")) == 2
    answer = made.kitchen("delete", "idea", "--force")
    assert (answer.status, "what it made stays" in answer.err) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--answer where="),
        (("--answer", "wher=x"), "did you mean `where`?"),
        (("--answer", "where"), "no `K=V`"),
        (("--answer", "where=x", "--answer", "size=many"), "`many` is no integer"),
        (("--answer", "where=it's"), "holds a quote"),
    ],
)
def test_wrong_answers_change_nothing(made: Desk, words: tuple[str, ...], said: str) -> None:
    """One sentence, exit 2."""
    before = made.refs()
    answer = made.kitchen("create", "idea", "--template", "steps", *words)
    assert (answer.status, said in answer.err) == (2, True), answer.err
    assert made.refs() == before


def test_faults_of_a_template_have_a_place(made: Desk) -> None:
    """File and line, before anything is made."""
    made.commit("templates/steps/template.toml", STEPS.replace("@@kitchen@@", "@@kitchn@@"))
    error = made.json("create", "idea", "--template", "steps", status=2)["error"]
    assert (error["file"], error["line"]) == ("templates/steps/template.toml", 15)
    assert "did you mean" in error["hint"]
    assert "steps" in made.json("create", "idea", "--template", "stesp", status=2)["error"]["hint"]


def test_a_template_is_not_written_through_a_link(made: Desk, tmp_path: Path) -> None:
    """A cookbook whose `ingredients` is a link leads nowhere."""
    (tmp_path / "elsewhere").mkdir()
    made.git("rm", "-r", "-q", "ingredients")
    (made.folder / "ingredients").symlink_to(tmp_path / "elsewhere")
    made.write("templates/steps/ingredients/second/recipe.toml", ingredient("true"))
    made.save("a link")
    answer = made.kitchen("create", "idea", "--template", "steps", "--answer", "where=x", "--no-test")
    assert (answer.status, "behind a link" in answer.err) == (2, True), answer.err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_nobody_is_asked_without_a_terminal(made: Desk) -> None:
    """Exit 2 at once."""
    answer = made.kitchen("create")
    assert (answer.status, "`NAME`" in answer.err) == (2, True)


def test_on_a_terminal_it_asks_step_by_step(made: Desk, tmp_path: Path) -> None:
    """What is wrong is said and asked again; an empty answer is the default."""
    terminal, other = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "kitchens.cli.main", "create", "--no-test"],
        cwd=made.folder,
        stdin=other,
        stdout=other,
        stderr=other,
        env={**os.environ, "TERM": "dumb"},
    )
    os.close(other)
    seen = ""
    for question, answer in (
        ("Name of the kitchen", "production"),
        ("exists already", "idea"),
        ("Made from", ""),
        ("Template", "step"),
        ("did you mean `steps`?", "steps"),
        ("Where", "there"),
        ("How large", "x"),
        ("is no integer", "5"),
    ):
        seen = until(terminal, question, ": ")
        os.write(terminal, f"{answer}\n".encode())
    rest = until(terminal, "", None)
    assert child.wait() == 0, seen + rest
    os.close(terminal)
    assert log(tmp_path)[0] == "first there idea 5"


def until(terminal: int, text: str, end: str | None) -> str:
    """What comes from a terminal until `text` and then `end` (None: until it closes)."""
    seen = ""
    deadline = time.monotonic() + 30
    while end is None or text not in seen or end not in seen.partition(text)[2]:
        assert time.monotonic() < deadline, seen
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece.decode()
    return seen


def test_the_postgres_template_brings_service_and_connection_as_a_commit(desk: Desk) -> None:
    """Once: a kitchen from one that has them needs no commit, and another service of that name is not replaced."""
    desk.json("create", "dev", "--template", "postgres", "--no-test")
    text = (desk.path("dev") / "kitchens.toml").read_text()
    assert text.startswith(COOKBOOK)
    assert "[services.warehouse]" in text and "vault:warehouse/password@warehouse:5432" in text
    assert desk.git("log", "-1", "--format=%s", "dev") == "Add what template 'postgres' brings"
    assert "kitchens.toml" in desk.json("diff", "dev")["files"][0]["path"]
    desk.json("create", "below", "--from", "dev", "--template", "postgres", "--no-test")
    assert desk.tip("below") == desk.tip("dev")
    words = ("create", "other", "--from", "dev", "--template", "postgres", "--answer", "image=postgres:16")
    assert "another `[services.warehouse]`" in desk.json(*words, status=2)["error"]["message"]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    try:
        with servers.started() as found:
            yield found
    except servers.Missing as missing:
        pytest.skip(str(missing))


def test_a_schema_of_its_own_in_a_shared_database(
    desk: Desk, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made with the kitchen and gone with it; one that is somebody else's is neither taken nor dropped."""
    url = server.url(quote(PASSWORD, safe=""))
    connection = f'[connections.warehouse]\nurl = "{server.url("vault:warehouse/password")}"\n'
    desk.write("kitchens.toml", COOKBOOK + '[vault]\nkind = "env"\n' + connection)
    desk.write("recipes/counts/recipe.toml", RECIPE.replace("top = 3", 'top = 3\nschema = "public"', 1))
    desk.save("a shared database")
    monkeypatch.setenv("KITCHENS_SECRET_WAREHOUSE_PASSWORD", PASSWORD)
    with psycopg.connect(url, autocommit=True) as shared:

        def schemas() -> set[str]:
            found = shared.execute("select nspname from pg_namespace where nspname !~ '^pg_'").fetchall()
            return {name for (name,) in found} - {"public", "information_schema"}

        document = desk.json("create", "late-evenings", "--template", "schema", "--no-test")
        assert schemas() == {"late_evenings"}
        assert desk.json("settings", "late-evenings")["settings"] == {"schema": "late_evenings"}
        assert document["provision"][0]["run"]
        shared.execute("create table late_evenings.t as select 1 as x")
        shared.execute("create schema taken")
        again = desk.json("create", "taken", "--template", "schema", "--no-test", status=1)
        assert again["removed"] is True
        assert schemas() == {"late_evenings", "taken"}
        desk.json("delete", "late-evenings")
        assert schemas() == {"taken"}


def test_yes_and_no_are_answers() -> None:
    """People say them; what is neither is told what there is."""
    question = Question("lamp", "A lamp?", "boolean")
    assert [question.parse(text) for text in ("yes", "Y", "true", " no ", "n", "false")] == [True] * 3 + [
        False
    ] * 3
    with pytest.raises(InvalidInput) as caught:
        question.parse("maybe")
    assert caught.value.hints == ("`true` or `false`",)
