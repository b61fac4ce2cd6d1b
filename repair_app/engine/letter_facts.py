"""What the placeholders of a letter stand for: facts of the matter, and words of people."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import select

from repair_app.calendar import local_date
from repair_app.engine.fields import CORRECTABLE
from repair_app.engine.guards.outcomes import BEGUN_ANEW, REVIEWED_HERE
from repair_app.engine.letter_kinds import LetterKind
from repair_app.engine.rules import RuleError
from repair_app.engine.step import Step, case_of
from repair_app.engine.wording import INTENDED
from repair_app.labels import Label
from repair_app.ledger import latest_text
from repair_app.letters import MONTHS
from repair_app.models import (
    Case,
    Deadline,
    Organisation,
    Requirement,
    Sanction,
)

TO_BE_SET: Final = Label("（签发时确定）", "(set on signing)")
TO_BE_WRITTEN: Final = Label("（签发时填写）", "(to be written on signing)")


class Addressee(NamedTuple):
    """To whom a letter goes: an organisation, or a person who filed in their own name."""

    name: str
    organisation_id: int | None = None
    person_id: int | None = None
    is_person: bool = False  # a natural person, and no unit: the letter speaks so


class Facts:
    """What the placeholders of a letter stand for; each is looked up only when it is used."""

    def __init__(
        self,
        step: Step,
        kind: LetterKind,
        office: Organisation,
        asked: Collection[str] | None = None,
    ) -> None:
        self.step = step
        self.kind = kind
        self.office = office
        self.draft = asked is not None
        self.asked = asked or ()
        self.to: Addressee | None = None
        self._known: dict[str, Label | None] = {}
        self._terms: list[Deadline] | None = None

    def addressed_to(self, to: Addressee) -> "Facts":
        """Return the same for an addressee: what depends on who reads is looked up anew."""
        self.to = to
        for name in ADDRESSED:
            self._known.pop(name, None)
        return self

    def value(self, name: str) -> Label | None:
        """Return what a placeholder stands for; None where there is nothing to tell."""
        if name not in self._known:
            self._known[name] = self._look_up(name)
        return self._known[name]

    def _look_up(self, name: str) -> Label | None:
        if name in TEXTS:
            return self._text(name)
        found = None if self.draft and name in AFTERWARDS else COMPUTED[name](self)
        return TO_BE_SET if found is None and self.draft and name in BY_THE_STEP else found

    def _text(self, name: str) -> Label | None:
        """Return a person's words: of this step, or of an earlier one where the kind says so."""
        given = self.step.answers
        told = given.texts.get(name) or str(given.facts.get(name) or "")
        if not told and name in self.kind.recalls and name not in self.asked:
            told = latest_text(self.step.store.session, self.step.entity.ref, name)
        if told:
            return Label(told, told)
        return TO_BE_WRITTEN if name in self.asked else None

    def term(self, *, whole: bool) -> Deadline | None:
        """Return the term that runs for the matter once the step is taken."""
        if self.draft:
            return None  # what runs now ends with the step
        if self._terms is None:
            running = select(Deadline).where(
                Deadline.entity_ref == self.step.entity.ref, Deadline.met_at.is_(None)
            )
            self._terms = list(self.step.store.session.scalars(running))
        counted = (one for one in self._terms if one.working_days)
        return next((one for one in counted if one.whole is whole), None)


def halted(step: Step) -> list[Sanction]:
    """Return the measures that the case has stopped, as they are now."""
    case = case_of(step.entity)
    return [
        one
        for one in step.record.sanctions
        if case is not None and any(halt.case_id == case.id for halt in one.suspensions)
    ]


def plain(text: object) -> Label | None:
    """Return a text that is the same in both languages; None for none."""
    return Label(str(text), str(text)) if text else None


def day(value: date | None) -> Label | None:
    """Return a date as a letter writes it."""
    if value is None:
        return None
    return Label(
        f"{value.year}年{value.month}月{value.day}日",
        f"{value.day} {MONTHS[value.month - 1]} {value.year}",
    )


def day_of(moment: datetime | None) -> Label | None:
    """Return the date of a moment, where the law counts its days."""
    return day(local_date(moment)) if moment else None


