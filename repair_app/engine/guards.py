"""What must be true before a transition: each returns the reason why not yet, or None.

Names are true statements; workflow files use them. A released name keeps its meaning.
"""

from datetime import timedelta

from sqlalchemy import and_, exists, or_, select

from repair_app.calendar import local_date
from repair_app.engine.enforcement import in_publication_term, open_suspensions
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_
from repair_app.models import Appointment, Case, Event, Requirement, Role, Sanction, User
from repair_app.models.cases import ENDED


def record_is_live(step: Step) -> Reason | None:
    """The record is on file and inside its publication period (鲁信用办〔2021〕5号 八)."""
    record = step.record
    state = step.policy.workflow_of(record).states[record.state]
    if state.live and in_publication_term(record, step.today):
        return None
    return Reason(
        N_("Record %(ref)s is no longer on file as current: nothing can rest on it."),
        {"ref": record.ref},
    )


def record_is_not_contested(step: Step) -> Reason | None:
    """No verification of the record is open (鲁政发〔2017〕44号 二（四）20)."""
    if not step.record.is_contested:
        return None
    return Reason(N_("The record is being verified; wait until the objection is decided."))


def record_is_repairable(step: Step) -> Reason | None:
    """The record's class can be repaired (specific serious cannot: 四（十五）)."""
    severity = step.severity
    if severity.repairable:
        return None
    return Reason(
        N_("A record of the class “%(label)s” is not repaired: %(basis)s"),
        {"label": severity.label, "basis": severity.basis},
    )


def minimum_publication_is_over(step: Step) -> Reason | None:
    """The minimum publication period has passed (CN-2019-527 二; CN-2026-36)."""
    last = step.assessment.min_until
    if last is None or step.today > last:
        return None
    return Reason(
        N_("The minimum publication period runs until %(last)s; apply from %(day)s on."),
        {"last": last, "day": last + timedelta(days=1)},
    )


def maximum_publication_is_over(step: Step) -> Reason | None:
    """The maximum publication period has passed (CN-2019-527 一)."""
    if not in_publication_term(step.record, step.today):
        return None
    return Reason(
        N_("The publication period runs until %(day)s."),
        {"day": step.record.max_publication_until},
    )


def subject_is_not_barred(step: Step) -> Reason | None:
    """No bar after a false commitment is running (鲁信用办〔2021〕5号 四; Order 36)."""
    barred_until = step.case.subject.barred_until
    if barred_until is None or step.today > barred_until:
        return None
    return Reason(
        N_("After a false commitment, repair may not be applied for until %(day)s."),
        {"day": barred_until},
    )


def ground_is_not_open(step: Step) -> Reason | None:
    """No objection on the same ground is open on this record."""
    earlier = _other_case(step, Case.state.not_in(ENDED), Case.ground == step.case.ground)
    if earlier is None:
        return None
    return Reason(N_("Objection %(ref)s on the same ground is still open."), {"ref": earlier})


def ground_was_not_answered(step: Step) -> Reason | None:
    """The same ground was not answered before: a suspension cannot be had by repetition.

    Answered is what was rejected, or withdrawn after its rejection was announced.
    """
    announced = exists().where(Event.entity == Case.ref, Event.transition == "announce_rejection")
    answered = or_(Case.state == "rejected", and_(Case.state == "withdrawn", announced))
    earlier = _other_case(step, answered, Case.ground == step.case.ground)
    if earlier is None:
        return None
    return Reason(
        N_("The same ground was answered in %(ref)s; see that decision for what can be done."),
        {"ref": earlier},
    )


def repair_is_not_open(step: Step) -> Reason | None:
    """No repair of this record is open: an application is for one record, once."""
    earlier = _other_case(step, Case.state.not_in(ENDED), Case.workflow == "repair")
    if earlier is None:
        return None
    return Reason(N_("Repair %(ref)s of this record is still open."), {"ref": earlier})


def _other_case(step: Step, *conditions: object) -> str | None:
    query = select(Case.ref).where(
        Case.record_id == step.record.id,
        Case.workflow == step.workflow.name,
        Case.ref != step.case.ref,
        *conditions,  # type: ignore[arg-type]  # SQL conditions
    )
    return step.session.scalar(query.limit(1))


def evidence_is_attached(step: Step) -> Reason | None:
    """At least one piece of evidence lies with the case."""
    if step.case.documents:
        return None
    return Reason(N_("Attach at least one document that shows what is wrong."))


def requirements_are_met(step: Step) -> Reason | None:
    """Every requirement of the record's class is met; certificates were valid when it was filed."""
    met = {one.workflow for one in step.case.requirements if _is_met(step, one)}
    asked = {one.workflow for one in step.case.requirements} | set(step.severity.requirements)
    if asked <= met:
        return None
    labels = [step.policy.current[name].label for name in sorted(asked - met)]
    return Reason(N_("Still missing: %(items)s."), {"items": labels})


