"""What the policy promises, each promise as a check of a state or of a step.

A check returns what is wrong, or nothing. Numbers are those of the list of invariants that the
project keeps; letters mark our own. None is read from `guards` or `effects`: what a workflow file
says twice (the owner of a state, whether it contests, whether it is final) and the clauses are what
a step is held against, so that a file from which a guard was lost fails.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from repair_app.engine.enforcement import enforceable
from repair_app.engine.fields import CORRECTABLE, read_field
from repair_app.engine.spec import Transition
from repair_app.engine.step import Actor, Answers
from repair_app.models import (
    Case,
    CreditRecord,
    Enrolment,
    FieldProposal,
    Fulfilment,
    Organisation,
    Requirement,
    Role,
    Sanction,
    SanctionSuspension,
    Talk,
    TrainingBooking,
    User,
)
from repair_app.models.records import OFF_PUBLICATION
from repair_app.proving.outlets import find_disagreement
from repair_app.proving.steps import Fired
from repair_app.proving.world import BESIDE, ESCALATED, MET, USED, World, open_marks


class Move(NamedTuple):
    """A step that was taken, the world before and after it."""

    before: World
    after: World
    entity: Any  # after it
    source: str
    transition: Transition
    actor: Actor
    answers: Answers
    attempt: Any
    trace: Sequence[Fired]

    @property
    def over(self) -> bool:
        """Say whether the terms had run out."""
        return bool(self.attempt.over)

    @property
    def workflow(self) -> str:
        """Return the workflow of the first transition."""
        return self.trace[0].workflow

    @property
    def case(self) -> Any:
        """Return the case that the step is about, or None."""
        model = self.entity.model
        if model is Case:
            return self.entity
        return self.entity.case if model is Requirement else None

    @property
    def record(self) -> Any:
        """Return the record that the step is about, after it."""
        if self.entity.model is CreditRecord:
            return self.entity
        return (self.case or self.entity).record

    @property
    def record_before(self) -> Any:
        """Return the record that the step is about, before it."""
        return self.before.find(CreditRecord, self.record.id)

    @property
    def entered(self) -> Any:
        """Return the state that the entity has entered."""
        return self.after.state_of(self.entity)

    @property
    def case_before(self) -> Any:
        """Return the case before the step; None when it was opened."""
        return self.before.find(Case, self.case.id) if self.case else None

    def fired(self, workflow: str, *names: str) -> bool:
        """Say whether one of these transitions of a workflow was fired."""
        return any(one.workflow == workflow and one.transition in names for one in self.trace)


StateCheck = Callable[[World], str | None]
StepCheck = Callable[[Move], str | None]
Check = TypeVar("Check", bound=Callable[[Any], str | None])

STATE_PROPERTIES: dict[str, StateCheck] = {}
STEP_PROPERTIES: dict[str, StepCheck] = {}


def of_state(*numbers: str) -> Callable[[Check], Check]:
    """Register a check of every state."""

    def register(check: Check) -> Check:
        STATE_PROPERTIES["/".join(numbers)] = check
        return check

    return register


def of_step(*numbers: str) -> Callable[[Check], Check]:
    """Register a check of every step."""

    def register(check: Check) -> Check:
        STEP_PROPERTIES["/".join(numbers)] = check
        return check

    return register


def moved_cases(move: Move) -> Iterator[Any]:
    """Yield the cases that a step changed, after it."""
    refs = {one.ref for one in move.trace}
    return (one for one in move.after.list_rows(Case) if one.ref in refs)


# --- names that the clauses use ---------------------------------------------------------------

SUBJECTS = {"subject", "agent"}
EVALUATING = BESIDE + "sanction_evaluation"  # in the log: what was fed back has to be evaluated
ENDED_RECORD = set(OFF_PUBLICATION)


def records(world: World) -> Sequence[Any]:
    """Return the records of a world."""
    return world.list_rows(CreditRecord)


def cases(world: World, *workflows: str) -> Iterator[Any]:
    """Yield the cases of a world, of some workflows if these are named."""
    for one in world.list_rows(Case):
        if not workflows or one.workflow in workflows:
            yield one


def is_live(world: World, record: Any) -> bool:
    """Say whether a record is on file and in its term."""
    return bool(world.state_of(record).live) and world.today <= record.max_publication_until


def running(record: Any) -> Iterator[Any]:
    """Yield the measures on a record that have not ended."""
    return (one for one in record.sanctions if one.ended_at is None)


def imposed(record: Any) -> Iterator[Any]:
    """Yield the running measures that a department has taken: what was asked of it is none yet."""
    return (one for one in running(record) if one.state != "initiated")


def holds_sanctions(world: World, case: Any) -> bool:
    """Say whether a case keeps sanctions from being executed: it contests, or shields."""
    shields = case.workflow == "shield" and case.record.state == "shielded"
    return bool(world.state_of(case).contests) or (shields and case.is_open)


def suspended_by(sanction: Any) -> set[int]:
    """Return the cases that keep a measure from being executed."""
    return {one.case_id for one in sanction.suspensions if one.lifted_at is None}


# --- verification and sanctions ---------------------------------------------------------------


@of_state("1")
def nothing_is_enforced_while_contested(world: World) -> str | None:
    """While a record is verified no measure on it may be enforced (SD-GOV-2017-44 二（四）20)."""
    for record in records(world):
        if world.contesting(record):
            for sanction in record.sanctions:
                if enforceable(sanction, world.today).enforceable:
                    return f"{sanction.ref} may be enforced while {record.ref} is verified"
    return None


@of_state("2/8")
def nothing_is_open_about_what_has_ended(world: World) -> str | None:
    """No verification or repair goes on about a record that has ended; nothing stays contested.

    What a workflow says ends with the record has ended with it; what was decided already
    (waiting for the same result elsewhere) may go on.
    """
    for case in cases(world):
        ending = world.policy.workflow_of(case).transitions.get("end_with_record")
        if ending is None or case.record.archived_at is None:
            continue
        if case.workflow in WITH_THE_RECORD and case.state in ending.source:
            return f"{case.ref} is {case.state} about {case.record.ref}, {case.record.state}"
        if world.state_of(case).contests:
            return f"{case.ref} contests {case.record.ref}, {case.record.state}"
    return None


WITH_THE_RECORD = {"objection", "repair", "shield", "annulment", "proceeding", "review"}


@of_state("3/32")
def nothing_stays_suspended(world: World) -> str | None:
    """A suspension ends with the case that asked for it: none without an open case behind it."""
    for row in world.list_rows(SanctionSuspension):
        if row.lifted_at is None and not holds_sanctions(world, world.find(Case, row.case_id)):
            return f"{row.sanction.ref} is suspended by a case that asks for it no more"
        if (row.lifted_at is None) != (row.lifted_because is None):
            return f"{row.sanction.ref}: lifted without a step that lifted it"
    for sanction in world.list_rows(Sanction):
        taken = sanction.ended_at is None and sanction.state != "initiated"
        if taken and (sanction.state == "suspended") != bool(suspended_by(sanction)):
            return f"{sanction.ref} is {sanction.state}, its suspensions say otherwise"
    return None


@of_state("4")
def otherwise_measures_are_as_imposed(world: World) -> str | None:
    """A record in its term that nobody contests: each running measure may be enforced."""
    for record in records(world):
        if not is_live(world, record) or record.state == "shielded" or world.contesting(record):
            continue
        for sanction in imposed(record):
            in_term = sanction.imposed_on <= world.today <= sanction.ends_on
            if in_term and not enforceable(sanction, world.today).enforceable:
                return f"{sanction.ref} may not be enforced though nothing contests {record.ref}"
    return None


@of_state("5/6")
def what_is_off_is_archived_and_without_measures(world: World) -> str | None:
    """Off the public list every measure has ended, and the record is an archive (四（十五）)."""
    for record in records(world):
        ended = record.state in ENDED_RECORD or (
            not world.state_of(record).live and record.state != "new"
        )
        if ended != (record.archived_at is not None):
            return f"{record.ref} is {record.state}, archived: {record.archived_at is not None}"
        if ended and any(running(record)):
            return f"a measure runs on {record.ref}, which is {record.state}"
    return None


@of_state("7/3b")
def marks_and_suspensions_are_those_of_open_verifications(world: World) -> str | None:
    """Marked if and only if contested; suspended by just the cases that contest, or shield."""
    for record in records(world):
        contesting = {one.id for one in world.contesting(record)}
        if open_marks(record) != contesting:
            return f"{record.ref}: marks of {open_marks(record)}, contested by {contesting}"
        for sanction in running(record):
            holding = {
                one.id
                for one in cases(world)
                if one.record_id == record.id and holds_sanctions(world, one)
            }
            if suspended_by(sanction) != holding:
                return f"{sanction.ref}: suspended by {suspended_by(sanction)}, not {holding}"
    return None


@of_step("A1")
def refused_never_suspends(move: Move) -> str | None:
    """What was not accepted never had a mark or kept a measure from being executed."""
    world = move.after
    for case in moved_cases(move):
        if case.workflow != "objection" or case.state not in {
            "draft",
            "submitted",
            "supplement_asked",
            "refused",
            "joined",
        }:
            continue
        rows = (*world.list_rows(SanctionSuspension), *case.record.dispute_marks)
        if any(one.case_id == case.id for one in rows):
            return f"{case.ref} is {case.state} and has, or had, an effect"
    return None


@of_state("A2")
def ended_measures_are_dated(world: World) -> str | None:
    """A measure that has ended has a day of its end, and no suspension left open."""
    for sanction in world.list_rows(Sanction):
        final = world.state_of(sanction).final
        if final != (sanction.ended_at is not None):
            return f"{sanction.ref} is {sanction.state}, ended: {sanction.ended_at is not None}"
        if final and suspended_by(sanction):
            return f"{sanction.ref} has ended and is suspended still"
    return None


# --- who ---------------------------------------------------------------------------------------


@of_step("9/12")
def nobody_acts_twice(move: Move) -> str | None:
    """Who verified never decides or signs; who decided never signs; by natural person."""
    for case in moved_cases(move):
        acted = [case.verified_by_id, case.decided_by_id, case.signed_by_id]
        known = [one for one in acted if one is not None]
        if len(known) != len(set(known)):
            return f"{case.ref}: one person verified, decided or signed twice"
    return None


@of_step("10/13")
def who_decides_may(move: Move) -> str | None:
    """Who decided or signed reviews for a centre, or where the rules say so recognised it."""
    world = move.after
    for case in moved_cases(move):
        for person in (case.decided_by_id, case.signed_by_id):
            if person is None:
                continue
            reviews = world.cast.holds(person, Role.REVIEWER)
            recognised = world.cast.holds(person, Role.PROVIDER, case.provider_id)
            if not (reviews or (case.workflow in RECOGNISER_DECIDES and recognised)):
                return f"{case.ref} was decided by somebody who may not"
    return None


RECOGNISER_DECIDES = {"annulment", "repair"}  # 谁认定、谁修复; who annuls is who decided


@of_step("18")
def nobody_decides_on_the_own_side(move: Move) -> str | None:
    """Who verified, decided or signed acts for neither the subject nor the other parties."""
    world = move.after
    for case in moved_cases(move):
        for person in (case.verified_by_id, case.decided_by_id, case.signed_by_id):
            if person is None:
                continue
            for seat in world.cast.seats_of(person):
                if seat.organisation_id == case.subject_id:
                    return f"{case.ref}: somebody of the subject verified or decided it"
    return None


@of_step("10b")
def decided_cases_are_signed(move: Move) -> str | None:
    """What was decided bears a signature, its decision, and what it says."""
    for case in moved_cases(move):
        place = (case.workflow, case.state)
        if place in SIGNED and case.signed_by_id is None:
            return f"{case.ref} is {case.state} and nobody signed"
        if place in SIGNED and place not in SIGNED_ALONE and case.decided_by_id is None:
            return f"{case.ref} is {case.state} and nobody decided first"
        if place in CODED and case.refusal_code is None:
            return f"{case.ref} is {case.state} without a coded reason"
    return None


SIGNED = {
    ("objection", "executed"), ("objection", "closed"), ("objection", "rejected"),
    ("repair", "executed"), ("repair", "closed"), ("repair", "not_granted"),
    ("review", "set_aside"), ("review", "upheld"), ("revocation", "revoked"),
    ("shield", "completed"), ("shield", "lifted"),
    ("annulment", "closed"),
}  # fmt: skip
SIGNED_ALONE = {("annulment", "closed")}
CODED = {
    ("objection", "refused"), ("repair", "refused"), ("repair", "not_granted"),
    ("shield", "refused"),
}  # fmt: skip


# --- repair ------------------------------------------------------------------------------------


@of_state("15")
def specific_serious_is_never_repaired(world: World) -> str | None:
    """特定严重失信 is not repaired (四（十五）不予修复)."""
    for case in cases(world, "repair"):
        pack = world.policy.pack_of(case)
        granted = case.state in {"executed", "closed"}
        if granted and not pack.classes[case.record.severity_class].repairable:
            return f"{case.ref} repaired a record of class {case.record.severity_class}"
    return None


@of_state("19")
def each_removal_has_one_cause(world: World) -> str | None:
    """Repaired by a granted repair, withdrawn by a decision signed, expired by time: one each."""
    for record in records(world):
        grants = [
            one
            for one in cases(world, "repair")
            if one.record_id == record.id and one.state in {"executed", "closed"}
        ]
        if len(grants) > 1:
            return f"{record.ref} was repaired twice"
        over = record.state in {"expired", "archived"}
        if over and world.today <= record.max_publication_until:
            return f"{record.ref} is {record.state} before its time"
        if record.state == "withdrawn" and not any(
            (one.workflow, one.state) in WITHDRAWS and one.record_id == record.id
            for one in cases(world)
        ):
            return f"{record.ref} was withdrawn, and nothing decided so"
    return None


WITHDRAWS = {
    ("objection", "executed"), ("objection", "closed"), ("annulment", "closed"),
    ("self_correction", "closed"),
}  # fmt: skip


@of_state("14")
def granted_needs_all_materials(world: World) -> str | None:
    """A repair past its acceptance has its commitment published; a granted one has all it needs."""
    for case in cases(world, "repair"):
        if case.state in {"accepted", "with_provider", "executed", "closed"}:
            for one in case.requirements:
                if one.workflow == "commitment" and one.published_at is None:
                    return f"{case.ref} is {case.state}, its commitment is not public"
        for one in case.requirements:
            if one.workflow == "rectification" and not rectification_fits(case, one):
                return f"{case.ref} is {case.state}, the proof of rectification {one.state}"
    return None


def rectification_fits(case: Any, proof: Any) -> bool:
    """Say whether the proof was judged as the repair was."""
    if case.state in {"executed", "closed"}:
        return bool(proof.state == "verified")
    if case.state != "not_granted":
        return True
    lacking = case.refusal_code == "obligation_unperformed"  # else nothing is held against it
    return bool(proof.state == ("lacking" if lacking else "lapsed"))


@of_state("A3")
def ended_cases_owe_nothing(world: World) -> str | None:
    """Nothing is asked of anybody for a case that has ended; what it has is what it needed."""
    for case in cases(world):
        for one in case.requirements:
            state = world.state_of(one)
            if one.workflow == "commitment" and one.published_at is not None:
                continue  # a public promise is kept on beyond the repair
            if not case.is_open and not state.final and state.owner:
                return f"{case.ref} has ended, {one.workflow} is {one.state} still"
            if not case.is_open and state.follows and not state.final:
                return f"{case.ref} has ended, {one.workflow} follows it still"
    return None


@of_state("A4")
def filed_means_seen(world: World) -> str | None:
    """What was filed has a day of filing and a centre; a draft has neither."""
    for case in cases(world):
        workflow = world.policy.workflow_of(case)
        draft = case.state in {"draft", "discarded", workflow.initial}
        ended_unfiled = case.state == "moot"
        if not draft and not ended_unfiled and case.submitted_at is None:
            return f"{case.ref} is {case.state} and was never filed"
        if draft and case.submitted_at is not None:
            return f"{case.ref} is {case.state} and was filed"
    return None


@of_state("24")
def never_two_open_on_one_ground(world: World) -> str | None:
    """Never two open objections on the same ground of a record, nor two open repairs."""
    seen = set()
    for case in cases(world):
        key = (case.workflow, case.record_id, case.ground)
        if not case.is_open:
            continue
        if key in seen:
            return f"two {case.workflow} cases are open on {case.record.ref}"
        seen.add(key)
    return None


@of_state("24b")
def one_measure_once(world: World) -> str | None:
    """A department has a measure on a record once."""
    seen = set()
    for sanction in world.list_rows(Sanction):
        key = (sanction.record_id, sanction.measure_id, sanction.department_id)
        if sanction.ended_at is None:
            if key in seen:
                return f"{sanction.ref} is in force twice"
            seen.add(key)
    return None


@of_state("A5")
def certificates_serve_once(world: World) -> str | None:
    """No number of a certificate serves two requirements of one institution."""
    seen = set()
    for one in world.list_rows(Requirement):
        key = (one.institution_id, one.number)
        if one.number is not None:
            if key in seen or one.number == USED:
                return f"the certificate {one.number} serves twice"
            seen.add(key)
    return None


@of_state("A6")
def requirements_say_what_they_are(world: World) -> str | None:
    """A signed commitment has its text, a certificate its number; a published one its day."""
    for one in world.list_rows(Requirement):
        if (one.workflow, one.state) == ("commitment", "signed") and not (
            one.text and one.signed_at
        ):
            return f"{one.ref} is signed and has no text"
        if (one.state in {"passed", "filed"}) and not (one.number and one.valid_until):
            return f"{one.ref} is {one.state} and has no certificate"
        asked = one.state in {"enrolled", "requested"} and one.workflow != "credit_check"
        if asked and one.institution_id is None:
            return f"{one.ref} is {one.state}, nobody knows where"
        if one.state == "owed" and one.institution_id is not None:
            return f"{one.ref} is owed, and shown to an institution"
    return None


# --- steps -------------------------------------------------------------------------------------


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
    if (move.workflow, move.transition.name) == ("complaint", "take_up"):
        return None  # part of what a reviewer does: A34
    before = move.case_before
    if move.source != move.entity.state or move.case.closed_at is not None:
        return f"the clock took {move.case.ref} from {move.source} to {move.entity.state}"
    if not move.over:
        return "the clock acted before the term was over"
    if before.provider_id != move.case.provider_id:
        return "the clock changed the provider"
    return None


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
    if move.transition.name in FOR_LATENESS and move.actor.role == owner_of(move):
        return f"{move.transition.name} by the side that is late"
    return None


def owner_of(move: Move) -> str | None:
    """Return whose turn it was."""
    return move.before.policy.current[move.workflow].states[move.source].owner


FOR_LATENESS = {
    "recall", "refuse_unsupplemented", "close_unconfirmed", "conclude_unanswered",
    "call_back_appraisal", "waive", "take_over", "take_over_refusal", "sign_overdue", "escalate",
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


# --- the counter, the doors, what surrounds a record --------------------------------------------


@of_step("A18")
def who_entered_or_acted_decides_nothing(move: Move) -> str | None:
    """Who entered it at the counter does not decide it; who decided does not send it back."""
    case, name = move.case_before, move.transition.name
    if case is None or move.entity.model is not Case or move.actor.person_id is None:
        return None
    verifies = move.workflow == "objection" and move.actor.role == "provider"  # others decide
    entered = case.entered_by_id == move.actor.person_id
    if name.startswith(DECIDING) and entered and not verifies:
        return f"{name} by the clerk who entered it"
    acted = {case.verified_by_id}
    if (move.workflow, name) not in IN_FAVOUR:
        acted.add(case.decided_by_id)
    undoes = name.startswith(("return_", "decline", "drop")) and move.workflow != "remedy"
    if undoes and move.actor.person_id in acted:
        return f"{name} by who verified or decided first"
    return None


IN_FAVOUR = {
    ("quarantine", "return_to_provider"),
    ("objection", "return_to_provider"),
    ("revocation", "drop"),
}  # harms nobody
DECIDING = ("sign", "decide_", "announce_", "accept", "refuse", "check_", "return_", "propose_")


@of_step("A19")
def every_door_is_noted(move: Move) -> str | None:
    """By which door a matter came is noted; only what the subject brought does the subject take."""
    case = move.case
    if move.workflow not in {"objection", "repair"} or move.entity.model is not Case:
        return None
    name = move.transition.name
    if wanted := DOOR_OF_STEP.get(name):
        entered = {"enter_at_window", "report_error"}
        clerk = move.actor.person_id if name in entered else None
        found = (case.door, case.entered_by_id)
        if found != (wanted, clerk):
            return f"{name} is noted as {found}"
        if move.actor.role == "department" and case.department_id != move.actor.organisation_id:
            return "which department reported it is not noted"
    from_another = move.workflow == "objection" and case.door != "subject"
    if name in {"withdraw", "ask_supplement"} and from_another:
        return f"{name} of what came by the door {case.door}"
    if name == "withdraw_report":
        reporter = case.department_id or case.provider_id
        if case.door != "discovery" or move.actor.organisation_id != reporter:
            return "taken back by somebody who did not report it"
    return None


DOOR_OF_STEP = {
    "open": "subject", "enter_at_window": "subject", "take_up": "complaint",
    "report_error": "discovery",
}  # fmt: skip


@of_step("A20")
def what_came_of_it_is_noted(move: Move) -> str | None:
    """What was found, and what came of an objection, is noted by its code."""
    if move.workflow != "objection" or move.entity.model is not Case:
        return None
    wanted = OUTCOMES.get((move.source, move.entity.state))
    if wanted and move.entity.outcome not in wanted:
        return f"{move.transition.name} notes {move.entity.outcome}"
    return None


REMOVALS = {"DELETED", "PUBLICATION_STOPPED", "REMOVED_FROM_LIST"}
OUTCOMES = {
    ("accepted", "removal_decided"): REMOVALS,
    ("with_provider", "removal_proposed"): REMOVALS,
    ("with_provider", "unverifiable"): {"UNVERIFIED"},
    ("correction_decided", "executed"): {"CORRECTED", "COMPLETED"},
    ("correction_heard", "executed"): {"CORRECTED", "COMPLETED"},
    ("rejection_heard", "rejected"): {"REJECTED", "UNVERIFIED"},
}


@of_step("A21")
def views_of_others_are_waited_for(move: Move) -> str | None:
    """Who was asked for a view has given it before it is decided; each is asked once."""
    if move.entity.model is not Case or move.workflow != "objection":
        return None
    name, asked = move.transition.name, move.case_before
    if asked is None:
        return None
    if name == "consult":
        return wrongly_consulted(move)
    waits = [one for one in asked.requirements if one.state == "asked"]
    if waits and name.startswith(("announce_", "decide_")):
        return f"{name} while a view is awaited"
    return None


def wrongly_consulted(move: Move) -> str | None:
    """Return what is wrong with asking another agency for its view."""
    chosen = move.answers.facts["consulted_id"]
    before = [one.institution_id for one in move.case_before.requirements]
    after = [one.institution_id for one in move.case.requirements]
    if after != [*before, chosen]:
        return "who is consulted is not asked"
    if chosen in {*before, move.case_before.provider_id}:
        return "asked twice"
    return None if is_staffed(move.after, chosen, "provider") else "asked where nobody is"


def is_staffed(world: World, organisation_id: int | None, role: str) -> bool:
    """Say whether somebody holds a role at an organisation."""
    return any(
        one.organisation_id == organisation_id and one.role == role
        for user in world.cast.people.values()
        for one in user.appointments
    )


@of_state("A22")
def a_matter_lies_where_somebody_is(world: World) -> str | None:
    """A filed matter lies with a centre where somebody reviews: no hold without an owner."""
    for case in cases(world):
        filed = case.is_open and case.submitted_at is not None
        if filed and not is_staffed(world, case.centre_id, "reviewer"):
            return f"{case.ref} lies with a centre where nobody reviews"
    return None


@of_step("A23")
def handed_over_as_was_chosen(move: Move) -> str | None:
    """A matter goes where it was sent; the next unit is told, once."""
    facts, name = move.answers.facts, move.transition.name
    case = move.case  # of what belongs to a case, the other centre acts beside its own
    above = move.entity.model is Requirement
    if name == "delegate" and facts["centre_id"] != (
        case.higher_centre_id if above else case.centre_id
    ):
        return "handed over, and lies where it was"
    if name == "delegate" and move.case_before.centre_id == facts["centre_id"]:
        return "handed over to the centre that has it"
    if name == "reroute" and move.case.provider_id != facts["provider_id"]:
        return "assigned to another provider, and lies where it was"
    if name == "escalate":
        told = {one for one in move.after.log - move.before.log if one[0] == move.entity.ref}
        if not any(mark.startswith(ESCALATED) for _, mark in told):
            return "told nobody who had not been told"
    return None


@of_step("A60")
def handed_over_where_nobody_else_can(move: Move) -> str | None:
    """Handed over is what no colleague is free for; above the centre, where somebody is free."""
    if move.transition.name != "delegate":
        return None
    if move.actor.role != "reviewer":
        return f"handed over by {move.actor.role}"
    case, cast = move.case_before, move.after.cast
    acting = {case.centre_id, case.higher_centre_id} - {None}
    mine = move.actor.person_id
    if any(one != mine and not took_part(move, one) for one in reviewers_of(cast, acting)):
        return "handed over although a colleague is free to act"
    goes_to = move.answers.facts["centre_id"]
    above = cast.find(Organisation, case.higher_centre_id or case.centre_id).superior_id
    free_above = any(not took_part(move, one) for one in reviewers_of(cast, {above} - {None}))
    if free_above and goes_to != above:
        return "handed over to another centre than the one above"
    return None


def reviewers_of(cast: Any, centres: set[int]) -> set[int]:
    """Return the natural persons who review at some centres."""
    return {
        user.person_id
        for user in cast.rows[User]
        for one in user.appointments
        if one.role == "reviewer" and one.organisation_id in centres
    }


def took_part(move: Move, person_id: int) -> bool:
    """Say whether somebody has a seat at a party of the matter, or took a part in it before."""
    case = move.case_before
    parts = {case.verified_by_id, case.decided_by_id, case.entered_by_id}
    parts |= {one.announced_by_id for one in move.before.list_rows(Fulfilment)}
    parties = {case.subject_id, case.provider_id}
    seats = move.after.cast.seats_of(person_id)
    return person_id in parts or any(
        one.role in OUTSIDE and one.organisation_id in parties for one in seats
    )


@of_step("A24")
def joined_to_what_is_open(move: Move) -> str | None:
    """What repeats another objection is joined to that one, while it is open."""
    if move.transition.name != "join":
        return None
    other = move.before.find(Case, move.case.about_id)
    if other is None or not other.is_open:
        return "joined to nothing that is open"
    return None


@of_step("A25")
def reviewed_by_others(move: Move) -> str | None:
    """A review is never decided by the same unit, nor by who took part; set aside opens anew."""
    if move.workflow != "review" or move.entity.model is not Case:
        return None
    about = move.case.about
    if move.attempt.opens:
        others = (one for one in cases(move.before, "review") if one.about_id == about.id)
        if (about.workflow, about.state) not in AGAINST or any(others):
            return "a review of what was not decided against the subject, or was reviewed"
    if move.actor.role == "reviewer" and move.transition.name != "delegate":
        if move.actor.organisation_id == about.centre_id:
            return "reviewed by the unit that decided"
        if move.actor.person_id in {about.verified_by_id, about.decided_by_id, about.signed_by_id}:
            return "reviewed by somebody who took part"
    again = any(
        one.is_open and one.record_id == about.record_id
        for one in cases(move.before, about.workflow)
    )  # then what was filed again goes on
    if move.entity.state == "set_aside" and not (again or move.fired(about.workflow, "reopen")):
        return "set aside, and nothing was opened anew"
    return None


AGAINST = {
    ("objection", "refused"), ("objection", "rejected"), ("objection", "joined"),
    ("repair", "refused"), ("repair", "not_granted"),
}  # fmt: skip


@of_step("A26")
def only_listed_measures(move: Move) -> str | None:
    """Only a listed measure that fits record and person is imposed (二（四）18)."""
    if not move.fired("sanction", "impose", "initiate"):
        return None
    measure = move.entity.measure
    if not measure.basis or move.record.severity_class not in measure.classes:
        return "imposed what the list does not know"
    if measure.reaches_persons != (move.entity.person_role is not None):
        return "imposed on somebody whom the measure does not reach"
    return None


@of_state("A27")
def proceedings_are_marked(world: World) -> str | None:
    """A record says that a court has it if and only if a proceeding is noted and runs."""
    for record in records(world):
        marked = {one.case_id for one in record.proceeding_marks if one.lifted_at is None}
        noted = {
            one.id
            for one in cases(world, "proceeding")
            if one.record_id == record.id and one.state == "noted"
        }
        if marked != noted:
            return f"{record.ref}: marked for {marked}, noted {noted}"
    return None


@of_step("A28")
def a_ruling_has_its_effect(move: Move) -> str | None:
    """A decision that a court annulled leads to an annulment in its term."""
    declined = (move.workflow, move.transition.name) == ("annulment", "decline")
    if declined and move.case.door == "system":
        return "what a court annulled was declined"
    if (move.workflow, move.transition.name) != ("proceeding", "report_annulled"):
        return None
    others = [one for one in cases(move.before, "annulment") if one.is_open]
    if others or move.fired("annulment", "open_on_ruling"):
        return None
    return "annulled by the court, and nothing follows"


@of_step("A29")
def one_of_a_kind(move: Move) -> str | None:
    """A repair lists what its class needs when it is opened; one matter of a kind at a time."""
    for case in moved_cases(move):
        if case.workflow != "repair" or case.state != "draft":
            continue
        needed = set(move.after.policy.pack_of(case).classes[
            move.record.severity_class].requirements)  # fmt: skip
        listed = {one.workflow for one in case.requirements}
        if not needed <= listed:
            return f"{sorted(needed - listed)} is not asked for"
    return None


@of_step("A30")
def falsehood_has_its_consequences(move: Move) -> str | None:
    """A falsehood is pursued where a repair was applied for; then a bar, and a record of it."""
    if move.workflow != "revocation" or move.entity.model is not Case:
        return None
    if move.attempt.opens:
        applied = any(
            one.submitted_at is not None and one.record_id == move.record.id
            for one in cases(move.before, "repair")
        )
        in_term = move.before.today <= move.record.max_publication_until
        return None if applied and in_term else "nothing was applied for that could be false"
    if move.entity.state == "revoked":
        subject = move.after.find(Organisation, move.record.subject_id)
        if subject.barred_until is None or subject.barred_until < move.after.today:
            return "revoked, and the subject is not barred"
        if len(records(move.after)) == len(records(move.before)):
            return "revoked, and there is no record of the falsehood"
    return None


# --- orders, talks, remedies, what is found by ourselves, what is brought in again ----------------


@of_step("A31")
def a_talk_follows_what_was_not_done(move: Move) -> str | None:  # noqa: PLR0911  # one for each thing that can be wrong
    """约谈: by who recognised the conduct, after an order not done or a reminder in vain."""
    if move.workflow != "talk" or move.entity.model is not Case:
        return None
    name, talk = move.transition.name, talk_of(move.after, move.entity)
    if move.attempt.opens:
        if move.actor.organisation_id != move.record.provider_id:
            return "called by an agency that did not recognise the conduct"
        wanted = TALK_AFTER[move.entity.ground]
        if not any(
            (one.workflow, one.state, one.ground != move.entity.ground) == (*wanted, True)
            for one in cases(move.before)
        ):
            return f"a {move.entity.ground} talk after nothing"
    if talk is None:
        return "a talk that nobody was called to"
    if name in {"open", "move"} and (
        talk.meets_on <= move.after.today
        or talk.meets_on.isoformat() != move.answers.facts["meets_on"]
    ):
        return f"{name}: called for {talk.meets_on}"
    if name in {"hold", "note_absence"} and move.after.today < talk.meets_on:
        return f"{name} before the day of the talk"
    if name == "find_unreformed" and move.entity.ground != "warning":
        return "given up on after a reminder"
    return None


TALK_AFTER = {"reminder": ("rectification_order", "not_done"), "warning": ("talk", "entered")}


def talk_of(world: World, case: Any) -> Any:
    """Return when a talk meets, or None."""
    return next((one for one in world.list_rows(Talk) if one.case_id == case.id), None)


@of_state("A32")
def talks_are_minuted_before_they_are_entered(world: World) -> str | None:
    """A talk was held, or somebody stayed away, before it is entered; with minutes."""
    for case in cases(world, "talk"):
        talk = talk_of(world, case)
        if case.state == "minuted" and talk.held_on is None:
            return f"{case.ref} is minuted and was not held"
        if case.state in {"entered", "put_right", "unreformed"} and talk.entered_at is None:
            return f"{case.ref} is {case.state} and is not entered"
        if talk.signed_by_subject and talk.held_on is None:
            return f"{case.ref} is signed and was not held"
    return None


@of_step("A33")
def signed_minutes_are_noted(move: Move) -> str | None:
    """That the enterprise signed the minutes is noted; the entry is in the record's own history."""
    if move.workflow != "talk" or move.entity.model is not Case:
        return None
    absent = move.transition.name == "note_absence"
    if absent and move.case.verified_by_id != move.actor.person_id:
        return "nobody knows who waited"
    signed = move.transition.name == "sign_minutes"
    if signed and not talk_of(move.after, move.entity).signed_by_subject:
        return "the signature is not noted"
    entered = move.source != "entered" and move.entity.state == "entered"
    if entered and not move.fired("record", "enter_talk"):
        return "the talk is not in the record's history"
    return None


