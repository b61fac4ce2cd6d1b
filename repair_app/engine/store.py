"""What steps ask the database and the rows they make: the one place of the engine's questions.

Guards and effects know no SQL: they ask the store that their step carries. The prover of
`flask workflows prove` puts one in memory in its place, and runs the very same functions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from repair_app import refs
from repair_app.calendar import Pause, Table
from repair_app.engine import deadlines
from repair_app.engine.days import read_table
from repair_app.engine.spreading import is_waited_for
from repair_app.models import (
    Appointment,
    Case,
    CreditRecord,
    Deadline,
    Document,
    Enrolment,
    Event,
    Fulfilment,
    InstitutionRegistration,
    Organisation,
    Platform,
    QuarantinedRow,
    Requirement,
    Role,
    Sanction,
    SanctionSuspension,
    Talk,
    TrainingBooking,
    TrainingDate,
    TreeCheckpoint,
    User,
)

if TYPE_CHECKING:
    from repair_app.engine.step import Entity, Step

Row = TypeVar("Row")
CONTESTED = "contested"  # why a term stands still: the record is being verified
PARTIES = (Role.SUBJECT, Role.AGENT, Role.PROVIDER, Role.INSTITUTION)


class Store:
    """The database, as guards and effects see it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    # --- rows ---

    def make(self, model: type[Row], **columns: Any) -> Row:
        """Return a new row of a table, kept with everything else of the step."""
        row = model(**columns)
        self.session.add(row)
        return row

    def drop(self, row: object) -> None:
        """Take away a row that only a draft had."""
        self.session.delete(row)

    def save(self) -> None:
        """Write what was changed so far, so that it is found by the questions below."""
        self.session.flush()

    def reread(self, row: object, *names: str) -> None:
        """Read relationships of a row anew after their keys were changed."""
        self.session.flush()
        self.session.expire(row, list(names))

    def new_ref(self, prefix: str, day: date) -> str:
        """Return the next reference of a kind."""
        return refs.new_ref(self.session, prefix, day)

    def extend_terms(self, step: Step, days: int, reason: str) -> None:
        """Give more time: in the state that the case is in, and in the whole matter."""
        from repair_app.engine import deadlines  # which asks the store's session itself

        names = {step.workflow.states[step.entity.state].clock}
        if step.workflow.term:
            names.add(step.workflow.term.clock)
        for term in step.case.deadlines:
            if term.is_running and term.entity_ref == step.entity.ref and term.clock in names:
                deadlines.extend(step, term.clock, days, reason)

    # --- questions ---

    def cases_of(self, record: CreditRecord) -> Sequence[Case]:
        """Return every case of a record, oldest first."""
        return self.session.scalars(
            select(Case).where(Case.record_id == record.id).order_by(Case.id)
        ).all()

    def cases_about(self, case: Case) -> Sequence[Case]:
        """Return the cases that were opened about this case, oldest first."""
        return self.session.scalars(
            select(Case).where(Case.about_id == case.id).order_by(Case.id)
        ).all()

    def has_happened(self, ref: str, transition: str) -> bool:
        """Say whether an entity has taken this step before."""
        found = exists().where(Event.entity == ref, Event.transition == transition)
        return bool(self.session.scalar(select(found)))

    def has_seat(
        self,
        person_id: int | None,
        organisations: Collection[int | None],
        day: date,
        roles: Collection[Role] = PARTIES,
    ) -> bool:
        """Say whether a person acts for one of these organisations on a day, by any account."""
        seat = exists().where(
            User.person_id == person_id,
            Appointment.user_id == User.id,
            Appointment.organisation_id.in_([one for one in organisations if one]),
            Appointment.role.in_(roles),
            or_(Appointment.ends_on.is_(None), Appointment.ends_on >= day),
        )
        return bool(self.session.scalar(select(seat)))

    def is_staffed(self, organisation_id: int | None, role: Role, day: date) -> bool:
        """Say whether somebody acts in a role for an organisation on a day."""
        seat = exists().where(
            Appointment.organisation_id == organisation_id,
            Appointment.role == role,
            or_(Appointment.ends_on.is_(None), Appointment.ends_on >= day),
            Appointment.user.has(User.is_machine.is_(False)),
        )
        return bool(self.session.scalar(select(seat)))

    def people_of(self, organisation_id: int, role: Role, day: date) -> Sequence[int]:
        """Return the natural persons who act in a role for an organisation on a day, in order."""
        return self.session.scalars(
            select(User.person_id)
            .join(Appointment, Appointment.user_id == User.id)
            .where(
                Appointment.organisation_id == organisation_id,
                Appointment.role == role,
                or_(Appointment.ends_on.is_(None), Appointment.ends_on >= day),
                User.active,
                User.is_machine.is_(False),
            )
            .group_by(User.person_id)
            .order_by(User.person_id)
        ).all()

    def list_centres(self) -> Sequence[int]:
        """Return the credit centres, the first one first."""
        return self.session.scalars(
            select(Organisation.id)
            .where(Organisation.kind == "credit_centre")
            .order_by(Organisation.id)
        ).all()

    def get_organisation(self, organisation_id: int) -> Organisation:
        """Return an organisation. Raises NoResultFound."""
        return self.session.get_one(Organisation, organisation_id)

    def default_centre(self) -> int | None:
        """Return the credit centre that takes in what nobody was named for: the first one."""
        return self.session.scalar(
            select(Organisation.id)
            .where(Organisation.kind == "credit_centre")
            .order_by(Organisation.id)
            .limit(1)
        )

    def materials_of(self, case: Case) -> set[str]:
        """Return the codes of the materials that were attached to a case."""
        found = select(Document.material).where(
            Document.case_id == case.id, Document.material.is_not(None)
        )
        return {one for one in self.session.scalars(found) if one}

    def is_number_used(self, requirement: Requirement, number: str) -> bool:
        """Say whether the institution of a requirement gave the number to another one."""
        used = exists().where(
            Requirement.institution_id == requirement.institution_id,
            Requirement.number == number,
            Requirement.id != requirement.id,
        )
        return bool(self.session.scalar(select(used)))

    def same_measure(self, sanction: Sanction) -> str | None:
        """Return the department's own running sanction of the same measure on the record."""
        return self.session.scalar(
            select(Sanction.ref)
            .where(
                Sanction.record_id == sanction.record.id,
                Sanction.measure_id == sanction.measure_id,
                Sanction.department_id == sanction.department_id,
                Sanction.person_id.is_not_distinct_from(sanction.person_id),
                Sanction.ended_at.is_(None),
                Sanction.ref != sanction.ref,
            )
            .limit(1)
        )

    def is_suspended(self, sanction: Sanction) -> bool:
        """Say whether a verification still keeps a sanction from being executed."""
        open_one = exists().where(
            SanctionSuspension.sanction_id == sanction.id, SanctionSuspension.lifted_at.is_(None)
        )
        return bool(self.session.scalar(select(open_one)))

    def count_waited_for(self, record: CreditRecord) -> int:
        """Return how many platforms do not show yet what was decided last about a record."""
        waited_for = is_waited_for(record.ref, record.provider_id)
        return self.session.scalar(select(func.count(Platform.id)).where(waited_for)) or 0

    # --- terms beside that of a state ---

    def read_calendar(self) -> Table:
        """Return the working days as administrators keep them."""
        return read_table(self.session)

    def has_running_term(self, ref: str, clock: str) -> bool:
        """Say whether an entity has a term of a clock that is not met yet."""
        running = exists().where(
            Deadline.entity_ref == ref, Deadline.clock == clock, Deadline.met_at.is_(None)
        )
        return bool(self.session.scalar(select(running)))

    def meet_term(self, ref: str, clock: str, at: datetime) -> None:
        """Note that what a term is for has happened, where one runs."""
        for term in deadlines.lock_terms(self.session, ref):
            if term.clock == clock and term.met_at is None:
                deadlines.meet(self.session, term, at)

    def open_term(self, step: Step, clock: str, owner: str) -> None:
        """Open a term of the step's entity beside that of its state, for another side to act."""
        state = step.workflow.states[step.entity.state]
        deadlines.open_term(step, clock, replace(state, owner=owner))

    def terms_of(self, entity: Entity) -> Sequence[Deadline]:
        """Return every term of an entity, the oldest first."""
        return self.session.scalars(
            select(Deadline).where(Deadline.entity_ref == entity.ref).order_by(Deadline.id)
        ).all()

    def pause_term(self, step: Step, ref: str, clock: str) -> None:
        """Let a running term of an entity stand still from today on: nobody may do what it asks."""
        for term in deadlines.lock_terms(self.session, ref):
            if term.clock == clock and term.is_running and term.paused_on is None:
                deadlines.keep_pauses(term, (*term.due.pauses, Pause(step.today, None, CONTESTED)))

    def resume_term(self, step: Step, ref: str, clock: str) -> None:
        """Let a term of an entity that stands still run on from today."""
        for term in deadlines.lock_terms(self.session, ref):
            if term.clock == clock and term.is_running and term.paused_on is not None:
                deadlines.take_up_again(step, term)

    def get_quarantined_row(self, case: Case) -> QuarantinedRow:
        """Return the row that a quarantine is about. Raises NoResultFound."""
        return self.session.scalars(
            select(QuarantinedRow).where(QuarantinedRow.case_id == case.id)
        ).one()

    def find_on_file(self, row: QuarantinedRow) -> str | None:
        """Return a record on file, not archived, of the decision that a quarantined row names."""
        return self.session.scalar(
            select(CreditRecord.ref).where(*_same_key(row), CreditRecord.archived_at.is_(None))
        )

    def count_insertions(self, row: QuarantinedRow) -> int:
        """Return how many records there have been of the decision that a quarantined row names."""
        counted = select(func.count()).select_from(CreditRecord).where(*_same_key(row))
        return self.session.scalar(counted) or 0

    # --- requirements, commitments, training, talks ---

    def is_registered(self, organisation_id: int, service: str, day: date) -> bool:
        """Say whether an institution is registered for a service on a day."""
        registered = exists().where(
            InstitutionRegistration.organisation_id == organisation_id,
            InstitutionRegistration.service == service,
            InstitutionRegistration.valid_from <= day,
            InstitutionRegistration.valid_until >= day,
            or_(InstitutionRegistration.ended_on.is_(None), InstitutionRegistration.ended_on > day),
            InstitutionRegistration.suspended_on.is_(None),
        )
        return bool(self.session.scalar(select(registered)))

    def enrolment_of(self, requirement: Requirement) -> Enrolment | None:
        """Return the online course that a training requirement is met by, begun last."""
        return self.session.scalar(
            select(Enrolment)
            .where(Enrolment.requirement_id == requirement.id)
            .order_by(Enrolment.begun_at.desc(), Enrolment.id.desc())
            .limit(1)
        )

    def training_date(self, training_id: int) -> TrainingDate:
        """Return a training date. Raises NoResultFound."""
        return self.session.get_one(TrainingDate, training_id)

    def lock_training_date(self, training_id: int) -> TrainingDate:
        """Return a training date, locked and read anew: its last seat is given once."""
        return self.session.get_one(
            TrainingDate, training_id, with_for_update=True, populate_existing=True
        )

    def booking_of(self, requirement: Requirement) -> TrainingBooking | None:
        """Return the seat at a training date that a requirement holds."""
        return self.session.scalar(
            select(TrainingBooking).where(TrainingBooking.requirement_id == requirement.id)
        )

    def count_bookings(self, training_id: int) -> int:
        """Return how many seats of a training date are taken."""
        taken = select(func.count()).where(TrainingBooking.training_id == training_id)
        return self.session.scalar(taken) or 0

    def fulfilment_of(self, requirement: Requirement) -> Fulfilment | None:
        """Return what was found about how a commitment was kept."""
        return self.session.scalar(
            select(Fulfilment).where(Fulfilment.requirement_id == requirement.id)
        )

    def newest_checkpoint(self) -> TreeCheckpoint | None:
        """Return how far the history was signed last."""
        query = select(TreeCheckpoint).order_by(TreeCheckpoint.size.desc()).limit(1)
        return self.session.scalar(query)

    def talk_of(self, case: Case) -> Talk | None:
        """Return when and where a talk meets, and what became of it."""
        return self.session.scalar(select(Talk).where(Talk.case_id == case.id))


