"""Demonstration data, made by driving the real services; nothing here writes a state."""


def add_demo() -> None:
    """Add fictional organisations, people, records and cases, once."""
