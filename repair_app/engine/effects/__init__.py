"""What else a transition changes, in the same transaction. Names are commands.

One module for each thing that effects are about.
"""
