"""The gate: what must be shown of a tree, and the verdict on it."""
