"""Promises about single steps: by whom, when, with what, and what follows."""

from collections.abc import Iterator
from typing import Any

from repair_app.engine.fields import CORRECTABLE, read_field
from repair_app.models import (
    Case,
    CreditRecord,
    FieldProposal,
    Organisation,
    Requirement,
    Role,
    Sanction,
)
from repair_app.proving.promises.common import (
    SUBJECTS,
    Move,
    cases,
    holds_sanctions,
    imposed,
    is_live,
    of_step,
    records,
)
from repair_app.proving.world import World


@of_step("23/30/O")
def whose_turn_it_is(move: Move) -> str | None:  # noqa: PLR0911  # a list of who may besides
    """A step is taken by whose turn it is: the owner of the state, by the file's own word.

    Besides: the subject (or who reported) takes its matter back; a reviewer goes on when the term
    of another is over, hands the matter over or consults; a reviewer sends on what was returned.
    """
    owner = move.before.policy.current[move.workflow].states.get(move.source)
    if owner is None or owner.owner is None:
        return None
    role = str(move.actor.role)
    name = move.transition.name
    if role == owner.owner or (role == "agent" and owner.owner == "subject"):
        return None
    if role == "system":
        known = name in TIMED_NAMES
        return None if known else f"the system takes {name}, which is {owner.owner}'s"
    if name in {"withdraw", "cancel", "lift"} and role in {*SUBJECTS, "department"}:
        return None
    if role == "reviewer" and (move.over or name in ALWAYS_REVIEWERS):
        return None
    if role == "provider" and (f"{move.workflow}.{name}" in ALWAYS_PROVIDERS or is_noted(move)):
        return None
    if role in SUBJECTS and name in SAID_MEANWHILE:
        return None
    if (name, role) in EXCEPTIONS or is_at_the_counter(move):
        return None
    return f"{name} is taken by {role} where it is the turn of {owner.owner}"


def is_at_the_counter(move: Move) -> bool:
    """Say whether a clerk files what the same clerk entered on behalf of the subject."""
    entered_by = move.case.entered_by_id if move.case is not None else None
    return move.transition.name in AT_THE_COUNTER and entered_by == move.actor.person_id


def is_noted(move: Move) -> bool:
    """Say whether an agency notes that the enterprise let its term pass."""
    return move.over and move.transition.name in {"note_missed", "note_unsigned"}


TIMED_NAMES = {"take_up", "expire", "lapse", "escalate", "file_away"}
ALWAYS_REVIEWERS = {"delegate", "consult", "extend", "announce_lifting", "reroute"}
ALWAYS_PROVIDERS = {  # who gave an order or asked for a measure takes it back, and sees its effect
    "rectification_order.recall_order", "sanction.retract", "sanction.evaluate",
}  # fmt: skip
SAID_MEANWHILE = {"state_views", "add_statement"}  # the enterprise is heard at any time
EXCEPTIONS = {("withdraw_report", "department"), ("withdraw_report", "provider")}


@of_step("23b")
def only_the_subject_takes_back(move: Move) -> str | None:
    """Only the subject, or its agent, files, amends and withdraws what it filed."""
    if move.case is None or move.case.model is not Case:
        return None
    mine = move.transition.name in {"withdraw", "submit", "amend", "discard", "state_views"}
    if mine and move.actor.role not in SUBJECTS:
        return f"{move.transition.name} by {move.actor.role}"
    return None


@of_step("22")
def what_is_final_stays(move: Move) -> str | None:
    """Nothing final is ever left: corrected, expired and withdrawn records never return."""
    for entity in entities(move.before):
        if move.before.state_of(entity).final:
            after = move.after.find(entity.model, entity.id)
            if after is None or after.state != entity.state:
                return f"{entity.ref} left {entity.state}"
    return None


def entities(world: World) -> Iterator[Any]:
    """Yield everything that has a state."""
    for model in (CreditRecord, Sanction, Case, Requirement):
        yield from world.list_rows(model)


