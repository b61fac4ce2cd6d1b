"""What is looked at: each world with the steps that are taken in it."""

from dataclasses import replace
from typing import Any

from repair_app.engine.policy import Policy
from repair_app.models import Role, SanctionMeasure, TrainingDate
from repair_app.proving.scenarios import (
    CLASSES,
    LATER,
    TRAINING_DAY,
    Scenario,
    add_above,
    add_clerk,
    add_everybody,
    add_moved,
    add_offices,
    add_one_above,
    add_one_reviewer,
    add_others,
    add_people,
    add_second_provider,
    both,
    two_reviewers,
)
from repair_app.proving.world import MOMENT, Cast


def steps(workflow: str, names: str) -> frozenset[str]:
    """Return the steps of a workflow, named in one line."""
    return frozenset(f"{workflow}.{name}" for name in names.split())


ERROR = ("error",)
OPENING = steps("objection", "open submit accept refuse withdraw")
REJECTION = OPENING | steps(
    "objection", "ask_provider confirm announce_rejection state_views close_hearing sign_rejection"
)
CORRECTION = OPENING | steps(
    "objection", "ask_provider propose_correction decide_correction sign_correction"
    " confirm_execution close_unconfirmed"
)  # fmt: skip
REMOVAL = OPENING | steps(
    "objection", "check_removal sign_removal confirm_execution close_unconfirmed"
)
MATERIAL = steps("commitment", "sign") | steps("rectification", "submit_proof")
GRANT = MATERIAL | steps(
    "repair", "open submit accept refuse withdraw ask_provider confirm_rectification propose_grant"
    " sign_grant confirm_execution close_unconfirmed find_lacking propose_refusal sign_refusal"
)  # fmt: skip
EXPIRY = frozenset({"record.expire", "sanction.lapse", "record.file_away"})
TERMS = {"escalate", "ask_extension", "extend", "answer_interim", "consult", "delegate", "reopen"}
DOORS = {"enter_at_window", "take_up", "report_error", "amend"}
OF_MEASURES = {
    "sanction.report", "sanction.evaluate", "sanction.acknowledge", "sanction.lift",
    "sanction.escalate",
}  # fmt: skip
SUPERVISION = {
    "commitment.confirm_fulfilment", "commitment.announce_breach", "commitment.state_views",
    "commitment.close_hearing", "commitment.find_partly_kept", "commitment.find_not_kept",
    "commitment.dismiss_breach",
}  # fmt: skip


def few(cast: Cast) -> None:
    """Put just those there who are needed, and one reviewer who acts for the enterprise too."""
    two_reviewers(cast)
    cast.add_person("torn reviewer", ("centre", Role.REVIEWER))
    cast.add_person("", ("firm", Role.SUBJECT), same_as="torn reviewer")


def add_torn_reviewer(cast: Cast) -> None:
    """Leave the centre one reviewer, who acts for the enterprise by another account."""
    cast.add_person("subject", ("firm", Role.SUBJECT))
    cast.add_person("provider", ("agency", Role.PROVIDER))
    cast.add_person("torn reviewer", ("centre", Role.REVIEWER))
    cast.add_person("", ("firm", Role.SUBJECT), same_as="torn reviewer")
    add_others(cast)


def add_torn_department(cast: Cast) -> None:
    """Put a reviewer there who acts for the department by another account."""
    cast.add_person("reviewer with a seat at the department", ("centre", Role.REVIEWER))
    cast.add_person(
        "", ("department", Role.DEPARTMENT), same_as="reviewer with a seat at the department"
    )


def add_lone_reviewer(cast: Cast) -> None:
    """Leave the centre one reviewer, without a seat anywhere else; there is a centre above."""
    add_offices(cast)
    cast.add_person("subject", ("firm", Role.SUBJECT))
    cast.add_person("first reviewer", ("centre", Role.REVIEWER))
    cast.add_person("first reviewer above", ("higher centre", Role.REVIEWER))
    add_others(cast)


def add_third_provider(cast: Cast) -> None:
    """Put a third person into the agency: one checks, one decides, one looks on."""
    cast.add_person("third provider", ("agency", Role.PROVIDER))


def add_of_both(cast: Cast) -> None:
    """Put somebody there who reviews for the centre, and for the one above."""
    cast.add_person("reviewer of both", ("centre", Role.REVIEWER), ("higher centre", Role.REVIEWER))