@of_state("A34")
def one_order_and_what_it_led_to(world: World) -> str | None:
    """An order that is not done waits for a talk; once a talk is called the order has ended."""
    for case in cases(world, "talk"):
        led = "rectification_order" if case.ground == "reminder" else "talk"
        waiting = {"rectification_order": "not_done", "talk": "entered"}[led]
        if case.is_open and any(
            one.state == waiting and one.ground != case.ground
            for one in cases(world, led)
            if one.record_id == case.record_id and led == "rectification_order"
        ):
            return f"{case.ref} was called and the order waits still"
    return None


@of_step("A35")
def an_order_is_the_recognisers(move: Move) -> str | None:
    """限期整改: by who recognised the conduct; missed only after its term; who checks is noted."""
    if move.workflow != "rectification_order" or move.entity.model is not Case:
        return None
    name = move.transition.name
    if name == "open" and move.actor.organisation_id != move.record.provider_id:
        return "ordered by an agency that did not recognise the conduct"
    if name == "note_missed" and not move.over:
        return "missed before the term was over"
    checked = name in {"find_done", "find_undone"}
    if checked and move.case.verified_by_id != move.actor.person_id:
        return "nobody knows who checked"
    return None


@of_step("A36")
def harm_is_undone_and_checked_by_another(move: Move) -> str | None:
    """消除不良影响: closed once another than who undid it, or is of the department, confirmed."""
    if move.workflow == "remedy" and move.entity.model is Case:
        case, person = move.entity, move.actor.person_id
        name = move.transition.name
        undoes = name in {"undo", "undo_in_its_place", "explain"}
        if undoes and case.verified_by_id != person:
            return "nobody knows who undid the harm"
        if name == "undo_in_its_place" and acts_for_the_department(move):
            return "undone in the place of the department by somebody of it"
        if not case.is_open and case.signed_by_id != person:
            return "nobody knows who confirmed it"
        checks = name in {"confirm", "dismiss", "return_undoing"}
        if checks and (person == case.verified_by_id or acts_for_the_department(move)):
            return f"{name} by who undid it, or acts for the department"
    return wrongs_that_are_not_undone(move)


