"""What must be true before a transition: each returns the reason why not yet, or None.

One module for each thing that guards are about. Names are true statements; workflow files use
them. A released name keeps its meaning.
"""
