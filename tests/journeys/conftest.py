"""What journeys ask for by name: `cast`, `under`."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from repair_app.db import today
from repair_app.engine.rules import load_profiles
from repair_app.penalty_format.columns import BY_KEY, COLUMNS
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


@pytest.fixture
def make_file(world):
    """Give a function that returns a CSV file of the agency's penalties, as changed rows."""

    def file_of(*changes):
        decided = today() - timedelta(days=150)
        row = {
            "subject_name": world.firm.name,
            "subject_kind": "法人及非法人组织",
            "uscc": world.firm.uscc,
            "legal_representative": "张虚构",
            "decision_no": "虚市监罚〔2026〕1号",
            "violation_type": "发布引人误解的广告",
            "violation_facts": "当事人发布引人误解的广告。",
            "legal_basis": "《中华人民共和国广告法》第五十七条",
            "categories": "罚款",
            "content": "罚款人民币2万元",
            "fine_10k": "2",
            "confiscated_10k": "0",
            "decided_on": f"{decided:%Y/%m/%d}",
            "valid_until": "2099/12/31",
            "agency_name": world.agency.name,
            "agency_uscc": world.agency.uscc,
            "source_name": world.agency.name,
            "source_uscc": world.agency.uscc,
        }
        text = io.StringIO()
        table = csv.DictWriter(text, [one.heading for one in COLUMNS])
        table.writeheader()
        for one in changes or ({},):
            table.writerow({BY_KEY[key].heading: cell for key, cell in {**row, **one}.items()})
        return text.getvalue().encode("utf-8-sig")

    return file_of
