"""The merge queue's decisions, pure: from a snapshot of what waits to the tests, landings and drops that follow."""
