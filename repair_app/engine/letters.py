"""Letters that a step issues, in its own transaction: which, to whom, with what content.

What is printed is kept whole with the letter, in both languages, so that nothing that changes
later (a name, a workflow, the texts of letters.toml) changes what was said.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, or_, select

from repair_app.calendar import local_date
from repair_app.engine.fields import CORRECTABLE
from repair_app.engine.guards.outcomes import BEGUN_ANEW, REVIEWED_HERE
from repair_app.engine.letter_kinds import LetterKind, placeholders_in
from repair_app.engine.rules import RuleError
from repair_app.engine.step import Step
from repair_app.engine.wording import INTENDED, speak_to
from repair_app.labels import Label
from repair_app.ledger import latest_text
from repair_app.letters import MONTHS, hash_template
from repair_app.models import (
    Case,
    Deadline,
    Event,
    Letter,
    Organisation,
    Person,
    Requirement,
    Sanction,
)
from repair_app.models.parties import OrganisationKind

PREFIX: Final = "WS"  # 文书
CODE_BYTES: Final = 16
TO_BE_SET: Final = Label("（签发时确定）", "(set on signing)")
TO_BE_WRITTEN: Final = Label("（签发时填写）", "(to be written on signing)")
ACTING: Final = frozenset({"reviewer", "provider", "department", "institution"})


class Addressee(NamedTuple):
    """To whom a letter goes: an organisation, or a person who filed in their own name."""

    name: str
    organisation_id: int | None = None
    person_id: int | None = None
    is_person: bool = False  # a natural person, and no unit: the letter speaks so


@dataclass(frozen=True)
class Composed:
    """A letter before it has a number: to whom, and what it says."""

    kind: LetterKind
    to: Addressee
    content: dict[str, Any]


def issue(step: Step, event: Event) -> None:
    """Write down the letters of a step and end those that no longer stand."""
    book = step.policy.letters
    place = (step.workflow.name, step.transition.name)
    if kinds := book.ended_by.get(place):
        end_letters(step, event, kinds)
    for kind in book.issued_by.get(place, ()):
        for one in compose(step, kind):
            keep(step, event, one)


def keep(step: Step, event: Event, one: Composed) -> Letter:
    """Give a letter its number and its code, and keep it with the step's event."""
    case = case_of(step)
    return step.store.make(
        Letter,
        ref=step.store.new_ref(PREFIX, step.today),
        code=secrets.token_urlsafe(CODE_BYTES),
        kind=one.kind.kind,
        template=hash_template(one.kind.template),
        entity_ref=step.entity.ref,
        event_id=event.id,
        case_id=case.id if case else None,
        record_id=step.record.id,
        organisation_id=one.to.organisation_id,
        person_id=one.to.person_id,
        content=one.content,
        issued_at=step.at,
    )


def end_letters(step: Step, event: Event, kinds: Iterable[LetterKind]) -> None:
    """Note on the letters that a step takes back that they no longer stand, since it."""
    session = step.store.session
    reach = or_(*(and_(Letter.kind == one.kind, _is_meant(step, one)) for one in kinds))
    for letter in session.scalars(select(Letter).where(reach, Letter.ended_at.is_(None))):
        letter.ended_at = step.at
        letter.ended_by_id = event.id


def _is_meant(step: Step, kind: LetterKind) -> ColumnElement[bool]:
    """Return the SQL condition for the letters of a kind that a step can take back.

    A step of the same workflow: those of its own matter. One of another: those of the matter that
    it is about, or of the whole record where it is about none.
    """
    case = case_of(step)
    own = Letter.entity_ref == step.entity.ref
    if case is None:
        return Letter.record_id == step.record.id
    if step.workflow.name in kind.workflows or step.workflow.entity == "requirement":
        return own
    if case.about_id is not None:
        return or_(Letter.case_id == case.id, Letter.case_id == case.about_id)
    return Letter.record_id == step.record.id


# --- what a letter says ---


def compose(
    step: Step, kind: LetterKind, *, asked: Collection[str] | None = None
) -> list[Composed]:
    """Return the letters of a kind that a step sends, one for each addressee.

    asked: for a draft, before the step is taken: the texts that its form asks for. They, and what
    only the step brings, are marked as open.
    """
    if kind.when and not CONDITIONS[kind.when](step):
        return []
    office = office_of(step, kind.sender)
    facts = Facts(step, kind, office, asked)
    return [
        Composed(kind, one, content_of(kind, facts.addressed_to(one), office, one))
        for one in addressees(step, kind.to)
    ]


