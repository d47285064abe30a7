"""The merge queue: what waits, and how it is brought in."""