@of_step("21")
def ending_restores(move: Move) -> str | None:
    """A case that ends without a decision leaves every measure as it was imposed."""
    if move.case is None or move.case.is_open or move.record.archived_at is not None:
        return None
    if not is_live(move.after, move.record):
        return None
    for sanction in imposed(move.record):
        held = any(
            holds_sanctions(move.after, one)
            for one in cases(move.after)
            if one.record_id == move.record.id
        )
        if not held and sanction.state != "in_force":
            return f"{sanction.ref} is {sanction.state} after the case ended"
    return None


@of_step("26")
def time_decides_nothing(move: Move) -> str | None:
    """The clock never closes a case, moves it or decides it: it tells the next unit."""
    if move.attempt.who or move.entity.model is not Case or move.attempt.opens:
        return None
    if move.transition.name in BY_OTHERS:
        return None
    before = move.case_before
    if move.source != move.entity.state or move.case.closed_at is not None:
        return f"the clock took {move.case.ref} from {move.source} to {move.entity.state}"
    if not move.over:
        return "the clock acted before the term was over"
    if before.provider_id != move.case.provider_id:
        return "the clock changed the provider"
    return None


# Part of what a reviewer does (A34); decided by people, and shown by every platform (34c).
BY_OTHERS = {"take_up", "complete"}


@of_step("20")
def who_verifies_is_of_the_provider(move: Move) -> str | None:  # noqa: PLR0911  # one for each thing that can be wrong
    """The verifier provides for the agency that the case lies with."""
    before, after = move.case_before, move.case
    if after is None or after.verified_by_id is None:
        return None
    if before is not None and before.verified_by_id == after.verified_by_id:
        return None
    if move.workflow == "revocation" and move.actor.role == "reviewer":
        return None
    if (move.workflow, move.transition.name) == ON_PAPERS:
        reviews = move.actor.role == "reviewer" and after.verified_by_id == move.actor.person_id
        return None if reviews else "the papers were checked by nobody of the centre"
    if after.verified_by_id == move.actor.person_id and move.workflow in PUTS_RIGHT:
        return None
    if after.verified_by_id != move.actor.person_id:
        return "somebody else is written down as the verifier"
    if not move.after.cast.holds(after.verified_by_id, Role.PROVIDER, after.provider_id):
        return "the verifier is not of the provider"
    return None


ON_PAPERS = ("repair", "conclude_unanswered")  # 书面核查: the provider let its term pass
PUTS_RIGHT = {"remedy", "self_correction"}  # where who puts right, of whatever unit, is checked


@of_step("27")
def removal_is_signed_by_another(move: Move) -> str | None:
    """The verifier never takes a record off: who signs it neither verified nor decided first."""
    before, after = move.record_before, move.record
    if before.archived_at is not None or after.archived_at is None or before.state == "new":
        return None
    if move.attempt.who == "":
        return None
    case = move.case_before
    if case is None:
        return f"{move.transition.name} takes a record off with no case that says so"
    if move.actor.person_id in {case.verified_by_id, case.decided_by_id}:
        return "the verifier, or who decided first, took the record off"
    return None


@of_step("16")
def never_before_the_minimum(move: Move) -> str | None:
    """A repair is asked for, accepted and granted only after the minimum publication."""
    if move.workflow != "repair" or move.transition.name not in OPENS_REPAIR:
        return None
    pack = move.after.policy.pack_of(move.entity)
    record = move.record
    least = record.min_publication_until
    if not pack.classes[record.severity_class].repairable:
        return "a record that is not repaired has a repair"
    if least is not None and move.before.today <= least:
        return "the minimum publication still runs"
    barred = move.before.find(Organisation, record.subject_id).barred_until
    if barred is not None and move.before.today <= barred:
        return "the subject is barred"
    return None


OPENS_REPAIR = {"open", "enter_at_window", "accept", "sign_grant"}