def acts_for_the_department(move: Move) -> bool:
    """Say whether who acts has a seat at the department that the matter is about."""
    seats = move.after.cast.seats_of(move.actor.person_id)
    return any(one.organisation_id == move.entity.department_id for one in seats)


def wrongs_that_are_not_undone(move: Move) -> str | None:
    """Return what was carried out wrongly and led to no remedy."""
    reported = move.entity.model is Sanction and move.fired("sanction", "report")
    if reported and (move.entity.ref, EVALUATING) not in move.after.log:
        return "fed back, and nobody has to evaluate it"
    asked = reported and move.entity.state == "in_force"
    if asked and (move.entity.ref, MET) not in move.after.log:
        return "fed back, and the feedback is asked for still"
    harmed = reported and move.entity.executions[-1].incident is not None
    if move.entity.model is Case and move.transition.name == "sign_removal":
        harmed = any(two.executed for one in move.record.sanctions for two in one.executions)
    owed = any(one.record_id == move.record.id for one in cases(move.after, "remedy"))
    return "harm was done, and nobody has to undo it" if harmed and not owed else None


@of_step("A37")
def who_put_it_right_does_not_check_it(move: Move) -> str | None:  # noqa: PLR0911  # one for each thing that can be wrong
    """自查自纠: a finding is never closed by who put it right; what was reported is done."""
    if move.workflow != "self_correction" or move.entity.model is not Case:
        return None
    case, name = move.entity, move.transition.name
    if move.source == "new" or case.state == "moot":
        return None
    if name.startswith(("correct", "take_down", "explain")):
        return None if case.verified_by_id == move.actor.person_id else "nobody knows who reported"
    if not case.is_open:
        if case.decided_by_id != move.actor.person_id:
            return "nobody knows who closed it"
        if move.case_before.verified_by_id == move.actor.person_id:
            return "closed by who put it right"
    if name == "confirm_correction" and not is_live(move.before, move.record_before):
        return "a record whose term is over was corrected"
    removed = name == "confirm_removal" and move.record.archived_at is None
    corrected = name == "confirm_correction" and not move.fired("record", "correct")
    return "closed, and the record is as it was" if removed or corrected else None


