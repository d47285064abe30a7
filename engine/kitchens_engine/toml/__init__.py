"""Reading TOML with the place of every key, for `recipe.toml` and `kitchens.toml` alike."""