def day_in(facts: Facts, name: str) -> Label | None:
    """Return a date that the step's form asked for."""
    typed = facts.step.answers.facts.get(name)
    return day(date.fromisoformat(typed)) if typed else None


def joined(labels: Iterable[Label]) -> Label | None:
    """Return several things in one sentence."""
    told = list(labels)
    if not told:
        return None
    return Label("；".join(one.zh for one in told), "; ".join(one.en for one in told))


def _due(facts: Facts, *, whole: bool) -> Label | None:
    term = facts.term(whole=whole)
    return day(term.due_on) if term else None


def _how(facts: Facts, *, whole: bool) -> Label | None:
    term = facts.term(whole=whole)
    if term is None:
        return None
    # A sentence of its own: it ends where the paragraph goes on.
    return Label(term.due.explain("zh").rstrip("。"), term.due.explain("en").rstrip("."))


def _of_case(facts: Facts, read: Callable[[Case], Label | None]) -> Label | None:
    case = case_of(facts.step.entity)
    return read(case) if case else None


def _of_requirement(facts: Facts, read: Callable[[Requirement], Label | None]) -> Label | None:
    entity = facts.step.entity
    return read(entity) if isinstance(entity, Requirement) else None


def _refusal(facts: Facts) -> Label | None:
    code = _code(facts)
    known = facts.step.rules.refusals.get(code or "")
    return known.label if known else None


def _code(facts: Facts) -> str | None:
    case = case_of(facts.step.entity)
    return facts.step.answers.facts.get("code") or (case.refusal_code if case else None)


def _outcome(facts: Facts) -> Label | None:
    case = case_of(facts.step.entity)
    known = facts.step.rules.outcomes.get(case.outcome or "") if case else None
    return known.label if known else None


def _ground(facts: Facts) -> Label | None:
    case = case_of(facts.step.entity)
    known = facts.step.rules.grounds.get(case.ground) if case else None
    return known.label if known else None


def _corrections(facts: Facts) -> Label | None:
    """Return field by field what was corrected; to a value from what."""
    case = case_of(facts.step.entity)
    lines = [
        (CORRECTABLE[one.field].label, one.old_value or "—", one.answered_value)
        for one in (case.proposals if case else ())
        if one.answered_value is not None and one.field in CORRECTABLE
    ]
    if not lines:
        return None
    return Label(
        "\n".join(f"{name.zh}：“{old}”更正为“{new}”" for name, old, new in lines),
        "\n".join(f"{name.en}: “{old}” becomes “{new}”" for name, old, new in lines),
    )


def _measures(facts: Facts) -> Label | None:
    """Return the measures of the record that do not end with it; a department reads of its own."""
    return _name_measures(facts, lambda one: one.ended_at is None)


def _ended_measures(facts: Facts) -> Label | None:
    """Return the measures that ended in this step; a department reads of its own."""
    return _name_measures(facts, lambda one: one.ended_at == facts.step.at)


def _resumed_measures(facts: Facts) -> Label | None:
    """Return the measures that this matter had stopped, and nothing stops any more."""
    stopped = halted(facts.step)
    return _name_measures(
        facts, lambda one: one in stopped and one.ended_at is None and not _is_held(one)
    )


def _held_measures(facts: Facts) -> Label | None:
    """Return the measures that this matter had stopped, and another one still stops."""
    stopped = halted(facts.step)
    return _name_measures(
        facts, lambda one: one in stopped and one.ended_at is None and _is_held(one)
    )


def _is_held(sanction: Sanction) -> bool:
    return any(one.lifted_at is None for one in sanction.suspensions)


def _name_measures(facts: Facts, which: Callable[[Sanction], bool]) -> Label | None:
    """Return the names of some measures, as far as they are the addressee's to know."""
    case = case_of(facts.step.entity)
    person_id = case.person_id if case else None
    to_department = facts.kind.to in {"department", "halted"}
    mine = (
        one
        for one in facts.step.record.sanctions
        if which(one)
        and one.person_id in {None, person_id}
        and (not to_department or _is_for(one.department_id, facts.to))
    )
    return joined(Label(one.measure.name_zh, one.measure.name_en) for one in mine)


