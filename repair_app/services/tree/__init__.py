"""The tree over all events (docs/adr/0024): sequencing, keys, proofs, witnesses, verification."""
