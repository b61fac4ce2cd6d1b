"""What the tests of faults ask for besides: systems of people."""

from tests.api.conftest import machine

__all__ = ["machine"]
