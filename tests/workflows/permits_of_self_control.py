"""Who may do what when the platform puts its own errors right, and keeps things out or secret.

Whoever made an error puts it right within a term, and another person checks it (鲁信用办〔2021〕5号
（八）自查自纠，限期整改…各岗位…权限和报批程序). What was taken off comes back only when
its provider certifies it and the centre lets it in (…转为档案保存). A complaint is the centre's
alone: no party knows of it (鲁政发〔2017〕44号 二（三）14 对举报人信息严格保密).
"""

Permits = dict[str, dict[tuple[str, ...], set[str]]]

SELF_CORRECTION: Permits = {
    "new": {("reviewer",): {"open"}, ("system",): {"open", "open_at_centre"}},
    "with_provider": {
        ("provider",): {"correct", "take_down", "explain"},
        ("reviewer",): {"take_over", "delegate"},
        ("system",): {"end_with_record", "escalate"},
    },
    "with_centre": {
        ("reviewer",): {
            "correct_at_centre",
            "take_down_at_centre",
            "explain_at_centre",
            "delegate",
        },
        ("system",): {"end_with_record", "escalate"},
    },
    "correction_reported": {
        ("reviewer",): {"confirm_correction", "return_to_provider", "return_to_centre", "delegate"},
        ("system",): {"end_with_record", "escalate"},
    },
    "removal_reported": {
        ("reviewer",): {"confirm_removal", "return_to_provider", "return_to_centre", "delegate"},
        ("system",): {"end_with_record", "escalate"},
    },
    "explained": {
        ("reviewer",): {"accept_explanation", "return_to_provider", "return_to_centre", "delegate"},
        ("system",): {"end_with_record", "escalate"},
    },
    "closed": {},
    "justified": {},
    "moot": {},
}

QUARANTINE: Permits = {
    "new": {("system",): {"open"}},
    "quarantined": {
        ("provider",): {"certify", "take_back"},
        ("reviewer",): {"keep_out_uncertified", "delegate"},
        ("system",): {"escalate"},
    },
    "certified": {
        ("reviewer",): {"announce_release", "keep_out", "return_to_provider", "delegate"},
        ("system",): {"escalate"},
    },
    # 《行政处罚法》44, 45（参照）: the firm is told before what was removed comes back.
    "release_announced": {
        ("subject", "agent"): {"state_views"},
        ("reviewer",): {"close_hearing", "delegate"},
        ("system",): {"escalate"},
    },
    "release_heard": {
        ("reviewer",): {"release", "keep_out", "return_to_provider", "delegate"},
        ("system",): {"escalate"},
    },
    "released": {},
    "kept_out": {},
    "taken_back": {},
}

COMPLAINT: Permits = {
    "new": {("system",): {"open"}},
    "received": {
        ("reviewer",): {"read_contact", "dismiss", "join", "delegate"},
        ("system",): {"take_up", "end_with_record", "escalate"},
    },
    "taken_up": {},
    "dismissed": {},
    "joined": {},
    "moot": {},
}