def _is_for(organisation_id: int, to: Addressee | None) -> bool:
    return to is not None and to.organisation_id == organisation_id


def _review_until(facts: Facts) -> Label | None:
    """Return until when a review can be asked for, where the rules have one here."""
    step, case = facts.step, case_of(facts.step.entity)
    if case is None or case.workflow not in BEGUN_ANEW:
        return None
    try:
        pack = step.policy.pack_for(
            "objection", decided_on=step.record.decided_on, applied_on=step.today
        )
    except (RuleError, LookupError):
        return None  # the rules of that day know no review
    rules, clock = pack.objection_rules, pack.clocks.get("review_request")
    if rules is None or clock is None or rules.review_by not in REVIEWED_HERE:
        return None
    return day(step.last_day_for_review(pack, step.today))


# Words of people: only in the letter itself, never where it is verified.
TEXTS: Final = frozenset(
    {
        "agenda",
        "findings",
        "liability",
        "missing",
        "notice",
        "order",
        "place",
        "progress",
        "question",
        "reason",
        "remedy",
        "signatory",
        "text",
        "unfulfilled",
        "weighing",
    }
)
ADDRESSED: Final = frozenset(
    {"recipient", "measures", "ended_measures", "resumed_measures", "held_measures"}
)
# What there is only once the step is taken.
BY_THE_STEP: Final = frozenset(
    {"due", "due_how", "whole_due", "whole_how", "number", "issued_on", "valid_until"}
    | {"resumed_measures"}
)
# What would read otherwise before the step.
AFTERWARDS: Final = frozenset({"ended_measures", "resumed_measures", "held_measures"})
COMPUTED: Final[Mapping[str, Callable[[Facts], Label | None]]] = {
    "subject": lambda facts: plain(facts.step.record.subject.name),
    "uscc": lambda facts: plain(facts.step.record.subject.uscc),
    "recipient": lambda facts: plain(facts.to.name if facts.to else ""),
    "unit": lambda facts: plain(facts.office.name),
    "provider": lambda facts: plain(facts.step.record.provider.name),
    "decision_no": lambda facts: plain(facts.step.record.decision_no),
    "decided_on": lambda facts: day(facts.step.record.decided_on),
    "record": lambda facts: plain(facts.step.record.ref),
    "public_until": lambda facts: day(facts.step.record.max_publication_until),
    "matter": lambda facts: (
        facts.step.policy.workflow_of(case_of(facts.step.entity) or facts.step.entity).label
    ),
    "case": lambda facts: plain((case_of(facts.step.entity) or facts.step.entity).ref),
    "about": partial(_of_case, read=lambda case: plain(case.about.ref if case.about else "")),
    "filed_on": partial(_of_case, read=lambda case: day_of(case.submitted_at)),
    "intended": lambda facts: INTENDED.get((facts.step.workflow.name, facts.step.transition.name)),
    "becomes": lambda facts: (
        facts.step.workflow.states[facts.step.transition.target_from(facts.step.entity.state)].label
    ),
    "day": lambda facts: day(facts.step.today),
    "due": partial(_due, whole=False),
    "due_how": partial(_how, whole=False),
    "whole_due": partial(_due, whole=True),
    "whole_how": partial(_how, whole=True),
    "ground": _ground,
    "refusal": _refusal,
    "outcome": _outcome,
    "corrections": _corrections,
    "measures": _measures,
    "ended_measures": _ended_measures,
    "resumed_measures": _resumed_measures,
    "held_measures": _held_measures,
    "review_until": _review_until,
    "barred_until": lambda facts: day(facts.step.record.subject.barred_until),
    "meets_on": partial(day_in, name="meets_on"),
    "number": partial(_of_requirement, read=lambda one: plain(one.number)),
    "issued_on": partial(_of_requirement, read=lambda one: day(one.issued_on)),
    "valid_until": partial(_of_requirement, read=lambda one: day(one.valid_until)),
}
PLACEHOLDERS: Final = COMPUTED.keys() | TEXTS
PRIVATE: Final = TEXTS | {"subject", "recipient", "corrections"}