def content_of(
    kind: LetterKind, facts: "Facts", office: Organisation, to: Addressee
) -> dict[str, Any]:
    """Return all that is printed of a letter but its number, in both languages."""
    step = facts.step
    pack = step.rules
    rows = [
        (name_subject(step, to), facts.value("subject")),
        (Label("统一社会信用代码", "Unified social credit code"), facts.value("uscc")),
        (Label("决定书文号", "Penalty decision"), facts.value("decision_no")),
        (Label("事项编号", "Matter"), facts.value("case")),
        (Label("依据", "Basis"), joined(one.label for one in step.transition.basis)),
        (
            Label("适用规则", "Rules applied"),
            Label(f"{pack.title.zh}（{pack.release}）", f"{pack.title.en} ({pack.release})"),
        ),
    ]
    return {
        "kind": kind.kind,
        "template": kind.template,
        "title": both(kind.title),
        "says": both(fill(kind.says, facts) or kind.title),
        "from": office.name,
        "from_id": office.id,
        "to": to.name,
        "body": [both(one) for one in filled(kind.text, facts)],
        "next": [both(one) for one in filled(kind.next, facts)],
        "facts": [{"name": both(name), "value": both(value)} for name, value in rows if value],
        "matter": both(facts.value("matter") or kind.title),
        "decision_no": step.record.decision_no,
        "case": step.entity.ref if case_of(step) is None else step.case.ref,
    }


def name_subject(step: Step, to: Addressee) -> Label:
    """Return what the subject of the record is called: to a person, or of one, no enterprise."""
    if to.is_person or step.record.subject.kind == OrganisationKind.NATURAL_PERSON:
        return Label("信息主体", "Subject of the record")
    return Label("企业", "Enterprise")


def both(label: Label) -> dict[str, str]:
    """Return a label as it is kept with a letter."""
    return {"zh": label.zh, "en": label.en}


def filled(texts: Iterable[Label], facts: "Facts") -> list[Label]:
    """Return the paragraphs that have something to tell."""
    return [one for one in (fill(text, facts) for text in texts) if one]


def fill(text: Label, facts: "Facts") -> Label | None:
    """Return a paragraph with its placeholders filled in; None when one of them is empty."""
    values = {name: facts.value(name) for name in placeholders_in(text.zh)}
    told = {name: one for name, one in values.items() if one is not None}
    if len(told) < len(values):
        return None
    is_person = facts.to is not None and facts.to.is_person
    return Label(
        speak_to(text.zh, person=is_person).format(**{name: one.zh for name, one in told.items()}),
        text.en.format(**{name: one.en for name, one in told.items()}),
    )


# --- who writes, and to whom ---


def case_of(step: Step) -> Case | None:
    """Return the case of a step; None for a step of a record or a sanction."""
    match step.entity:
        case Case():
            return step.entity
        case Requirement():
            return step.entity.case
        case _:
            return None


def office_of(step: Step, sender: str) -> Organisation:
    """Return in whose name a letter is written."""
    case = case_of(step)
    if sender == "subject":
        return step.record.subject
    if sender == "institution" and isinstance(step.entity, Requirement):
        asked = step.entity.institution_id
        if asked is not None:
            return step.store.get_organisation(asked)
    own = step.actor.organisation_id if step.actor.role in ACTING else None
    found = own or (case.centre_id if case else None) or step.store.default_centre()
    return step.store.get_organisation(found or step.record.provider_id)


def addressees(step: Step, to: str) -> list[Addressee]:
    """Return to whom a letter of a step goes; nobody where there is no such party."""
    case = case_of(step)
    match to:
        case "subject":
            own = _person(step, case)
            return own or [_organisation(step.record.subject)]
        case "person":
            return _person(step, case)
        case "provider":
            asked = case.provider_id if case else step.record.provider_id
            return [_organisation(step.store.get_organisation(asked))]
        case "institution":
            asked_of = step.entity.institution_id if isinstance(step.entity, Requirement) else None
            return [_organisation(step.store.get_organisation(asked_of))] if asked_of else []
        case "halted":
            halted = sorted({one.department_id for one in _halted(step)})
            return [_organisation(step.store.get_organisation(one)) for one in halted]
        case _:
            return [_organisation(step.store.get_organisation(one)) for one in _departments(step)]


