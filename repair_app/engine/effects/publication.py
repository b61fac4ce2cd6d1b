"""Publication of the record: taken off, archived, shielded, resumed."""

from repair_app.calendar import add_period
from repair_app.engine.machine import begin
from repair_app.engine.opening import open_as_system
from repair_app.engine.rules import RulePack
from repair_app.engine.step import Step
from repair_app.labels import numbered
from repair_app.models import CreditRecord, ProceedingMark

# What an objection found, and the record's own step that follows (深圳条例 51).
STEP_OF = {
    "PUBLICATION_STOPPED": "stop_publication",
    "UNVERIFIED": "stop_publication",
    "REMOVED_FROM_LIST": "withdraw",
    "DELETED": "withdraw",
}


def withdraw_record(step: Step) -> None:
    """Take the record off publication: it was found to be wrong, over term or not verified."""
    name = STEP_OF.get(step.case.outcome or "", "withdraw")
    # A record of an earlier version of its workflow knows only the one step.
    step.fire(step.record, name if step.may_fire(step.record, name) else "withdraw")


def cease_publication(step: Step) -> None:
    """Take the record off publication: it has been repaired."""
    step.fire(step.record, "cease_publication")


def archive_record(step: Step) -> None:
    """Keep the record as an archive only (鲁信用办〔2021〕5号 （八）转为档案保存)."""
    step.record.archived_at = step.at


def unarchive_record(step: Step) -> None:
    """Take the record out of the archive: its repair is undone."""
    step.record.archived_at = None


def annul_record(step: Step) -> None:
    """Withdraw the record whose decision was annulled (山东条例 40)."""
    name = "annul" if step.may_fire(step.record, "annul") else "withdraw"
    step.fire(step.record, name)


def shield_record(step: Step) -> None:
    """Take the record from the public site while a reorganisation plan is carried out."""
    step.fire(step.record, "shield")


def unshield_record(step: Step) -> None:
    """Show the record again: the plan has failed. One that left the shield otherwise stays."""
    if step.may_fire(step.record, "unshield"):
        step.fire(step.record, "unshield")


def resume_publication(step: Step) -> None:
    """Publish a repaired record again, to its maximum; one never repaired is still published."""
    if step.may_fire(step.record, "resume"):
        step.fire(step.record, "resume")


def bar_subject(step: Step) -> None:
    """Bar the subject from applying for a repair, for as long as the rules say."""
    months = step.rules.repair.bar_months
    if months is None:
        return
    until = add_period(step.today, months)
    subject = step.case.subject
    subject.barred_until = max(subject.barred_until or until, until)


def record_falsehood(step: Step) -> None:
    """Put the false material or broken commitment on record against the subject, published."""
    step.store.save()
    record = step.store.make(CreditRecord, **_describe_falsehood(step))
    record.ref = step.store.new_ref(step.policy.current["record"].prefix, step.today)
    begin(step.policy, record, "record")
    step.store.save()
    step.fire(record, "publish")


def _describe_falsehood(step: Step) -> dict[str, object]:
    """Return the columns of a record about what was false in a repair."""
    case, pack = step.case, step.rules
    words = {
        "violation_type": "信用修复中提供虚假材料、虚假承诺或者违背信用承诺",
        "violation_facts": f"在{numbered(case.record.decision_no)}行政处罚决定所涉失信信息的"
        "信用修复中提供虚假材料或者违背信用承诺，经核查属实。",
        "legal_basis": "《信用修复管理办法》关于虚假材料和信用承诺的规定",
        "penalty_content": "撤销信用修复，记入信用记录并公示",
    }
    severity = _gravest_class(pack)
    publication = pack.publication(severity, decided_on=step.today)
    return {
        **words,
        "subject": case.subject,
        "provider": case.provider,
        "source_unit": case.provider.name,
        "decision_no": case.ref,
        "penalty_categories": ["other"],
        "decided_on": step.today,
        "fingerprint": case.ref,
        "rule_pack": pack.id,
        "rule_pack_hash": pack.sha256,
        "severity_class": severity,
        "min_publication_until": publication.min_until,
        "max_publication_until": publication.max_until,
        "created_at": step.at,
    }


def _gravest_class(pack: RulePack) -> str:
    """Return the class that is published longest (违诺的按最长公示期公示)."""
    published = [one for one in pack.classes.values() if one.published and one.repairable]
    return max(published, key=lambda one: (one.max_months, one.name == "serious")).name


# --- reconsideration and suit ---


def place_proceeding_mark(step: Step) -> None:
    """Annotate the record: its decision is under reconsideration or before a court (深圳 43)."""
    mark = step.store.make(ProceedingMark, case_id=step.case.id, placed_at=step.at)
    step.record.proceeding_marks.append(mark)


def lift_proceeding_mark(step: Step) -> None:
    """Take the annotation away: there is a result, or nothing to wait for."""
    for mark in step.record.proceeding_marks:
        if mark.case_id == step.case.id and mark.lifted_at is None:
            mark.lifted_at = step.at


def open_annulment(step: Step) -> None:
    """Have the provider withdraw the record within its term: the decision was annulled."""
    open_case = any(
        one.workflow == "annulment" and one.is_open for one in step.store.cases_of(step.record)
    )
    if open_case:
        return
    annulment = open_as_system(
        step,
        "annulment",
        step.record,
        name="open_on_ruling",
        about_id=step.case.id,
        entered_by_id=step.actor.person_id,
    )
    step.store.reread(annulment, "about")
