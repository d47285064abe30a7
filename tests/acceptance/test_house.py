"""The house stands as docs/architecture.md says."""

from __future__ import annotations

import grimp

#: An order brings services up, and what they begin with is made by an order.
RECURSION = {
    "kitchens.actions.orders.running",
    "kitchens.actions.services.joining",
    "kitchens.actions.services.raising",
    "kitchens.actions.services.seeding",
}


def test_no_file_imports_itself_by_way_of_others() -> None:
    """Neither for types nor inside functions: whoever reads a file needs only those below it."""
    graph = grimp.build_graph("kitchens", "kitchens_engine", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    left = set(graph.modules)
    while True:
        imported = set().union(*(imports[module] for module in left))
        on_the_way = {module for module in left & imported if imports[module] & left}
        if on_the_way == left:
            break
        left = on_the_way
    assert left == RECURSION
