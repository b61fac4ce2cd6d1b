"""Letters that a step issues, in its own transaction: which, to whom, with what content.

What is printed is kept whole with the letter, in both languages, so that nothing that changes
later (a name, a workflow, the texts of letters.toml) changes what was said.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, or_, select

from repair_app.engine.letter_facts import Addressee, Facts, halted, joined
from repair_app.engine.letter_kinds import LetterKind, placeholders_in
from repair_app.engine.step import Step, case_of
from repair_app.engine.wording import speak_to
from repair_app.labels import Label
from repair_app.letters import hash_template
from repair_app.models import (
    Case,
    Event,
    Letter,
    Organisation,
    Person,
    Requirement,
    TreeCheckpoint,
)
from repair_app.models.parties import OrganisationKind

PREFIX: Final = "WS"  # 文书
CODE_BYTES: Final = 16
CHECKPOINT: Final = "checkpoint"  # in a letter's content: the size of the history it names
SHOWN_OF_ROOT: Final = 16  # hex digits
ACTING: Final = frozenset({"reviewer", "provider", "department", "institution"})


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
    case = case_of(step.entity)
    checkpoint = step.store.newest_checkpoint()
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
        content=with_checkpoint(one.content, checkpoint) if checkpoint else one.content,
        issued_at=step.at,
    )


def with_checkpoint(content: Mapping[str, Any], checkpoint: TreeCheckpoint) -> dict[str, Any]:
    """Return what is printed of a letter, with how far the history was signed when it was issued.

    On paper and in other hands, it shows later whether the history was rewritten (ADR 24).
    """
    name = Label("历史记录校验点", "Checkpoint of the history")
    value = f"{checkpoint.size} · {checkpoint.root[:SHOWN_OF_ROOT]}"
    row = {"name": both(name), "value": both(Label(value, value))}
    return {**content, "facts": [*content["facts"], row], CHECKPOINT: checkpoint.size}


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
    case = case_of(step.entity)
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
        "case": step.entity.ref if case_of(step.entity) is None else step.case.ref,
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


def office_of(step: Step, sender: str) -> Organisation:
    """Return in whose name a letter is written."""
    case = case_of(step.entity)
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
    case = case_of(step.entity)
    match to:
        case "subject":
            own = _person(step, case)
            return own or [_organisation(step.record.subject)]
        case "person":
            return _person(step, case)
        case "provider":
            asked = case.provider_id if case else step.record.provider_id
            return [_organisation(step.store.get_organisation(asked))]
        case "halted":
            departments = sorted({one.department_id for one in halted(step)})
            return [_organisation(step.store.get_organisation(one)) for one in departments]
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
    case = case_of(step.entity)
    if not held and case is not None and case.department_id is not None:
        held = {case.department_id}
    return sorted(held)


# --- which matters have it ---


def _is_own(step: Step) -> bool:
    """Say whether the enterprise, or the person, filed the matter itself."""
    case = case_of(step.entity)
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
