"""The policy of the running application."""

from flask import current_app

from repair_app.engine.policy import Policy


def current_policy() -> Policy:
    """Return the policy that `create_app` loaded."""
    policy: Policy = current_app.extensions["redress_policy"]
    return policy
