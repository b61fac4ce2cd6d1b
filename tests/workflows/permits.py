"""Who may do what in which state, for policy, pages and interface alike.

The tables are written from the documents and reviewed by a person. They are not derived from
the workflow files: a table that is would agree with any mistake in them. Whoever changes a
workflow file changes its table here, and has the change looked at by a second person.

The documents: the subject files, and may take back what it filed until it is decided
(鲁政发〔2017〕44号 二（四）20); the information provider is told, verifies and answers (ibid.;
国办发〔2019〕35号 五（十七）); the credit centre takes in, forwards and decides, by two persons;
implementing departments impose and lift measures (鲁政发〔2017〕44号 二（四）16, 19); credit
service institutions confirm trainings and file reports (…四（十五）); auditor and administrator
have no part in any case (权限分离). What follows from a decision, the system does by itself.
"""

from tests.workflows import (
    permits_of_repair,
    permits_of_sanctions,
    permits_of_self_control,
    permits_of_verification,
)

FILERS = ("subject", "agent")
COUNTER = (*FILERS, "reviewer")  # a clerk files what was brought to the counter, by a guard

# workflow -> state -> role (or roles that may do the same) -> transitions
PERMITS: dict[str, dict[str, dict[tuple[str, ...], set[str]]]] = {
    "objection": permits_of_verification.OBJECTION,
    "opinion": permits_of_verification.OPINION,
    "annulment": permits_of_verification.ANNULMENT,
    "proceeding": permits_of_verification.PROCEEDING,
    "review": permits_of_verification.REVIEW,
    "repair": permits_of_repair.REPAIR,
    "record": permits_of_repair.RECORD,
    "revocation": permits_of_repair.REVOCATION,
    "shield": permits_of_repair.SHIELD,
    "sanction": permits_of_sanctions.SANCTION,
    "remedy": permits_of_sanctions.REMEDY,
    "self_correction": permits_of_self_control.SELF_CORRECTION,
    "quarantine": permits_of_self_control.QUARANTINE,
    "complaint": permits_of_self_control.COMPLAINT,
    "commitment": {
        "new": {("system",): {"require"}},
        # The written promise is the firm's own: no agent makes it (…一（四）).
        "owed": {
            ("subject",): {"sign"},
            ("reviewer",): {"sign_on_paper"},  # a clerk enters what the firm sealed on paper
            ("system",): {"lapse"},
        },
        # Anew in a draft, by the firm itself as well.
        "signed": {("subject",): {"sign_anew"}, ("system",): {"publish", "lapse"}},
        # Who recognised the conduct watches the promise; the credit centre finds it broken.
        "published": {
            ("provider",): {"confirm_fulfilment", "announce_breach"},
            ("system",): {"escalate"},
        },
        "breach_announced": {
            FILERS: {"state_views"},
            ("reviewer",): {"close_hearing", "delegate"},
        },
        "breach_heard": {
            ("reviewer",): {"find_partly_kept", "find_not_kept", "dismiss_breach", "delegate"},
            ("system",): {"escalate"},
        },
        "fulfilled": {},
        "partly_fulfilled": {},
        "unfulfilled": {},
        "lapsed": {},
    },
    "rectification": {
        "new": {("system",): {"require"}},
        "owed": {COUNTER: {"submit_proof"}, ("system",): {"lapse"}},
        "submitted": {COUNTER: {"add_proof"}, ("system",): {"verify", "reject", "lapse"}},
        "verified": {},
        "lacking": {},
        "lapsed": {},
    },
    "training": {
        "new": {("system",): {"require"}},
        "owed": {COUNTER: {"enrol"}, FILERS: {"study"}, ("system",): {"lapse"}},
        "enrolled": {
            COUNTER: {"cancel"},
            ("institution",): {"confirm_training", "confirm_attendance", "decline"},
            ("system",): {"lapse", "escalate"},
        },
        "studying": {
            FILERS: {
                "read_lesson",
                "begin_test",
                "hand_in_test",
                "take_certificate",
                "leave_course",
            },
            ("system",): {"take_certificate", "lapse"},
        },
        "passed": {},
        "lapsed": {},
    },
    "credit_report": {
        "new": {("system",): {"require"}},
        "owed": {COUNTER: {"request"}, ("system",): {"lapse"}},
        "requested": {
            COUNTER: {"cancel"},
            ("institution",): {"file_report", "decline"},
            ("system",): {"lapse", "escalate"},
        },
        "filed": {},
        "lapsed": {},
    },
    "credit_check": {
        "new": {("system",): {"require"}},
        "owed": {FILERS: {"request"}, ("system",): {"lapse"}},
        "requested": {("provider",): {"clear", "object"}, ("system",): {"lapse"}},
        "clean": {},
        "objected": {},
        "lapsed": {},
    },
    "public_service": {
        "new": {("system",): {"require"}},
        "owed": {FILERS: {"submit_hours"}, ("system",): {"lapse"}},
        "submitted": {("provider",): {"weigh", "set_aside"}, ("system",): {"lapse"}},
        "weighed": {},
        "set_aside": {},
        "lapsed": {},
    },
    # 谁认定、谁约谈: the agency that recognised the conduct, and nobody else (四（九）).
    "rectification_order": {
        "new": {("provider",): {"open"}},
        "ordered": {
            FILERS: {"answer"},
            ("provider",): {"note_missed", "recall_order"},
            ("system",): {"end_with_record", "escalate"},
        },
        "answered": {
            ("provider",): {"find_done", "find_undone", "recall_order"},
            ("system",): {"end_with_record", "escalate"},
        },
        "not_done": {
            ("provider",): {"find_done", "recall_order"},
            ("system",): {"pass_to_talk", "end_with_record", "escalate"},
        },
        "done": {},
        "passed_to_talk": {},
        "recalled": {},
        "moot": {},
    },
    "talk": {
        "new": {("provider",): {"open"}},
        "called": {
            FILERS: {"state_views"},
            ("provider",): {"move", "hold", "note_absence", "call_off"},
            ("system",): {"end_with_record", "escalate"},
        },
        "minuted": {
            # The minutes are signed by the firm itself; an agent may only object to them.
            ("subject",): {"sign_minutes", "refuse_to_sign"},
            ("agent",): {"refuse_to_sign"},
            ("provider",): {"note_unsigned"},
            ("system",): {"end_with_record", "escalate"},
        },
        "entered": {
            ("provider",): {"find_done", "find_unreformed"},
            ("system",): {"pass_to_talk", "end_with_record", "escalate"},
        },
        "put_right": {},
        "passed_on": {},
        "unreformed": {},
        "called_off": {},
        "moot": {},
    },
}
