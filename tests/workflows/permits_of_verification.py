"""Who may do what: objection and what surrounds it, written from the documents by hand.

Objection: 鲁政发〔2017〕44号 二（四）20 (three doors, the provider verifies, nothing is executed
meanwhile), 《山东省社会信用条例》39-40. Whose turn it is, the file says; here stands who may act.
"""

FILERS = ("subject", "agent")
FINDERS = ("department", "provider")
CENTRE = ("reviewer",)
AGENCY = ("provider",)
CLOCK = ("system",)
BY_TIME = {CLOCK: {"end_with_record", "escalate"}}
TAKE_BACK = {FILERS: {"withdraw"}}

Permits = dict[str, dict[tuple[str, ...], set[str]]]

OBJECTION: Permits = {
    "new": {
        FILERS: {"open"},
        CENTRE: {"enter_at_window", "take_up"},
        FINDERS: {"report_error"},
        CLOCK: {"reopen"},
    },
    "draft": {FILERS: {"amend", "discard", "submit"}, CLOCK: {"end_with_record"}},
    "submitted": {
        **TAKE_BACK,
        FINDERS: {"withdraw_report"},
        CENTRE: {"ask_supplement", "refuse", "join", "accept", "delegate"},
        **BY_TIME,
    },
    "supplement_asked": {
        FILERS: {"supplement", "withdraw"},
        CENTRE: {"supplement_at_window", "refuse_unsupplemented", "delegate"},
        **BY_TIME,
    },
    "accepted": {
        **TAKE_BACK,
        CENTRE: {
            "check_correction",
            "check_removal",
            "ask_provider",
            "reroute",
            "consult",
            "delegate",
        },
        **BY_TIME,
    },
    "with_provider": {
        **TAKE_BACK,
        AGENCY: {
            "confirm",
            "propose_correction",
            "propose_removal",
            "find_unverifiable",
            "disclaim",
            "answer_interim",
            "begin_appraisal",
            "ask_extension",
        },
        CENTRE: {"recall", "conclude_unanswered", "extend", "consult", "delegate"},
        **BY_TIME,
    },
    "appraisal": {
        **TAKE_BACK,
        AGENCY: {"answer_interim", "end_appraisal"},
        CENTRE: {"call_back_appraisal", "delegate"},
        **BY_TIME,
    },
    "confirmed": {
        **TAKE_BACK,
        CENTRE: {"announce_rejection", "return_to_provider", "delegate"},
        **BY_TIME,
    },
    "correction_proposed": {
        **TAKE_BACK,
        # To the worse it is announced; the guards let only one of the two through.
        CENTRE: {
            "decide_correction",
            "announce_correction",
            "return_to_provider",
            "delegate",
        },
        **BY_TIME,
    },
    "removal_proposed": {
        **TAKE_BACK,
        CENTRE: {"decide_removal", "return_to_provider", "delegate"},
        **BY_TIME,
    },
    "unverifiable": {
        **TAKE_BACK,
        CENTRE: {"announce_retention", "decide_unverified", "return_to_provider", "delegate"},
        **BY_TIME,
    },
    "rejection_announced": {
        FILERS: {"state_views", "withdraw"},
        CENTRE: {"close_hearing", "delegate"},
        **BY_TIME,
    },
    "rejection_heard": {
        **TAKE_BACK,
        CENTRE: {"sign_rejection", "return_to_provider", "delegate"},
        **BY_TIME,
    },
    "correction_decided": {
        **TAKE_BACK,
        CENTRE: {"sign_correction", "return_decision", "delegate"},
        **BY_TIME,
    },
    # 《行政处罚法》44, 45（参照）: nobody is worse off without notice and a term to answer.
    "correction_announced": {
        FILERS: {"state_views_on_correction", "withdraw"},
        CENTRE: {"close_hearing_on_correction", "delegate"},
        **BY_TIME,
    },
    "correction_heard": {
        **TAKE_BACK,
        CENTRE: {"sign_adverse_correction", "return_to_provider", "delegate"},
        **BY_TIME,
    },
    "removal_decided": {
        **TAKE_BACK,
        CENTRE: {"sign_removal", "return_decision", "delegate"},
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
    "joined": {},
    "withdrawn": {},
    "rejected": {},
    "moot": {},
    "closed": {},
}

# Another agency says what it thinks, and decides nothing.
OPINION: Permits = {
    "new": {CLOCK: {"require"}},
    "asked": {AGENCY: {"give"}, CENTRE: {"waive"}, CLOCK: {"lapse", "escalate"}},
    "given": {},
    "waived": {},
    "lapsed": {},
}

# 《山东省社会信用条例》40: the provider withdraws what was annulled; two of its people see to it.
ANNULMENT: Permits = {
    "new": {AGENCY: {"open"}, CLOCK: {"open_on_ruling"}},
    "announced": {AGENCY: {"sign", "decline"}, CENTRE: {"sign_overdue", "delegate"}, **BY_TIME},
    "closed": {},
    "declined": {},
    "moot": {},
}

# Reconsideration or suit: the firm reports it, the centre notes it and enters the result.
PROCEEDING: Permits = {
    "new": {FILERS: {"open"}},
    "reported": {FILERS: {"withdraw"}, CENTRE: {"note", "refuse", "delegate"}, **BY_TIME},
    "noted": {
        FILERS: {"withdraw"},
        CENTRE: {"report_upheld", "report_annulled", "delegate"},
        **BY_TIME,
    },
    "refused": {},
    "upheld": {},
    "annulled": {},
    "withdrawn": {},
    "moot": {},
}

# 《浙江省公共信用信息管理条例》31: another unit looks again, by two persons.
REVIEW: Permits = {
    "new": {FILERS: {"open"}},
    "submitted": {
        FILERS: {"withdraw"},
        CENTRE: {"propose_setting_aside", "propose_upholding", "delegate"},
        **BY_TIME,
    },
    "setting_aside_proposed": {
        FILERS: {"withdraw"},
        CENTRE: {"sign_setting_aside", "return_review", "delegate"},
        **BY_TIME,
    },
    "upholding_proposed": {
        FILERS: {"withdraw"},
        CENTRE: {"sign_upholding", "return_review", "delegate"},
        **BY_TIME,
    },
    "set_aside": {},
    "upheld": {},
    "withdrawn": {},
    "moot": {},
}
