"""Why some steps are taken in no world, and why some mutants change nothing: each with a reason.

A step that no world takes and that has no reason here makes the proof fail, and so does a reason
for a step that is taken; a mutant that changes nothing and is of no kind fails it as well.
"""

from collections.abc import Collection, Iterator, Mapping

from repair_app.proving.mutants import Mutant, Trial

UNTAKEN: Mapping[str, str] = {
    "review.delegate": "a review lies with the unit above; no world has a third centre",
}

# Guards that never say no in any world; "workflow.step: guard" goes before the guard alone.
_LATER = "what could fail it has changed by then only through a correction in between"
_MADE_SO = "the step is fired only where it holds: by an effect, or after a step that asked it"
_BY_PACK = "a world goes by one rule pack, in which it is so; A45 holds the steps to the pack"
_DATA = "it asks for data that the model has not; the guard has tests of its own"
_OTHER_STEP = "who could fail it takes no part in the worlds of this step; in others it is caught"
_STATE = "the states before it are entered only where it holds"
ALWAYS_HOLD: Mapping[str, str] = {
    "actor_did_not_decide_first": _STATE,
    "actor_did_not_enter_it": _OTHER_STEP,
    "actor_did_not_verify": _OTHER_STEP,
    "actor_is_impartial": _OTHER_STEP,
    "actor_is_not_of_the_subject": _OTHER_STEP,
    "actor_is_of_another_unit": _OTHER_STEP,
    "actor_took_no_part_before": _OTHER_STEP,
    "actor_recognised_the_record": "only the agency that recognised it stands for the record",
    "annulment_is_not_open": _STATE,
    "appraisal_is_not_counted": _BY_PACK,
    "case_takes_material": "a repair is filed once everything is met, so nothing is left to file",
    "complaint.delegate: nobody_else_can_act": "its world has one reviewer only",
    "correction_is_adverse": _OTHER_STEP,
    "correction_is_not_adverse": _OTHER_STEP,
    "credit_check_is_done": _BY_PACK,
    "decider_is_the_centre": _BY_PACK,
    "decider_is_the_recogniser": _BY_PACK,
    "extension_is_allowed": _BY_PACK,
    "factor_is_offered": _BY_PACK,
    "falsehood_can_be_pursued": _MADE_SO,
    "falsehood_was_not_pursued": _MADE_SO,
    "former_record_is_off_file": _STATE,
    "institution_is_registered": "a register that runs out is not modelled; tested by itself",
    "measure_is_listed": _LATER,
    "measure_is_not_in_force": "the world asks for one measure only; of impose it is caught",
    "minimum_publication_is_over": _LATER,
    "no_suspension_is_open": _MADE_SO,
    "opinions_are_in": _OTHER_STEP,
    "paper_names_the_subject": _DATA,
    "provider_can_answer": _STATE,
    "public_body_is_notified": _DATA,
    "record_is_live": _MADE_SO,
    "record_is_not_contested": _MADE_SO,
    "record_is_not_shielded": "no world has a shield and a new measure; the state is tested",
    "record_is_on_file": _MADE_SO,
    "record_is_published": _STATE,
    "record_is_repairable": _LATER,
    "repair_is_not_open": _STATE,
    "report_is_recent": _DATA,
    "sanction_term_is_not_over": "no time passes in the world that asks for measures",
    "subject_is_not_barred": _STATE,
    "term_is_within_the_list": _DATA,
    "unverified_is_kept": _BY_PACK,
    "unverified_is_taken_off": _BY_PACK,
}

# Effects that change nothing a state keeps, or find nothing to do.
_NOTHING_LEFT = "nothing was asked of others in any state from which it is fired"
UNSEEN: Mapping[str, str] = {
    "begin_term": "no time passes between the asking and the answer",
    "end_unfitting_sanctions": "no correction here makes a measure unfit; in others one does",
    "extend_term": "terms are over or not, and not counted; tested by itself",
    "forget_signer": "the next signature writes over it, and no step asks in between",
    "forget_verification": "the next step writes over it",
    "lapse_requirements": _NOTHING_LEFT,
    "open_remedies": "no measure was carried out in this world; in others it is missed",
    "resume_sanctions": "the record has ended, and its measures with it",
}

