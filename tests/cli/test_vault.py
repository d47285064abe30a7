"""`kitchen vault`, and what orders and gates make of it, as a user sees it."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kitchens.cli.commands.tree import kitchen
from tests.cli.conftest import Answer, Desk

VALUE = "s3cr3t/T0ken+42"
RECIPE = """
[variations.test]

[nodes.fetch]
run = 'test "$TOKEN" = "$WANTED" && echo "with $TOKEN"'
env = { WANTED = "s3cr3t/T0ken+42" }
secrets = { TOKEN = "vault:flights/token" }
"""

Piped = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of its own for each test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def piped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Piped:
    """Type a command with something on standard input."""

    def piped(text: str, *words: str) -> Answer:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
            return desk.kitchen(*words)

    return piped


def rows(desk: Desk) -> list[tuple[Any, ...]]:
    """The vault's list without times."""
    return [(row["name"], row["scope"], row["kitchen"]) for row in desk.json("vault", "list")]


def test_a_secret_goes_in_and_never_comes_out(desk: Desk, piped: Piped, tmp_path: Path) -> None:
    """It is listed by name; its file is encrypted, its key the user's alone, and git has nothing of either."""
    answer = piped(f"{VALUE}\n", "vault", "set", "flights/token", "--json")

    assert answer.status == 0, answer.err
    assert (answer.document["status"], answer.document["scope"]) == ("set", "default")
    assert piped(f"{VALUE}\n", "vault", "set", "vault:flights/token").out == "replaced `flights/token`\n"
    listed = desk.kitchen("vault", "list")
    assert "flights/token" in listed.out
    assert VALUE not in answer.out + answer.err + listed.out
    key = tmp_path / "config" / "kitchens" / "vault.key"
    vault = desk.folder / ".git" / "kitchens" / "vault.age"
    assert stat.S_IMODE(key.stat().st_mode) == stat.S_IMODE(vault.stat().st_mode) == 0o600
    assert VALUE.encode() not in vault.read_bytes()
    assert desk.git("status", "--porcelain") == ""
    assert desk.json("vault", "rm", "flights/token")["removed"][0]["name"] == "flights/token"
    assert rows(desk) == []


def test_a_value_is_never_taken_from_the_command_line(desk: Desk) -> None:
    """Nor repeated."""
    answer = desk.kitchen("vault", "set", "flights/token", VALUE)

    assert answer.status == 2
    assert "a value never comes from the command line" in answer.err
    assert VALUE not in answer.err


def test_a_value_comes_from_a_file_with_all_its_lines(desk: Desk, piped: Piped) -> None:
    """A key stays what it is; the end of a single line is not part of a token."""
    desk.json("create", "dev", "--no-test")
    desk.write("key.pem", "first\nlast\n\n", desk.path("dev").parent)
    desk.kitchen("vault", "set", "key", "--from-file", str(desk.path("dev").parent / "key.pem"))
    piped("token\r\n", "vault", "set", "token")
    script = 'printf %s "$KEY" > $KITCHEN_DATA/key; printf %s "$TOKEN" > $KITCHEN_DATA/token'
    recipe = f"[nodes.a]\nrun = '{script}'\nsecrets = {{ KEY = 'vault:key', TOKEN = 'vault:token' }}\n"
    desk.commit("recipes/counts/recipe.toml", recipe, "dev")

    assert desk.json("order", "run", "counts", "--kitchen", "dev")["status"] == "passed"

    data = desk.folder.parent / "shop.kitchens" / ".data" / "dev"
    assert (data / "key").read_bytes() == b"first\nlast\n\n"
    assert (data / "token").read_bytes() == b"token"


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("", ("x",), "the value is empty"),
        ("abc\n", ("x",), "shorter than 4 characters"),
        ("\0abcdefg", ("x",), "holds a zero byte"),
        (VALUE, ("no name",), "`no name` cannot name a secret"),
        (
            VALUE,
            ("x", "--scope", "gate", "--kitchen", "production"),
            "scope `gate` is the same for all kitchens",
        ),
        (VALUE, ("x", "--kitchen", "prodction"), "did you mean `production`?"),
        (VALUE, ("x", "--from-file", "nowhere"), "`nowhere` cannot be read"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    piped: Piped, desk: Desk, text: str, words: tuple[str, ...], said: str
) -> None:
    """With one sentence, and nothing is stored."""
    answer = piped(text, "vault", "set", *words)

    assert answer.status == 2
    assert said in answer.err
    assert VALUE not in answer.err
    assert rows(desk) == []


