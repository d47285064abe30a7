"""What Kitchens does: one file per verb, each a plan (reads, may refuse) and its carrying out (acts)."""
