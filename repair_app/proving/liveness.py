"""That everything can end: what is promised of all states together, and of the files themselves."""

from collections.abc import Collection, Iterator

from repair_app.engine.policy import Policy
from repair_app.models import Case
from repair_app.proving.explore import Edge, Graph
from repair_app.proving.world import KEPT, MODELS

ENDS = "31"
TIME = {"", "expire", "file_away", "lapse"}  # the end of the record is no way out of a matter
OF_THE_SUBJECT = frozenset({"subject", "agent"})


def find_stuck(graph: Graph) -> list[int]:
    """Return the states from which a filed matter cannot end without the subject's help.

    (31) Nor by waiting for the record to expire: only by steps of those who act in office.
    """
    seen = list_reachable(graph)
    back: dict[int, list[int]] = {}
    for number in seen:
        for edge in graph.edges[number]:
            if is_official(edge):
                back.setdefault(edge.target, []).append(number)
    quiet = {one for one in seen if is_quiet(graph, one)}
    waiting, ends = list(quiet), set(quiet)
    while waiting:
        for before in back.get(waiting.pop(), ()):
            if before not in ends:
                ends.add(before)
                waiting.append(before)
    return sorted(seen - ends)


def is_official(edge: Edge) -> bool:
    """Say whether a step needs neither the subject nor the end of the record's term."""
    return edge.attempt.role not in OF_THE_SUBJECT and edge.attempt.transition not in TIME


def list_reachable(graph: Graph) -> set[int]:
    """Return the states that can be reached from the first."""
    seen, waiting = {0}, [0]
    while waiting:
        for edge in graph.edges[waiting.pop()]:
            if edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    return seen


def is_quiet(graph: Graph, number: int) -> bool:
    """Say whether no filed matter is open in a state."""
    return not any(is_open_matter(graph, one) for one in graph.states[number])


def is_open_matter(graph: Graph, row: int) -> bool:
    """Say whether a row, by its number, is a case that was filed and has not ended."""
    found = graph.open_matters.get(row)
    if found is None:
        place, *values = graph.pool.contents[row]
        found = place >= 0 and MODELS[place] is Case
        if found:
            case = dict(zip(KEPT[Case], values, strict=True))
            found = case["submitted_at"] is not None and case["closed_at"] is None
        graph.open_matters[row] = found
    return found


# --- the files themselves ----------------------------------------------------------------------


def flaws_of(policy: Policy) -> Iterator[tuple[str, str]]:
    """Yield the promises that a policy breaks as it is written, and how."""
    for workflow in policy.current.values():
        for one in workflow.transitions.values():
            name = f"{workflow.name}.{one.name}"
            roles = set(one.by)
            if (
                OF_THE_SUBJECT & roles
                and not roles >= OF_THE_SUBJECT
                and not one.name.startswith("sign")
            ):  # a signature is the enterprise's own act
                yield "S1", f"{name}: the enterprise and its agent may do the same"
            if (wanted := MAY.get(name)) and roles != set(wanted):
                yield "S2", f"{name} is for {sorted(roles)}, and not for {sorted(wanted)}"
            if not roles:
                yield "S3", f"{name} is for nobody"
        for state in workflow.states.values():
            if state.final or state.name == workflow.initial or not state.owner:
                continue
            if not any(acts(one.by, state.owner) for one in workflow.leaving(state.name)):
                yield "30", f"{workflow.name}.{state.name}: {state.owner} has nothing to do there"


def acts(by: tuple[str, ...], owner: str) -> bool:
    """Say whether the owner of a state may fire a transition."""
    return owner in by


# Who may set things going, where more than one may: every door is open to all whom the law names.
OFFICES = frozenset({"department", "provider"})
REVIEWERS = frozenset({"reviewer"})
MAY: dict[str, Collection[str]] = {
    "objection.report_error": OFFICES,  # SD-GOV-2017-44 二（四）20 主动发现
    "objection.withdraw_report": OFFICES,  # who reported it
    "revocation.open": {"provider", "reviewer"},  # who recognised the conduct, who granted
    **dict.fromkeys(
        ("objection.open", "repair.open", "review.open", "proceeding.open", "shield.open"),
        OF_THE_SUBJECT,
    ),
    **dict.fromkeys(
        ("objection.enter_at_window", "repair.enter_at_window", "objection.take_up"), REVIEWERS
    ),
    "self_correction.open": {"reviewer", "system"},  # by hand, or by a scan
    # What the enterprise files, a clerk files for it at the counter (SZ-2023 第八十一条).
    **dict.fromkeys(
        (
            "rectification.submit_proof",
            "rectification.add_proof",
            "training.enrol",
            "training.cancel",
            "credit_report.request",
            "credit_report.cancel",
        ),
        OF_THE_SUBJECT | {"reviewer"},
    ),
    "annulment.open": {"provider"},
    "sanction.impose": {"department"},  # each department in its own field
    "sanction.initiate": {"provider"},
    # A record comes on file from its provider, by the centre, or from the exchange.
    "record.publish": {"provider", "reviewer", "system"},
    "record.withhold": {"provider", "reviewer", "system"},
    "record.shelve": {"provider", "reviewer", "system"},
}