@of_step("17")
def no_grant_while_contested(move: Move) -> str | None:
    """No record leaves publication as repaired while it is verified."""
    before = move.record_before
    if before.state != move.record.state == "repaired" and before.is_contested:
        return f"{before.ref} was repaired while it was verified"
    return None


@of_step("14b")
def filed_and_accepted_with_materials(move: Move) -> str | None:
    """A repair is filed, accepted and granted with everything that its class needs."""
    if move.workflow != "repair" or move.transition.name not in WITH_MATERIALS:
        return None
    before = move.case_before
    pack = move.after.policy.pack_of(before)
    needed = set(pack.classes[before.record.severity_class].requirements)
    met = {
        one.workflow
        for one in before.requirements
        if move.before.state_of(one).meets
        and (one.valid_until is None or one.valid_until >= move.before.today)
    }
    if missing := needed - met:
        return f"{move.transition.name} without {sorted(missing)}"
    return None


WITH_MATERIALS = {"submit", "submit_at_window", "accept", "sign_grant"}


@of_step("14c")
def filed_with_the_checklist(move: Move) -> str | None:
    """A repair is filed with one paper of every group of its checklist."""
    if move.workflow != "repair" or move.transition.name not in {"submit", "submit_at_window"}:
        return None
    case = move.case_before
    pack = move.after.policy.pack_of(case)
    met = {one.workflow for one in case.requirements if move.before.state_of(one).meets}
    brought = {one.material for one in case.documents if one.material}
    brought |= {
        one.code for one in pack.materials.values() if one.requirement in met - {"rectification"}
    }
    record = case.record
    groups = pack.missing_materials(record.severity_class, record.penalty_categories, brought)
    return f"{len(groups)} kinds of papers are missing" if groups else None


@of_step("A7")
def materials_come_while_asked_for(move: Move) -> str | None:
    """Material is taken while a repair is prepared or a supplement was asked for, not later."""
    if move.entity.model is not Requirement or move.actor.role not in SUBJECTS:
        return None
    if move.entity.workflow not in MATERIALS or move.transition.name == "state_views":
        return None
    if move.case.workflow == "repair" and move.case_before.state not in {
        "draft",
        "supplement_asked",
    }:
        return f"{move.transition.name} while the repair is {move.case.state}"
    return None


@of_step("A7b")
def signed_anew_before_it_is_sent(move: Move) -> str | None:
    """A commitment is signed anew in a draft only, and what is signed anew is what stands."""
    if not move.fired("commitment", "sign_anew"):
        return None
    if move.case_before.state != "draft":
        return f"signed anew while the repair is {move.case_before.state}"
    stands = move.entity.text == move.answers.facts["text"]
    return None if stands else "signed anew, and the earlier text stands"


MATERIALS = {
    "commitment", "rectification", "training", "credit_report", "credit_check", "public_service",
}  # fmt: skip


@of_step("A8")
def rests_on_a_live_record(move: Move) -> str | None:
    """Nothing is opened, filed, accepted or imposed about a record that is off or over."""
    if not (move.attempt.opens or move.transition.name in {"submit", "accept"}):
        return None
    if move.workflow in {"revocation", "quarantine", "self_correction"}:
        return None
    if not is_live(move.before, move.record_before):
        return f"{move.transition.name} about {move.record_before.ref}, {move.record_before.state}"
    return None


@of_step("A9")
def imposed_on_what_is_certain(move: Move) -> str | None:
    """No measure is imposed while the record is verified, nor by somebody of the subject."""
    if not move.fired("sanction", "impose"):
        return None
    if move.record_before.is_contested:
        return "imposed while the record is verified"
    if any(
        one.organisation_id == move.record.subject_id
        for one in move.after.cast.seats_of(move.actor.person_id)
    ):
        return "imposed by somebody of the subject"
    return None


