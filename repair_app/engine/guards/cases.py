"""What must be true of a case and of the others of its record."""

from collections.abc import Callable

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_
from repair_app.models import Case


def subject_is_not_barred(step: Step) -> Reason | None:
    """No bar after a false commitment is running (鲁信用办〔2021〕5号 四; Order 36)."""
    barred_until = step.case.subject.barred_until
    if barred_until is None or step.today > barred_until:
        return None
    return Reason(
        N_(
            "After false material or a broken commitment, repair may not be applied for until "
            "%(day)s."
        ),
        {"day": barred_until},
    )


def ground_is_not_open(step: Step) -> Reason | None:
    """No objection on the same ground is open on this record."""
    earlier = _other_case(step, lambda one: one.is_open and one.ground == step.case.ground)
    if earlier is None:
        return None
    return Reason(N_("Objection %(ref)s on the same ground is still open."), {"ref": earlier})


def ground_was_not_answered(step: Step) -> Reason | None:
    """The same ground was not answered before: a suspension cannot be had by repetition.

    Answered is what was rejected, or withdrawn after its rejection was announced.
    """

    def was_answered(case: Case) -> bool:
        if case.ground != step.case.ground:
            return False
        announced = case.state == "withdrawn" and step.store.has_happened(
            case.ref, "announce_rejection"
        )
        return case.state == "rejected" or announced

    earlier = _other_case(step, was_answered)
    if earlier is None:
        return None
    return Reason(
        N_("The same ground was answered in %(ref)s; see that decision for what can be done."),
        {"ref": earlier},
    )


# What an objection has come to when its ground was looked into.
LOOKED_INTO = (
    "confirm",
    "find_unverifiable",
    "conclude_unanswered",
    "announce_rejection",
    "announce_retention",
    "announce_correction",
)


def ground_was_not_looked_into(step: Step) -> Reason | None:
    """The same ground was not looked into before: a suspension cannot be had by repetition.

    Looked into is what was rejected, and what was withdrawn once the provider had answered, or
    had let its term pass: the suspension was had, and withdrawing does not give another.
    """

    def was_looked_into(case: Case) -> bool:
        if case.ground != step.case.ground or case.state not in {"rejected", "withdrawn"}:
            return False
        return case.state == "rejected" or any(
            step.store.has_happened(case.ref, name) for name in LOOKED_INTO
        )

    earlier = _other_case(step, was_looked_into)
    if earlier is None:
        return None
    return Reason(
        N_("The same ground was answered in %(ref)s; see that decision for what can be done."),
        {"ref": earlier},
    )


def repair_is_not_open(step: Step) -> Reason | None:
    """No repair of this record is open: an application is for one record, once."""
    earlier = _other_case(step, lambda one: one.is_open)
    if earlier is None:
        return None
    return Reason(N_("Repair %(ref)s of this record is still open."), {"ref": earlier})


def _other_case(step: Step, fits: Callable[[Case], bool]) -> str | None:
    """Return the first other case of this kind, on the same record, that fits."""
    others = (
        one.ref
        for one in step.store.cases_of(step.record)
        if one.workflow == step.workflow.name
        and one.ref != step.case.ref
        # What a person filed in their own name is theirs, and no answer to the enterprise.
        and one.person_id == step.case.person_id
        and fits(one)
    )
    return next(others, None)


def evidence_is_attached(step: Step) -> Reason | None:
    """At least one piece of evidence lies with the case."""
    if step.case.documents:
        return None
    return Reason(N_("Attach at least one document that shows what is wrong."))


def supplement_was_not_asked(step: Step) -> Reason | None:
    """Everything missing is asked for once (行政许可法 32, by analogy)."""
    if not step.store.has_happened(step.entity.ref, "ask_supplement"):
        return None
    return Reason(N_("A supplement was asked for already; everything missing is asked for once."))
