"""Who may do what in a joint sanction, and in the remedy of one that was carried out wrongly.

The lead agency (the record's provider) initiates and evaluates, the department responds, carries
out and feeds back (鲁政发〔2017〕44号 二（四）16; 济阳信用办〔2020〕2号 （十）2); a department may
still impose by itself. Harm is undone by the department, and checked by the credit centre; the
enterprise is heard (鲁政发〔2017〕44号 二（四）20).
"""

Permits = dict[str, dict[tuple[str, ...], set[str]]]
FILERS = ("subject", "agent")

AFTERWARDS: dict[tuple[str, ...], set[str]] = {
    ("department",): {"report"},
    ("provider",): {"evaluate"},
    ("system",): {"escalate"},  # an evaluation that is late is passed on, too
}

SANCTION: Permits = {
    "new": {("department",): {"impose"}, ("provider",): {"initiate"}},
    "initiated": {
        ("department",): {"accept", "decline"},
        ("provider",): {"retract"},
        ("system",): {"end", "lapse", "escalate"},
    },
    "in_force": {
        ("department",): {"lift", "report"},
        ("provider",): {"evaluate"},
        ("system",): {"suspend", "end", "lapse", "escalate"},
    },
    "suspended": {
        ("department",): {"lift", "report", "acknowledge"},
        ("provider",): {"evaluate"},
        ("system",): {"resume", "end", "lapse", "escalate"},
    },
    "declined": {},
    # What was carried out is told and weighed afterwards, too; nothing else can be done any more.
    "ended": AFTERWARDS,
    "lapsed": AFTERWARDS,
}

REMEDY: Permits = {
    "new": {("system",): {"open"}},
    "owed": {
        ("department",): {"undo", "explain"},
        # Once the department has let its term pass, the centre undoes it.
        ("reviewer",): {"undo_in_its_place", "delegate"},
        FILERS: {"add_statement"},
        ("system",): {"escalate"},
    },
    "undone": {
        ("reviewer",): {"confirm", "return_undoing", "delegate"},
        FILERS: {"add_statement"},
        ("system",): {"escalate"},
    },
    "explained": {
        ("reviewer",): {"dismiss", "return_undoing", "delegate"},
        FILERS: {"add_statement"},
        ("system",): {"escalate"},
    },
    "closed": {},
    "dismissed": {},
}
