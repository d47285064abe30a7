"""The repository: everything that kitchens ask of git, through the git binary alone.

    command ─ objects ─ refs ─ repository         one binary, one reader process, ref moves
                                   │
              history, merging ────┤              questions; a merge without a checkout
              checkout, worktrees ─┤              files on disk
              landing ─────────────┘              the one move of a kitchen's branch

`claims` writes down on disk what a process is about to hold (locks, half-made
folders), so that whoever comes after a `kill -9` knows what to clear away.
"""
