"""Recipes: parameters, masks and outputs, as YAML."""
