"""Cases, and the steps in them and in what belongs to them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Response
from flask_babel import gettext

from repair_app.access import stands_as
from repair_app.api.access import current_account, needs
from repair_app.api.answers import Key, next_of, once, send
from repair_app.api.case_models import (
    CaseLine,
    CasePage,
    CasePath,
    CaseQuery,
    CaseWhole,
    Clause,
    Counted,
    DayOff,
    Done,
    Happened,
    Paper,
    Part,
    PartAlone,
    Party,
    Place,
    Proposal,
    RequirementPath,
    Spread,
    StandStill,
    Step,
    StepPath,
    Term,
    TermPage,
    Words,
)
from repair_app.api.looking import tell_listed
from repair_app.api.problems import PROBLEMS, Mistake, Wrong
from repair_app.api.questions import StepRequest, ask, read
from repair_app.api.resources import open_part
from repair_app.calendar import REASONS
from repair_app.engine.machine import Offer
from repair_app.engine.rules import Clock
from repair_app.engine.spec import Transition
from repair_app.engine.step import Entity, Reason, WrongState
from repair_app.models import Case, Deadline, Document, Requirement, Role
from repair_app.services import cases, deadlines, history, messages, papers
from repair_app.services.policy import current_policy
from repair_app.services.reasons import reason_text
from repair_app.services.sync import shown

resources = open_part("cases")
OFFICIALS = frozenset({Role.REVIEWER, Role.PROVIDER, Role.AUDITOR})


@resources.get("/cases", responses={200: CasePage, **PROBLEMS})
@needs("cases:read")
def list_cases(query: CaseQuery) -> Response:
    """List the cases that the client's role sees, the newest first."""
    expect_names(query)
    found = cases.list_page(
        current_account(),
        after=query.after,
        limit=query.limit,
        workflow=query.workflow,
        state=query.state,
    )
    tell_listed(found)
    more = next_of(found, query.limit)
    return send(CasePage(cases=[line_of(one) for one in found], next=more))


def expect_names(query: CaseQuery) -> None:
    """Refuse a workflow or state that no release has: no case is so. Raises Wrong."""
    releases = [
        one
        for one in current_policy().workflows.values()
        if one.name == query.workflow or not query.workflow
    ]
    if not releases:
        raise Wrong(Mistake(field="workflow", message=gettext("There is no such workflow.")))
    if query.state and not any(query.state in one.states for one in releases):
        message = gettext("There is no such state, or not in this workflow.")
        raise Wrong(Mistake(field="state", message=message))


@resources.get("/cases/<ref:ref>", responses={200: CaseWhole, **PROBLEMS})
@needs("cases:read")
def show_case(path: CasePath) -> Response:
    """Show a case: how it stands, what may be done next, what happened."""
    return send(whole_of(cases.get_case(path.ref, current_account())))


@resources.get("/cases/<ref:ref>/terms", responses={200: TermPage, **PROBLEMS})
@needs("cases:read")
def explain_terms(path: CasePath) -> Response:
    """Show the terms of a case and how each was counted, as the pages explain it."""
    case = cases.get_case(path.ref, current_account())
    entities = {case.ref: case} | {one.ref: one for one in case.requirements}
    told = (
        deadlines.explain_term(one, entities[one.entity_ref])
        for one in case.deadlines
        if one.entity_ref in entities
    )
    return send(TermPage(terms=[counted(one) for one in told]))


@resources.get("/requirements/<ref:ref>", responses={200: PartAlone, **PROBLEMS})
@needs("cases:read")
def show_requirement(path: RequirementPath) -> Response:
    """Show what an institution or agency is asked for; no more of the case than it needs."""
    user = current_account()
    found: Any = cases.get_visible("requirements", path.ref, user)
    part = part_of(found, [step_of(one, found) for one in cases.list_offers(user, found)])
    return send(
        PartAlone(
            **dict(part),
            subject=Party.of(found.case.subject),
            institution=Party.of(found.institution) if found.institution else None,
            number=found.number,
            issued_on=found.issued_on,
            valid_until=found.valid_until,
            question=history.find_question(found),
        )
    )


