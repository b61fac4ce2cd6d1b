"""A policy with a mistake ends every command with one line: which file, where, and the mend."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.cli import FlaskGroup

from config import TestConfig
from repair_app import create_app

MISTAKES = {
    "a state that is none": (
        "objection.toml",
        ('from    = ["draft"]', 'from    = ["drafft"]'),
        ["objection.toml: ", "unknown state 'drafft'"],
    ),
    "a released version that changed": (
        "objection.toml",
        ('zh = "草稿"', 'zh = "草案"'),
        ["objection.toml: version ", "has changed", "raise `version`"],
    ),
    "a released edition that changed": (
        "rules/sd-seeds.toml",
        ("repair_acceptance = {working_days = 3", "repair_acceptance = {working_days = 5"),
        ["rules: SD-SEEDS.2 was released and ", "raise `edition`"],
    ),
    "a key that is none": (
        "rules/sd-2020.toml",
        ("objection_whole ", "objection_hole "),
        ["sd-2020.toml: clocks.objection_hole: is not known here; did you mean 'objection_whole'"],
    ),
    "no TOML at all": (
        "repair.toml",
        ("[states]", "[states"),
        ["repair.toml: ", "line "],
    ),
}


@pytest.mark.parametrize("kind", sorted(MISTAKES))
def test_a_command_ends_with_one_line_that_names_file_place_and_mend(kind, app, tmp_path):
    """Nobody who edits a file has to read a traceback."""
    name, (old, new), words = MISTAKES[kind]
    folder = tmp_path / "workflows"
    shutil.copytree(app.config["WORKFLOWS"], folder)
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    result = run_in(folder, "workflows", "check")
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1, result.output
    for word in words:
        assert word in result.output


def run_in(folder: Path, *arguments: str) -> Result:
    """Run a command of an application that reads its policy from a folder."""

    class Config(TestConfig):
        WORKFLOWS = folder

    group = FlaskGroup(create_app=lambda: create_app(Config()))
    # Flask notes in the environment that a command runs: the runner takes it away again.
    return CliRunner(env={"FLASK_RUN_FROM_CLI": "true"}).invoke(group, list(arguments))
