"""How a branch moves, with every checkout of it: killed anywhere, old or new."""