def add_mandatory_measure(cast: Cast) -> None:
    """List a measure that a department may not decline."""
    listed = {"basis": "SD-GOV-2017-44 二（四）18", "classes": list(CLASSES)}
    cast.keep(SanctionMeasure, **listed, force="mandatory", reaches_persons=False)


def add_training_days(cast: Cast) -> None:
    """Announce a training with a seat, and one that was called off."""
    house = cast.organisations["house"].id
    usual: dict[str, Any] = {"organiser_id": house, "held_on": TRAINING_DAY, "seats": 1}
    for wrong in ({}, {"called_off_at": MOMENT}):
        cast.keep(TrainingDate, **{**usual, **wrong})


def asks_for_credit_check(policy: Policy) -> Policy:
    """Return a policy whose repairs of a general record need a credit check."""
    return with_class(
        policy, "general", requirements=("commitment", "credit_check", "rectification")
    )


def with_class(policy: Policy, name: str, **changed: Any) -> Policy:
    """Return a policy whose packs of repairs say something else of a class."""
    packs = {
        one.id: replace(one, classes={**one.classes, name: replace(one.classes[name], **changed)})
        for one in policy.packs.values()
        if name in one.classes
    }
    return with_packs(policy, packs)


def keeps_unverified(policy: Policy) -> Policy:
    """Return a policy whose records stay with a note where nobody can verify them."""
    packs = {
        one.id: replace(one, objection_rules=replace(one.objection, unverified="keep_with_note"))
        for one in policy.packs.values()
        if "objection" in one.parts
    }
    return with_packs(policy, packs)


def with_packs(policy: Policy, packs: dict[str, Any]) -> Policy:
    """Return a policy with packs changed under their names: only in memory, never on file."""
    editions = {(one.id, one.sha256): one for one in packs.values()}
    return replace(
        policy,
        packs={**policy.packs, **packs},
        editions={**policy.editions, **editions},
    )


