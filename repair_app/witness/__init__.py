"""A witness for a second office: cosigns checkpoints of a log that only ever grows.

Knows nothing of the rest but the tree and the notes (repair_app/merkle.py, notes.py).
"""
