"""Pure decisions: what a change affects, what must be tested, what may land.

Nothing here reads a disk, runs a process or knows git: trees come in as `TreeView`s.
"""
