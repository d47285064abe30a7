"""Kitchens: every change to a data pipeline gets a kitchen, and only tested trees reach production."""

__version__ = "0.1.0"
