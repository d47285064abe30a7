"""Variables, inputs and settings: their names and types, their levels, and what must hold of them.

names, layers → resolve → the values of a run
constraints   what must hold of a value; `constrained` finds where a recipe's own breaks it
explain       which level gave a value, with file and line
"""