@of_state("A38")
def nothing_comes_in_again_unseen(world: World) -> str | None:
    """再报送隔离: nothing of it is on file but what was released, and never the same twice."""
    released = [one for one in cases(world, "quarantine") if one.state == "released"]
    added = [one for one in records(world) if one.reinsertion]
    if any(cases(world, "quarantine")) and len(added) != len(released):
        return f"{len(added)} records came in again, {len(released)} were released"
    seen = set()
    for one in records(world):
        if one.archived_at is None:
            if one.decision_no in seen:
                return f"{one.ref} is on file twice"
            seen.add(one.decision_no)
    return None


@of_step("A39")
def released_by_two_after_a_certificate(move: Move) -> str | None:  # noqa: PLR0911  # one for each thing that can be wrong
    """Brought in again only by a certificate, an announcement and two persons besides."""
    if move.workflow != "quarantine" or move.entity.model is not Case:
        return None
    case, person, name = move.entity, move.actor.person_id, move.transition.name
    if name == "certify" and case.verified_by_id != person:
        return "nobody knows who certified"
    if name in {"announce_release", "release"}:
        on_file = [one for one in records(move.before) if one.archived_at is None]
        if any(one.decision_no == move.record.decision_no for one in on_file):
            return f"{name} of what is on file"
    if case.state == "released":
        acted = {case.verified_by_id, case.decided_by_id, case.signed_by_id}
        if len(acted) != len({"certifies", "announces", "signs"}) or None in acted:
            return "released by fewer than two, or without a certificate"
    if name == "keep_out" and case.decided_by_id != person:
        return "nobody knows who kept it out"
    if name in {"keep_out", "return_to_provider"} and person == move.case_before.verified_by_id:
        return f"{name} by who certified"
    return None