# Roles that nobody acts by in any world.
UNUSED_ROLES: Mapping[str, str] = {
    "system": "the enterprise takes its certificate itself here; the job has its own tests",
}


# Promises that no mutant was seen to break first: tests/proving breaks each by hand.
BROKEN_BY_HAND: Mapping[str, str] = {
    "1": "mark and suspension each keep a measure from being enforced: both have to go",
    "15": "asked when a repair is opened, accepted and signed: all three have to go",
    "17": "asked at the signature and by the record itself: both have to go",
    "22": "no guard holds it, but that nothing leads out of a final state",
    "35": "no effect reaches another record",
    "A1": "no effect of a refusal touches a measure: one has to be added",
    "A22": "a matter is never sent where nobody is: several guards see to it",
    "A46": "asked at the decision and at the signature: both have to go",
}


def kind_of(mutant: Mutant, trials: Collection[Trial]) -> str:
    """Return why a mutant changes nothing in any state; empty when nobody can say."""
    if mutant.kind == "role added":
        tried = any(one.tried for one in trials)
        return "guards refuse the added role" if tried else "nobody of the added role reaches it"
    if mutant.kind == "guard removed" and any(one.instead for one in trials):
        return "another guard says no as well"
    if any(one.bounded for one in trials):
        return "one matter more than the world looks at"
    kind, reasons = TOLD[mutant.kind]
    return kind if find_reason(mutant, reasons) else ""


TOLD: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "guard removed": ("a guard that nothing here can fail", ALWAYS_HOLD),
    "guard negated": ("a guard that nothing here can fail", ALWAYS_HOLD),
    "effect removed": ("an effect that no state shows", UNSEEN),
    "role removed": ("a role that nobody here has", UNUSED_ROLES),
}


def find_reason(mutant: Mutant, reasons: Mapping[str, str]) -> str | None:
    """Return the key of the reason that is written for a mutant, its own before that of all."""
    own = f"{mutant.workflow}.{mutant.transition}: {mutant.what}"
    return next((key for key in (own, mutant.what) if key in reasons), None)


def flaws_of_untaken(dead: Collection[str], known: Collection[str]) -> Iterator[str]:
    """Yield steps taken in no world without a reason, and reasons of steps that are taken.

    known: the steps of the policy; a reason for a step that the policy has not is no flaw of it.
    """
    for name in sorted(set(dead) - UNTAKEN.keys()):
        yield f"{name} is taken in no world, and no reason is given"
    for name in sorted((UNTAKEN.keys() & set(known)) - set(dead)):
        yield f"{name} has a reason why no world takes it, and is taken"


def flaws_of_alike(kinds: Mapping[Mutant, str]) -> Iterator[str]:
    """Yield mutants that change nothing for no known reason, and reasons that explain none."""
    for mutant, kind in sorted(kinds.items()):
        if not kind:
            yield f"{mutant}: makes no difference, and no reason is given"
    for kind, (_says, reasons) in TOLD.items():
        told = {find_reason(one, reasons) for one in kinds if one.kind == kind}
        if kind != "guard negated":
            yield from (f"no mutant needs the reason of {one}" for one in reasons.keys() - told)


def flaws_of_unbroken(breaks: Mapping[str, Collection[Mutant]]) -> Iterator[str]:
    """Yield promises that neither a mutant nor a hand breaks, and hands that break no promise.

    breaks: every promise with the mutants that break it. Whether a mutant breaks one that a hand
    breaks as well is not asked: a mutant is looked at no further once another promise caught it.
    """
    for promise in sorted(one for one, by in breaks.items() if not by):
        if promise not in BROKEN_BY_HAND:
            yield f"({promise}) is broken by no mutant, and by no wrong state made by hand"
    for promise in sorted(BROKEN_BY_HAND.keys() - breaks.keys()):
        yield f"({promise}) is said to be broken by hand, and there is no such promise"
