"""`sql` with a `connection`: PostgreSQL for real, and SQLite as one of the others that SQLAlchemy speaks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from kitchens_engine.errors import InvalidInput
from kitchens_engine.worker_databases import split
from tests.postgres import PASSWORD, Postgres

if TYPE_CHECKING:
    from tests.engine.runner.conftest import Bench

SQLITE = {"other": "sqlite:///{{ kitchen.data }}/other.sqlite"}


class Vault:
    """Holds one secret."""

    def has(self, name: str, scope: str) -> bool:
        return name == "warehouse/password"

    def resolve(self, name: str, scope: str) -> str | None:
        return PASSWORD if self.has(name, scope) else None

    def how_to_set(self, name: str, scope: str) -> str:
        return "set it"


def test_several_statements_on_postgresql(bench: Bench, postgres: Postgres) -> None:
    """The last one's rows are the outputs; quotes, comments, dollar quotes and `%` are what they are."""
    bench.recipe("""
        [nodes.load]
        sql = '''
            -- a comment; with a semicolon
            create temporary table flights (name text, delay int);
            insert into flights values ('it''s; 10%', 3), (':name', 4);
            do $body$ begin perform 1; end; $body$;
            select name, delay, date '2026-01-02' as day from flights order by delay;
        '''
        connection = "warehouse"
        outputs = { rows = "integer", name = "string", delay = "integer" }
        [nodes.changes]
        needs = ["load"]
        sql = "create table t as select 1 as x; insert into t select * from generate_series(1, 5); update t set x = 2; drop table t"
        connection = "warehouse"
        [[nodes.changes.tests]]
        sql = "select count(*) from pg_class where relname = 't'"
        equals = 0
        [[nodes.changes.tests]]
        sql = "select 1 where 1 = {{ outputs.changes.rows }} + 1"
        equals = 1
    """)

    nodes = bench.nodes(bench.run(connections={"warehouse": postgres.url(quote(PASSWORD, safe=""))}))

    assert nodes["load"].outputs == {"rows": 2, "name": "it's; 10%", "delay": 3, "day": "2026-01-02"}, nodes[
        "load"
    ].why
    assert nodes["changes"].status == "passed", nodes["changes"].why


def test_a_node_is_one_transaction(bench: Bench, postgres: Postgres) -> None:
    """A statement that fails undoes those before it, and is named with its number and line."""
    bench.recipe("""
        [nodes.broken]
        sql = '''
            create table undone (x int);

            insert into undone values ('no number');
            select 1'''
        connection = "warehouse"
        [nodes.after]
        sql = "select to_regclass('undone') is null as gone"
        connection = "warehouse"
        [nodes.alone]
        sql = "vacuum"
        connection = "warehouse"
    """)

    nodes = bench.nodes(bench.run(connections={"warehouse": postgres.url(quote(PASSWORD, safe=""))}))

    assert nodes["broken"].status == "failed"
    assert (nodes["broken"].why or "").startswith(
        "statement 2 (line 3): invalid input syntax for type integer"
    )
    assert nodes["after"].outputs["gone"] is True
    assert nodes["alone"].status == "passed", nodes["alone"].why


def test_the_password_comes_from_the_vault_and_goes_nowhere(bench: Bench, postgres: Postgres) -> None:
    """Not into a log, a record, an output, a file of the run or an argument list."""
    bench.recipe("""
        [nodes.show]
        sql = "select '{{ variables.word }}' as word"
        connection = "warehouse"
        [nodes.fail]
        sql = "select 's3cr3t/with:odd@signs'::int"
        connection = "warehouse"
        [variables]
        word = "s3cr3t/with:odd@signs"
    """)
    url = postgres.url("vault:warehouse/password")

    order = bench.order(connections={"warehouse": url}, secrets=Vault())
    record = bench.carry_out(order)
    nodes = bench.nodes(record)

    assert nodes["show"].outputs == {"rows": 1, "word": "***"}, nodes["show"].why
    assert nodes["fail"].status == "failed"
    assert PASSWORD not in str(nodes)
    results = [
        path for path in Path(order.folder).rglob("*") if path.is_file() and path.name != "variables.json"
    ]
    assert results and not any(PASSWORD.encode() in path.read_bytes() for path in results)


