"""Trees as files: worktrees of kitchens, and checkouts of gates and orders."""