@resources.post(
    "/<any(cases, records, requirements, sanctions):kind>/<ref:ref>/steps/<name>",
    responses={200: Done, **PROBLEMS},
)
@needs("cases:write")
@once
def take_step(path: StepPath, body: StepRequest, header: Key) -> Response:
    """Take a step: supplement, answer, decide, sign and all else that a role may do."""
    user, kind = current_account(), path.kind.value
    entity = cases.get_visible(kind, path.ref, user)
    transition = cases.find_transition(user, entity, path.name)
    submission = read_here(transition, entity, body, path.ref, path.name)
    outcome = cases.perform(kind, path.ref, path.name, user, submission)
    return send(done_of(cases.get_visible(kind, outcome.ref, user)))


def read_here(
    transition: Transition, entity: Entity, body: StepRequest, *purpose: str
) -> cases.Submission:
    """Return what was sent for a step. Raises Wrong; WrongState where it does not start here."""
    try:
        return read(transition, entity, body, *purpose)
    except Wrong:  # what was answered wrongly is no matter where nothing is asked
        if entity.state not in transition.source:
            raise WrongState(transition.name) from None
        raise


def done_of(entity: Entity) -> Done:
    """Return how an entity stands after a step."""
    workflow = current_policy().workflow_of(entity).name
    return Done(ref=entity.ref, workflow=workflow, state=entity.state, version=entity.version)


def line_of(case: Case) -> CaseLine:
    """Return what a list shows of a case."""
    states = current_policy().workflow_of(case).states
    return CaseLine(
        ref=case.ref,
        workflow=case.workflow,
        state=case.state,
        state_label=Words.of(states[case.state].label),
        version=case.version,
        record=case.record.ref,
        subject=Party.of(case.subject),
        submitted_at=case.submitted_at,
    )


def whole_of(case: Case) -> CaseWhole:
    """Return all that a client's role may see of a case."""
    user, store = current_account(), cases.reading()
    roles = {Role(one.role) for one in stands_as(user, case)}
    offers = partial(cases.list_offers, user, store=store)
    happenings = history.list_happenings(
        case.ref,
        user,
        internal=OFFICIALS.issuperset(roles),
        own={case.ref, *(one.ref for one in case.requirements)},
    )
    about = case.about if case.about and any(stands_as(user, case.about)) else None
    return CaseWhole(
        **dict(line_of(case)),
        ground=case.ground,
        outcome=case.outcome,
        about=about.ref if about else None,
        centre=Party.of(case.centre) if case.centre else None,
        department=Party.of(case.department) if case.department else None,
        provider=Party.of(case.provider),
        terms=[term_of(one) for one in case.deadlines],
        steps=[step_of(one, case) for one in offers(case)],
        requirements=[
            part_of(one, [step_of(offer, one) for offer in offers(one)])
            for one in case.requirements
        ],
        proposals=[
            Proposal(
                field=one.field,
                before=one.old_value,
                proposed=one.proposed_value,
                answered=one.answered_value,
            )
            for one in case.proposals
        ],
        documents=list(map(paper_of, case.documents)),
        earlier_documents=list(map(paper_of, papers.earlier_papers(case, user))),
        history=[event_of(one) for one in happenings],
        urged_at=list(messages.list_urgings(case)),
        platforms=spread_of(shown.where_shown(case.record)),
    )


def spread_of(found: shown.Shown) -> Spread:
    """Return how it stands with the platforms, as the page of a case tells it."""
    return Spread(
        complete_since=found.since,
        waiting=found.waiting,
        places=[place_of(one) for one in found.places],
    )