def _organisation(one: Organisation) -> Addressee:
    is_person = one.kind == OrganisationKind.NATURAL_PERSON
    return Addressee(one.name, organisation_id=one.id, is_person=is_person)


def _person(step: Step, case: Case | None) -> list[Addressee]:
    if case is None or case.person_id is None:
        return []
    person = step.store.session.get_one(Person, case.person_id)
    return [Addressee(person.name, person_id=person.id, is_person=True)]


def _departments(step: Step) -> list[int]:
    """Return the departments whose measures rest on the record, each once; or that of the case.

    A measure that ended with this very step counts: its department is told so.
    """
    held = {one.department_id for one in step.record.sanctions if one.ended_at in {None, step.at}}
    case = case_of(step)
    if not held and case is not None and case.department_id is not None:
        held = {case.department_id}
    return sorted(held)


def _halted(step: Step) -> list[Sanction]:
    """Return the measures that the case has stopped, as they are now."""
    case = case_of(step)
    return [
        one
        for one in step.record.sanctions
        if case is not None and any(halt.case_id == case.id for halt in one.suspensions)
    ]


# --- which matters have it ---


def _is_own(step: Step) -> bool:
    """Say whether the enterprise, or the person, filed the matter itself."""
    case = case_of(step)
    return case is not None and case.door == "subject"


def _is_repaired(step: Step) -> bool:
    """Say whether the record was repaired until this step: published again by it, or still not."""
    if step.record.state == "repaired":
        return True
    resumed = exists().where(
        Event.entity == step.record.ref, Event.transition == "resume", Event.at == step.at
    )
    return bool(step.store.session.scalar(select(resumed)))


CONDITIONS: Final[Mapping[str, Callable[[Step], bool]]] = {
    "filed_by_the_addressee": _is_own,
    "set_going_by_others": lambda step: not _is_own(step),
    "repair_was_granted": _is_repaired,
    "repair_was_not_granted": lambda step: not _is_repaired(step),
}


# --- what it tells ---


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
    case = case_of(facts.step)
    return read(case) if case else None


def _of_requirement(facts: Facts, read: Callable[[Requirement], Label | None]) -> Label | None:
    entity = facts.step.entity
    return read(entity) if isinstance(entity, Requirement) else None


def _refusal(facts: Facts) -> Label | None:
    code = _code(facts)
    known = facts.step.rules.refusals.get(code or "")
    return known.label if known else None


def _code(facts: Facts) -> str | None:
    case = case_of(facts.step)
    return facts.step.answers.facts.get("code") or (case.refusal_code if case else None)


def _outcome(facts: Facts) -> Label | None:
    case = case_of(facts.step)
    known = facts.step.rules.outcomes.get(case.outcome or "") if case else None
    return known.label if known else None


def _ground(facts: Facts) -> Label | None:
    case = case_of(facts.step)
    known = facts.step.rules.grounds.get(case.ground) if case else None
    return known.label if known else None


def _corrections(facts: Facts) -> Label | None:
    """Return field by field what was corrected; to a value from what."""
    case = case_of(facts.step)
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
    stopped = _halted(facts.step)
    return _name_measures(
        facts, lambda one: one in stopped and one.ended_at is None and not _is_held(one)
    )


def _held_measures(facts: Facts) -> Label | None:
    """Return the measures that this matter had stopped, and another one still stops."""
    stopped = _halted(facts.step)
    return _name_measures(
        facts, lambda one: one in stopped and one.ended_at is None and _is_held(one)
    )


def _is_held(sanction: Sanction) -> bool:
    return any(one.lifted_at is None for one in sanction.suspensions)


def _name_measures(facts: Facts, which: Callable[[Sanction], bool]) -> Label | None:
    """Return the names of some measures, as far as they are the addressee's to know."""
    case = case_of(facts.step)
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
    step, case = facts.step, case_of(facts.step)
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
        facts.step.policy.workflow_of(case_of(facts.step) or facts.step.entity).label
    ),
    "case": lambda facts: plain((case_of(facts.step) or facts.step.entity).ref),
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
