"""The containers that a kitchen has of its own: their start, their life, their end."""
