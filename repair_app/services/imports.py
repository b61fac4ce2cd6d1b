"""Placeholder until the format package is there."""
