"""What tests of services ask for by name: `edit`, `run`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask


@pytest.fixture
def edit(app: Flask, tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes an edited copy of a rule pack's file, and returns its path."""

    def edited(name: str, *changes: tuple[str, str]) -> Path:
        text = (app.config["WORKFLOWS"] / "rules" / name).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return edited


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    """Give a function that runs a command and returns what it printed, and its exit code."""

    def run_command(*arguments: object) -> Result:
        return app.test_cli_runner().invoke(args=[str(one) for one in arguments])

    return run_command
