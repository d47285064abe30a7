"""The recipe language: how `recipe.toml` is read and checked.

    text → document → shape → build → Recipe
           (TOML,     (types, (a frozen   ↓
           places)    keys)   value)     graph, limits, files, references:
                                         what a table of keys cannot see

Each part finds all the faults it can; `load` puts them together. `shelf` reads a recipe when
it is asked for, `check` and `fitting` look at several files together, `reach` follows what a
recipe touches.
"""
