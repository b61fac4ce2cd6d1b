"""What the tests of attacks ask for besides: systems of people, and who owns the database."""

from tests.api.conftest import machine
from tests.history.conftest import key_file

__all__ = ["key_file", "machine"]
