"""One run: from the plan through the loop to what each attempt leaves."""
