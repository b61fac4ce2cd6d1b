"""How often something may be tried: the limiter of pages and interface, counted in one place."""

from flask import current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address)


def limit_of(setting: str) -> str:
    """Return a limit as the settings have it."""
    return str(current_app.config[setting])
