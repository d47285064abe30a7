"""The repository: everything that kitchens ask of git, through the git binary alone.

    command   starts git in an environment that the machine cannot bend
    objects   reads through one process, writes with one (formats, pack)     source: a tree as files
    refs      moves by compare-and-swap
    repository ties them together
       history, merging      questions; a merge without a checkout
       worktrees, records    a kitchen's own folder, whole or not at all
       checkout              trees on disk, for gates and order runs
       landing               the one move of a branch, with its checkouts (arriving, obstacles, healing)

`claims` writes down on disk what a process is about to hold (locks, half-made
folders), so that whoever comes after a `kill -9` knows what to clear away.
"""
