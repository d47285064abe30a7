"""The parts of which reading one `recipe.toml` is made.

    text → document → shape → build → Recipe
           (TOML,     (types, (a frozen   ↓
           places)    keys)   value)     graph, limits, files, references:
                                         what a table of keys cannot see

Each part finds all the faults it can; `kitchens_engine.load` puts them together.
"""
