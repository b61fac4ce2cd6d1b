"""Whether a correction turns out against the enterprise: then it is told and heard first."""

from repair_app.engine.assessment import assess
from repair_app.engine.fields import CORRECTABLE
from repair_app.engine.step import Reason, Step
from repair_app.labels import N_

# The classes of all packs, the mildest first; one that is not named here counts as the gravest.
GRAVITY = ("warning", "minor", "general", "vital", "serious", "specific_serious")


def correction_is_not_adverse(step: Step) -> Reason | None:
    """As corrected, the record is no worse for the enterprise (行政处罚法 44, by analogy)."""
    if not _turns_out_worse(step):
        return None
    return Reason(
        N_(
            "As corrected, record %(ref)s turns out worse for the enterprise (class, publication "
            "period, or published at all): in an objection the provider proposes it, and the "
            "enterprise is told and heard first."
        ),
        {"ref": step.record.ref},
    )


def correction_is_adverse(step: Step) -> Reason | None:
    """As corrected, the record is worse for the enterprise: there is something to announce."""
    if _turns_out_worse(step):
        return None
    return Reason(
        N_("As corrected, the record is no worse for the enterprise: nothing is announced."),
        applies=False,
    )


def _turns_out_worse(step: Step) -> bool:
    """Say whether the record's own pack makes a graver, longer or newly published record of it."""
    record = step.record
    texts = {
        one.field: one.answered_value
        for one in step.case.proposals
        if one.answered_value is not None
    } | dict(step.answers.values)
    if not texts:
        return False
    corrected = {name: CORRECTABLE[name].parse(text) for name, text in texts.items()}
    found = assess(
        step.record_rules,
        lambda name: corrected[name] if name in corrected else getattr(record, name),
    )
    least, least_before = found.min_until, record.min_publication_until
    return (
        _gravity_of(found.severity) > _gravity_of(record.severity_class)
        or found.max_until > record.max_publication_until
        or (least is not None and least_before is not None and least > least_before)
        or (found.published and record.state == "withheld")
    )


def _gravity_of(name: str) -> int:
    return GRAVITY.index(name) if name in GRAVITY else len(GRAVITY)