def test_removing_what_is_not_there_names_the_nearest(desk: Desk, piped: Piped) -> None:
    """By its name, or by the scope in which it is."""
    piped(VALUE, "vault", "set", "flights/token", "--scope", "gate")

    assert "did you mean `flights/token`?" in desk.kitchen("vault", "rm", "flights/tokn").err
    other = desk.kitchen("vault", "rm", "flights/token")
    assert (other.status, "it has one in scope `gate`" in other.err) == (2, True)


def test_an_order_without_its_secret_is_refused_before_anything_runs(desk: Desk) -> None:
    """With node, place and act; no record is left. A check needs no vault."""
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", RECIPE, "dev")

    answer = desk.kitchen("order", "run", "counts", "--kitchen", "dev")

    assert answer.status == 2
    assert (
        "error: recipes/counts/recipe.toml:7: node `fetch` wants secret `flights/token` as `TOKEN`, "
        "which the vault does not have; nothing was run\nhint: `kitchen vault set flights/token`\n"
    ) in answer.err
    assert desk.json("order", "list") == []
    assert desk.kitchen("recipe", "check", folder=desk.path("dev")).status == 0


def test_a_gate_sees_its_own_scope_only(desk: Desk, piped: Piped) -> None:
    """What order runs use does not help it; the refusal says so, and nothing lands."""
    piped(VALUE, "vault", "set", "flights/token")
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", RECIPE, "dev")
    assert desk.json("order", "run", "counts", "--kitchen", "dev")["status"] == "passed"
    before = desk.refs()

    refused = desk.kitchen("merge", "dev")

    assert refused.status == 2
    assert (
        "in its scope `gate`; nothing was run\nhint: `kitchen vault set flights/token --scope gate`"
        in refused.err
    )
    assert desk.refs() == before
    piped(VALUE, "vault", "set", "flights/token", "--scope", "gate")
    assert desk.json("merge", "dev")["status"] == "merged"


def test_a_kitchen_may_have_a_value_of_its_own(desk: Desk, piped: Piped) -> None:
    """It comes before the one for all."""
    piped("something else", "vault", "set", "flights/token")
    desk.json("create", "dev", "--no-test")
    desk.commit("recipes/counts/recipe.toml", RECIPE, "dev")
    desk.json("order", "run", "counts", "--kitchen", "dev", status=1)

    piped(VALUE, "vault", "set", "flights/token", "--kitchen", "dev")

    assert desk.json("order", "run", "counts", "--kitchen", "dev")["status"] == "passed"
    assert rows(desk) == [("flights/token", "default", None), ("flights/token", "default", "dev")]


def test_the_vault_may_be_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As CI systems hand out secrets: by a documented name, the gate's by another; nothing of it is ours to change."""
    desk.json("create", "dev", "--no-test")
    settings = (desk.folder / "kitchens.toml").read_text() + '[vault]\nkind = "env"\n'
    desk.commit("kitchens.toml", settings, "dev")
    desk.commit("recipes/counts/recipe.toml", RECIPE, "dev")
    missing = desk.kitchen("order", "run", "counts", "--kitchen", "dev")
    assert "hint: set the variable `KITCHENS_SECRET_FLIGHTS_TOKEN`" in missing.err
    monkeypatch.setenv("KITCHENS_SECRET_FLIGHTS_TOKEN", VALUE)
    monkeypatch.setenv("KITCHENS_GATE_SECRET_FLIGHTS_TOKEN", VALUE)

    assert desk.json("order", "run", "counts", "--kitchen", "dev")["status"] == "passed"
    assert desk.json("merge", "dev")["status"] == "merged"
    listed = desk.json("vault", "list", folder=desk.path("dev"))
    assert [row["scope"] for row in listed] == ["gate", "default"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"value")))
    assert "is the environment" in desk.kitchen("vault", "set", "a/b", folder=desk.path("dev")).err


def test_without_the_right_key_a_vault_says_so(
    desk: Desk, piped: Piped, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another's key, none at all, one that is no key: one sentence each, and nothing changes."""
    piped(VALUE, "vault", "set", "flights/token")
    vault = desk.folder / ".git" / "kitchens" / "vault.age"
    before = vault.read_bytes()

    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.folder.parent / "elsewhere"))
    gone = piped(VALUE, "vault", "set", "other")
    assert (gone.status, "the key of" in gone.err) == (5, True)
    other = desk.folder.parent / "other.key"
    monkeypatch.setenv("KITCHENS_VAULT_KEY_FILE", str(other))
    assert desk.kitchen("vault", "list").status == 2
    other.write_text("hello\n")
    assert "holds no age identity" in desk.kitchen("vault", "list").err
    from pyrage import x25519

    other.write_text(f"{x25519.Identity.generate()}\n")
    wrong = desk.kitchen("vault", "list")
    assert (wrong.status, "is another one, or the file is damaged" in wrong.err) == (5, True)
    assert vault.read_bytes() == before