def place_of(one: shown.Place) -> Place:
    """Return how it stands with one platform."""
    owed = one.obligation
    return Place(
        code=one.platform.code,
        name_zh=one.platform.name_zh,
        name_en=one.platform.name_en,
        due_on=owed.due_on if owed else None,
        state=owed.standing if owed else None,
        attempts=owed.attempts if owed else 0,
        tried_at=owed.tried_at if owed else None,
        acknowledged_at=owed.acknowledged_at if owed else None,
        acknowledged_hash=owed.platform_hash if owed else None,
        agrees=one.agrees,
        late=one.late,
    )


def part_of(requirement: Requirement, steps: list[Step]) -> Part:
    """Return something that belongs to a case, with the steps that are offered in it."""
    states = current_policy().workflow_of(requirement).states
    return Part(
        ref=requirement.ref,
        workflow=requirement.workflow,
        state=requirement.state,
        state_label=Words.of(states[requirement.state].label),
        version=requirement.version,
        steps=steps,
    )


def paper_of(document: Document) -> Paper:
    """Return a piece of evidence, without its bytes."""
    return Paper(
        ref=document.ref,
        name=document.filename,
        media_type=document.media_type,
        size=document.size,
        sha256=document.sha256,
        material=document.material,
        uploaded_at=document.uploaded_at,
    )


def term_of(term: Deadline) -> Term:
    """Return a term."""
    return Term(
        clock=term.clock,
        owner=term.owner,
        due_on=term.due_on,
        met_at=term.met_at,
        provisional=term.provisional,
    )


def counted(explained: deadlines.Explained) -> Counted:
    """Return a term with all that tells how it was counted."""
    term, policy, clock = explained.term, current_policy(), explained.clock
    due = term.due
    lines = zip(explained.lines("zh", policy), explained.lines("en", policy), strict=True)
    return Counted(
        **dict(term_of(term)),
        ref=term.entity_ref,
        whole=term.whole,
        starts_on=due.start,
        working_days=due.working_days,
        extended_by=due.extended_by,
        skipped=[
            DayOff(day=day, reason=reason, label=Words.of(REASONS[reason]))
            for day, reason in due.skipped
        ],
        worked_weekends=list(due.made_up),
        pauses=[
            StandStill(
                since=one.since,
                until=one.until,
                state=one.why,
                label=Words.of(explained.states[one.why]) if one.why in explained.states else None,
            )
            for one in due.pauses
        ],
        stands_still_since=due.stopped_on,
        calendar_edition=term.calendar_edition,
        source=clause_of(clock) if clock else None,
        sentence=Words(zh=explained.sentence("zh"), en=explained.sentence("en")),
        lines=[Words(zh=zh, en=en) for zh, en in lines],
    )


def clause_of(stated: Clock) -> Clause:
    """Return what a value of a rule pack rests on."""
    return Clause(
        clause=Words.of(current_policy().cite(stated.source)),
        grade=stated.grade,
        grade_label=Words.of(deadlines.GRADES[stated.grade]),
    )


def step_of(offer: Offer, entity: Entity) -> Step:
    """Return a step that is offered."""
    return step_asked(offer.transition, entity, offer.reasons)


def step_asked(transition: Transition, entity: Entity, reasons: Sequence[Reason] = ()) -> Step:
    """Return a step with what it asks, and what still bars it."""
    return Step(
        name=transition.name,
        label=Words.of(transition.label),
        basis=[Words.of(one.label) for one in transition.basis],
        barred_by=[reason_text(one) for one in reasons],
        **dict(ask(transition, entity)),
    )


def event_of(happening: history.Happening) -> Happened:
    """Return an event as its readers may read it."""
    return Happened(
        seq=happening.event.seq,
        at=happening.at,
        workflow=happening.workflow.name,
        step=happening.transition.name,
        label=Words.of(happening.transition.label),
        role=happening.role,
        organisation=happening.organisation,
        texts=dict(happening.texts),
        hash=happening.event.hash,
    )
