"""What the policy promises, each promise as a check of a state or of a step.

A check returns what is wrong, or nothing. Numbers are those of the list of invariants that the
project keeps; letters mark our own. None is read from `guards` or `effects`: what a workflow file
says twice (the owner of a state, whether it contests, whether it is final) and the clauses are what
a step is held against, so that a file from which a guard was lost fails.
"""

# Each registers its promises, in the order in which they are told.
from repair_app.proving.promises import verification as verification  # isort: skip
from repair_app.proving.promises import who as who  # isort: skip
from repair_app.proving.promises import repair as repair  # isort: skip
from repair_app.proving.promises import steps as steps  # isort: skip
from repair_app.proving.promises import doors as doors  # isort: skip
from repair_app.proving.promises import aftercare as aftercare  # isort: skip

from repair_app.proving.promises.common import STATE_PROPERTIES, STEP_PROPERTIES, Move

__all__ = ["STATE_PROPERTIES", "STEP_PROPERTIES", "Move"]
