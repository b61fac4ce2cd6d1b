"""What some tests need of the machine besides Python: without it they are skipped, or fail."""

import os
from typing import NoReturn

import pytest

SWITCH = "REDRESS_TESTS_NEED_ALL"  # "1": a test that cannot run has failed; set by .ci/run


def go_without(reason: str) -> NoReturn:
    """Skip the test for this reason; where nothing may be left out, fail it."""
    if os.environ.get(SWITCH) == "1":
        pytest.fail(f"{reason} ({SWITCH}=1)", pytrace=False)
    pytest.skip(reason)