def test_a_connection_that_cannot_be_opened_is_one_sentence(bench: Bench, postgres: Postgres) -> None:
    """Without the password that was refused."""
    bench.recipe('[nodes.n]\nsql = "select 1"\nconnection = "warehouse"')

    node = bench.nodes(bench.run(connections={"warehouse": postgres.url("wrong-one")}))["n"]

    assert (node.why or "").startswith("connection `warehouse` cannot be opened: ")
    assert "wrong-one" not in f"{node.why}{bench.log(node)}"


def test_sqlite_in_the_data_folder(bench: Bench) -> None:
    """Whatever SQLAlchemy speaks; the folder is the kitchen's own, and a trigger's body is one statement."""
    bench.recipe("""
        [nodes.make]
        sql = '''
            create table t (x int); create table log (x int);
            create trigger copy after insert on t begin insert into log values (new.x); end;
            insert into t values (1), (2);
        '''
        connection = "other"
        [[nodes.make.tests]]
        name = "on the same connection"
        sql = "select count(*) from log"
        equals = 2
        [nodes.run]
        needs = ["make"]
        run = "true"
        connection = "other"
        [[nodes.run.tests]]
        sql = "select max(x) from t"
        equals = 2
        [[nodes.run.tests]]
        sql = "select 1 from t where x = 9"
        equals = 1
        fail = "log"
    """)

    nodes = bench.nodes(bench.run(connections=SQLITE))

    assert nodes["make"].outputs == {"rows": 2}, nodes["make"].why
    assert [str(test.status) for test in nodes["run"].tests] == ["passed", "logged"]
    with closing(sqlite3.connect(bench.root / "data/other.sqlite")) as database:
        assert database.execute("select count(*) from t").fetchone() == (2,)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("no url at all", "connection `c` has no URL that SQLAlchemy can read"),
        ("nosuch://x/y", "connection `c`: SQLAlchemy knows no `nosuch`"),
        ("mysql+pymysql://u@127.0.0.1/x", "connection `c` needs the Python package `pymysql`"),
    ],
)
def test_a_url_that_leads_nowhere_is_one_sentence(bench: Bench, url: str, why: str) -> None:
    """Unreadable, of an unknown database, or without its driver."""
    bench.recipe('[nodes.n]\nsql = "select 1"\nconnection = "c"')

    assert (bench.nodes(bench.run(connections={"c": url}))["n"].why or "").startswith(why)


def test_what_is_not_there_is_refused_before_anything_runs(bench: Bench) -> None:
    """A connection that the cookbook lacks, and a secret that the vault lacks."""
    bench.recipe('[nodes.n]\nsql = "select 1"\nconnection = "othr"')
    with pytest.raises(InvalidInput, match="node `n` uses connection `othr`, which") as caught:
        bench.run(connections=SQLITE)
    assert caught.value.hints == ("did you mean `other`?",)

    with pytest.raises(InvalidInput, match="wants secret `no/such`"):
        bench.run(connections={"othr": "postgresql://a:vault:no/such@h/d"}, secrets=Vault())


@pytest.mark.parametrize(
    ("text", "dialect", "lines"),
    [
        ("a;;b;\n-- only a comment;\n", "postgresql", [("a", 1), ("b", 1)]),
        ("select ';'\n;\n\nselect 2", "postgresql", [("select ';'", 1), ("select 2", 4)]),
        ("/* a /* b; */ c; */ select 1; x", "postgresql", [("/* a /* b; */ c; */ select 1", 1), ("x", 1)]),
        ("select e'\\';'; x", "postgresql", [("select e'\\';'", 1), ("x", 1)]),
        ("select '\\'; x", "postgresql", [("select '\\'", 1), ("x", 1)]),
        ("select $a$;$b$;$a$; x", "postgresql", [("select $a$;$b$;$a$", 1), ("x", 1)]),
        ("select `a;b`; x # c;", "mysql", [("select `a;b`", 1), ("x # c;", 1)]),
        ('select "a;b"', "sqlite", [('select "a;b"', 1)]),
    ],
)
def test_statements_are_told_apart(text: str, dialect: str, lines: list[tuple[str, int]]) -> None:
    """Semicolons inside quotes and comments separate nothing."""
    assert [(each.text, each.line) for each in split(text, dialect)] == lines