def test_a_damaged_vault_is_named(desk: Desk, piped: Piped) -> None:
    """Cut, or no vault at all."""
    piped(VALUE, "vault", "set", "flights/token")
    vault = desk.folder / ".git" / "kitchens" / "vault.age"
    for content in (vault.read_bytes()[:-5], b"nonsense", b""):
        vault.write_bytes(content)
        answer = desk.kitchen("vault", "list")
        assert (answer.status, str(vault) in answer.err) == (5, True)
        assert "Traceback" not in answer.err


def test_a_passphrase_opens_a_vault_without_a_key(
    desk: Desk, piped: Piped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For machines that have nothing but an environment."""
    monkeypatch.setenv("KITCHENS_VAULT_PASSPHRASE", "correct horse")
    piped(VALUE, "vault", "set", "flights/token")
    assert not (tmp_path / "config").exists()
    assert rows(desk) == [("flights/token", "default", None)]

    monkeypatch.setenv("KITCHENS_VAULT_PASSPHRASE", "wrong horse")
    assert "is another one" in desk.kitchen("vault", "list").err
    monkeypatch.delenv("KITCHENS_VAULT_PASSPHRASE")
    locked = desk.kitchen("vault", "list")
    assert (locked.status, "is locked with a passphrase" in locked.err) == (2, True)


def test_the_file_may_lie_elsewhere(desk: Desk, piped: Piped, tmp_path: Path) -> None:
    """`[vault] path`."""
    settings = desk.folder / "kitchens.toml"
    settings.write_text(f'{settings.read_text()}[vault]\npath = "{tmp_path}/shared/team.age"\n')

    piped(VALUE, "vault", "set", "flights/token")

    assert (tmp_path / "shared" / "team.age").is_file()
    assert not (desk.folder / ".git" / "kitchens" / "vault.age").exists()


def test_writers_at_the_same_moment_lose_nothing(desk: Desk) -> None:
    """Also when they are the first, who make the key."""
    words = [sys.executable, "-m", "kitchens.cli.main", "vault", "set"]
    writers = [
        subprocess.Popen([*words, f"name/{number}"], cwd=desk.folder, stdin=subprocess.PIPE, env=os.environ)
        for number in range(6)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(VALUE.encode())
        writer.stdin.close()

    assert [writer.wait() for writer in writers] == [0] * 6
    assert len(rows(desk)) == 6
    assert sorted(path.name for path in (desk.folder / ".git" / "kitchens").glob("vault*")) == [
        "vault.age",
        "vault.age.lock",
    ]


def test_a_writer_that_was_killed_leaves_the_old_vault(desk: Desk, piped: Piped) -> None:
    """What it left half-written is in nobody's way."""
    piped(VALUE, "vault", "set", "flights/token")
    (desk.folder / ".git" / "kitchens" / "vault.age.new").write_bytes(b"half")

    assert rows(desk) == [("flights/token", "default", None)]
    assert piped(VALUE, "vault", "set", "other").status == 0
    assert len(rows(desk)) == 2


def test_a_reference_that_is_none_is_a_fault_of_the_file(desk: Desk) -> None:
    """In recipes and settings, with file and line, and without what stands there."""
    desk.write("recipes/counts/recipe.toml", "[nodes.a]\nrun = 'x'\nenv = { A = 'vault:not a name' }\n")
    settings = desk.folder / "kitchens.toml"
    settings.write_text(f'{settings.read_text()}[connections.w]\nurl = "pg://app:vault:@db/x"\n')

    faults = desk.json("recipe", "check", status=2)

    wrong = {fault["key"] for fault in faults if "this is no reference to the vault" in fault["message"]}
    assert wrong == {"connections.w.url", "nodes.a.env.A"}


def test_names_are_completed_where_the_command_would_work(
    desk: Desk, piped: Piped, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The vault is that of the cookbook which `-C` names."""
    piped(VALUE, "vault", "set", "flights/token")
    monkeypatch.setenv("_KITCHEN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"kitchen -C {desk.folder} vault rm ")
    monkeypatch.setenv("COMP_CWORD", "5")
    monkeypatch.chdir(desk.folder.parent)
    capfd.readouterr()
    with pytest.raises(SystemExit):
        kitchen.main(prog_name="kitchen")
    assert capfd.readouterr().out.split() == ["plain,flights/token"]