@of_step("A40")
def a_complaint_changes_nothing(move: Move) -> str | None:
    """利益相关方反映: never a change of the record; what it led to, or why to nothing, is noted."""
    if move.workflow != "complaint" or move.entity.model is not Case:
        return None
    if about_but(move.before, move) != about_but(move.after, move):
        return "a complaint changed something else"
    case = move.entity
    if case.state in {"taken_up", "joined"} and (
        case.about is None or case.about_id == case.id or case.about.workflow == "complaint"
    ):
        return f"{case.state}, and nobody knows what came of it"
    if case.state == "dismissed" and case.refusal_code is None:
        return "dismissed without a reason"
    return None


def about_but(world: World, move: Move) -> list[tuple[str, str]]:
    """Return the states of all that belongs to the record, but for the case itself."""
    return [one for one in about(world, move.record) if one[0] != move.entity.ref]


@of_step("A41")
def who_promised_is_heard_and_judged_by_another(move: Move) -> str | None:  # noqa: PLR0911  # one for each thing that can be wrong
    """违诺: announced after the repair, found by another than who announced, with consequences."""
    if move.entity.workflow != "commitment" or move.entity.model is not Requirement:
        return None
    name, found = move.transition.name, fulfilment_of(move.after, move.entity)
    if name in {"confirm_fulfilment", "announce_breach"} and move.case.is_open:
        return f"{name} while the repair is open"
    if name == "announce_breach" and (
        found is None or found.announced_by_id != move.actor.person_id
    ):
        return "nobody knows who announced it"
    announced = fulfilment_of(move.before, move.entity)
    if name == "dismiss_breach" and announced.announced_by_id == move.actor.person_id:
        return "dismissed by who announced it"
    if name == "dismiss_breach":
        return "what was dropped stands still" if found.announced_by_id is not None else None
    if name.startswith("find_") and found.announced_by_id == move.actor.person_id:
        return "found by who announced it"
    if move.entity.state in KEPT_OR_NOT and (found is None or found.recognised_on is None):
        return "nobody knows when it was found"
    if move.entity.state == "unfulfilled":
        barred = move.after.find(Organisation, move.record.subject_id).barred_until
        if not barred and not any(cases(move.after, "revocation")):
            return "not kept, and nothing follows"
    return None


