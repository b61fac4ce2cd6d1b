"""Sending a form twice, late, or at the same moment as somebody else."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from repair_app.db import db
from repair_app.engine.step import NotAllowed, NotOffered, Refused, WrongState
from repair_app.models import Case, Document, Event, FormToken, User
from repair_app.services import cases, history
from tests import factories
from tests.factories import World

Digest = Callable[..., dict[str, str]]
Act = Callable[[], Any]


def at_once(app: Flask, acts: Sequence[Act]) -> list[Any]:
    """Do things at the same moment, each in a thread and a session of its own.

    Returns what each gave, or the exception that it raised, in the order of the acts.
    """
    gate = Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(place: int, act: Act) -> None:
        with app.app_context():
            gate.wait(timeout=30)
            try:
                results[place] = act()
            except Exception as error:  # noqa: BLE001  # told to the test
                results[place] = error

    threads = [Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    db.session.rollback()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "somebody still waits"
    db.session.rollback()
    return results


def sending(
    user_id: int, kind: str, ref: str, name: str, submission: cases.Submission
) -> Callable[[], cases.Outcome]:
    """Return the act of sending a form."""
    return lambda: cases.perform(kind, ref, name, db.session.get_one(User, user_id), submission)


def form_for(case: Case, name: str, token: str | None = None) -> cases.Submission:
    """Return a filled-in form drawn from a case as it is now."""
    return factories.make_submission(
        f"{case.ref} {name}", **factories.answer(name, case), version=case.version, token=token
    )


def events_of(case: Case, name: str) -> int:
    return db.session.query(Event).filter_by(entity=case.ref, transition=name).count()


# --- the same form, twice ---


def test_a_form_sent_twice_takes_effect_once_and_answers_the_same(
    world: World, digest: Digest
) -> None:
    case = factories.make_case(world, "submitted")
    form = form_for(case, "accept")
    first = cases.perform("cases", case.ref, "accept", world.reviewer, form)
    after = digest()
    again = cases.perform("cases", case.ref, "accept", world.reviewer, form)
    assert (first.ref, first.repeated) == (case.ref, False)
    assert (again.ref, again.repeated) == (case.ref, True)
    assert digest() == after


def test_the_same_form_sent_a_hundred_times_at_once_takes_effect_once(
    app: Flask, world: World
) -> None:
    case = factories.make_case(world, "submitted")
    act = sending(world.reviewer.id, "cases", case.ref, "accept", form_for(case, "accept"))
    outcomes = at_once(app, [act] * 100)
    assert [one for one in outcomes if not isinstance(one, cases.Outcome)] == []
    assert sorted(one.repeated for one in outcomes) == [False] + [True] * 99
    assert {one.ref for one in outcomes} == {case.ref}
    assert events_of(case, "accept") == 1
    assert factories.get_case(case.ref).state == "accepted"
    assert history.verify_all()[1] is None


def test_a_hundred_forms_sent_at_once_take_effect_once_and_the_others_are_stale(
    app: Flask, world: World
) -> None:
    case = factories.make_case(world, "submitted")
    user = world.reviewer.id
    acts = [
        sending(user, "cases", case.ref, "accept", form_for(case, "accept")) for _ in range(100)
    ]
    outcomes = at_once(app, acts)
    done = [one for one in outcomes if isinstance(one, cases.Outcome)]
    assert len(done) == 1
    assert {type(one) for one in outcomes if one not in done} == {cases.Stale}
    assert events_of(case, "accept") == 1


def test_a_case_opened_twenty_times_at_once_is_one_case(app: Flask, world: World) -> None:
    record = factories.make_record(world.firm, world.agency)
    form = factories.make_submission(
        f"{record.ref} objection",
        facts={"ground": "error"},
        texts={"statement": "金额有误。"},
        uploads=[factories.make_upload()],
    )
    user, ref = world.subject.id, record.ref

    def act() -> cases.Outcome:
        return cases.open_case("objection", ref, db.session.get_one(User, user), form)

    outcomes = at_once(app, [act] * 20)
    assert sorted(one.repeated for one in outcomes) == [False] + [True] * 19
    assert db.session.query(Case).count() == 1
    assert db.session.query(Document).count() == 1


def test_two_objections_on_one_ground_opened_at_once_are_one(app: Flask, world: World) -> None:
    """By two people of the firm, with forms of their own."""
    ref = factories.make_record(world.firm, world.agency).ref

    def opening(user: int) -> Act:
        form = factories.make_submission(
            facts={"ground": "error"}, texts={"statement": "金额有误。"}
        )
        return lambda: cases.open_case("objection", ref, db.session.get_one(User, user), form)

    people = [world.subject.id, world.agent.id] * 5
    outcomes = at_once(app, [opening(one) for one in people])
    assert sum(isinstance(one, cases.Outcome) for one in outcomes) == 1
    assert {type(one) for one in outcomes} == {cases.Outcome, Refused}
    assert db.session.query(Case).count() == 1


# --- a token that is another form's ---


def test_a_token_does_not_serve_another_person(world: World, digest: Digest) -> None:
    case = factories.make_case(world, "submitted")
    form = form_for(case, "accept")
    cases.perform("cases", case.ref, "accept", world.reviewer, form)
    before = digest()
    with pytest.raises(cases.TokenBorrowed):
        cases.perform("cases", case.ref, "accept", world.second_reviewer, form)
    assert digest() == before


@pytest.mark.parametrize("other", ["purpose", "facts", "texts", "uploads"])
def test_a_token_does_not_serve_another_content(world: World, digest: Digest, other: str) -> None:
    case = factories.make_case(world, "submitted")
    form = form_for(case, "accept", token="the same token")
    cases.perform("cases", case.ref, "accept", world.reviewer, form)
    given: dict[str, Any] = {
        "purpose": form.purpose,
        "facts": {},
        "texts": {},
        "uploads": (),
        other: {
            "purpose": f"{case.ref} ask_provider",
            "facts": {"code": "x"},
            "texts": {"note": "x"},
            "uploads": [factories.make_upload()],
        }[other],
    }
    before = digest()
    borrowed = factories.make_submission(**given, version=form.version, token="the same token")
    with pytest.raises(cases.TokenBorrowed):
        cases.perform("cases", case.ref, "accept", world.reviewer, borrowed)
    assert digest() == before


def test_what_was_refused_keeps_no_token(world: World) -> None:
    """So that the form can be sent again once what barred it is gone."""
    record = factories.make_record(world.firm, world.agency)
    case = factories.open_objection(record, world.subject, uploads=[])
    tokens = db.session.query(FormToken).count()
    with pytest.raises(Refused, match="Attach"):
        factories.act(world.subject, "submit", case)
    assert db.session.query(FormToken).count() == tokens


# --- a form that is too old ---


def test_a_form_drawn_from_an_older_version_is_stale(world: World, digest: Digest) -> None:
    case = factories.make_case(world, "confirmed")
    old = form_for(case, "return_to_provider")
    factories.act(world.reviewer, "return_to_provider", case)
    factories.act(world.provider, "confirm", case)
    before = digest()
    with pytest.raises(cases.Stale) as stale:
        cases.perform("cases", case.ref, "return_to_provider", world.reviewer, old)
    assert (stale.value.ref, stale.value.version) == (case.ref, old.version)
    assert digest() == before


@pytest.mark.parametrize("version", [-1, 0, 99])
def test_a_form_without_a_true_version_is_stale(world: World, digest: Digest, version: int) -> None:
    case = factories.make_case(world, "submitted")
    before = digest()
    with pytest.raises(cases.Stale):
        cases.perform(
            "cases",
            case.ref,
            "accept",
            world.reviewer,
            factories.make_submission(version=version),
        )
    assert digest() == before


# --- at the same moment as somebody else ---


def outcome_or(error: type[Exception], outcomes: Sequence[Any]) -> bool:
    return all(isinstance(one, cases.Outcome | error) for one in outcomes)


def test_two_reviewers_deciding_at_once_decide_once(app: Flask, world: World) -> None:
    case = factories.make_case(world, "correction_proposed")
    version, events = case.version, count_events(case)
    acts = [
        sending(user, "cases", case.ref, name, form_for(case, name))
        for user in (world.reviewer.id, world.second_reviewer.id)
        for name in ("decide_correction", "return_to_provider")
    ]
    outcomes = at_once(app, acts)
    assert sum(isinstance(one, cases.Outcome) for one in outcomes) == 1
    assert outcome_or(cases.Stale, outcomes)
    db.session.expire_all()
    decided = factories.get_case(case.ref)
    assert decided.version == version + 1
    assert decided.state in {"correction_decided", "with_provider"}
    assert count_events(decided) == events + 1


def count_events(case: Case) -> int:
    """Return how many steps of a case are on file."""
    mine = select(func.count()).select_from(Event).where(Event.entity == case.ref)
    return db.session.scalar(mine) or 0


@pytest.mark.parametrize("again", range(5))
def test_accepting_an_objection_while_the_record_is_withdrawn_does_not_deadlock(
    app: Flask, world: World, again: int
) -> None:
    """The record is locked first, whoever comes: one takes its turn after the other."""
    record = factories.make_record(world.firm, world.agency)
    sanction = factories.make_sanction(record, world.officer)
    case = factories.make_case(world, "submitted", record=record)
    annulment = factories.open_matter("annulment", record, world.provider)
    outcomes = at_once(
        app,
        [
            sending(world.reviewer.id, "cases", case.ref, "accept", form_for(case, "accept")),
            sending(
                world.second_provider.id,
                "cases",
                annulment.ref,
                "sign",
                form_for(annulment, "sign"),
            ),
        ],
    )
    accepted, annulled = outcomes
    assert isinstance(annulled, cases.Outcome), repr(annulled)
    assert isinstance(accepted, cases.Outcome | WrongState | cases.Stale | Refused), repr(accepted)
    case = factories.get_case(case.ref)
    assert (case.state, record.state, sanction.state) == ("moot", "withdrawn", "ended")
    assert not record.is_contested
    assert all(one.lifted_at for one in sanction.suspensions)
    assert history.verify_all()[1] is None


def test_several_objections_to_one_record_accepted_at_once_all_suspend(
    app: Flask, world: World
) -> None:
    record = factories.make_record(world.firm, world.agency)
    sanction = factories.make_sanction(record, world.officer)
    grounds = ("error", "omission", "duplicate", "over_term")
    objections = [
        factories.make_case(world, "submitted", record=record, ground=ground) for ground in grounds
    ]
    acts = [
        sending(world.reviewer.id, "cases", one.ref, "accept", form_for(one, "accept"))
        for one in objections
    ]
    outcomes = at_once(app, acts)
    assert [repr(one) for one in outcomes if isinstance(one, Exception)] == []
    assert sanction.state == "suspended"
    assert len([one for one in sanction.suspensions if one.lifted_at is None]) == len(grounds)
    withdrawals = [
        sending(world.subject.id, "cases", one.ref, "withdraw", form_for(one, "withdraw"))
        for one in map(factories.get_case, [one.ref for one in objections])
    ]
    assert outcome_or(cases.Outcome, at_once(app, withdrawals))
    assert sanction.state == "in_force"
    assert history.verify_all()[1] is None


def test_references_taken_at_once_are_all_different(app: Flask, world: World) -> None:
    records = [factories.make_record(world.firm, world.agency).ref for _ in range(10)]
    user = world.subject.id

    def opening(ref: str) -> Act:
        form = factories.make_submission(
            facts={"ground": "error"}, texts={"statement": "金额有误。"}
        )
        return lambda: cases.open_case("objection", ref, db.session.get_one(User, user), form)

    outcomes = at_once(app, [opening(ref) for ref in records])
    assert outcome_or(cases.Outcome, outcomes), outcomes
    refs = sorted(one.ref for one in outcomes)
    assert len(set(refs)) == len(records)
    numbers = [int(one.split("-")[2]) for one in refs]
    assert numbers == list(range(numbers[0], numbers[0] + len(records)))  # none is skipped


# --- who may not ---


@pytest.mark.parametrize(
    ("who", "name", "refusal"),
    [
        ("stranger", "withdraw", cases.NotVisible),
        ("other_provider", "confirm", cases.NotVisible),
        ("officer", "accept", cases.NotVisible),
        ("institution", "accept", cases.NotVisible),
        ("administrator", "accept", cases.NotVisible),
        ("auditor", "accept", NotAllowed),
        ("subject", "accept", NotAllowed),
        ("provider", "accept", NotAllowed),
        ("reviewer", "end_with_record", NotOffered),
        ("reviewer", "to_closed", NotOffered),
        ("provider", "confirm", WrongState),
    ],
)
def test_whoever_may_not_changes_nothing(
    world: World, digest: Digest, who: str, name: str, refusal: type[Exception]
) -> None:
    case = factories.make_case(world, "submitted")
    form = factories.make_submission(version=case.version)
    before = digest()
    with pytest.raises(refusal):
        cases.perform("cases", case.ref, name, getattr(world, who), form)
    assert digest() == before


def test_an_agent_acts_as_far_as_the_mandate_reaches(world: World, digest: Digest) -> None:
    record = factories.make_record(world.firm, world.agency)
    objection = factories.make_case(world, "submitted", record=record)
    repair = factories.make_case(world, "submitted", workflow="repair")
    factories.act(world.agent, "withdraw", objection)
    before = digest()
    with pytest.raises(cases.NotVisible):
        factories.act(world.agent, "withdraw", repair)
    with pytest.raises(NotAllowed):
        factories.open_repair(record, world.agent)
    assert digest() == before
