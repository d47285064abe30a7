"""What can be said only with several files in view: how recipes and ingredients fit together."""