KEPT_OR_NOT = {"fulfilled", "partly_fulfilled", "unfulfilled"}


def fulfilment_of(world: World, requirement: Any) -> Any:
    """Return how a commitment was kept, or None."""
    mine = (one for one in world.list_rows(Fulfilment) if one.requirement_id == requirement.id)
    return next(mine, None)


@of_step("A42")
def courses_are_read_and_passed(move: Move) -> str | None:  # noqa: PLR0911  # one for each thing that can be wrong
    """A certificate is for lessons read and a test passed, or a seat that was used on its day."""
    if move.entity.model is not Requirement or move.entity.workflow != "training":
        return None
    name, one = move.transition.name, move.entity
    begun = [two for two in move.after.list_rows(Enrolment) if two.requirement_id == one.id]
    course: Any = begun[-1] if begun else None
    if name == "study" and course is None:
        return "begun, and nobody knows which course"
    if name == "read_lesson" and move.answers.facts["lesson"] not in course.lessons_read:
        return "read, and not noted"
    if name in {"begin_test", "take_certificate"} and set(course.lessons) - set(
        course.lessons_read
    ):
        return f"{name} before the lessons were read"
    tests = list(course.attempts) if course is not None else []
    if name == "begin_test" and (
        sum(two.handed_in_at is None for two in tests) != 1
        or sum(two.begun_on == move.after.today for two in tests) > course.tries_a_day
    ):
        return "a test that is open already, or one too many"
    if name == "hand_in_test" and any(two.handed_in_at is None for two in tests):
        return "handed in, and not marked"
    if name == "take_certificate" and not any(two.passed for two in tests):
        return "a certificate without a test"
    return wrong_seat(move)


