"""What an enterprise sees of itself: its records and matters, what can be done, and by when."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlalchemy.orm import defer, joinedload, selectinload

from repair_app import access
from repair_app.access import FILERS, organisations_as
from repair_app.calendar import DueDate, add_working_days, local_date
from repair_app.db import db, today
from repair_app.engine.assessment import assess_record
from repair_app.engine.days import read_table
from repair_app.engine.machine import Offer
from repair_app.engine.rules import Material, RulePack
from repair_app.engine.spec import State, Transition
from repair_app.engine.step import Reason
from repair_app.labels import N_, Label
from repair_app.ledger import latest_text
from repair_app.models import (
    Case,
    CreditRecord,
    Deadline,
    Letter,
    Requirement,
    Role,
    User,
)
from repair_app.services import cases, records, rules
from repair_app.services.cases import NotVisible
from repair_app.services.inbox import HOW_COUNTED
from repair_app.services.policy import current_policy

PAGE: Final = 10
# On the start page; the list of all matters goes on.
OPEN_SHOWN: Final = 50  # looked at: more than anybody has in hand
THEIRS_SHOWN: Final = 10
OWN_DOOR: Final = "door_is_the_subjects"  # a guard that the matter's own row answers


class Stage(NamedTuple):
    """A part of a matter's way: what happens by its end, who acts, and the terms it is made of."""

    text: str
    owner: str
    clocks: tuple[str, ...]


# The usual way of a matter once it is filed; each term begins when the one before has run out.
WAYS: Final[dict[str, tuple[Stage, ...]]] = {
    "objection": (
        Stage(
            N_("You are told whether it is accepted. From then on no measure is carried out."),
            "reviewer",
            ("objection_acceptance",),
        ),
        Stage(
            N_("The information provider has checked the record and answers."),
            "provider",
            ("objection_forwarding", "objection_verification"),
        ),
        Stage(
            N_("Two persons of the credit centre have decided."),
            "reviewer",
            ("objection_decision", "objection_signature"),
        ),
    ),
    "repair": (
        Stage(N_("You are told whether it is accepted."), "reviewer", ("repair_acceptance",)),
        Stage(
            N_("The information provider has checked what you put right."),
            "provider",
            ("repair_forwarding", "repair_verification"),
        ),
        Stage(
            N_("It is decided; where it is granted, publication stops."),
            "reviewer",
            ("repair_decision", "repair_signature"),
        ),
    ),
}


@dataclass(frozen=True)
class Planned:
    """A day of a matter that would be filed, or was: what has happened by then, and how counted."""

    text: str
    owner: str
    due: DueDate


@dataclass(frozen=True)
class Mark:
    """A day on the line of a record's life: which day of it, and where it stands from 0 to 100."""

    name: str  # decided, publicised, repair, ends
    day: date
    place: int


@dataclass(frozen=True)
class Outlook:
    """A record of an enterprise, with what can be done about it, from when, and what runs."""

    prospect: records.Prospect
    workflows: Collection[str]
    repair_from: date | None  # the first day, whatever hinders it until then; None: any day
    is_in_repair: bool

    @property
    def record(self) -> CreditRecord:
        """Return the record."""
        return self.prospect.record

    @property
    def barred_until(self) -> date | None:
        """Return until when the enterprise may apply for no repair at all, if it may not today."""
        until = self.record.subject.barred_until
        return until if until and until >= today() else None

    @property
    def repairable_now(self) -> bool:
        """Say whether a repair can be applied for today."""
        return self.can_be_repaired and (self.repair_from is None or self.repair_from <= today())

    @property
    def can_be_repaired(self) -> bool:
        """Say whether a repair can be applied for on some day before the record ends by itself."""
        return (
            self.prospect.is_live
            and self.prospect.severity.repairable
            and (self.repair_from or today()) <= self.record.max_publication_until
        )

    @property
    def ends_first(self) -> bool:
        """Say whether the record ends by itself before a repair could be applied for."""
        return (
            self.prospect.is_live and self.prospect.severity.repairable and not self.can_be_repaired
        )

    @property
    def marks(self) -> list[Mark]:
        """Return the days of the record's life, in order, each with its place on a line."""
        record = self.record
        first, last = record.decided_on, record.max_publication_until
        days = {"decided": first, "publicised": record.publicised_on, "ends": last}
        if self.can_be_repaired:
            days["repair"] = self.repair_from
        told = sorted(((day, name) for name, day in days.items() if day))
        return [Mark(name, day, place_on(first, last, day)) for day, name in told]

    @property
    def today_at(self) -> int:
        """Return where today stands on the line."""
        return place_on(self.record.decided_on, self.record.max_publication_until, today())


