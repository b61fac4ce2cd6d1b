"""Retention: what was kept long enough goes, by the file, once, with an event; all else stays."""

import json
from datetime import timedelta

import pytest

from config import ROOT
from repair_app.db import db, now
from repair_app.engine.retention import load_retention
from repair_app.engine.spec import SpecError
from repair_app.models import (
    Alarm,
    Enquiry,
    Event,
    Export,
    FormToken,
    SecurityEvent,
    StepReport,
    Viewing,
)
from repair_app.services import batch, retention, timers
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests.factories import make_case, make_record

DAYS = {
    "drafts": 30,
    "step_reports": 30,
    "exports": 7,
    "kept_answers": 1,
    "access_tokens": 7,
    "form_tokens": 90,
    "enquiries": 1825,
    "cleared_alarms": 400,
    "sign_ins": 1,
    "viewings": 1095,
    "security_events": 730,
}


def rows(model):
    db.session.rollback()
    return db.session.query(model).count()


def run(app, *arguments):
    result = app.test_cli_runner().invoke(args=list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def passing(app, world):
    """Give one row of each kind that is kept in a table alone, all of now."""
    moment = now()
    batch.keep_report(world.reviewer, [batch.Taken("cases", "YY-2026-000001-U", done=True)], "/")
    alarm = {"kind": "mail", "entity_ref": "smtp", "about": "x", "text": "x", "raised_at": moment}
    with transaction() as session:
        session.add_all(
            [
                Alarm(**alarm, cleared_at=moment),
                Alarm(**alarm, cleared_at=None),
                FormToken(
                    token="t", user_id=world.subject.id, digest="d", result_ref="r", used_at=moment
                ),
                Enquiry(
                    at=moment,
                    account_id=world.officer.id,
                    organisation_id=world.agency.id,
                    client=None,
                    purpose="招标资格审查",
                    uscc=world.firm.uscc,
                    measure="SD-1",
                    state="none",
                    answer="a",
                    event_id=None,
                ),
                Viewing(
                    subject_id=world.firm.id,
                    entity_ref="JL-2026-000001-D",
                    account_id=world.reviewer.id,
                    organisation_id=None,
                    role="reviewer",
                    day=moment.date(),
                    first_at=moment,
                ),
                SecurityEvent(
                    minute=moment,
                    who="",
                    route="security.login",
                    kind="sign_in",
                    status=200,
                    entity_ref="",
                    step="",
                    request="r",
                    times=1,
                    last_at=moment,
                ),
                Export(
                    ref="DC-2026-000001-X",
                    account_id=world.reviewer.id,
                    page="cases",
                    query={},
                    form="csv",
                    language="en",
                    asked_at=moment,
                    rows_all=None,
                    sha256=None,
                    done_at=None,
                ),
            ]
        )
    return {
        "step_reports": StepReport,
        "exports": Export,
        "form_tokens": FormToken,
        "cleared_alarms": Alarm,
        "enquiries": Enquiry,
        "viewings": Viewing,
        "security_events": SecurityEvent,
    }


def test_each_kind_goes_after_its_days_and_not_before(app, passing):
    before = {name: rows(model) for name, model in passing.items()}
    for name, model in sorted(passing.items(), key=lambda one: DAYS[one[0]]):
        retention.apply_rules(now() + timedelta(days=DAYS[name], hours=-1))
        assert rows(model) == before[name], name
        retention.apply_rules(now() + timedelta(days=DAYS[name], hours=1))
        assert rows(model) == before[name] - 1, name
    left = db.session.query(Alarm).one()
    assert left.cleared_at is None  # nobody has looked at it yet


def test_an_event_says_how_much_of_each_kind_and_nothing_else(app, passing):
    later = now() + timedelta(days=31)
    assert retention.apply_rules(later) == 2
    db.session.rollback()
    last = db.session.query(Event).order_by(Event.id.desc()).first()
    said = json.loads(last.payload)
    assert (last.stream, last.transition) == ("operations", "forget")
    assert said["facts"] == {"exports": 1, "step_reports": 1}
    events = rows(Event)
    assert retention.apply_rules(later) == 0
    assert rows(Event) == events  # a night on which nothing goes leaves none


def test_a_dry_run_counts_and_deletes_nothing(app, passing, digest, monkeypatch):
    monkeypatch.setattr(retention, "now", lambda: now() + timedelta(days=31))
    before = digest()
    said = run(app, "retention", "--dry-run")
    assert digest() == before
    assert "step_reports: 1 older than 30 days" in said
    assert "exports: 1 older than 7 days" in said
    assert "viewings: 0 older than 1095 days (《个人信息保护法》 第五十六条（参照）)" in said
    assert "deleted" not in said


def test_records_cases_and_the_ledger_are_never_deleted(app, world, digest):
    make_case(world, "closed")
    make_record(world.firm, world.agency)
    passing = ("form_token", "draft", "staged_upload", "event", "stream")
    before, events = digest(*passing), rows(Event)
    retention.apply_rules(now() + timedelta(days=36_500))
    assert digest(*passing) == before
    assert rows(Event) >= events


def test_the_worker_does_it_every_night(app, passing):
    (timer,) = [one for one in timers.TIMERS if one.name == "apply_retention"]
    assert timer.cron == timers.WHEN_THE_NIGHT_IS_QUIET
    assert timer.run(now() + timedelta(days=31)) == 2


def test_one_kind_that_cannot_be_deleted_keeps_no_other(app, passing, monkeypatch):
    def fail(_before):
        raise OSError("the store of files is away")

    broken = retention.DELETIONS["drafts"]._replace(delete=fail)
    monkeypatch.setitem(retention.DELETIONS, "drafts", broken)
    with pytest.raises(ExceptionGroup, match="1 kinds"):
        retention.apply_rules(now() + timedelta(days=31))
    assert rows(StepReport) == 0


# --- the file ---------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_the_file_says_how_long_and_why(app):
    rules = app.extensions["redress_retention"]
    assert {name: rule.keep.days for name, rule in rules.items()} == DAYS
    assert set(rules) == set(retention.DELETIONS)
    for rule in rules.values():
        assert rule.label.zh
        assert all(one.document in current_policy().documents for one in rule.basis)


@pytest.mark.parametrize(
    ("given", "instead", "says"),
    [
        ("[viewings]", "[ledger]", "ledger is nothing that can be deleted"),
        ("keep  = 1095", "keep  = 0", "viewings: keep: 0 is no number of days"),
        ("keep  = 1095", 'keep  = "long"', "viewings: keep: 'long' is no number of days"),
        ("keep  = 1095", "kept  = 1095", "viewings: keep is missing"),
        ('["PIPL 第五十六条（参照）"]', "[]", "viewings: basis: says nothing"),
        ("PIPL 第五十六条（参照）", "NOBODY 第一条", "viewings: 'NOBODY'"),
    ],
)
@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_a_file_that_says_otherwise_stops_the_start(app, tmp_path, given, instead, says):
    content = (ROOT / "workflows" / "retention.toml").read_text(encoding="utf-8")
    assert given in content
    path = tmp_path / "retention.toml"
    path.write_text(content.replace(given, instead), encoding="utf-8")
    with pytest.raises(SpecError, match=rf"retention\.toml: .*{says}"):
        load_retention(path, current_policy().documents, retention.DELETIONS)
