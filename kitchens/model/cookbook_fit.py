"""How the settings of a cookbook fit its recipes, and each other: what only the whole cookbook shows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from kitchens.model.cookbook import GateSettings
from kitchens_engine.errors import Fault
from kitchens_engine.language.secrets import filled
from kitchens_engine.ports import Source
from kitchens_engine.recipe import Recipe
from kitchens_engine.toml.document import Document
from kitchens_engine.toml.nearest import did_you_mean, nearest

#: Files that may speak to a service by its name.
_CODE = re.compile(r".*\.(?:toml|py|sql|sh|r|js|json|ya?ml|cfg|ini|env|ipynb)", re.IGNORECASE)
_HERE = ("localhost", "host")


def fit_faults(
    document: Document,
    values: Mapping[str, Any],
    recipes: Collection[Recipe],
    source: Source,
    kitchens: Collection[str],
    *,
    whole: bool = True,
) -> Iterator[Fault]:
    """Warnings about settings that nothing uses, and about names that nothing has.

    `values` are those of the right shape; `kitchens` are the kitchens that are registered. Unless `whole`,
    there are recipes that could not be read, and may use anything.
    """
    yield from _parents(document, values, kitchens)
    if whole:
        yield from _gate_variation(document, values, recipes)
        yield from _idle_connections(document, values, recipes)
    yield from _connections(document, values)
    yield from _services(document, values, source)


def _warning(document: Document, path: tuple[str, ...], message: str, hint: str | None = None) -> Fault:
    return document.fault(path, message, hint, severity="warning")


def _parents(document: Document, values: Mapping[str, Any], registered: Collection[str]) -> Iterator[Fault]:
    named = values.get("kitchens", {})
    root = values.get("cookbook", {}).get("production", "production")
    known = {root, *named, *registered}
    for name, policy in named.items():
        parent = policy.get("parent")
        if parent is not None and parent not in known:
            message = f"the parent of `{name}` is `{parent}`, and there is no such kitchen"
            hint = did_you_mean(parent, known - {name})
            yield _warning(document, ("kitchens", name, "parent"), message, hint)


def _gate_variation(
    document: Document, values: Mapping[str, Any], recipes: Collection[Recipe]
) -> Iterator[Fault]:
    variation = values.get("gate", {}).get("variation")
    known = {name for recipe in recipes for name in recipe.variations}
    if variation is not None and recipes and variation not in known:
        message = f"no recipe has the variation `{variation}`, so a gate runs each as it is"
        hint = did_you_mean(variation, {*known, GateSettings().variation} & known)
        yield _warning(document, ("gate", "variation"), message, hint)


def _idle_connections(
    document: Document, values: Mapping[str, Any], recipes: Iterable[Recipe]
) -> Iterator[Fault]:
    used = {node.connection for recipe in recipes for node in recipe.nodes.values()}
    for name in values.get("connections", {}):
        if name not in used:
            yield _warning(document, ("connections", name), f"no node uses connection `{name}`")


def _connections(document: Document, values: Mapping[str, Any]) -> Iterator[Fault]:
    services = values.get("services", {})
    closed = values.get("runtime", {}).get("network", "kitchen") != "open"
    for name, table in values.get("connections", {}).items():
        path = ("connections", name)
        for key, url in _urls(table):
            host = _host(url)
            if host is None or host in services:
                continue
            hint = did_you_mean(host, services)
            if hint or (closed and services):
                message = f"connection `{name}` goes to `{host}`, which is no service of this cookbook"
                yield _warning(document, (*path, *key), message, hint)


def _services(document: Document, values: Mapping[str, Any], source: Source) -> Iterator[Fault]:
    hosts = {_host(url) for table in values.get("connections", {}).values() for _, url in _urls(table)}
    services = values.get("services", {})
    # A host that is nearly a service is told as such.
    hosts |= {nearest(host, services) for host in hosts if host}
    idle = [name for name in services if name not in hosts]
    if not idle:
        return
    folders = ("recipes", "ingredients", *values.get("gate", {}).get("shared", ()))
    for name in _unspoken(idle, source, folders):
        message = f"nothing uses service `{name}`: no connection goes there, and no recipe speaks of it"
        yield _warning(document, ("services", name), message)


def _unspoken(names: list[str], source: Source, folders: Iterable[str]) -> list[str]:
    """Those of the names that stand as a word in no file of the folders."""
    left = {name: re.compile(rb"(?<![\w-])" + re.escape(name.encode()) + rb"(?![\w-])") for name in names}
    for folder in folders:
        for file in _code(source, folder.rstrip("/")):
            if not left:
                return []
            content = source.read(file) or b""
            left = {name: word for name, word in left.items() if not word.search(content)}
    return list(left)


def _code(source: Source, folder: str) -> Iterator[str]:
    names = source.names(folder)
    if not names and _CODE.fullmatch(folder):
        yield folder
    for name in names:
        if _CODE.fullmatch(name):
            yield f"{folder}/{name}"
        elif "." not in name:
            yield from _code(source, f"{folder}/{name}")


def _urls(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    if "url" in table:
        yield ("url",), table["url"]
    if "url" in table.get("gate", {}):
        yield ("gate", "url"), table["gate"]["url"]


def _host(url: str) -> str | None:
    """The host in the URL when it is one word, as services are called; None for any other place."""
    try:
        # A reference to the vault holds a slash, at which a host would end.
        host = urlsplit(filled(url, lambda _: "secret")).hostname
    except ValueError:
        return None
    return host if host and re.fullmatch(r"[a-z][a-z0-9-]*", host) and host not in _HERE else None