SCENARIOS = (
    Scenario(
        "doors",
        "an objection by every door, up to its acceptance",
        {"objection": ERROR},
        sanctions=1,
        time=False,
        cast=add_everybody,
        only=OPENING
        | REMOVAL
        | steps(
            "objection",
            "amend discard enter_at_window take_up report_error withdraw_report "
            "ask_supplement supplement supplement_at_window refuse_unsupplemented",
        ),
    ),
    Scenario(
        "objection",
        "an objection with all that can become of it",
        {"objection": ERROR},
        sanctions=1,
        time=False,
        mutes=frozenset({*TERMS, *DOORS, *OF_MEASURES, "discard", "ask_supplement"}),
    ),
    Scenario(
        "terms",
        "terms that end, are extended and are told to the next unit; views of others",
        {"objection": ERROR},
        sanctions=0,
        time=False,
        only=REJECTION
        | steps(
            "objection",
            "escalate answer_interim consult recall propose_correction "
            "decide_correction sign_correction confirm_execution confirm_own_execution complete",
        )
        | steps("opinion", "give waive escalate"),
    ),
    Scenario(
        "who changed office",
        "verified by somebody who then reviews",
        {"objection": ERROR},
        sanctions=0,
        time=False,
        cast=add_everybody,
        only=(
            REJECTION
            | CORRECTION
            | steps(
                "objection",
                "propose_removal decide_removal sign_removal return_decision "
                "return_to_provider find_unverifiable decide_unverified",
            )
        )
        - {"objection.withdraw"},
    ),
    Scenario(
        "repair",
        "a repair of a general record over time",
        {"repair": ("repair",)},
        sanctions=1,
        mutes=frozenset(
            {
                *TERMS,
                *OF_MEASURES,
                *SUPERVISION,
                "add_proof",
                "sign_anew",  # in "a draft of a repair", which is small
                "enter_at_window",
                "add_service",
                "weigh_service",
                "conclude_unanswered",  # in "terms of a repair", where a third reviewer is
            }
        ),
    ),
    Scenario(
        "a draft of a repair",
        "a repair that is changed while it is a draft, sent, and sent back to be supplemented",
        {"repair": ("repair",)},
        sanctions=0,
        time=False,
        starts=LATER,
        only=MATERIAL
        | steps(
            "repair",
            "open amend discard submit ask_supplement supplement refuse refuse_unsupplemented",
        )
        | steps("commitment", "sign_anew"),
    ),
    Scenario(
        "repair of a serious record",
        "all materials of a serious record, asked for, met and declined",
        {"repair": ("repair",)},
        severity="serious",
        sanctions=0,
        time=False,
        starts=LATER,
        only=GRANT
        | steps("training", "enrol cancel confirm_training decline")
        | steps("credit_report", "request cancel file_report decline"),
    ),
    Scenario(
        "not repaired",
        "a specific serious record, and a record before its minimum",
        {"repair": ("repair",), "objection": ERROR},
        severity="specific_serious",
        sanctions=1,
        cast=lambda cast: both(cast, add_people, add_clerk),
        only=GRANT | REMOVAL | EXPIRY | steps("objection", "enter_at_window take_up report_error"),
    ),
    Scenario(
        "objection and repair",
        "an objection and a repair of one record with two measures at once, over time",
        {"objection": ERROR, "repair": ("repair",)},
        starts=LATER,
        only=(REJECTION | CORRECTION | GRANT | EXPIRY)
        - {
            "objection.withdraw",
            "repair.withdraw",
            "objection.state_views",
            "record.file_away",
        },
    ),
    Scenario(
        "two objections",
        "two objections on two grounds of one record at once",
        {"objection": ("error", "not_ours")},
        time=False,
        cast=two_reviewers,
        only=OPENING | REMOVAL | {"sanction.lift"} | steps("objection", "join"),
    ),
    Scenario(
        "two rounds",
        "a second objection on the ground of the first",
        {"objection": ERROR},
        {"objection:error": 2},
        sanctions=1,
        time=False,
        cast=lambda cast: both(cast, two_reviewers, add_clerk),
        only=REJECTION | steps("objection", "enter_at_window take_up report_error"),
    ),
    Scenario(
        "one reviewer",
        "the only reviewer of the centre has verified; there is a centre above",
        {"objection": ERROR},
        sanctions=1,
        time=False,
        cast=add_one_reviewer,
        only=(REJECTION | CORRECTION | steps("objection", "delegate escalate recall")),
    ),
    Scenario(
        "measures",
        "measures imposed, lifted and lapsed while a record is verified",
        {"objection": ERROR},
        {"sanctions": 1},
        sanctions=1,
        imposes=True,
        only=OPENING | REMOVAL | EXPIRY | {"sanction.lift", "sanction.impose"},
    ),
    Scenario(
        "two records",
        "two records of one enterprise, an objection to each and a repair",
        {"objection": ERROR},
        sanctions=1,
        records=2,
        time=False,
        only=OPENING | REMOVAL,
    ),
    Scenario(
        "review",
        "a rejection looked at again by another unit",
        {"objection": ERROR, "review": ("review",)},
        {"objection:error": 2},
        sanctions=1,
        time=False,
        forgets=False,
        cast=lambda cast: both(cast, add_people, add_above),
        only=(
            REJECTION
            | steps(
                "review",
                "open propose_setting_aside propose_upholding sign_setting_aside "
                "sign_upholding return_review withdraw escalate",
            )
        )
        - {"objection.withdraw", "objection.refuse", "objection.state_views"},
    ),
    Scenario(
        "a review ended with the record",
        "a rejection that is to be looked at again when the term of the record is over",
        {"objection": ERROR, "review": ("review",)},
        sanctions=0,
        cast=lambda cast: both(cast, two_reviewers, add_above, add_of_both),
        forgets=False,
        only=(
            REJECTION
            | EXPIRY
            | steps("review", "open propose_upholding sign_upholding return_review withdraw")
        )
        - {"objection.withdraw", "objection.state_views"},
    ),
    Scenario(
        "review of a refusal",
        "a repair that was refused, looked at again by another unit and begun anew",
        {"repair": ("repair",), "review": ("review",)},
        {"repair:repair": 2},
        severity="minor",
        sanctions=0,
        time=False,
        profile="national",
        cast=lambda cast: both(cast, two_reviewers, add_second_provider, add_above),
        only=MATERIAL
        | steps(
            "repair",
            "open submit accept ask_provider find_lacking_for_decision decide_refusal sign_refusal",
        )
        | steps(
            "review",
            "open propose_setting_aside sign_setting_aside propose_upholding sign_upholding "
            "return_review",
        ),
    ),
    Scenario(
        "annulment",
        "the decision behind a record is annulled, or before a court",
        {"annulment": ("annulment",), "proceeding": ("proceeding",)},
        sanctions=1,
        time=False,
        cast=lambda cast: both(cast, add_people, add_second_provider),
        mutes=frozenset({*OF_MEASURES, "delegate", "add_statement"}),
    ),
    Scenario(
        "shield",
        "a record is shielded while the enterprise is reorganised",
        {"shield": ("shield",)},
        sanctions=1,
        time=False,
        mutes=frozenset({*OF_MEASURES, "delegate"}),
    ),
    Scenario(
        "revocation",
        "a repair that was granted on false material is undone",
        {"repair": ("repair",), "revocation": ("revocation",)},
        sanctions=1,
        time=False,
        starts=LATER,
        only=(
            GRANT
            | steps("revocation", "open state_views close_hearing propose drop sign")
            | {"repair.return_to_provider"}
        )
        - {"repair.withdraw"},
    ),
    Scenario(
        "intake",
        "a record that comes on file",
        {},
        sanctions=0,
        on_file=False,
        only=steps("record", "publish expire file_away"),
    ),
    Scenario(
        "intake of what is not published",
        "a record of a class that is kept on file only",
        {},
        severity="minor",
        sanctions=0,
        on_file=False,
        profile="national",
        only=steps("record", "withhold expire"),
    ),
    Scenario(
        "at the counter",
        "a repair that a clerk enters, supplements, files or discards for the enterprise",
        {"repair": ("repair",)},
        sanctions=0,
        time=False,
        starts=LATER,
        cast=lambda cast: both(cast, two_reviewers, add_clerk),
        only=(
            GRANT
            | steps(
                "repair",
                "enter_at_window submit_at_window discard_at_window ask_supplement "
                "supplement_at_window refuse_unsupplemented return_to_provider",
            )
            | steps("commitment", "sign_on_paper")
            | steps("rectification", "add_proof")
        )
        - {"repair.open", "repair.submit", "repair.withdraw", "commitment.sign"},
    ),
    Scenario(
        "an objection at the counter",
        "an objection that a clerk entered, decided in every way; who verified reviews by now",
        {"objection": ERROR},
        sanctions=1,
        time=False,
        cast=lambda cast: both(cast, two_reviewers, add_clerk, add_moved),
        only=(REJECTION | CORRECTION | REMOVAL)
        - {"objection.open", "objection.submit", "objection.withdraw", "objection.refuse"}
        | steps(
            "objection",
            "enter_at_window check_correction propose_removal decide_removal find_unverifiable "
            "decide_unverified return_decision",
        ),
    ),
    Scenario(
        "papers at the counter",
        "training and a credit report that a clerk asks for in the place of the enterprise",
        {"repair": ("repair",)},
        severity="serious",
        sanctions=0,
        time=False,
        starts=LATER,
        cast=two_reviewers,
        only=steps("repair", "enter_at_window")
        | steps("training", "enrol cancel confirm_training")
        | steps("credit_report", "request cancel file_report"),
    ),
    Scenario(
        "terms of a repair",
        "the terms of a repair: told of, answered in the meantime, told to the next unit, and "
        "never answered: who checks on the papers does not decide",
        {"repair": ("repair",)},
        sanctions=0,
        time=False,
        starts=LATER,
        cast=lambda cast: both(cast, two_reviewers, add_one_above),
        only=(
            GRANT
            | steps(
                "repair",
                "answer_interim escalate reroute recall disclaim conclude_unanswered delegate",
            )
        )
        - {"repair.withdraw", "repair.refuse"},
    ),
    Scenario(
        "handed over",
        "the only reviewer of the centre hands over what lies there",
        {"shield": ("shield",), "proceeding": ("proceeding",)},
        sanctions=0,
        time=False,
        cast=add_one_reviewer,
        only=steps("shield", "open refuse delegate") | steps("proceeding", "open refuse delegate"),
    ),
    Scenario(
        "a complaint handed over",
        "the only reviewer of the centre, who takes no side, hands a complaint over",
        {"complaint": ("a complaint",)},
        sanctions=0,
        time=False,
        cast=add_lone_reviewer,
        arrives=frozenset({"complaint.open"}),
        only=steps("complaint", "open dismiss delegate"),
    ),
    Scenario(
        "a repair handed over",
        "the only reviewer of the centre has checked the rectification and hands the matter over",
        {"repair": ("repair",)},
        sanctions=0,
        time=False,
        starts=LATER,
        cast=add_one_reviewer,
        only=(GRANT | {"repair.delegate"}) - {"repair.withdraw"},
    ),
    Scenario(
        "a revocation handed over",
        "the only reviewer of the centre has found something false and hands the matter over",
        {"repair": ("repair",), "revocation": ("revocation",)},
        sanctions=0,
        time=False,
        starts=LATER,
        cast=add_one_reviewer,
        only=MATERIAL
        | steps("repair", "open submit refuse")
        | steps("revocation", "open close_hearing propose drop delegate"),
    ),
    Scenario(
        "a remedy handed over",
        "the only reviewer of the centre has undone harm and hands the check over",
        {"objection": ERROR},
        sanctions=1,
        time=False,
        cast=add_one_reviewer,
        only=(
            REJECTION
            | steps("remedy", "undo_in_its_place confirm delegate")
            | steps("objection", "delegate")
            | {"sanction.report"}
        )
        - {"objection.withdraw", "objection.state_views"},
    ),
    Scenario(
        "a finding handed over",
        "the only reviewer of the centre has put something right and hands it over",
        {"self_correction": ("not_to_be_published",)},
        sanctions=0,
        time=False,
        cast=add_one_reviewer,
        arrives=frozenset({"self_correction.open_at_centre"}),
        only=steps(
            "self_correction",
            "take_down_at_centre explain_at_centre confirm_removal accept_explanation "
            "return_to_centre delegate",
        )
        | {"self_correction.open_at_centre"},
    ),
    Scenario(
        "ended with the record",
        "what is open about a record when its term is over",
        {"shield": ("shield",), "proceeding": ("proceeding",), "annulment": ("annulment",)},
        sanctions=1,
        cast=two_reviewers,
        only=steps("shield", "open refuse")
        | steps("proceeding", "open refuse")
        | steps("annulment", "open sign sign_overdue")
        | EXPIRY,
    ),
    Scenario(
        "a measure asked for",
        "a measure that the agency initiates: answered, carried out, evaluated, stopped meanwhile",
        {"objection": ERROR},
        {"sanctions": 0},
        sanctions=0,
        imposes=True,
        time=False,
        cast=lambda cast: both(cast, add_people, add_mandatory_measure),
        only=(
            REJECTION
            | steps(
                "sanction",
                "initiate accept decline retract report evaluate acknowledge escalate",
            )
            | steps("remedy", "undo confirm")
        )
        - {"objection.withdraw", "objection.state_views"},
    ),
    Scenario(
        "a remedy overdue",
        "harm that the department does not undo in its term",
        {"objection": ERROR},
        sanctions=1,
        time=False,
        cast=lambda cast: both(cast, few, add_torn_department),
        only=(
            REJECTION
            | steps("remedy", "undo_in_its_place confirm return_undoing")
            | {"sanction.report"}
        )
        - {"objection.withdraw", "objection.state_views"},
    ),
    # --- what surrounds a record: orders, talks, remedies, self-control ---
    Scenario(
        "orders and talks",
        "an order to put right, a reminder talk and a warning talk, over time",
        {"rectification_order": ("rectification_order",), "talk": ("reminder", "warning")},
        sanctions=0,
        cast=few,
        mutes=frozenset({"talk.escalate"}),
    ),
    Scenario(
        "a talk",
        "a reminder talk with all that can become of it, its terms told to the next unit",
        {"rectification_order": ("rectification_order",), "talk": ("reminder",)},
        sanctions=0,
        only=steps("rectification_order", "open note_missed recall_order escalate")
        | steps(
            "talk",
            "open move state_views hold note_absence sign_minutes refuse_to_sign note_unsigned "
            "find_done call_off escalate",
        ),
    ),
    Scenario(
        "remedy",
        "a measure carried out because of a record that was wrong, or while it was verified",
        {"objection": ERROR},
        {"objection:error": 1, "*": 2},
        sanctions=1,
        time=False,
        cast=lambda cast: both(cast, few, add_torn_department),
        only=steps(
            "objection",
            "open submit accept refuse check_removal sign_removal close_unconfirmed",
        )
        | steps(
            "remedy",
            "undo explain add_statement confirm dismiss return_undoing escalate",
        )
        | {"sanction.report"},
    ),
    Scenario(
        "self-correction",
        "what we found wrong ourselves, by whom it is put right and who checks that",
        {"self_correction": ("no_basis",)},
        sanctions=1,
        arrives=frozenset({"self_correction.open", "self_correction.open_at_centre"}),
        mutes=frozenset({*OF_MEASURES, "escalate"}),
    ),
    Scenario(
        "what is not to be shown",
        "a record that must not be shown is found and taken down",
        {"self_correction": ("not_to_be_published",)},
        sanctions=1,
        cast=few,
        arrives=frozenset({"self_correction.open", "self_correction.open_at_centre"}),
        only=steps(
            "self_correction",
            "open take_down take_down_at_centre take_over confirm_removal return_to_centre "
            "escalate",
        )
        | EXPIRY,
    ),
    Scenario(
        "quarantine",
        "what was annulled and is brought in again, twice",
        {"quarantine": ("first", "second"), "annulment": ("annulment",)},
        sanctions=0,
        time=False,
        cast=lambda cast: both(cast, two_reviewers, add_second_provider),
        arrives=frozenset({"quarantine.open"}),
        only=steps("quarantine", "open certify announce_release close_hearing release keep_out")
        | steps("annulment", "open sign"),
    ),
    Scenario(
        "a quarantine to its end",
        "what was taken off is brought in again, with all that can become of it",
        {"quarantine": ("first",)},
        sanctions=0,
        arrives=frozenset({"quarantine.open"}),
        only=steps(
            "quarantine",
            "open certify take_back announce_release state_views close_hearing release keep_out "
            "keep_out_uncertified return_to_provider escalate",
        )
        | EXPIRY,
    ),
    Scenario(
        "complaint",
        "what an interested party says: taken up, joined or dismissed",
        {"complaint": ("a complaint",), "objection": ERROR},
        sanctions=1,
        arrives=frozenset({"complaint.open"}),
        only=steps("complaint", "open read_contact take_up dismiss join escalate")
        | steps("objection", "take_up accept refuse check_removal sign_removal close_unconfirmed")
        | EXPIRY,
    ),
    # --- what a repair may need besides ---
    Scenario(
        "credit check",
        "a class whose repair asks for a credit check, as no pack on file does",
        {"repair": ("repair",)},
        sanctions=0,
        time=False,
        starts=LATER,
        bend=asks_for_credit_check,
        only=(GRANT | steps("credit_check", "request clear object") | {"repair.return_to_provider"})
        - {"repair.withdraw"},
    ),
    Scenario(
        "public service",
        "public service as a factor, weighed or set aside, of a minor record",
        {"repair": ("repair",)},
        severity="minor",
        sanctions=0,
        time=False,
        starts=LATER,
        only=(
            GRANT | steps("public_service", "submit_hours weigh set_aside") | {"repair.add_factor"}
        )
        - {"repair.withdraw", "repair.close_unconfirmed", "repair.find_lacking"},
    ),
    Scenario(
        "training",
        "training online, and in person on a day with seats",
        {"repair": ("repair",)},
        severity="serious",
        sanctions=0,
        starts=LATER,
        cast=lambda cast: both(cast, add_people, add_training_days),
        only=steps("repair", "open discard")
        | steps(
            "training",
            "study read_lesson begin_test hand_in_test take_certificate leave_course enrol cancel "
            "confirm_training confirm_attendance decline",
        ),
    ),
    Scenario(
        "commitment",
        "a commitment after its repair: kept, or announced, heard and found not kept",
        {"repair": ("repair",)},
        sanctions=0,
        starts=LATER,
        only=(GRANT | SUPERVISION | steps("revocation", "close_hearing propose drop sign escalate"))
        - {
            "repair.withdraw",
            "repair.find_lacking",
            "repair.confirm_execution",
        },
    ),
    Scenario(
        "requirements that are late",
        "an institution that lets its term pass: told of to the centre, once",
        {"repair": ("repair",)},
        severity="serious",
        sanctions=0,
        time=False,
        starts=LATER,
        cast=two_reviewers,
        only=steps("repair", "open discard")
        | steps("training", "enrol cancel confirm_training escalate")
        | steps("credit_report", "request cancel file_report escalate"),
    ),
    Scenario(
        "a breach handed over",
        "a breach announced by somebody who then is the only reviewer: the centre above finds it",
        {"repair": ("repair",)},
        sanctions=0,
        time=False,
        starts=LATER,
        cast=add_one_reviewer,
        only=MATERIAL
        | steps(
            "repair",
            "open submit accept refuse withdraw ask_provider find_lacking propose_refusal "
            "sign_refusal delegate",
        )
        | SUPERVISION
        | steps("commitment", "delegate escalate"),
    ),
    Scenario(
        "an annulment handed over",
        "an annulment, and a row kept apart, of which the only reviewer must keep out",
        {"annulment": ("annulment",), "quarantine": ("first",)},
        sanctions=0,
        time=False,
        cast=lambda cast: both(cast, add_offices, add_above, add_torn_reviewer),
        arrives=frozenset({"quarantine.open"}),
        only=steps("annulment", "open sign_overdue delegate escalate")
        | steps(
            "quarantine",
            "open certify announce_release close_hearing release keep_out keep_out_uncertified "
            "delegate",
        ),
    ),
    # --- other rules ---
    Scenario(
        "the recogniser decides",
        "a repair that the unit decides which recognised the conduct",
        {"repair": ("repair",)},
        sanctions=1,
        time=False,
        starts=LATER,
        profile="national",
        cast=lambda cast: both(cast, add_people, add_second_provider, add_third_provider),
        only=MATERIAL
        | steps(
            "repair",
            "open submit accept ask_provider confirm_for_decision find_lacking_for_decision "
            "decide_grant decide_refusal return_check take_over take_over_refusal sign_grant "
            "sign_refusal return_to_provider propose_grant propose_refusal close_unconfirmed "
            "refuse",
        ),
    ),
    Scenario(
        "a record that is not published",
        "a record on file and not shown, objected to",
        {"objection": ERROR},
        severity="minor",
        sanctions=1,
        profile="national",
        only=OPENING
        | REMOVAL
        | EXPIRY
        | steps(
            "objection",
            "ask_provider propose_correction announce_correction state_views_on_correction "
            "close_hearing_on_correction decide_correction sign_correction sign_adverse_correction "
            "return_to_provider",
        ),
    ),
    Scenario(
        "no longer published",
        "a record that is published no more once its fine is corrected",
        {"objection": ERROR},
        sanctions=1,
        time=False,
        profile="national",
        facts="经查，当场处罚。",
        only=OPENING | REMOVAL | steps("objection", "check_correction sign_correction"),
    ),
    Scenario(
        "kept unverified",
        "a record that cannot be verified and stays, as no pack on file says",
        {"objection": ERROR},
        sanctions=1,
        time=False,
        bend=keeps_unverified,
        only=(
            REJECTION
            | steps(
                "objection",
                "find_unverifiable announce_retention decide_unverified "
                "conclude_unanswered return_to_provider",
            )
        )
        - {"objection.confirm", "objection.announce_rejection", "objection.withdraw"},
    ),
    Scenario(
        "appraisal",
        "tests and expert review that the term does not count, in Henan",
        {"objection": ERROR},
        sanctions=0,
        time=False,
        profile="henan",
        only=OPENING
        | steps(
            "objection",
            "ask_provider begin_appraisal end_appraisal call_back_appraisal answer_interim "
            "confirm announce_rejection close_hearing sign_rejection recall",
        ),
    ),
    Scenario(
        "extension",
        "more time, asked for beforehand, in Zhejiang",
        {"objection": ERROR, "repair": ("repair",)},
        sanctions=0,
        time=False,
        profile="zhejiang",
        cast=lambda cast: both(cast, two_reviewers, add_second_provider),
        starts=LATER,
        only=steps(
            "objection",
            "open submit accept refuse ask_provider ask_extension extend recall check_removal "
            "sign_removal close_unconfirmed",
        )
        | MATERIAL
        | steps(
            "repair",
            "open submit accept refuse ask_provider ask_extension extend recall "
            "find_lacking_for_decision decide_refusal sign_refusal",
        ),
    ),
)
