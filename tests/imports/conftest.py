"""What the tests of records in bulk ask for: `machine`, and no worker but where they say so."""

from typing import Any

import pytest

from repair_app import jobs
from tests.api.conftest import machine

__all__ = ["machine"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Give the jobs that are asked for; none is run."""
    found: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(jobs, "enqueue", lambda _, name, key, **ids: found.append((name, ids)))
    return found


@pytest.fixture(autouse=True)
def _no_worker(request: pytest.FixtureRequest) -> None:
    if "with_jobs" not in request.keywords:
        request.getfixturevalue("asked")
