"""Keeps secrets out of whatever a run writes."""
