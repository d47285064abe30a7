"""The parts of which reading and checking `recipe.toml` is made."""
