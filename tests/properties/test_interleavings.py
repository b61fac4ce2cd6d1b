"""Whatever order the matters of one record move in, what the policy promises holds after each step.

Two objections, a repair, what a department reports, a shield, an annulment, the revocation of the
repair, measures, the clock and the timers act on one record in orders that Hypothesis chooses.
Each step is one that some person is offered, taken as that person through the services; and now
and then one that is not offered, which must change nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, inspect, select

from repair_app import ledger
from repair_app.db import at, db, now, today
from repair_app.engine.enforcement import enforceable, is_enforceable
from repair_app.engine.step import Entity, NotOffered, Refused
from repair_app.models import (
    Case,
    CreditRecord,
    DisputeMark,
    Event,
    Organisation,
    Sanction,
    SanctionSuspension,
    User,
)
from repair_app.models.records import OFF_PUBLICATION
from repair_app.services import cases, gate, publication, timers
from repair_app.services.cases import NotVisible
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests.factories import (
    World,
    act,
    initiate_sanction,
    make_case,
    make_record,
    make_sanction,
    open_matter,
)

PEOPLE = (
    "reviewer",
    "second_reviewer",
    "upper_reviewer",
    "second_upper_reviewer",
    "provider",
    "second_provider",
    "other_provider",
    "officer",
    "subject",
)
OBJECTIONS = ("submitted", "accepted", "confirmed", "rejection_heard", "correction_decided")
REPAIRS = ("submitted", "with_provider", "grant_proposed")
OFFICERS = ("officer", "other_officer")
MEASURES = ("A01", "A02", "M01")
# What can be opened about the record besides: by whom, and by which step.
OPENINGS = {"objection": ("officer", "report_error"), "revocation": ("reviewer", "open")}
# From the signature until publication goes on or ceases the measures stand still (CN-2025-22).
SHIELDING = frozenset(
    {
        "shielded",
        "completion_reported",
        "completion_proposed",
        "lifting_announced",
        "lifting_heard",
    }
)
EXAMPLES = {"sqlite": 8, "postgresql": 3}
STEPS = 20


class OneRecord(RuleBasedStateMachine):
    """A record with measures, two objections and a repair, and the people who deal with it."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.start: datetime = now()
        self.days = 0
        self.imposed: dict[str, dict[str, Any]] = {}  # each measure as it was at first
        self.matters: list[str] = []
        self.liftings: dict[int, datetime] = {}  # of suspensions, as they were first seen

    @contextmanager
    def day(self) -> Iterator[None]:
        """Let it be the day that the story has come to."""
        db.session.rollback()
        with at(self.start + timedelta(days=self.days)):
            yield
        db.session.rollback()

    @property
    def record(self) -> CreditRecord:
        return db.session.get_one(CreditRecord, self.record_id)

    @property
    def sanctions(self) -> list[Sanction]:
        return list(self.record.sanctions)

    @property
    def cases(self) -> list[Case]:
        query = select(Case).where(Case.record_id == self.record_id).order_by(Case.id)
        return list(db.session.scalars(query))

    def case_of(self, ref: str) -> Case:
        return next(one for one in self.cases if one.ref == ref)

    @property
    def is_over(self) -> bool:
        return self.record.state in OFF_PUBLICATION

    # --- what can happen ------------------------------------------------------------------

    @initialize(
        measures=st.integers(1, 3),
        age=st.sampled_from([200, 330]),
        objections=st.tuples(st.sampled_from(OBJECTIONS), st.sampled_from(OBJECTIONS)),
        repair=st.sampled_from(REPAIRS),
    )
    def begin(self, measures: int, age: int, objections: tuple[str, str], repair: str) -> None:
        with transaction() as session:  # no story may bar the repairs of the next one
            session.get_one(Organisation, self.world.firm.id).barred_until = None
        with self.day():
            record = make_record(self.world.firm, self.world.agency, decided_days_ago=age)
            self.record_id = record.id
            for code in MEASURES[:measures]:
                self.impose("officer", code)
            for ground, state in zip(("error", "over_term"), objections, strict=True):
                case = make_case(self.world, state, record=record, ground=ground)
                self.matters.append(case.ref)
            case = make_case(self.world, repair, workflow="repair", record=record)
            self.matters.append(case.ref)

    @rule(which=st.integers(0, 1), data=st.data())
    def move_an_objection(self, which: int, data: st.DataObject) -> None:
        self.move(self.matters[which], data)

    @rule(which=st.integers(0, 1), data=st.data())
    def move_the_same_or_the_other_objection(self, which: int, data: st.DataObject) -> None:
        self.move(self.matters[-2 if which else 0], data)

    @rule(data=st.data())
    def move_the_repair(self, data: st.DataObject) -> None:
        self.move(self.matters[2], data)

    @precondition(lambda self: len(self.matters) > 3)
    @rule(which=st.integers(0, 3), data=st.data())
    def move_what_was_opened_since(self, which: int, data: st.DataObject) -> None:
        others = self.matters[3:]
        self.move(others[which % len(others)], data)

    @rule(workflow=st.sampled_from(sorted(OPENINGS)))
    def open_another(self, workflow: str) -> None:
        with self.day():
            who, name = OPENINGS[workflow]
            self.open(workflow, getattr(self.world, who), name)

    def open(self, workflow: str, person: User, name: str = "open") -> Case | None:
        """Open a matter where that can be; where it cannot, nothing has changed."""
        before = self.snapshot()
        try:
            case = open_matter(workflow, self.record, person, name=name)
        except (NotOffered, NotVisible, Refused):
            db.session.rollback()
            assert self.snapshot() == before
            return None
        self.matters.append(case.ref)
        return case

    @rule()
    def shield(self) -> None:
        with self.day():
            if case := self.open("shield", self.world.subject):
                act(self.world.reviewer, "propose_shield", case)
                act(self.world.second_reviewer, "sign_shield", self.case_of(case.ref))

    def move(self, ref: str, data: st.DataObject) -> None:
        """Take one of the steps that somebody is offered; who is asked first is a draw."""
        first = data.draw(st.sampled_from(PEOPLE))
        with self.day():
            case = self.case_of(ref)
            for name in (first, *PEOPLE):  # the subject, who can always withdraw, comes last
                person = getattr(self.world, name)
                offers = cases.list_offers(person, case)
                steps = [one.transition.name for one in offers if one.is_open]
                if steps:
                    before = self.snapshot()
                    try:
                        self.take(person, data.draw(st.sampled_from(steps), label=ref), case)
                    except Refused:  # the agency or centre that was named is not another one
                        db.session.rollback()
                        assert self.snapshot() == before
                    return

    def take(self, person: User, step: str, entity: Entity) -> None:
        """Take a step; a case is always handed on to the same other agency, or centre above."""
        facts: dict[str, dict[str, Any]] = {
            "reroute": {"provider_id": self.world.other_agency.id},
            "consult": {"consulted_id": self.world.other_agency.id},
            "delegate": {"centre_id": self.world.upper_centre.id},
            "join": {"joined_id": self.case_of(self.matters[0]).id},
        }
        act(person, step, entity, **facts.get(step, {}))

    @rule(which=st.integers(0, 2), data=st.data())
    def try_what_is_not_offered(self, which: int, data: st.DataObject) -> None:
        with self.day():
            case = self.case_of(self.matters[which])
            steps = sorted(current_policy().workflow_of(case).transitions)
            step = data.draw(st.sampled_from(steps))
            person = getattr(self.world, data.draw(st.sampled_from((*PEOPLE, "torn_reviewer"))))
            if any(one.transition.name == step for one in cases.list_offers(person, case)):
                return
            before = self.snapshot()
            with pytest.raises((NotOffered, NotVisible, Refused)):
                self.take(person, step, case)
            assert self.snapshot() == before

    @rule(officer=st.sampled_from(OFFICERS), code=st.sampled_from(MEASURES))
    def impose(self, officer: str, code: str) -> None:
        with self.day():
            person = getattr(self.world, officer)
            running = (one for one in self.sanctions if one.ended_at is None)
            known = [(one.measure.code, one.department_id) for one in running]
            if (code, person.appointments[0].organisation_id) in known:
                return
            barred = self.is_barred
            try:
                sanction = make_sanction(self.record, person, code=code)
            except (NotVisible, Refused):  # what was removed concerns other departments no more
                assert barred
            else:
                assert not barred
                self.imposed[sanction.ref] = row_of(sanction)

    @property
    def is_barred(self) -> bool:
        """Say whether nothing new may rest on the record."""
        held = self.record.is_contested or self.record.state == "shielded"
        return held or self.is_over or not self.in_term

    @property
    def in_term(self) -> bool:
        return today() <= self.record.max_publication_until

    @rule(code=st.sampled_from(MEASURES))
    def initiate(self, code: str) -> None:
        with self.day():
            barred = self.is_barred
            try:
                initiate_sanction(
                    self.record, self.world.provider, self.world.other_department, code=code
                )
            except (NotVisible, Refused):
                known = [one.measure.code for one in self.sanctions if one.ended_at is None]
                assert barred or code in known

    @rule(accepts=st.booleans())
    def respond(self, accepts: bool) -> None:
        with self.day():
            for sanction in [one for one in self.sanctions if one.state == "initiated"]:
                step = "accept" if accepts else "decline"
                offers = cases.list_offers(self.world.other_officer, sanction)
                if any(one.transition.name == step and one.is_open for one in offers):
                    act(self.world.other_officer, step, sanction)
                    if accepts:
                        self.imposed[sanction.ref] = row_of(self.find(sanction.ref))

    def find(self, ref: str) -> Sanction:
        return next(one for one in self.sanctions if one.ref == ref)

    @precondition(lambda self: self.imposed)
    @rule(which=st.integers(0, 5))
    def lift(self, which: int) -> None:
        with self.day():
            running = [one for one in self.sanctions if self.stands(one)]
            if running:
                sanction = running[which % len(running)]
                officers = [getattr(self.world, name) for name in OFFICERS]
                officer = next(
                    one
                    for one in officers
                    if one.appointments[0].organisation_id == sanction.department_id
                )
                act(officer, "lift", sanction)

    @rule(days=st.sampled_from([1, 4, 12, 40]))
    def let_time_pass(self, days: int) -> None:
        self.days += days

    @rule()
    def sweep(self) -> None:
        with self.day():
            publication.expire_records()
            publication.lapse_sanctions()
            timers.escalate(now())

    @rule(sure=st.integers(0, 3))
    def annul(self, sure: int) -> None:
        with self.day():
            if sure:
                return
            if self.open("annulment", self.world.provider):
                act(self.world.second_provider, "sign", self.cases[-1])

    # --- what must hold -------------------------------------------------------------------

    @invariant()
    def the_promises_hold(self) -> None:
        if not self.matters:
            return
        with self.day():
            self.no_measure_is_enforceable_while_the_record_is_contested()
            self.the_gate_answers_as_the_rules_do()
            self.marks_suspensions_and_states_agree()
            self.each_measure_is_as_it_was_imposed_but_for_its_suspension()
            self.each_suspension_is_lifted_once()
            self.what_was_refused_never_suspended()
            self.off_publication_everything_has_ended()
            self.each_event_is_a_version_and_no_person_acts_twice()

    def no_measure_is_enforceable_while_the_record_is_contested(self) -> None:
        contested = [one for one in self.cases if self.contests(one)]
        assert self.record.is_contested == bool(contested)
        answers = {one.ref: enforceable(one, today()).enforceable for one in self.sanctions}
        query = select(Sanction.ref).join(CreditRecord).where(is_enforceable(today()))
        mine = query.where(Sanction.record_id == self.record_id)
        assert set(db.session.scalars(mine)) == {ref for ref, yes in answers.items() if yes}
        shielding = [one for one in self.cases if self.shields(one)]
        assert (self.record.state == "shielded") == bool(shielding)
        if contested or shielding or self.is_over or not self.in_term:
            assert not any(answers.values())
        else:
            for one in self.sanctions:
                assert answers[one.ref] == self.stands(one)

    def the_gate_answers_as_the_rules_do(self) -> None:
        for officer in OFFICERS:
            seat = getattr(self.world, officer).appointments[0]
            own = [one for one in self.sanctions if one.department_id == seat.organisation_id]
            asker = gate.Asker(seat.organisation_id, None, seat.user_id)
            for code in MEASURES:
                question = gate.Question(self.record.subject.uscc, code)
                [decided] = gate.decide(db.session(), asker, [question], today())
                verdicts = {
                    one.ref: enforceable(one, today()) for one in own if one.measure.code == code
                }
                listed = decided.sanctions  # those of earlier stories too: it is the same firm
                mine = [one for one in listed if one[0].record.ref == self.record.ref]
                assert {row.ref: verdict for row, verdict in mine} == verdicts
                said = any(verdict.enforceable for _, verdict in listed)
                assert decided.verdict.enforceable == said

    def marks_suspensions_and_states_agree(self) -> None:
        contesting = {one.id for one in self.cases if self.contests(one)}
        marks = db.session.scalars(
            select(DisputeMark).where(DisputeMark.record_id == self.record_id)
        ).all()
        assert {one.case_id for one in marks if one.lifted_at is None} == contesting
        holding = contesting | {one.id for one in self.cases if self.shields(one)}
        for sanction in self.sanctions:
            held = {one.case_id for one in sanction.suspensions if one.lifted_at is None}
            assert held == (holding if sanction.ended_at is None else set())
            if self.stands(sanction):
                assert (sanction.state == "suspended") == bool(held)

    def each_measure_is_as_it_was_imposed_but_for_its_suspension(self) -> None:
        for sanction in self.sanctions:
            if self.stands(sanction):
                held = any(one.lifted_at is None for one in sanction.suspensions)
                state = {"state": "suspended"} if held else {}
                assert row_of(sanction) == self.imposed[sanction.ref] | state

    def each_suspension_is_lifted_once(self) -> None:
        for sanction in self.sanctions:
            running = [one.case_id for one in sanction.suspensions if one.lifted_at is None]
            assert len(set(running)) == len(running)
            for one in sanction.suspensions:
                if one.lifted_at is None:
                    assert one.id not in self.liftings
                else:
                    assert self.liftings.setdefault(one.id, one.lifted_at) == one.lifted_at

    def stands(self, sanction: Sanction) -> bool:
        """Say whether a measure was taken up and has not ended."""
        return sanction.ended_at is None and sanction.state != "initiated"

    def what_was_refused_never_suspended(self) -> None:
        refused = [one.id for one in self.cases if one.state in {"refused", "submitted"}]
        for table in (SanctionSuspension, DisputeMark):
            rows = select(func.count()).select_from(table).where(table.case_id.in_(refused))
            assert db.session.scalar(rows) == 0

    def off_publication_everything_has_ended(self) -> None:
        if not self.is_over:
            return
        assert all(one.ended_at for one in self.sanctions)
        # A repair can be revoked after it has ended publication, and only then.
        left = [one for one in self.cases if one.is_open and one.workflow != "revocation"]
        assert {one.state for one in left} <= {"executed"}
        assert self.record.archived_at

    def each_event_is_a_version_and_no_person_acts_twice(self) -> None:
        needed = [one for case in self.cases for one in case.requirements]
        entities = (self.record, *self.sanctions, *self.cases, *needed)
        versions = {one.ref: one.version for one in entities}
        events = select(Event.entity, func.count()).where(Event.entity.in_(versions))
        rows = db.session.execute(events.group_by(Event.entity))
        assert dict(rows.all()) == versions
        for case in self.cases:
            eyes = [case.verified_by_id, case.decided_by_id, case.signed_by_id]
            known = [one for one in eyes if one is not None]
            assert len(set(known)) == len(known)

    def provider_of(self, case: Case) -> User:
        """Return who answers for the agency that a case lies with."""
        own = case.provider_id == self.world.agency.id
        return self.world.provider if own else self.world.other_provider

    def contests(self, case: Case) -> bool:
        """Say whether the record is being verified because of a case, by its workflow."""
        return current_policy().workflow_of(case).states[case.state].contests

    def shields(self, case: Case) -> bool:
        """Say whether a shield is up because of a case."""
        return case.workflow == "shield" and case.state in SHIELDING

    def snapshot(self) -> list[Any]:
        """Return everything of the record that a step could change."""
        entities = (self.record, *self.sanctions, *self.cases)
        return [row_of(one) for one in entities] + [
            db.session.scalar(select(func.count()).select_from(table))
            for table in (Event, DisputeMark, SanctionSuspension)
        ]

    def teardown(self) -> None:
        """Have every matter of the subject end without a decision: what survives is as it was."""
        if not self.matters:
            return
        with self.day():
            for case in self.cases:
                if case.state == "executed":
                    act(self.provider_of(case), "confirm_execution", case)
                elif case.is_open and case.ref in self.matters[:3]:
                    act(self.world.subject, "withdraw", case)
            assert not any(one.is_open for one in self.cases if one.ref in self.matters[:3])
        self.the_promises_hold()
        with self.day():
            for stream in (self.record.ref, *self.matters):
                count, flaw = ledger.verify(db.session(), stream)
                assert count
                assert flaw is None


def row_of(entity: Any) -> dict[str, date | Any]:
    """Return every column of an entity but its version."""
    columns = inspect(type(entity)).columns.keys()
    return {name: getattr(entity, name) for name in columns if name != "version"}


def test_the_promises_hold_in_whatever_order_things_happen(world, store):
    """鲁政发〔2017〕44号 二（四）20 under every interleaving that is tried."""
    profile = settings(
        max_examples=EXAMPLES[store.name],
        stateful_step_count=STEPS,
        phases=[Phase.generate],  # a story of so few steps is read as it is
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(type("Story", (OneRecord,), {"world": world}), settings=profile)
    count, flaw = ledger.verify(db.session())
    assert count
    assert flaw is None