@of_step("A10")
def an_ending_before_its_time(move: Move) -> str | None:
    """A measure lapses after its own term, not before."""
    lapses = move.transition.name == "lapse" and move.entity.model is Sanction
    early = lapses and move.before.today <= move.entity.ends_on
    return f"{move.entity.ref} lapsed before its time" if early else None


@of_step("29")
def published_fields_never_grow(move: Move) -> str | None:
    """A record's fields change only by a correction, and then just as was answered."""
    before, after = move.record_before, move.record
    if before is None:
        return None
    changed = {name for name in CORRECTABLE if read_field(before, name) != read_field(after, name)}
    answered = answered_values(move.case) if move.case is not None else {}
    corrected = move.fired("record", "correct", "correct_withheld")
    if changed and not corrected:
        return f"{sorted(changed)} changed without a correction"
    if corrected:
        wrong = [name for name, value in answered.items() if read_field(after, name) != value]
        if wrong or not answered:
            return f"the approved correction of {wrong} did not reach the record"
        if changed - answered.keys():
            return f"{sorted(changed - answered.keys())} changed besides what was approved"
    return None


def answered_values(case: Any) -> dict[str, str]:
    """Return what the provider, or the centre itself, found to be right."""
    return {
        one.field: one.answered_value for one in case.proposals if one.answered_value is not None
    }


@of_step("29b")
def what_was_decided_is_done(move: Move) -> str | None:
    """A correction that was signed is in the record; a removal takes it off; a grant repairs it."""
    if move.entity.model is not Case or move.source == move.entity.state:
        return None
    done = {
        ("objection", "correction_decided", "executed"): ("correct", "correct_withheld"),
        ("objection", "correction_heard", "executed"): ("correct", "correct_withheld"),
        ("objection", "removal_decided", "executed"): ("withdraw", "stop_publication"),
        ("repair", "grant_proposed", "executed"): ("cease_publication",),
        ("annulment", "announced", "closed"): ("annul",),
        ("shield", "completion_proposed", "completed"): ("cease_publication",),
        ("shield", "shield_proposed", "shielded"): ("shield",),
        ("shield", "lifting_heard", "lifted"): ("unshield",),
        ("revocation", "proposed", "revoked"): ("resume",),
    }.get((move.workflow, move.source, move.entity.state))
    if move.workflow == "revocation" and move.record_before.state != "repaired":
        done = None  # what was never off publication is not put back
    if done and not move.fired("record", *done):
        return f"{move.transition.name} changed nothing in the record"
    return None


@of_step("29c")
def what_was_typed_is_kept(move: Move) -> str | None:
    """Values that were typed are kept: what the subject proposes, what the provider answers."""
    if move.case is None or move.entity.model is not Case or not move.answers.values:
        return None
    kept: dict[str, FieldProposal] = {one.field: one for one in move.case.proposals}
    for name, value in move.answers.values.items():
        one = kept.get(name)
        proposes = move.actor.role in SUBJECTS or move.attempt.opens
        if one is None or (one.proposed_value if proposes else one.answered_value) != value:
            return f"what was typed for {name} is not kept"
    return None


@of_step("29d")
def verified_anew_means_anew(move: Move) -> str | None:
    """What is sent back for verification loses its answer, its verifier and its decision."""
    anew = move.transition.name in {"report_completion", "keep_shield"}
    anew |= move.transition.name.startswith("return_")
    if not anew or move.entity.model is not Case or move.workflow == "remedy":
        return None  # where nothing was verified: harm is undone, or not yet
    case = move.case
    left = (case.verified_by_id, case.decided_by_id, *answered_values(case).values())
    if any(one is not None for one in left):
        return "what was sent back keeps its former answer"
    return None


