"""What is known of a run while it runs: its plan, what each node sees, where each stands, and who hears of it."""
