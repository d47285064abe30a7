"""Tests of recipes: measures, rules, and functional tests in code."""