class ReadingStore(Store):
    """The database while a page is put together: what it said once it is not asked again.

    Good for as long as nothing is written.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._cases: dict[int, Sequence[Case]] = {}
        self._steps: dict[str, set[str]] = {}
        self._seats: dict[tuple[Any, ...], bool] = {}

    def cases_of(self, record: CreditRecord) -> Sequence[Case]:
        """Return every case of a record, oldest first."""
        if record.id not in self._cases:
            self._cases[record.id] = super().cases_of(record)
        return self._cases[record.id]

    def has_happened(self, ref: str, transition: str) -> bool:
        """Say whether an entity has taken this step before."""
        if ref not in self._steps:
            taken = select(Event.transition).where(Event.entity == ref)
            self._steps[ref] = set(self.session.scalars(taken))
        return transition in self._steps[ref]

    def has_seat(
        self,
        person_id: int | None,
        organisations: Collection[int | None],
        day: date,
        roles: Collection[Role] = PARTIES,
    ) -> bool:
        """Say whether a person acts for one of these organisations on a day, by any account."""
        asked = (person_id, frozenset(organisations), day, frozenset(roles))
        if asked not in self._seats:
            self._seats[asked] = super().has_seat(person_id, organisations, day, roles)
        return self._seats[asked]


def _same_key(row: QuarantinedRow) -> list[ColumnElement[bool]]:
    columns = (CreditRecord.provider_id, CreditRecord.subject_id, CreditRecord.decision_no)
    return [one == row.columns[one.key] for one in columns]
