"""Letters as people get them: who may read which, the printed page, what a code verifies."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import current_app
from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select, true
from sqlalchemy.orm import joinedload, selectinload

from repair_app import letters as printing
from repair_app.access import organisations_as, reach_of, stands_as
from repair_app.db import at, db, now
from repair_app.engine import letters, machine
from repair_app.engine.letter_kinds import LetterKind
from repair_app.engine.spec import Transition
from repair_app.engine.step import Answers, Entity
from repair_app.labels import Label
from repair_app.models import Appointment, Case, CreditRecord, Letter, Requirement, Role, User
from repair_app.models.parties import OrganisationKind
from repair_app.services import cases, evidence
from repair_app.services.cases import NotVisible
from repair_app.services.policy import current_policy
from repair_app.services.transaction import sweep, transaction
from repair_app.uploads import Upload

MOST: Final = 50  # letters of one matter, or of one reader, on a page
NEWEST: Final = 4  # of them, where a page shows other things first
AT_A_TIME: Final = 500  # letters printed in one round
# Who reads every letter of what they may see, whomever it is addressed to.
OFFICIALS: Final = frozenset({Role.REVIEWER, Role.PROVIDER, Role.AUDITOR})
RECIPIENTS: Final = (*OFFICIALS, Role.SUBJECT, Role.AGENT, Role.DEPARTMENT, Role.INSTITUTION)
CODE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
NUMBER: Final = re.compile(r"[A-Z]{2}-[0-9]{4}-[0-9]{6,9}-[0-9A-Z]")
RECORDS: Final = "JL-"  # how the reference of a record begins
SIGNS: Final = "remember_signer"  # the effect of every step that signs a decision of two persons

Asks = Callable[[str], Collection[str]]  # the name of a form -> the texts that it asks for


def no_texts(_form: str) -> Collection[str]:
    """Say of every form that it asks for no text."""
    return ()


# --- who may read ---


def may_read(user: User, letter: Letter) -> bool:
    """Say whether a person may read a letter: it is theirs, or they are an official of its matter.

    The firm does not read what was written to the provider or a department.
    """
    return user.active and (is_addressee(user, letter) or is_official(user, letter))


def is_addressee(user: User, letter: Letter) -> bool:
    """Say whether a letter was written to this person, or to an organisation they act for."""
    if letter.person_id is not None:
        return letter.person_id == user.person_id and not user.is_machine
    return any(
        one.organisation_id == letter.organisation_id
        and (one.role != Role.AGENT or (letter.case and letter.case.workflow in reach_of(one)))
        for one in user.current_appointments
        if one.role in RECIPIENTS
    )


def is_official(user: User, letter: Letter) -> bool:
    """Say whether a person may see the matter of a letter as an official, or wrote the letter."""
    entity = letter.case or letter.record
    if any(one.role in OFFICIALS for one in stands_as(user, entity)):
        return True
    office = letter.content.get("from_id")
    return any(
        one.organisation_id == office and one.role in {Role.DEPARTMENT, Role.INSTITUTION}
        for one in user.current_appointments
    )


def get_letter(ref: str, user: User) -> Letter:
    """Return a letter. Raises NotVisible when it is not for this person."""
    letter = find(Letter.ref == ref)
    if letter is None or not may_read(user, letter):
        raise NotVisible(ref)
    return letter


@dataclass(frozen=True)
class LetterPage:
    """A page of letters, newest first."""

    letters: Sequence[Letter]
    after: int | None = None  # after which row the next page begins; None: this is the last
    of: str = ""  # the case or record that they are of


def list_of(entity: Case | CreditRecord, user: User, before: int | None = None) -> LetterPage:
    """Return the letters of a case or record that a person may read, newest first.

    before: of these, only those before this row.
    """
    column = Letter.case_id if isinstance(entity, Case) else Letter.record_id
    found: list[Letter] = []
    while len(found) <= MOST:  # a matter has few: who reads them is asked one by one
        rows = read(column == entity.id, before)
        found += (one for one in rows if may_read(user, one))
        if len(rows) <= MOST:
            break
        before = rows[-1].id
    return page_of(found, entity.ref)


def list_of_matter(ref: str, user: User, before: int | None = None) -> LetterPage:
    """Return the letters of a case or record by its reference. Raises NotVisible."""
    kind = "records" if ref.startswith(RECORDS) else "cases"
    entity = cases.get_visible(kind, ref, user)
    return list_of(matter_of(entity), user, before)


def list_own(user: User, before: int | None = None, most: int | None = None) -> LetterPage:
    """Return the letters that were written to a person's enterprises or to them, newest first.

    before: of these, only those before this row. most: so many of them at most.
    """
    firms = organisations_as(user, Role.SUBJECT, Role.AGENT)
    seats = (one for one in user.current_appointments if one.organisation_id in firms)
    to_firms = or_(false(), *(is_written_to(one) for one in seats if one.role in RECIPIENTS))
    to_oneself = false() if user.is_machine else Letter.person_id == user.person_id
    mine = or_(to_oneself, and_(Letter.person_id.is_(None), to_firms))
    rows = db.session.scalars(newest(mine, before, most).options(joinedload(Letter.ended_by)))
    return page_of(rows.all(), most=most)


def is_written_to(seat: Appointment) -> ColumnElement[bool]:
    """Return the SQL condition for letters to an organisation, as far as a role for it reaches."""
    own = Letter.organisation_id == seat.organisation_id
    if seat.role != Role.AGENT:
        return own
    mandated = exists().where(Case.id == Letter.case_id, Case.workflow.in_(reach_of(seat)))
    return and_(own, mandated)


def page_of(found: Sequence[Letter], of: str = "", most: int | None = None) -> LetterPage:
    """Return as many letters as a page holds, and where the next begins."""
    shown = found[: most or MOST]
    return LetterPage(shown, shown[-1].id if len(found) > len(shown) else None, of)


def read(condition: ColumnElement[bool], before: int | None = None) -> Sequence[Letter]:
    """Return the newest letters that fit, with what tells who may read them: one more than a page.

    before: only those before this row.
    """
    return db.session.scalars(
        newest(condition, before).options(
            selectinload(Letter.case),  # joined, SQLite puts all cases there are together
            joinedload(Letter.record),
            joinedload(Letter.ended_by),
        )
    ).all()


def newest(
    condition: ColumnElement[bool], before: int | None = None, most: int | None = None
) -> Select[Letter]:
    """Return the query for the newest letters that fit: one more than a page.

    before: only those before this row. most: so many on the page.
    """
    return (
        select(Letter)
        .where(condition, Letter.id < before if before else true())
        .order_by(Letter.id.desc())
        .limit((most or MOST) + 1)
    )


def find(condition: ColumnElement[bool]) -> Letter | None:
    """Return the letter that fits, if there is one."""
    return next(iter(read(condition)), None)


def title_of(letter: Letter) -> Label:
    """Return what a letter is called, as it was when it was issued."""
    return Label(**letter.content["title"])


def ended_by(letter: Letter) -> Label | None:
    """Return the step that took back what a letter says; None while it stands."""
    event = letter.ended_by
    if event is None:
        return None
    versions = (one for one in current_policy().workflows.values() if one.name == event.workflow)
    steps = (one.transitions.get(event.transition) for one in versions)
    return next((one.label for one in steps if one), None)


# --- the printed page ---


def render(letter: Letter, lang: str, site: str) -> bytes:
    """Return a letter as a PDF in "zh" or "en".

    site: the address of this site, for the code on the page. The Chinese page that was kept is
    handed out as it is, whatever became of the templates.
    """
    if lang == "zh" and letter.sha256:
        return evidence.read_stored(letter.sha256)
    return printing.render(
        letter.content,
        lang,
        number=letter.ref,
        code=letter.code,
        address=address_of(letter, site),
        issued_at=letter.issued_at,
    )


def address_of(letter: Letter, site: str) -> str:
    """Return where a letter is verified, by the address of this site."""
    return f"{site.rstrip('/')}/verify/{letter.code}"


def is_reprint(letter: Letter) -> bool:
    """Say whether the page is printed by a newer template than that of the day of issue."""
    template = letter.content["template"]
    return not letter.sha256 and letter.template != printing.hash_template(template)


def print_letters(moment: datetime) -> int:
    """Keep the printed page of each new letter, once; return of how many.

    Only where the address of the site is known: it stands on the page.
    """
    site = current_app.config["BASE_URL"]
    if not site:
        return 0
    with at(moment):
        waiting = select(Letter.id).where(Letter.sha256.is_(None)).order_by(Letter.id)
        ids = db.session.scalars(waiting.limit(AT_A_TIME)).all()
        return sweep(ids, lambda letter_id: keep_page(letter_id, site))


def keep_page(letter_id: int, site: str) -> bool:
    """Store the page of a letter under its hash, unless that was done meanwhile."""
    with transaction() as session:
        letter = session.get(Letter, letter_id, with_for_update=True)
        if letter is None or letter.sha256:
            return False
        page = Upload(f"{letter.ref}.pdf", "application/pdf", render(letter, "zh", site))
        evidence.write(page)
        letter.sha256 = page.sha256
        return True


# --- what a code verifies ---


@dataclass(frozen=True)
class Verified:
    """What is told of a letter to whoever has its code; with its number alone, less."""

    title: Label
    number: str
    issued_at: datetime
    stands: bool
    ended_at: datetime | None
    ended_by: Label | None
    unit: str
    says: Label | None = None  # from here on only with the code
    firm: str | None = None
    matter: Label | None = None
    decision_no: str | None = None
    case: str | None = None

    @property
    def is_whole(self) -> bool:
        """Say whether the code was given, and not only the number."""
        return self.says is not None


def look_up(text: str) -> Verified | None:
    """Return what a letter says and whether it still stands; None for no such letter.

    text: its code, or its number, or that of a certificate. Numbers follow one another, so that
    with a number alone nothing is told but that there is such a letter. Nobody's name is told but
    a firm's.
    """
    if NUMBER.fullmatch(text):
        letter = find(Letter.ref == text) or find(is_certificate(text))
        return describe(letter) if letter else None
    if not CODE.fullmatch(text):
        return None
    letter = find(Letter.code == text)
    return describe(letter, **whole(letter)) if letter else None


def is_certificate(number: str) -> ColumnElement[bool]:
    """Return the SQL condition for the letter that is the training certificate of a number."""
    numbered = select(Requirement.ref).where(
        Requirement.workflow == "training", Requirement.number == number
    )
    return and_(Letter.entity_ref.in_(numbered), Letter.kind == "training_certificate")


def describe(letter: Letter, **more: Any) -> Verified:
    """Return what is told of a letter in any case, and more."""
    return Verified(
        title=title_of(letter),
        number=letter.ref,
        issued_at=letter.issued_at,
        stands=letter.stands,
        ended_at=letter.ended_at,
        ended_by=ended_by(letter),
        unit=letter.content["from"] if names_a_firm_only(letter) else "",
        **more,
    )


def whole(letter: Letter) -> dict[str, Any]:
    """Return what is told of a letter to who has it in hand."""
    content = letter.content
    firm = letter.record.subject
    return {
        "says": Label(**content["says"]),
        "firm": None if firm.kind == OrganisationKind.NATURAL_PERSON else firm.name,
        "matter": Label(**content["matter"]),
        "decision_no": content["decision_no"],
        "case": content["case"],
    }


def names_a_firm_only(letter: Letter) -> bool:
    """Say whether the unit that a letter is from may be named to who has its number only.

    A commitment is from the firm itself.
    """
    return bool(letter.content["from_id"] != letter.record.subject_id)


# --- before it is signed ---


def preview(
    user: User,
    kind: str,
    ref: str,
    name: str,
    answers: Answers | None = None,
    asks: Asks = no_texts,
) -> list[letters.Composed]:
    """Return the letters that a step would issue, as they would read; nothing is kept.

    kind: cases, records, requirements or sanctions. A step that is the first of two persons'
    decision shows what the second's signature will send. asks: which texts a form, by its name,
    asks for: these are marked as open. Raises NotVisible, NotOffered or NotAllowed.
    """
    entity = cases.get_visible(kind, ref, user)
    return compose(user, entity, cases.find_transition(user, entity, name), answers, asks)


def compose(
    user: User,
    entity: Entity,
    transition: Transition,
    answers: Answers | None = None,
    asks: Asks = no_texts,
) -> list[letters.Composed]:
    """Return the letters of a step of this entity before it is taken."""
    actor = machine.choose_actor(transition, cases.actors_of(user, entity))
    if actor is None or entity.state not in transition.source:
        return []
    policy, store = current_policy(), cases.reading()
    found = []
    for step_ahead, kind in kinds_ahead(entity, transition):
        given = answers or Answers()
        step = machine.prepare(store, policy, entity, step_ahead, actor, given, at=now())
        found += letters.compose(step, kind, asked=asks(step_ahead.form))
    return found


def kinds_ahead(entity: Entity, transition: Transition) -> Iterable[tuple[Transition, LetterKind]]:
    """Yield the letters that a step issues, or else those of the signature that it prepares."""
    workflow, book = current_policy().workflow_of(entity), current_policy().letters
    if own := book.issued_by.get((workflow.name, transition.name)):
        yield from ((transition, one) for one in own)
        return
    if transition.target_from(entity.state) == entity.state:
        return
    for ahead in workflow.leaving(transition.target):
        if SIGNS in ahead.effects:
            for one in book.issued_by.get((workflow.name, ahead.name), ()):
                yield ahead, one


def draft_pdf(composed: letters.Composed, lang: str) -> bytes:
    """Return a letter before its signature as a PDF, marked as a draft across the page."""
    return printing.render(composed.content, lang)


def matter_of(entity: Entity) -> Case | CreditRecord:
    """Return what the letters of an entity are listed with: its case, or else its record."""
    match entity:
        case Case() | CreditRecord():
            return entity
        case Requirement():
            return entity.case
        case _:
            return entity.record
