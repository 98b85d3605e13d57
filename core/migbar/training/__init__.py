"""Recipes that make models from bands with known barriers."""
