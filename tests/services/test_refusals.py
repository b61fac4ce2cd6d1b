"""What services refuse when nobody of the pages would ask: closed by default, further in."""

import pytest
from flask import Flask

from config import ROOT
from repair_app.db import db
from repair_app.engine.step import SYSTEM, NotAllowed
from repair_app.models import Document, Role
from repair_app.services import cases, evidence, imports, people, publication, sanctions
from repair_app.services.transaction import transaction
from tests import factories
from tests.factories import World

SAMPLE = ROOT / "tests" / "data" / "penalties_424_fictional.csv"


def test_a_case_is_opened_about_a_record_that_one_may_see_and_no_other(world: World) -> None:
    record = factories.make_record(world.firm, world.agency)
    for ref, person in (("JL-2026-999999-9", world.subject), (record.ref, world.stranger)):
        with pytest.raises(cases.NotVisible):
            cases.open_case("objection", ref, person, factories.make_submission())


@pytest.mark.parametrize("kind", ["cases", "records", "requirements", "sanctions"])
def test_nothing_is_done_to_what_is_not_there(world: World, kind: str) -> None:
    with pytest.raises(cases.NotVisible):
        cases.perform(kind, "YY-2026-999999-9", "accept", world.reviewer, cases.Submission.first())


def test_a_measure_is_imposed_by_a_department_and_by_nobody_else(world: World) -> None:
    record = factories.make_record(world.firm, world.agency)
    with pytest.raises(NotAllowed):
        sanctions.offer_to_impose(world.reviewer, record)
    with pytest.raises(TypeError):
        sanctions.department_of(SYSTEM)


def test_a_measure_is_not_imposed_on_a_record_that_is_not_there(world: World) -> None:
    with pytest.raises(cases.NotVisible):
        sanctions.impose("JL-2026-999999-9", world.officer, factories.make_submission())


def test_evidence_lies_with_cases_only(world: World) -> None:
    record = factories.make_record(world.firm, world.agency)
    with pytest.raises(TypeError):
        cases.keeper_of(record)


def test_the_same_file_twice_is_kept_once_and_a_damaged_one_is_told(
    app: Flask, world: World
) -> None:
    """Evidence is kept by its hash, and handed out only if it is what was stored."""
    case = factories.make_case(world, "draft")
    upload = factories.make_upload()
    with transaction() as session:
        for _ in range(2):
            evidence.keep(session, session.merge(case), world.subject, upload)
    document = db.session.query(Document).filter_by(sha256=upload.sha256).one()
    assert evidence.read(document) == upload.content
    path = app.config["DATA_FOLDER"] / "evidence" / evidence.path_of(upload.sha256)
    kept = path.read_bytes()
    path.write_bytes(kept + b"x")
    with pytest.raises(ValueError, match="damaged"):
        evidence.read(document)
    path.write_bytes(kept)


def test_nobody_but_a_provider_brings_in_records(world: World) -> None:
    with pytest.raises(NotAllowed):
        imports.bring_in_file(SAMPLE.read_bytes(), "x.csv", world.reviewer)


def test_no_person_is_the_system(world: World) -> None:
    with pytest.raises(people.NotPossible), transaction() as session:
        people.appoint(session, world.reviewer, world.centre, Role.SYSTEM)


def test_an_account_is_closed_once(world: World) -> None:
    with transaction() as session:
        people.close_account(session.merge(world.stranger))
    with pytest.raises(people.NotPossible), transaction() as session:
        people.close_account(session.merge(world.stranger))


def test_a_sweep_leaves_alone_what_somebody_else_has_ended(world: World) -> None:
    record = factories.make_record(world.firm, world.agency)
    factories.annul_record(world, record)
    assert not publication._fire_if_live("records", record.ref, "expire")
