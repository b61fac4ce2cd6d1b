"""What stories are told in: their steps, and the runs of steps that many share.

Days count back in working days from the day on which the demonstration is made.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Beat(NamedTuple):
    """One step: so many working days ago; `what` is a transition, or one of something beside it.

    That is requirement.transition, or workflow.transition of the record's newest case of that
    kind. A story that somebody else's step begins starts with a beat without `what`.
    `words` answer the texts of the transition's form, in its order; `facts` its facts, among
    them `values`: those of record fields. A fact that is a day counts working days from the step.
    """

    days: int
    what: str
    words: tuple[str, ...] = ()
    facts: Mapping[str, Any] = {}
    papers: tuple[str, ...] = ()
    by: str = ""


class Story(NamedTuple):
    """A case: the number of the penalty it is about, its ground if an objection, and its steps."""

    name: str
    no: int
    ground: str
    beats: tuple[Beat, ...]
    by: str = ""  # who files, if not the enterprise's own person
    workflow: str = "objection"


Beats = tuple[Beat, ...]
LESSONS: Final = 5  # of the online course
OPENED: Final = ""  # by somebody else's step: such a story only goes on


def beat(
    days: int, what: str, *words: str, papers: tuple[str, ...] = (), by: str = "", **facts: Any
) -> Beat:
    """Return a step; who takes it is named only where the workflow does not tell."""
    return Beat(days, what, words, facts, papers, by)


def repair(name: str, no: int, *beats: Beats | Beat, by: str = "") -> Story:
    """Return an application for repair: beats one by one, or some together."""
    told: list[Beat] = []
    for one in beats:
        told += [one] if isinstance(one, Beat) else one
    return Story(name, no, "", tuple(told), by, "repair")


def matter(workflow: str, name: str, no: int, *beats: Beats | Beat, by: str = "") -> Story:
    """Return a story of any kind of matter: beats one by one, or some together."""
    return repair(name, no, *beats, by=by)._replace(workflow=workflow)


def disputed(name: str, no: int, ground: str, *beats: Beats | Beat, by: str = "") -> Story:
    """Return an objection on a ground."""
    return matter("objection", name, no, *beats, by=by)._replace(ground=ground)


def objected(days: int, statement: str, *papers: str, **proposals: str) -> Beats:
    """Return an objection that is written and filed on one day."""
    return (
        beat(days, "open", statement, papers=papers, values=proposals),
        beat(days, "submit"),
    )


def forwarded(days: int, note: str = "请核对原始案卷，在三个工作日内书面答复。") -> Beats:
    """Return what the centre does with a filing that is in order."""
    return beat(days, "accept"), beat(days, "ask_provider", note)


def prepared(days: int, statement: str, proof: str, *papers: str) -> Beats:
    """Return an application for repair with commitment and proof of rectification."""
    return (
        beat(days, "open", statement),
        beat(days, "commitment.sign"),
        beat(
            days,
            "rectification.submit_proof",
            proof,
            papers=papers,
            material="performance_receipt",
        ),
    )


def studied(days: int) -> Beats:
    """Return training and credit report, which a serious record needs on top."""
    return (
        beat(days, "training.enrol", institution_id="school"),
        beat(days, "credit_report.request", institution_id="rating"),
        beat(days - 3, "training.confirm_training"),
        beat(days - 4, "credit_report.file_report"),
    )


def learned_online(days: int) -> Beats:
    """Return the same with the course that is read online, and its test."""
    return (
        beat(days, "training.study"),
        *(beat(days - 1, "training.read_lesson", lesson=number) for number in range(LESSONS)),
        beat(days - 1, "training.begin_test"),
        beat(days - 1, "training.hand_in_test"),
        beat(days - 1, "training.take_certificate"),
        beat(days, "credit_report.request", institution_id="rating"),
        beat(days - 4, "credit_report.file_report"),
    )
