"""A kitchen from its creation to its deletion, and its settings."""
