"""Who may do what: repair, the record's publication, and what undoes or shields either.

Repair: 鲁发改 四（十五）, 国办发〔2019〕35号 四（十三）; where the later national rules have the
recognising unit decide (谁认定、谁修复), its people may, and the pack says so by a guard.
"""

from tests.workflows.permits_of_verification import (
    AGENCY,
    BY_TIME,
    CENTRE,
    CLOCK,
    FILERS,
    TAKE_BACK,
    Permits,
)

REPAIR: Permits = {
    "new": {FILERS: {"open"}, CENTRE: {"enter_at_window"}, CLOCK: {"reopen"}},
    "draft": {
        FILERS: {"add_factor", "amend", "discard", "submit"},
        CENTRE: {"submit_at_window", "discard_at_window"},
        CLOCK: {"end_with_record"},
    },
    "submitted": {
        **TAKE_BACK,
        CENTRE: {"ask_supplement", "refuse", "accept", "delegate"},
        **BY_TIME,
    },
    "supplement_asked": {
        FILERS: {"supplement", "withdraw"},
        CENTRE: {"supplement_at_window", "refuse_unsupplemented", "delegate"},
        **BY_TIME,
    },
    "accepted": {**TAKE_BACK, CENTRE: {"ask_provider", "reroute", "delegate"}, **BY_TIME},
    "with_provider": {
        **TAKE_BACK,
        AGENCY: {
            "confirm_rectification",
            "find_lacking",
            "confirm_for_decision",
            "find_lacking_for_decision",
            "disclaim",
            "answer_interim",
            "ask_extension",
        },
        # 逾期未答复: sent elsewhere, or checked on the papers by the centre itself.
        CENTRE: {"recall", "extend", "conclude_unanswered", "delegate"},
        **BY_TIME,
    },
    "rectification_confirmed": {
        **TAKE_BACK,
        CENTRE: {"propose_grant", "propose_refusal", "return_to_provider", "delegate"},
        **BY_TIME,
    },
    "rectification_lacking": {
        **TAKE_BACK,
        CENTRE: {"propose_refusal", "return_to_provider", "delegate"},
        **BY_TIME,
    },
    "grant_to_decide": {
        **TAKE_BACK,
        AGENCY: {"decide_grant", "decide_refusal", "return_check"},
        CENTRE: {"take_over", "delegate"},
        **BY_TIME,
    },
    "refusal_to_decide": {
        **TAKE_BACK,
        AGENCY: {"decide_refusal", "return_check"},
        CENTRE: {"take_over_refusal", "delegate"},
        **BY_TIME,
    },
    "grant_proposed": {
        **TAKE_BACK,
        CENTRE: {"sign_grant", "return_to_provider", "delegate"},
        **BY_TIME,
    },
    "refusal_proposed": {
        **TAKE_BACK,
        CENTRE: {"sign_refusal", "return_to_provider", "delegate"},
        **BY_TIME,
    },
    "executed": {
        AGENCY: {"confirm_execution", "confirm_own_execution"},
        CENTRE: {"close_unconfirmed", "leave_unconfirmed", "delegate"},
        CLOCK: {"escalate"},
    },
    # 鲁信用办〔2021〕5号 （八）同步更新一致: nobody closes it by hand while a platform is behind.
    "spreading": {CLOCK: {"complete", "escalate"}},
    "discarded": {},
    "refused": {},
    "withdrawn": {},
    "not_granted": {},
    "moot": {},
    "closed": {},
}

OFF = {"cease_publication", "withdraw", "stop_publication", "annul", "expire"}
# Nobody moves a record by hand: what becomes of it follows from a decision, or from the day.
RECORD: Permits = {
    "new": {("provider", "reviewer", "system"): {"publish", "withhold", "shelve"}},
    "published": {CLOCK: {"correct", "withhold_corrected", "shield", "enter_talk"} | OFF},
    "withheld": {CLOCK: {"correct", "publish_corrected", "enter_talk"} | OFF},
    "shielded": {CLOCK: {"correct", "unshield", "enter_talk"} | OFF},
    "repaired": {CLOCK: {"resume", "file_away"}},
    "expired": {},
    "stopped": {},
    "withdrawn": {},
    "archived": {},
}

# Notice with reasons and a term to answer come before any repair is undone.
REVOCATION: Permits = {
    "new": {("provider", "reviewer"): {"open"}, CLOCK: {"open_on_breach"}},
    "announced": {FILERS: {"state_views"}, CENTRE: {"close_hearing", "delegate"}, **BY_TIME},
    "heard": {CENTRE: {"propose", "drop", "delegate"}, **BY_TIME},
    "proposed": {CENTRE: {"sign", "drop", "delegate"}, **BY_TIME},
    "revoked": {},
    "dropped": {},
    "moot": {},
}

# 国办发〔2025〕22号: shielded by a ruling; made final by another, or undone after a hearing.
SHIELD: Permits = {
    "new": {FILERS: {"open"}},
    "submitted": {
        FILERS: {"withdraw"},
        CENTRE: {"refuse", "propose_shield", "delegate"},
        **BY_TIME,
    },
    "shield_proposed": {
        FILERS: {"withdraw"},
        CENTRE: {"sign_shield", "return_shield", "delegate"},
        **BY_TIME,
    },
    "shielded": {
        FILERS: {"report_completion"},
        CENTRE: {"announce_lifting", "delegate"},
        **BY_TIME,
    },
    "completion_reported": {
        CENTRE: {"propose_completion", "return_completion", "delegate"},
        **BY_TIME,
    },
    "completion_proposed": {
        CENTRE: {"sign_completion", "return_completion", "delegate"},
        **BY_TIME,
    },
    "lifting_announced": {
        FILERS: {"state_views"},
        CENTRE: {"close_hearing", "delegate"},
        **BY_TIME,
    },
    "lifting_heard": {CENTRE: {"sign_lifting", "keep_shield", "delegate"}, **BY_TIME},
    "refused": {},
    "completed": {},
    "lifted": {},
    "withdrawn": {},
    "moot": {},
}
