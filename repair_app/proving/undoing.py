"""What is undone leaves no trace: (33), looked at in the graph of a world.

A pair names a step and the step that takes it back. From a state, by the step, by any further steps
of the same matter, and by what takes it back, everything else is as it was: the record, its marks
and measures, other matters. Where the matter is back in its own place, it is as it was itself, and
the same step can be taken once more and leads to the same. Only counters and the log may differ.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from repair_app.models import (
    Case,
    DisputeMark,
    FieldProposal,
    Fulfilment,
    ProceedingMark,
    Requirement,
    Sanction,
    SanctionSuspension,
)
from repair_app.proving.attempts import Attempt
from repair_app.proving.explore import Edge, Graph, Violation
from repair_app.proving.world import KEPT, LOG, MODELS

UNDOING = "33"
MOST_STEPS = 400  # states that one undoing is followed through


class Pair(NamedTuple):
    """A step and what takes it back, each as "workflow.step"."""

    do: str
    undo: str
    once: bool = False  # cannot be done a second time: the clause says so
    but: frozenset[str] = frozenset()  # columns that the undoing leaves empty, or as they are


# Who decided on the shield is in the log; the columns are for who decides on its end.
WHO_DECIDED = frozenset({"decided_by_id", "signed_by_id"})
# Who undid the harm stands there until it is undone again, by whomever, and is written over.
WHO_UNDID = frozenset({"verified_by_id"})
# What is added in between stays by its own right, whatever becomes of the step before it.
STAYS = {
    "consult", "extend", "escalate", "delegate", "study", "read_lesson", "begin_test",
    "hand_in_test",
}  # fmt: skip

PAIRS = (
    # A verification that ends without a change: measures and publication as they were.
    Pair("objection.accept", "objection.withdraw"),
    Pair("objection.accept", "objection.sign_rejection"),
    Pair("objection.ask_provider", "objection.recall"),
    Pair("objection.ask_provider", "objection.disclaim"),
    Pair("objection.begin_appraisal", "objection.end_appraisal"),
    Pair("objection.begin_appraisal", "objection.call_back_appraisal"),
    Pair("objection.confirm", "objection.return_to_provider"),
    Pair("objection.find_unverifiable", "objection.return_to_provider"),
    Pair("objection.propose_correction", "objection.return_decision"),
    Pair("objection.propose_correction", "objection.return_to_provider"),
    Pair("objection.propose_removal", "objection.return_decision"),
    Pair("objection.propose_removal", "objection.return_to_provider"),
    Pair("objection.open", "objection.discard"),
    Pair("objection.submit", "objection.refuse"),
    Pair("repair.open", "repair.discard"),
    Pair("repair.enter_at_window", "repair.discard_at_window"),
    Pair("repair.accept", "repair.withdraw"),
    Pair("repair.ask_provider", "repair.recall"),
    Pair("repair.ask_provider", "repair.disclaim"),
    Pair("repair.confirm_rectification", "repair.return_to_provider"),
    Pair("repair.find_lacking", "repair.return_to_provider"),
    Pair("repair.confirm_for_decision", "repair.return_check"),
    Pair("repair.find_lacking_for_decision", "repair.return_check"),
    Pair("training.enrol", "training.cancel"),
    Pair("training.enrol", "training.decline"),
    Pair("credit_report.request", "credit_report.cancel"),
    Pair("credit_report.request", "credit_report.decline"),
    Pair("commitment.announce_breach", "commitment.dismiss_breach"),
    # A shield, a proceeding, a review: put up and taken away.
    Pair("shield.propose_shield", "shield.return_shield"),
    Pair("shield.sign_shield", "shield.sign_lifting"),
    Pair("shield.report_completion", "shield.return_completion", but=WHO_DECIDED),
    Pair("shield.announce_lifting", "shield.keep_shield", but=WHO_DECIDED),
    Pair("proceeding.note", "proceeding.withdraw"),
    Pair("proceeding.note", "proceeding.report_upheld"),
    Pair("review.open", "review.withdraw"),
    Pair("review.propose_setting_aside", "review.return_review"),
    Pair("review.propose_upholding", "review.return_review"),
    # What surrounds a record.
    Pair("sanction.initiate", "sanction.retract"),
    Pair("remedy.undo", "remedy.return_undoing", but=WHO_UNDID),
    Pair("remedy.explain", "remedy.return_undoing", but=WHO_UNDID),
    Pair("quarantine.certify", "quarantine.return_to_provider"),
    Pair("self_correction.take_down", "self_correction.return_to_provider"),
    Pair("self_correction.explain", "self_correction.return_to_provider"),
    Pair("self_correction.take_down_at_centre", "self_correction.return_to_centre"),
    Pair("self_correction.explain_at_centre", "self_correction.return_to_centre"),
    Pair("rectification_order.open", "rectification_order.recall_order"),
    Pair("annulment.open", "annulment.decline"),
    Pair("revocation.open", "revocation.drop", once=True),
)


def find_traces(graph: Graph, undone: set[Pair]) -> Iterator[Violation]:
    """Yield what is left of something that was undone, or cannot be done again.

    undone: the pairs that were seen in a world; those of this graph are added.
    """
    by_do: dict[str, list[Pair]] = {}
    for one in PAIRS:
        by_do.setdefault(one.do, []).append(one)
    sight = Sight(graph, undone)
    for number, edges in enumerate(graph.edges):
        for edge in edges:
            for pair in by_do.get(name_of(edge.attempt), ()):
                yield from sight.follow(number, edge, pair)


def name_of(attempt: Attempt) -> str:
    """Return a step as "workflow.step"."""
    return f"{attempt.workflow}.{attempt.transition}"


class Sight:
    """What is compared of the states of a graph, worked out once for each part of a state."""

    def __init__(self, graph: Graph, undone: set[Pair]) -> None:
        self.graph, self.undone = graph, undone
        self.seen: dict[int, tuple[Any, ...] | None] = {}
        self.told: set[tuple[Pair, str]] = set()

    def follow(self, number: int, edge: Edge, pair: Pair) -> Iterator[Violation]:
        """Yield what is wrong once a step is undone, at once or after more steps of its matter."""
        matter = self.matter_of(edge)
        seen, waiting = {edge.target}, [edge.target]
        while waiting and len(seen) <= MOST_STEPS:
            at = waiting.pop()
            for one in self.graph.edges[at]:
                if one.attempt.opens or not one.attempt.transition:
                    continue
                if self.matter_of(one) != matter:
                    continue
                if name_of(one.attempt) == pair.undo:
                    yield from self.compare(number, edge, one, pair, matter)
                elif one.target not in seen and one.attempt.transition not in STAYS:
                    seen.add(one.target)
                    waiting.append(one.target)

    def matter_of(self, edge: Edge) -> str:
        """Return the reference of what a step is taken on."""
        return edge.trace[0].ref if edge.trace else ""

    def compare(
        self, number: int, edge: Edge, undone: Edge, pair: Pair, matter: str
    ) -> Iterator[Violation]:
        """Yield what differs from the state before, and whether the step can be taken again."""
        before, rest_before = self.split(number, matter)
        after, rest_after = self.split(undone.target, matter)
        self.undone.add(pair)
        if rest_before != rest_after:
            names = self.differing(rest_before, rest_after)
            says = f"{pair.do} is undone by {pair.undo}, and {names} is not as it was"
            yield from self.tell(pair, undone, says)
            return
        if place_in(before, matter) != place_in(after, matter) or not before:
            return
        if without(before, pair.but) != without(after, pair.but):
            says = f"{pair.undo} brings {matter} back, but {self.differing(before, after)} stays"
            yield from self.tell(pair, undone, says)
        elif not (pair.once or self.is_done_again(undone.target, edge, pair, matter)):
            says = f"{pair.do} cannot be taken again after {pair.undo}, or leads elsewhere"
            yield from self.tell(pair, undone, says)

    def is_done_again(self, number: int, edge: Edge, pair: Pair, matter: str) -> bool:
        """Say whether the step can be taken in a state as it was before, to the same end."""
        wanted, rest = self.split(edge.target, matter)
        for one in self.graph.edges[number]:
            if one.attempt == edge.attempt:
                found, left = self.split(one.target, matter)
                return left == rest and without(found, pair.but) == without(wanted, pair.but)
        return False

    def tell(self, pair: Pair, undone: Edge, says: str) -> Iterator[Violation]:
        """Yield a violation, once for each pair and reason."""
        if (pair, says) not in self.told:
            self.told.add((pair, says))
            yield Violation(UNDOING, says, undone.target)

    def split(self, number: int, matter: str) -> tuple[frozenset[Any], frozenset[Any]]:
        """Return what belongs to a matter in a state, and the rest; counters and log left out."""
        mine: set[Any] = set()
        rest: set[Any] = set()
        for one in self.graph.states[number]:
            row = self.row_of(one)
            if row is not None:
                (mine if matter in row[0] else rest).add(row)
        return frozenset(mine), frozenset(rest)

    def row_of(self, number: int) -> tuple[Any, ...] | None:
        """Return whose a part of a state is, and what is compared of it; None for nothing."""
        if number not in self.seen:
            self.seen[number] = read_row(self.graph.pool.contents[number])
        return self.seen[number]

    @staticmethod
    def differing(before: frozenset[Any], after: frozenset[Any]) -> str:
        """Return by name what is in one state only, for the story."""
        names = sorted({row[1] for row in before ^ after})
        return ", ".join(names)


def read_row(content: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return the references a row belongs to, its kind, and its values; None for what is history.

    History is the log, and marks and suspensions that were lifted, answers that were taken back.
    """
    place, *values = content
    if place == LOG:
        return None
    if place < 0:
        return (), "day", *values
    model = MODELS[place]
    row = dict(zip(KEPT[model], values, strict=True))
    if model in LIFTED and row["lifted_at"] is not None:
        return None
    if model in EMPTY and all(row[name] is None for name in EMPTY[model]):
        return None
    row.pop("version", None)
    return owners_of(model, row), model.__name__, *sorted(row.items(), key=lambda one: one[0])