@of_step("11/20")
def who_acted_is_written_down(move: Move) -> str | None:
    """An answer names its verifier, a decision its decider, a signature its signer."""
    if move.entity.model is not Case or move.source == move.entity.state:
        return None
    target = (move.workflow, move.entity.state)
    case, person = move.case, move.actor.person_id
    answers = move.actor.role == "provider" or (move.workflow, move.transition.name) == ON_PAPERS
    if target in ANSWERED and answers and case.verified_by_id != person:
        return f"{move.transition.name} names no verifier"
    if target in DECIDED_FIRST and case.decided_by_id != person:
        return f"{move.transition.name} names no decider"
    office = move.actor.role not in SUBJECTS
    if office and move.transition.name.startswith("sign") and case.signed_by_id != person:
        return f"{move.transition.name} names no signer"
    return None


ANSWERED = {
    ("repair", "grant_to_decide"), ("repair", "refusal_to_decide"), ("talk", "minuted"),
    ("objection", "confirmed"), ("objection", "correction_proposed"),
    ("objection", "removal_proposed"), ("objection", "revocation_proposed"),
    ("objection", "unverifiable"), ("repair", "rectification_confirmed"),
    ("repair", "rectification_lacking"), ("revocation", "announced"),
}  # fmt: skip
DECIDED_FIRST = {
    ("objection", "rejection_announced"), ("objection", "correction_decided"),
    ("objection", "correction_announced"), ("quarantine", "release_announced"),
    ("objection", "removal_decided"), ("repair", "grant_proposed"),
    ("repair", "refusal_proposed"), ("review", "setting_aside_proposed"),
    ("review", "upholding_proposed"), ("revocation", "proposed"), ("shield", "shield_proposed"),
    ("shield", "completion_proposed"), ("shield", "lifting_announced"),
    ("annulment", "announced"),
}  # fmt: skip


@of_step("A11")
def nobody_of_a_party_acts_in_office(move: Move) -> str | None:
    """Who acts in office has no seat with the subject; a reviewer none with any party either."""
    role = str(move.actor.role)
    if role not in {"reviewer", "provider", "department", "institution"}:
        return None
    at_the_door = move.attempt.opens and move.workflow in {"objection", "repair", "self_correction"}
    at_the_door &= move.transition.name not in {"enter_at_window", "take_up"}
    if at_the_door or move.entity.model is CreditRecord or move.transition.name in AT_THE_DOOR:
        return None  # what somebody brings in is decided by others
    parties = {move.record.subject_id}
    if role == "reviewer" and move.case is not None and not move.attempt.opens:
        if move.transition.name in HANDING_OVER:
            return None
        parties |= {one.institution_id for one in move.case.requirements if one.institution_id}
        parties |= {move.case_before.provider_id}
    if role == "institution" and move.transition.name == "decline":
        return None  # no certificate is given
    for seat in move.after.cast.seats_of(move.actor.person_id):
        if seat.role in OUTSIDE and seat.organisation_id in parties:
            return f"{move.transition.name} by somebody with a seat at a party"
    return None


AT_THE_DOOR = {"withdraw_report", "acknowledge"}  # nor is it decided that a measure rests
AT_THE_COUNTER = {
    "submit_at_window", "supplement_at_window", "discard_at_window", "sign_on_paper",
    "submit_proof", "add_proof", "enrol", "request", "cancel",
}  # fmt: skip
HANDING_OVER = {"delegate", "waive"} | AT_THE_COUNTER
OUTSIDE = {"subject", "agent", "provider", "institution"}


@of_step("A12")
def asked_once_for_what_is_missing(move: Move) -> str | None:
    """Everything missing is asked for once (LICENSING-LAW 第三十二条)."""
    name = move.transition.name
    if name in ONCE and (move.entity.ref, name) in move.before.log:
        return f"{name} a second time"
    return None


ONCE = {"ask_supplement", "extend"}


