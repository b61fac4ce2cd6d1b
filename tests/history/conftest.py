"""What tests of the history share: a key file of their own."""

from pathlib import Path

import pytest
from flask import Flask


@pytest.fixture
def key_file(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a key file of the test's own; there is none yet."""
    monkeypatch.setitem(app.config, "HISTORY_KEY", str(tmp_path / "history_key"))
    return tmp_path / "history_key"
