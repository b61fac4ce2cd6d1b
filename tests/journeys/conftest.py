"""What journeys ask for by name: `cast`, `under`."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from repair_app.engine.rules import load_profiles
from tests.client import Client
from tests.factories import World
from tests.journeys.steps import Cast


@pytest.fixture
def cast(world: World, as_: Callable[..., Client]) -> Cast:
    """Give everybody's browser, by name."""
    return Cast(world, as_)


@pytest.fixture
def under(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give a function that lets a profile of profiles.toml choose the rule packs from now on."""

    def choose(name: str) -> None:
        profiles = load_profiles(app.config["WORKFLOWS"] / "rules" / "profiles.toml")
        policy = app.extensions["redress_policy"]
        chosen = replace(policy, profile=profiles[name])
        monkeypatch.setitem(app.extensions, "redress_policy", chosen)

    return choose
