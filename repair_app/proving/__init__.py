"""The proof that the policy keeps its promises: every state of a small world is looked at.

A client of the engine like the services: the same policy, guards and effects, without a database.
"""