def wrong_seat(move: Move) -> str | None:
    """Return what is wrong with a seat at a training date."""
    seats = move.after.list_rows(TrainingBooking)
    mine = [one for one in seats if one.requirement_id == move.entity.id]
    name = move.transition.name
    if name == "enrol" and bool(mine) != ("training_id" in move.answers.facts):
        return "the seat was not booked"
    for one in mine:
        day = one.training
        taken = sum(two.training_id == day.id for two in seats)
        if name == "enrol" and (
            taken > day.seats or day.called_off_at or day.held_on < move.after.today
        ):
            return "there is no such seat"
        if name in {"cancel", "decline"}:
            return "the seat was not given back"
        if name == "confirm_attendance" and (
            day.held_on > move.after.today or one.attended_at is None
        ):
            return "attended what is still to come"
    if name == "confirm_attendance" and not mine:
        return "attended, and nobody knows what"
    return None


@of_step("A43")
def factors_are_no_gate(move: Move) -> str | None:
    """参考因素: offered once, by who applies, where the class has it; weighed by others."""
    if move.transition.name == "add_factor":
        offered = move.after.policy.pack_of(move.case).classes[move.record.severity_class].factors
        added = [one for one in move.case.requirements if one.workflow == "public_service"]
        if "public_service" not in offered or len(added) != 1:
            return "added where it does not count, twice or not at all"
    judged = move.entity.workflow in JUDGED and move.source in {"submitted", "requested"}
    if judged and move.actor.role not in {"provider", "reviewer", "system"}:
        return f"{move.transition.name} by {move.actor.role}"
    hours = move.entity.workflow == "public_service" and move.entity.state == "submitted"
    if hours and move.entity.number is None:
        return "how much was served is not noted"
    return None


