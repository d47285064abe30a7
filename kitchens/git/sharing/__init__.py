"""Other repositories: the one that a team shares, and those of ingredients."""