def place_on(first: date, last: date, day: date) -> int:
    """Return where a day stands between two others, from 0 to 100."""
    return min(max(100 * (day - first).days // max((last - first).days, 1), 0), 100)


# --- the start page ---


def list_records(user: User, after: str = "") -> Sequence[CreditRecord]:
    """Return a page and one more of the records of a person's enterprises, those that run first.

    after: the reference of the last record of the page before.
    """
    own = select(CreditRecord).where(CreditRecord.subject_id.in_(organisations_as(user, *FILERS)))
    last = db.session.scalar(own.where(CreditRecord.ref == after)) if after else None
    query = own.where(comes_after(last)) if last else own
    return db.session.scalars(
        query.order_by(is_off(), CreditRecord.decided_on.desc(), CreditRecord.id.desc())
        .limit(PAGE + 1)
        .options(
            joinedload(CreditRecord.subject),
            joinedload(CreditRecord.provider),
            selectinload(CreditRecord.dispute_marks),
            selectinload(CreditRecord.sanctions),
        )
    ).all()


def is_off() -> ColumnElement[int]:
    """Return 1 for a record that is archived, else 0, as SQL."""
    return case((CreditRecord.archived_at.is_not(None), 1), else_=0)


def comes_after(last: CreditRecord) -> ColumnElement[bool]:
    """Return the SQL condition for the records behind one in the order of the list."""
    off, day = int(last.archived_at is not None), CreditRecord.decided_on
    same_day = and_(day == last.decided_on, CreditRecord.id < last.id)
    return or_(is_off() > off, and_(is_off() == off, or_(day < last.decided_on, same_day)))


def look_ahead(user: User, found: Iterable[CreditRecord]) -> list[Outlook]:
    """Return what can be done about some records, and from when."""
    rows = list(found)
    in_repair = set(
        db.session.scalars(
            select(Case.record_id).where(
                Case.record_id.in_([one.id for one in rows]),
                Case.workflow == "repair",
                Case.closed_at.is_(None),
            )
        )
    )
    return [look_at(user, one, one.id in in_repair) for one in rows]


def look_at(user: User, record: CreditRecord, is_in_repair: bool = False) -> Outlook:
    """Return what can be done about a record, and from when."""
    prospect = records.describe(record)
    return Outlook(
        prospect, records.workflows_of(user, record), first_day_to_repair(prospect), is_in_repair
    )


def first_day_to_repair(prospect: records.Prospect) -> date | None:
    """Return the first day of a repair: after the minimum publication and after any bar.

    None where there is neither, or the record is not repaired.
    """
    if not prospect.severity.repairable:
        return None
    barred_until = prospect.record.subject.barred_until
    free = barred_until + timedelta(days=1) if barred_until else None
    return max((day for day in (prospect.repair_from, free) if day), default=None)


def list_open(user: User) -> Sequence[Case]:
    """Return the open matters of a person's enterprises, those that wait for them first.

    Of each kind the newest first; one more than are looked at.
    """
    first = case((waits_for_filer(user), 0), else_=1)
    return own_cases(user, Case.closed_at.is_(None), OPEN_SHOWN, first)


def is_ours(one: Case) -> bool:
    """Say whether a matter waits for the enterprise: a draft, or a step of its own."""
    term = turn_of(one)
    return one.state == "draft" or (term is not None and term.owner == Role.SUBJECT)


def waits_for_filer(user: User) -> ColumnElement[bool]:
    """Return the SQL condition for a case that waits for a person's enterprise, as `is_ours`."""
    own_turns = select(Deadline.entity_ref).where(
        Deadline.organisation_id.in_(organisations_as(user, *FILERS)),
        Deadline.owner == Role.SUBJECT.value,
        Deadline.met_at.is_(None),
        Deadline.whole.is_(False),
    )
    own_turn = Case.ref.in_(own_turns)  # few, so looked up once and not for each case
    return or_(Case.state == "draft", own_turn)


def list_standing_on(user: User, found: Iterable[CreditRecord]) -> Mapping[int, list[Case]]:
    """Return the open matters of a person's enterprises on some records, by record."""
    matters: defaultdict[int, list[Case]] = defaultdict(list)
    asked = select(Case).where(
        Case.record_id.in_([one.id for one in found]),
        Case.closed_at.is_(None),
        Case.subject_id.in_(organisations_as(user, *FILERS)),
        access.visible_to(user),
    )
    for one in db.session.scalars(asked.order_by(Case.id.desc())):
        matters[one.record_id].append(one)
    return matters


def list_cases(user: User, before: int | None = None) -> Sequence[Case]:
    """Return a page and one more of all matters of a person's enterprises, newest first."""
    return own_cases(user, Case.id < before if before is not None else Case.id > 0, PAGE)


def own_cases(
    user: User, which: ColumnElement[bool], most: int, *first: ColumnElement[int]
) -> Sequence[Case]:
    """Return the newest matters that fit, of the enterprises that a person files for.

    first: what they are sorted by before.
    """
    found = db.session.scalars(
        select(Case)
        .where(Case.subject_id.in_(organisations_as(user, *FILERS)), access.visible_to(user))
        .where(which)
        .order_by(*first, Case.id.desc())
        .limit(most + 1)
        .options(
            # of the terms that run, not how each was counted
            selectinload(Case.deadlines.and_(Deadline.met_at.is_(None))).options(
                *map(defer, HOW_COUNTED)
            ),
        )
    ).all()
    read_parts([one for one in found if one.state == "draft"])
    return found


def read_parts(drafts: Sequence[Case]) -> None:
    """Read at once what tells how far some drafts are: what they need, and their papers.

    Not both in one row: a draft of four needs and twenty papers would be eighty.
    """
    if drafts:
        asked = select(Case).where(Case.id.in_([one.id for one in drafts]))
        parts = joinedload(Case.requirements), selectinload(Case.documents)
        db.session.scalars(asked.options(*parts)).unique().all()


def turn_of(one: Case) -> Deadline | None:
    """Return the term of the state at hand: whose turn it is, since when, until when."""
    terms = (term for term in one.deadlines if term.is_running and not term.whole)
    return next((term for term in terms if term.entity_ref == one.ref), None)


def urgency_of(one: Case) -> date:
    """Return by when a matter wants its next step, to sort by; without a term the last of all."""
    term = turn_of(one)
    return term.due_on if term else date.max


def steps_of(one: Case) -> list[Transition]:
    """Return the steps that the enterprise's side can take in a matter, by the workflow alone.

    Those that a guard may bar are left to the matter's page: here each would cost a question.
    """
    workflow = current_policy().workflow_of(one)
    leaving = workflow.leaving(one.state)
    passed = {OWN_DOOR} if one.door == "subject" else set()
    mine = [step for step in leaving if set(step.by) & set(FILERS) and set(step.guards) <= passed]
    return sorted(mine, key=lambda step: workflow.states[step.target_from(one.state)].final)


def list_standing(user: User, record: CreditRecord) -> list[Case]:
    """Return the objections and repairs of this person's side that another one may run into.

    Those that are open, drafts first, and the objections that were rejected.
    """
    found = db.session.scalars(
        select(Case)
        .where(Case.record_id == record.id, Case.workflow.in_(records.OPENED))
        .where(or_(Case.closed_at.is_(None), Case.state == "rejected"))
        .order_by(Case.state != "draft", Case.closed_at.is_not(None), Case.id)
    )
    return [one for one in found if files_for(user, one)]


# --- what if it were filed today ---


def plan(record: CreditRecord, workflow: str, day: date) -> list[Planned]:
    """Return by when what will have happened to a matter that is filed on a day, at the latest."""
    pack = current_policy().pack_of(cases.draft_case(current_policy(), workflow, record))
    return plan_by(pack, workflow, day)


def plan_by(pack: RulePack, workflow: str, day: date) -> list[Planned]:
    """Return the same by the terms of a rule pack; what has no term there is left out.

    No part may take longer than the whole matter.
    """
    table, planned, start = read_table(db.session()), [], day
    limit = pack.clocks.get(f"{workflow}_whole")
    whole = add_working_days(day, limit.working_days, table) if limit else None
    for stage in WAYS[workflow]:
        days = sum(pack.clocks[one].working_days for one in stage.clocks if one in pack.clocks)
        if not days:
            continue
        due = add_working_days(start, days, table)
        if whole and due.due_on > whole.due_on:
            due = whole
        planned.append(Planned(stage.text, stage.owner, due))
        start = due.due_on
    return planned


@dataclass(frozen=True)
class WhatIf:
    """What would become of a matter if it were filed: when, what bars it, what it needs."""

    workflow: str
    day: date  # today, or the first day on which it can be filed
    reasons: Sequence[Reason]  # why not today
    planned: Sequence[Planned]
    materials: Sequence[tuple[Material, ...]] = ()
    requirements: Sequence[Label] = ()


def what_if(user: User, record: CreditRecord) -> list[WhatIf]:
    """Return what would become of an objection and of a repair of a record.

    A repair that cannot be applied for yet is counted from its first day; one that never can, and
    what this person may not file, is left out.
    """
    openings = cases.list_openings(user, record, cases.reading())
    outlook, found = look_at(user, record), []
    if offer := openings.get("objection"):
        planned = plan(record, "objection", today())
        found.append(WhatIf("objection", today(), offer.reasons, planned))
    if (offer := openings.get("repair")) and outlook.can_be_repaired:
        day = max(outlook.repair_from or today(), today())
        pack = current_policy().pack_of(cases.draft_case(current_policy(), "repair", record))
        severity = assess_record(pack, record).severity
        needed = [current_policy().current[one].label for one in pack.classes[severity].in_order]
        materials = pack.checklist(severity, record.penalty_categories)
        planned = plan_by(pack, "repair", day)
        found.append(WhatIf("repair", day, offer.reasons, planned, materials, needed))
    return found


def get_own_record(user: User, ref: str) -> CreditRecord:
    """Return a record of an enterprise that a person files for. Raises NotVisible."""
    record = records.get_record(ref, user)
    if record.subject_id not in organisations_as(user, *FILERS):
        raise NotVisible(ref)
    return record


# --- what is still to be done before it is sent ---


@dataclass(frozen=True)
class Task:
    """Something that a draft needs: whether it is there, and the step that brings it."""

    name: str  # the requirement's workflow, "statement", "evidence" or "material"
    label: Label
    done: bool
    kind: str = "cases"
    ref: str = ""
    step: str | None = None  # None: nothing can be done about it now
    need: Requirement | None = None
    state: Label | None = None  # how far it is
    papers: Sequence[rules.Asked] = ()  # what is to be brought by it, and how to get that
    others: Sequence[Offer] = ()  # the other steps of it, those that something bars included
    ways: Sequence[Offer] = ()  # all steps of it that can be taken now
    reserved: bool = False  # the enterprise itself can change it, and this person cannot


SAID: Final = Label("异议理由和更正建议", "What is wrong, and what it should say")
PROOF: Final = Label("证据材料", "Evidence")
BRINGS_PAPERS: Final = "rectification"  # the requirement that takes what no other yields


def list_tasks(user: User, one: Case) -> list[Task]:
    """Return what a draft of an objection or repair needs; none for other matters.

    What is still missing comes first.
    """
    if one.workflow == "objection":
        tasks = [
            Task("statement", SAID, True, "cases", one.ref, "amend"),
            Task("evidence", PROOF, bool(one.documents), "cases", one.ref, "amend"),
        ]
    elif one.workflow == "repair":
        tasks = list_needs(user, one)
    else:
        tasks = []
    return sorted(tasks, key=lambda task: task.done)


def list_needs(user: User, repair: Case) -> list[Task]:
    """Return what a draft of a repair needs: its requirements, each with the papers it takes."""
    store = cases.reading()
    by_need = papers_by_need(repair, [need.workflow for need in repair.requirements])
    tasks = [
        task_of(need, cases.list_offers(user, need, store), by_need.get(need.workflow, []))
        for need in repair.requirements
    ]
    return tasks + [
        Task("material", each.group[0].label, each.is_met, papers=[each])
        for each in by_need.get("", [])
    ]


def papers_by_need(repair: Case, needs: Collection[str]) -> dict[str, list[rules.Asked]]:
    """Return the papers that a repair asks for, by the requirement that takes them; "": none.

    needs: the requirements, by workflow.
    """
    by_need: dict[str, list[rules.Asked]] = {}
    for each in rules.list_materials(repair):
        places = {paper.requirement or BRINGS_PAPERS for paper in each.group}
        by_need.setdefault(min(places.intersection(needs), default=""), []).append(each)
    return by_need


def is_done(need: Requirement, papers: Sequence[rules.Asked]) -> bool:
    """Say whether a requirement has what the enterprise is to bring."""
    return state_of(need).meets and all(each.is_met for each in papers)


def state_of(need: Requirement) -> State:
    """Return the state of a requirement as its workflow describes it."""
    return current_policy().workflow_of(need).states[need.state]


@dataclass(frozen=True)
class Progress:
    """How far a draft is: at which step, of how many, and what comes next."""

    at: int
    steps: int
    next: Label


CHECK: Final = Label("核对并提交", "Check and submit")


def progress_of(one: Case) -> Progress | None:
    """Return how far a draft of an objection or repair is; None for other matters."""
    if one.state != "draft" or one.workflow not in WAYS:
        return None
    parts = list_parts(one)
    missing = [part.label for part in parts if not part.done]
    return Progress(len(parts) - len(missing) + 1, len(parts) + 1, next(iter(missing), CHECK))


class Part(NamedTuple):
    """Something that an objection or repair asks for, and whether it is there."""

    label: Label
    done: bool


def list_parts(one: Case) -> list[Part]:
    """Return what an objection or repair asks for until it is filed, in order.

    The same as `list_tasks`, without asking who may bring it. Of one that is not begun yet, as it
    will be once its form is sent.
    """
    said = Part(SAID, True)  # without it there is no draft
    if one.workflow == "objection":
        return [said, Part(PROOF, bool(one.documents))]
    policy = current_policy()
    if one.ref:
        papers = papers_by_need(one, [need.workflow for need in one.requirements])
        needs = [
            Part(policy.workflow_of(need).label, is_done(need, papers.get(need.workflow, [])))
            for need in one.requirements
        ]
    else:
        pack = policy.pack_of(one)
        names = pack.classes[assess_record(pack, one.record).severity].in_order
        papers = papers_by_need(one, names)
        needs = [Part(policy.current[name].label, False) for name in names]
    return [said, *needs, *(Part(each.group[0].label, each.is_met) for each in papers.get("", []))]


def task_of(need: Requirement, offers: Sequence[Offer], papers: Sequence[rules.Asked]) -> Task:
    """Return what a requirement asks of the enterprise now: a step that leads on, not back."""
    workflow = current_policy().workflow_of(need)
    state = state_of(need)
    begins = {one.target for one in workflow.transitions.values() if workflow.initial in one.source}
    ways = [one for one in offers if one.is_open]
    leads_on = (one.transition for one in ways)
    step = next((one.name for one in leads_on if one.target not in begins), None)
    return Task(
        need.workflow,
        workflow.label,
        is_done(need, papers),
        "requirements",
        need.ref,
        step,
        need,
        state.label,
        papers,
        [one for one in offers if one.transition.name != step],
        ways,
        not offers and any(Role.SUBJECT in one.by for one in workflow.leaving(need.state)),
    )


def statement_of(one: Case) -> str:
    """Return what the enterprise says in a matter."""
    return latest_text(db.session(), one.ref, "statement") or ""


# --- the receipt ---


@dataclass(frozen=True)
class Receipt:
    """That a matter was filed: the letter that says so, and what comes next by when."""

    case: Case
    letter: Letter | None
    planned: Sequence[Planned]


def get_receipt(ref: str, user: User) -> Receipt:
    """Return the receipt of a matter that was filed. Raises NotVisible."""
    filed = cases.get_case(ref, user)
    if filed.submitted_at is None or not files_for(user, filed):
        raise NotVisible(ref)
    letter = db.session.scalar(
        select(Letter)
        .where(Letter.case_id == filed.id, Letter.kind == "receipt")
        .order_by(Letter.id.desc())
        .limit(1)
    )
    day = local_date(filed.submitted_at)
    pack = current_policy().pack_of(filed)
    planned = plan_by(pack, filed.workflow, day) if filed.workflow in WAYS else []
    return Receipt(filed, letter, planned)


def files_for(user: User, one: Case) -> bool:
    """Say whether a person stands on the enterprise's side of a matter."""
    return any(seat.role in FILERS for seat in access.stands_as(user, one))