def _is_met(step: Step, requirement: Requirement) -> bool:
    state = step.policy.workflow_of(requirement).states[requirement.state]
    filed_at = step.case.submitted_at
    day = local_date(filed_at) if filed_at else step.today
    valid_until = requirement.valid_until
    return state.meets and (valid_until is None or day <= valid_until)


def certificate_is_new(step: Step) -> Reason | None:
    """The number is no other certificate's of this institution: none serves two firms."""
    number = step.answers.facts.get("number")
    used = exists().where(
        Requirement.institution_id == step.requirement.institution_id,
        Requirement.number == number,
        Requirement.id != step.requirement.id,
    )
    if number is None or not step.session.scalar(select(used)):
        return None
    return Reason(N_("Number %(number)s was used already; each serves once."), {"number": number})


def case_takes_material(step: Step) -> Reason | None:
    """The repair is still being prepared, or a supplement was asked for."""
    if step.case.state in {"draft", "supplement_asked"}:
        return None
    return Reason(N_("The application has been filed; wait for a request to supplement it."))


def supplement_was_not_asked(step: Step) -> Reason | None:
    """Everything missing is asked for once (行政许可法 32, by analogy)."""
    asked = exists().where(Event.entity == step.entity.ref, Event.transition == "ask_supplement")
    if not step.session.scalar(select(asked)):
        return None
    return Reason(N_("A supplement was asked for already; everything missing is asked for once."))


def term_is_over(step: Step) -> Reason | None:
    """The term that runs for the other side has ended."""
    running = (one for one in step.case.deadlines if one.is_running)
    term = next((one for one in running if one.entity_ref == step.case.ref), None)
    if term is None or step.today > term.due_on:
        return None
    return Reason(N_("The term runs until %(day)s."), {"day": term.due_on})


def actor_is_impartial(step: Step) -> Reason | None:
    """The reviewer has no seat with any party: nobody decides on their own side."""
    certified = [one.institution_id for one in step.case.requirements if one.institution_id]
    return _no_seat_with(step, step.case.subject_id, step.case.provider_id, *certified)


def actor_is_not_of_the_subject(step: Step) -> Reason | None:
    """Who verifies, certifies, imposes or takes off does not also act for the subject."""
    return _no_seat_with(step, step.record.subject_id)


def provider_can_answer(step: Step) -> Reason | None:
    """Somebody provides for the agency today: a case must not go where nobody is."""
    seat = exists().where(
        Appointment.organisation_id == step.case.provider_id,
        Appointment.role == Role.PROVIDER,
        or_(Appointment.ends_on.is_(None), Appointment.ends_on >= step.today),
    )
    if step.session.scalar(select(seat)):
        return None
    return Reason(
        N_("%(name)s has no account yet: assign another provider, or have an account made."),
        {"name": step.case.provider.name},
    )


def measure_is_not_in_force(step: Step) -> Reason | None:
    """The department has not imposed the same measure on the record already."""
    sanction = step.sanction
    running = select(Sanction.ref).where(
        Sanction.record_id == step.record.id,
        Sanction.measure_id == sanction.measure_id,
        Sanction.department_id == sanction.department_id,
        Sanction.ended_at.is_(None),
        Sanction.ref != sanction.ref,
    )
    ref = step.session.scalar(running.limit(1)) if sanction.ref else None
    if ref is None:
        return None
    return Reason(N_("The measure is in force already (%(ref)s)."), {"ref": ref})


def _no_seat_with(step: Step, *parties: int) -> Reason | None:
    seat = exists().where(
        User.person_id == step.actor.person_id,
        Appointment.user_id == User.id,
        Appointment.organisation_id.in_(parties),
        Appointment.role.in_((Role.SUBJECT, Role.AGENT, Role.PROVIDER, Role.INSTITUTION)),
        or_(Appointment.ends_on.is_(None), Appointment.ends_on >= step.today),
    )
    if not step.session.scalar(select(seat)):
        return None
    return Reason(N_("You also act for a party of this case; a colleague has to do this."))


def actor_did_not_verify(step: Step) -> Reason | None:
    """Who verified never decides; counted by natural person."""
    if step.case.verified_by_id is None or step.case.verified_by_id != step.actor.person_id:
        return None
    return Reason(N_("You verified this case; who verified does not decide."))


def actor_did_not_decide_first(step: Step) -> Reason | None:
    """Who decided first never signs second; counted by natural person."""
    if step.case.decided_by_id is None or step.case.decided_by_id != step.actor.person_id:
        return None
    return Reason(N_("You took the first decision; a second person has to do this."))


def no_suspension_is_open(step: Step) -> Reason | None:
    """No case still keeps the sanction from being executed."""
    if not open_suspensions(step.session, step.sanction):
        return None
    return Reason(N_("Another verification of the record still suspends this sanction."))


def sanction_term_is_over(step: Step) -> Reason | None:
    """The term of the sanction has ended (鲁政发〔2017〕44号 二（四）19)."""
    if step.today > step.sanction.ends_on:
        return None
    return Reason(N_("The sanction's term runs until %(day)s."), {"day": step.sanction.ends_on})