@of_step("A13")
def heard_before_it_is_decided_against(move: Move) -> str | None:
    """Before an adverse decision: its announcement, then the views, or the end of their term."""
    place = (move.workflow, move.entity.state)
    if move.transition.name.startswith("close_hearing") and not move.over:
        return "the hearing was closed before its term was over"
    heard = HEARD_FIRST.get(place) or HEARD_FIRST.get((*place, move.source))
    if heard is None:
        return None
    if not any((move.entity.ref, one) in move.after.log for one in heard):
        return f"{move.transition.name} and nobody was heard"
    return None


VIEWS = ("state_views", "close_hearing")
HEARD_FIRST: dict[tuple[str, ...], tuple[str, ...]] = {
    ("objection", "rejected"): VIEWS,
    ("objection", "executed", "correction_heard"): (
        "state_views_on_correction", "close_hearing_on_correction",
    ),
    ("revocation", "revoked"): VIEWS,
    ("shield", "lifted"): VIEWS,
    ("quarantine", "released"): VIEWS,
    ("commitment", "partly_fulfilled"): VIEWS,
    ("commitment", "unfulfilled"): VIEWS,
}  # fmt: skip


@of_step("A14")
def others_turn_is_waited_for(move: Move) -> str | None:
    """What is said to be for want of an answer in time is done after the term, not before."""
    if move.transition.name in FOR_LATENESS and not move.over:
        return f"{move.transition.name} while the term still runs"
    own_turn = move.actor.role == owner_of(move) != "system"  # which is late with nothing
    if move.transition.name in FOR_LATENESS and own_turn:
        return f"{move.transition.name} by the side that is late"
    return None


def owner_of(move: Move) -> str | None:
    """Return whose turn it was."""
    return move.before.policy.current[move.workflow].states[move.source].owner


FOR_LATENESS = {
    "recall", "refuse_unsupplemented", "close_unconfirmed", "leave_unconfirmed",
    "conclude_unanswered", "call_back_appraisal", "waive", "take_over", "take_over_refusal",
    "sign_overdue", "escalate",
}  # fmt: skip


@of_step("A15")
def objections_come_with_evidence(move: Move) -> str | None:
    """An objection that the subject files has at least one piece of evidence."""
    filed = move.workflow == "objection" and move.transition.name == "submit"
    return "filed without evidence" if filed and not move.case.documents else None


@of_step("A16")
def the_same_ground_is_answered_once(move: Move) -> str | None:
    """The same ground, once answered with a rejection, suspends nothing again by repetition."""
    if move.workflow != "objection" or not move.attempt.opens:
        return None
    if move.transition.name not in {"open", "enter_at_window"}:
        return None
    for one in cases(move.before, "objection"):
        if (one.record_id, one.ground) != (move.record.id, move.entity.ground):
            continue
        withdrawn = one.state == "withdrawn" and (one.ref, "announce_rejection") in move.before.log
        if one.state == "rejected" or withdrawn:
            return f"the ground of {one.ref} was answered"
    return None


@of_step("A17")
def sent_where_somebody_is(move: Move) -> str | None:
    """A case is sent only to an agency for which somebody provides."""
    if move.transition.name != "ask_provider":
        return None
    if not any(
        one.role == "provider" and one.organisation_id == move.case.provider_id
        for user in move.after.cast.people.values()
        for one in user.appointments
    ):
        return "sent where nobody is"
    return None


@of_step("35")
def other_records_are_left_alone(move: Move) -> str | None:
    """A step about one record changes nothing of another, its cases or measures."""
    for record in records(move.before):
        is_other = record.id != move.record.id
        if is_other and about(move.before, record) != about(move.after, record):
            return f"{record.ref} changed with a step about {move.record.ref}"
    return None


def about(world: World, record: Any) -> list[tuple[str, str]]:
    """Return the states of a record and of all that belongs to it."""
    record = world.find(CreditRecord, record.id)
    mine = [one for one in cases(world) if one.record_id == record.id]
    rows = [record, *record.sanctions, *mine, *(two for one in mine for two in one.requirements)]
    return [(one.ref, one.state) for one in rows]
