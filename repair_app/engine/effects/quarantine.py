"""What the end of a quarantine changes."""

from repair_app.engine.assessment import assess
from repair_app.engine.bulk import first_transition
from repair_app.engine.machine import begin
from repair_app.engine.rows import from_json
from repair_app.engine.step import Answers, Step
from repair_app.models import CreditRecord


def release_row(step: Step) -> None:
    """Put the row on file as a new record, beside the one that stays archived."""
    row = step.store.get_quarantined_row(step.case)
    columns = from_json(row.columns)
    workflow = step.policy.current["record"]
    pack = step.policy.pack_for(
        workflow.rules, decided_on=columns["decided_on"], applied_on=step.today
    )
    found = assess(pack, columns.__getitem__)
    record = step.store.make(
        CreditRecord,
        **columns,
        fingerprint=row.fingerprint,
        reinsertion=step.store.count_insertions(row),
        rule_pack=pack.id,
        rule_pack_hash=pack.sha256,
        severity_class=found.severity,
        min_publication_until=found.min_until,
        max_publication_until=found.max_until,
        created_at=step.at,
    )
    record.ref = step.store.new_ref(workflow.prefix, step.today)
    begin(step.policy, record, workflow.name)
    step.store.save()
    first = first_transition(workflow, found.published, over=found.max_until < step.today)
    facts = {
        "quarantine": step.case.ref,
        "fingerprint": row.fingerprint,
        "class": found.severity,
        "because": found.because,
    }
    step.fire(record, first.name, Answers(facts=facts))
