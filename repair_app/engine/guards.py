"""What must be true before a transition: each returns the reason why not yet, or None.

Names are true statements; workflow files use them. A released name keeps its meaning.
"""

from datetime import timedelta

from sqlalchemy import exists, or_, select

from repair_app.engine.enforcement import in_publication_term, open_suspensions
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_
from repair_app.models import Appointment, Case, Event, Requirement, Role, User
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
    severity = step.record_rules.classes[step.record.severity_class]
    if severity.repairable:
        return None
    return Reason(
        N_("A record of the class “%(label)s” is not repaired: %(basis)s"),
        {"label": severity.label, "basis": severity.basis},
    )


def minimum_publication_is_over(step: Step) -> Reason | None:
    """The minimum publication period has passed (CN-2019-527 二; CN-2026-36)."""
    last = step.record.min_publication_until
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
    """The same ground was not rejected before: a suspension cannot be had by repetition."""
    earlier = _other_case(step, Case.state == "rejected", Case.ground == step.case.ground)
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
    """Every requirement of the record's class is met, and no certificate has run out."""
    missing = [one for one in step.case.requirements if not _is_met(step, one)]
    if not missing:
        return None
    labels = [step.policy.workflow_of(one).label for one in missing]
    return Reason(N_("Still missing: %(items)s."), {"items": labels})


def _is_met(step: Step, requirement: Requirement) -> bool:
    state = step.policy.workflow_of(requirement).states[requirement.state]
    valid_until = requirement.valid_until
    return state.meets and (valid_until is None or step.today <= valid_until)


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
    """The reviewer has no seat with the subject or the provider: nobody decides on own side."""
    return _no_seat_with(step, step.case.subject_id, step.case.provider_id)


def actor_is_not_of_the_subject(step: Step) -> Reason | None:
    """Who verifies for the provider does not also act for the subject."""
    return _no_seat_with(step, step.case.subject_id)


def _no_seat_with(step: Step, *parties: int) -> Reason | None:
    seat = exists().where(
        User.person_id == step.actor.person_id,
        Appointment.user_id == User.id,
        Appointment.organisation_id.in_(parties),
        Appointment.role.in_((Role.SUBJECT, Role.AGENT, Role.PROVIDER)),
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