JUDGED = {"public_service", "credit_check"}


@of_step("A44")
def checked_before_it_is_granted(move: Move) -> str | None:
    """A credit check that was asked for is made before a grant is proposed (四（十三）)."""
    if move.workflow != "repair" or move.transition.name not in {"propose_grant", "decide_grant"}:
        return None
    checks = [one.state for one in move.case_before.requirements if one.workflow == "credit_check"]
    return "granted before the check was made" if "requested" in checks else None


@of_step("A45")
def who_decides_by_the_rules(move: Move) -> str | None:
    """By the pack: the centre decides, or the unit that recognised it; kept or taken off."""
    if move.entity.model is not Case:
        return None
    name = move.transition.name
    pack = move.after.policy.pack_of(move.entity)
    if move.workflow == "repair" and name in BY_CENTRE | BY_RECOGNISER:
        wanted = BY_CENTRE if pack.repair.decider == "reviewer" else BY_RECOGNISER
        return None if name in wanted else f"{name}, where the rules have another decide"
    if move.workflow == "objection":
        kept = pack.objection.unverified == "keep_with_note"
        if name == ("decide_unverified" if kept else "announce_retention"):
            return f"{name}, where the rules say otherwise"
        if name == "begin_appraisal" and "appraisal" not in pack.objection.not_counted:
            return "an appraisal that the rules count"
    if name in {"ask_extension", "extend"}:
        rules = pack.repair if move.workflow == "repair" else pack.objection
        asked = (move.entity.ref, "ask_extension") in move.before.log
        given = (move.entity.ref, "extend") in move.before.log
        unasked = name == "extend" and not asked
        if rules.extension is None or move.over or unasked or given:
            return f"{name} where the rules allow none, too late, or unasked"
    return None


BY_CENTRE = {"confirm_rectification", "find_lacking"}
BY_RECOGNISER = {"confirm_for_decision", "find_lacking_for_decision"}


@of_step("A46")
def nothing_gets_worse_unheard(move: Move) -> str | None:
    """No record turns graver, longer or public by a correction that was not announced and heard."""
    before, after = move.record_before, move.record
    if before is None or before.state == "new" or move.source == "correction_heard":
        return None
    if not move.fired("record", "correct", "correct_withheld"):
        return None
    pack = move.after.policy.pack_of(after)
    order = list(pack.classes)
    graver = order.index(after.severity_class) > order.index(before.severity_class)
    longer = after.max_publication_until > before.max_publication_until
    shown = before.state == "withheld" and after.state == "published"
    return "the record got worse unheard" if graver or longer or shown else None


@of_state("A47")
def measures_fit_the_record(world: World) -> str | None:
    """What runs on a record fits its class and ends with it at the latest (二（四）18)."""
    for record in records(world):
        for one in running(record):
            if record.severity_class not in one.measure.classes:
                return f"{one.ref} runs on a record of class {record.severity_class}"
            if one.ends_on > record.max_publication_until:
                return f"{one.ref} runs longer than {record.ref}"
    return None


@of_step("A48")
def filed_by_the_subject_or_its_clerk(move: Move) -> str | None:
    """What a repair needs is filed by the enterprise, or by the clerk who entered it for it."""
    if move.entity.model is not Requirement or move.transition.name not in FILED:
        return None
    if move.actor.role in SUBJECTS or move.workflow == "public_service":
        return None
    entered_by = move.case.entered_by_id
    clerk = move.actor.role == "reviewer" and entered_by == move.actor.person_id
    return None if clerk else f"{move.transition.name} by somebody who did not enter it"


FILED = {"submit_proof", "add_proof", "sign", "sign_on_paper", "enrol", "request", "cancel"}


@of_step("A49")
def a_measure_goes_its_round(move: Move) -> str | None:  # noqa: PLR0911  # one for each thing that can be wrong
    """联合惩戒闭环: asked for, answered, stopped, fed back and evaluated, each by who has to."""
    if move.entity.model is not Sanction:
        return None
    name, one = move.transition.name, move.entity
    if name in {"retract", "evaluate"} and move.actor.role != "provider":
        return f"{name} by {move.actor.role}, who did not ask for it"
    if name == "decline" and one.measure.force != "recommended":
        return "a mandatory measure was declined"
    if name == "acknowledge" and (
        (one.ref, MET) in move.before.log or (one.ref, MET) not in move.after.log
    ):
        return "acknowledged twice, or without effect"
    if name == "evaluate" and (not one.executions or one.evaluation is None):
        return "evaluated before anything was fed back, or not kept"
    if name == "evaluate" and (one.ref, EVALUATING) in move.after.log:
        return "evaluated, and the evaluation is asked for still"
    return None


@of_state("34")
def every_outlet_shows_the_same(world: World) -> str | None:
    """Page, measures and commitments go together (SD-CREDIT-2021-5 （八）同步更新)."""
    return find_disagreement(world)


@of_step("34b")
def closed_when_the_source_has_followed(move: Move) -> str | None:
    """A decision that was carried out is closed by who keeps the source, or after its term."""
    if move.workflow not in {"objection", "repair"} or move.entity.model is not Case:
        return None
    if move.entity.state != "closed":
        return None
    if move.source != "executed":
        return "closed before it was carried out"
    if move.actor.role == "provider" and move.after.cast.holds(
        move.actor.person_id, Role.PROVIDER, move.case.provider_id
    ):
        return None
    return None if move.over else "closed, and the source has not followed"
