"""Promises about orders, talks, remedies, what is found by ourselves and brought in again."""

from typing import Any

from repair_app.models import (
    Case,
    Enrolment,
    Fulfilment,
    Organisation,
    Requirement,
    Role,
    Sanction,
    Talk,
    TrainingBooking,
)
from repair_app.proving.outlets import find_disagreement
from repair_app.proving.promises.common import (
    EVALUATING,
    SUBJECTS,
    Move,
    cases,
    is_live,
    of_state,
    of_step,
    records,
    running,
)
from repair_app.proving.promises.steps import about
from repair_app.proving.world import MET, World


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
    if reported and not move.entity.executions:
        return "fed back, and what was done is not kept"
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


FILED = {
    "submit_proof", "add_proof", "sign", "sign_on_paper", "sign_anew", "enrol", "request", "cancel",
}  # fmt: skip


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
    if move.entity.state not in {"closed", "spreading"} or move.source == "spreading":
        return None
    if move.source != "executed":
        return "closed before it was carried out"
    if move.actor.role == "provider" and move.after.cast.holds(
        move.actor.person_id, Role.PROVIDER, move.case.provider_id
    ):
        return None
    return None if move.over else "closed, and the source has not followed"


@of_step("34c")
def closed_when_every_platform_agrees(move: Move) -> str | None:
    """A decision is closed when every platform shows it, and kept open only while one does not."""
    if move.workflow not in {"objection", "repair"} or move.entity.model is not Case:
        return None
    if move.entity.state == "closed" and move.waits:
        return "closed, and a platform does not show it"
    if move.entity.state == "spreading" and move.source != "spreading" and not move.waits:
        return "kept open for platforms, and every one of them agrees"
    return None