def without(rows: frozenset[Any], names: frozenset[str]) -> frozenset[Any]:
    """Return rows without some of their columns."""
    if not names:
        return rows
    return frozenset(
        (owners, kind, *(one for one in columns if one[0] not in names))
        for owners, kind, *columns in rows
    )


# A row that says nothing any more is as good as none.
EMPTY: dict[type[Any], tuple[str, ...]] = {
    FieldProposal: ("proposed_value", "answered_value"),
    Fulfilment: ("announced_by_id", "recognised_on"),
}
LIFTED = {DisputeMark, ProceedingMark, SanctionSuspension}


def owners_of(model: type[Any], row: dict[str, Any]) -> tuple[str, ...]:
    """Return the references of the matters that a row is part of."""
    owners: list[str] = []
    if model in LIFTED:
        return ()  # they keep the record from use, whatever becomes of the matter
    if model in {Case, Requirement, Sanction}:
        owners.append(f"{model.__name__}-{row['id']}")
    for key, owner in (("case_id", Case), ("requirement_id", Requirement)):
        if row.get(key) is not None:
            owners.append(f"{owner.__name__}-{row[key]}")
    return tuple(owners)


def place_in(rows: frozenset[Any], matter: str) -> tuple[Any, ...] | None:
    """Return where a matter stands: its state, and with whom it lies."""
    for owners, _kind, *columns in rows:
        row = dict(columns) if owners and owners[0] == matter else {}
        if "state" in row:
            return row["state"], row.get("centre_id"), row.get("provider_id")
    return None
