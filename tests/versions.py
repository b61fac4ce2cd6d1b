"""Two versions of a workflow side by side: the first one of the objection, and a next one."""

import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

from flask import Flask

from config import ROOT
from repair_app.engine.policy import Policy, load_policy
from repair_app.forms import FORMS

EXTENSION = "redress_policy"


def first_policy(policy: Policy) -> Policy:
    """Return the policy as it was when the first versions and rule packs were all there was."""
    first = {name: one for (name, version), one in policy.workflows.items() if version == "2026.1"}
    packs = {
        one.id: one for one in policy.editions.values() if {"repair", "objection"} <= one.parts
    }
    return replace(policy, current={**policy.current, **first}, packs={**policy.packs, **packs})


def put_in_force(app: Flask, policy: Policy) -> Policy:
    """Let the application run by a policy; it is taken down with the test's application context."""
    app.extensions[EXTENSION] = policy
    return policy


def write_next(folder: Path, *edits: tuple[str, str], maps: str = "") -> Path:
    """Return a policy folder with an objection 2030.1 that is 2026.1 but for some edits.

    maps: the content of migrations.toml.
    """
    copy = Path(shutil.copytree(ROOT / "workflows", folder / "workflows"))
    for of_the_present in ("releases.toml", "letters.toml"):  # they name what 2026.1 has not
        (copy / of_the_present).unlink(missing_ok=True)
    first = copy / "released" / "objection-2026.1.toml"
    for later in set(copy.glob("released/objection-*.toml")) - {first}:
        later.unlink()  # they have states that the next of the first has not
    text = first.read_text(encoding="utf-8")
    of_part = ('initial = "new"', 'initial = "new"\nrules   = "objection"')
    for old, new in (('version = "2026.1"', 'version = "2030.1"'), of_part, *edits):
        assert old in text, old
        text = text.replace(old, new)
    (copy / "objection.toml").write_text(text, encoding="utf-8")
    (copy / "migrations.toml").write_text(maps, encoding="utf-8")
    return copy


def write_next_of(folder: Path, name: str, *edits: tuple[str, str]) -> Path:
    """Return a policy folder with a 2030.1 that is today's version of a workflow but for edits."""
    copy = Path(shutil.copytree(ROOT / "workflows", folder / "workflows"))
    present = copy / f"{name}.toml"
    text = present.read_text(encoding="utf-8")
    version = tomllib.loads(text)["version"]
    shutil.copy(present, copy / "released" / f"{name}-{version}.toml")
    for old, new in ((f'version = "{version}"', 'version = "2030.1"'), *edits):
        assert old in text, old
        text = text.replace(old, new)
    present.write_text(text, encoding="utf-8")
    return copy


def load(folder: Path) -> Policy:
    """Return the policy of a folder."""
    return load_policy(folder, "seeds", FORMS)
