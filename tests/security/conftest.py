"""What the tests of attacks ask for besides: systems of people, and who owns the database."""

from tests.api.conftest import machine
from tests.history.conftest import attack, key_file

__all__ = ["attack", "key_file", "machine"]
