"""The template that brings a warehouse, with a real one."""

from __future__ import annotations

import pytest

from kitchens.containers.engine import Engine
from tests.desk import desk, empty
from tests.docker.services import NOTHING, PASSWORD, Processes, census
from tests.docker.test_services import begin, book

__all__ = ["book", "desk", "empty"]

pytestmark = pytest.mark.docker

ASK = '[nodes.ask]\nsql = "select current_database() as name"\nconnection = "store"\noutputs = { name = "string" }\n'


def test_a_kitchen_made_from_postgres_has_a_warehouse_of_its_own(book: Processes, engine: Engine) -> None:
    """Its recipes reach it by the connection that came with it, and it goes with the kitchen."""
    name = begin(book, "")
    book.keep("store/password", PASSWORD)
    words = ["service=store", "image=kitchens-test/postgres:bookworm", "database=shop"]
    answers = [word for answer in words for word in ("--answer", answer)]
    book.json("create", "dev", "--template", "postgres", *answers, "--no-test")
    book.commit("recipes/ask/recipe.toml", ASK, "dev")
    (node,) = book.json("order", "run", "ask", "--kitchen", "dev")["nodes"]
    assert node["outputs"]["name"] == "shop"
    book.json("delete", "dev", "--force")
    assert census(engine, name) == NOTHING
