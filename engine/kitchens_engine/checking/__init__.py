"""What `kitchen recipe check` finds beyond the faults that stop a recipe at the door.

    language.check          faults that every run and gate refuses too
    checking.inspect        the same, and what only somebody who asks wants to wait for:
        contracts           types of what recipes and ingredients hand each other
        expressions         comparisons of unlike things, conditions that never change
        statements          SQL that does not parse, whatever its templates become
        grammars            who reads it: DuckDB's own parser, sqlglot for other databases
        pointless           tests that can only pass, or only fail
        unreached           nodes that never run
        functional          test files without a test

Nothing here runs a template, a statement or a script.
"""
