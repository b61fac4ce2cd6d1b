"""What can be tried in a world: every transition, by everybody who stands for its entity."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from repair_app.engine.machine import begin, choose_actor
from repair_app.engine.opening import describe_case
from repair_app.engine.rows import as_json
from repair_app.engine.spec import Transition
from repair_app.engine.step import SYSTEM, Actor, Answers
from repair_app.models import (
    Case,
    CreditRecord,
    Document,
    QuarantinedRow,
    Requirement,
    Sanction,
    SanctionMeasure,
    TrainingDate,
)
from repair_app.models.parties import OrganisationKind
from repair_app.proving.scenarios import (
    DECIDED,
    TALK_DAYS,
    Scenario,
    pack_of_measures,
)
from repair_app.proving.steps import FAR
from repair_app.proving.world import MOMENT, USED, OutOfBounds, World
from repair_app.services.cases import DOOR_OF, actors_of, may_open

ENTITIES = (CreditRecord, Sanction, Case, Requirement)
# What the application sets going by itself: `services.publication` and `services.timers` ask for
# these, `services.complaints` for the end of a complaint that was taken up, `services.sync` for the
# end of a matter that waited for platforms.
TIMED = {
    ("record", "expire"), ("record", "file_away"), ("sanction", "lapse"), ("complaint", "take_up"),
    ("objection", "complete"), ("repair", "complete"),
}  # fmt: skip
ESCALATE = "escalate"


class Attempt(NamedTuple):
    """Something that is tried: who fires which transition of what, with which answers."""

    transition: str  # empty: time passes
    workflow: str = ""
    model: type[Any] = Case
    number: int = 0  # of the entity; of the record, for what is opened
    who: str = ""  # empty: the system
    role: str = "system"
    choice: int = 0  # which of the answers that the form may be given
    over: bool = False  # whether the terms have run out
    waits: bool = False  # whether some platform does not show what was decided
    opens: bool = False
    ground: str = ""
    about: int | None = None

    def __str__(self) -> str:
        """Return it as a line of a story."""
        if not self.transition:
            return "time passes"
        what = f"{self.workflow} of record {self.number}" if self.opens else self.thing
        late = ", the term being over" if self.over else ""
        answer = f" (answer {self.choice + 1})" if self.choice else ""
        who = f"{self.who} as {self.role}" if self.who else "the system"
        behind = ", a platform being behind" if self.waits else ""
        return f"{who}: {self.transition}{answer} on {what}{late}{behind}"

    @property
    def thing(self) -> str:
        """Return what it is tried on."""
        return f"{self.workflow} {self.model.__name__}-{self.number}"


PASS_TIME = Attempt("")


def list_attempts(world: World, scenario: Scenario) -> Iterator[Attempt]:
    """Yield everything that can be tried; whether a guard refuses it is seen when it is."""
    for model in ENTITIES:
        for entity in world.list_rows(model):
            yield from on_entity(world, scenario, entity)
    yield from to_open(world, scenario)
    if scenario.imposes:
        yield from to_impose(world, scenario)


def on_entity(
    world: World, scenario: Scenario, entity: Any, only: str | None = None, role: str = ""
) -> Iterator[Attempt]:
    """Yield what can be tried on an entity: all transitions, or only one; by all, or a role."""
    workflow = world.policy.workflow_of(entity)
    leaving = [
        one
        for one in workflow.leaving(entity.state)
        if only in {None, one.name} and scenario.plays(workflow.name, one.name)
    ]
    if not leaving or (entity.model in {Case, Requirement} and entity.state == workflow.initial):
        return
    standing = stand_for(world, entity)
    for transition in leaving:
        what = (transition.name, workflow.name, entity.model, entity.id)
        if is_timed(workflow.name, transition):
            for choice in range(len(choices(transition, world, entity))):
                yield Attempt(*what, choice=choice)
        for who, actors in standing:
            actor = choose_actor(transition, [one for one in actors if role in {"", one.role}])
            if actor:
                for choice in range(len(choices(transition, world, entity))):
                    yield Attempt(*what, who, str(actor.role), choice)


def is_timed(workflow: str, transition: Transition) -> bool:
    """Say whether the clock sets a transition going."""
    named = (workflow, transition.name) in TIMED or transition.name == ESCALATE
    return named and SYSTEM.role in transition.by


def stand_for(world: World, entity: Any) -> list[tuple[str, list[Actor]]]:
    """Return who acts for an entity, and as what, as the application finds it.

    Asked a million times of a few hundred constellations, so that each answer is kept.
    """
    known: dict[Any, list[tuple[str, list[Actor]]]] = world.cast.standing
    key = standing_of(entity)
    if key not in known:
        people = ((who, actors_of(user, entity)) for who, user in world.cast.people.items())
        known[key] = [(who, actors) for who, actors in people if actors]
    return known[key]


def standing_of(entity: Any) -> tuple[Any, ...]:
    """Return all that decides who acts for an entity, by `access` (a test holds the two together).

    Raises KeyError for what nobody acts for.
    """
    own = (entity.model, *(getattr(entity, name) for name in STANDS_BY[entity.model]))
    if entity.model is Requirement:
        return (*own, standing_of(entity.case))
    if entity.model is Sanction:
        return (*own, entity.record.provider_id)
    if entity.model is CreditRecord:
        return (*own, *((one.department_id, one.person_id) for one in entity.sanctions))
    return own


STANDS_BY: dict[Any, tuple[str, ...]] = {
    Case: (
        "workflow",
        "subject_id",
        "provider_id",
        "department_id",
        "centre_id",
        "higher_centre_id",
        "person_id",
        "entered_by_id",
        "submitted_at",
    ),
    CreditRecord: ("subject_id", "provider_id", "archived_at"),
    Requirement: ("workflow", "institution_id"),
    Sanction: ("department_id", "person_id"),
}


def to_open(
    world: World, scenario: Scenario, only: tuple[str, str] | None = None
) -> Iterator[Attempt]:
    """Yield what cases can be opened, by whom; only: by which transition of which workflow."""
    for name, grounds in scenario.openable.items():
        if only and name != only[0]:
            continue
        workflow = world.policy.current[name]
        for transition in workflow.leaving(workflow.initial):
            if (only and transition.name != only[1]) or not scenario.plays(name, transition.name):
                continue
            for record in world.list_rows(CreditRecord):
                arrives = f"{name}.{transition.name}" in scenario.arrives
                if arrives and SYSTEM.role in transition.by:
                    yield from arrivals(scenario, record, transition, name, grounds)
                if transition.by != ("system",):
                    yield from openings(world, record, transition, name, grounds)


def arrivals(
    scenario: Scenario, record: Any, transition: Transition, name: str, grounds: tuple[str, ...]
) -> Iterator[Attempt]:
    """Yield what the application opens by itself about a record: on a scan, import or complaint."""
    if record.archived_at is not None and name != "quarantine":
        return  # nobody complains of what is not shown, or scans it
    if record.id > scenario.records:
        return  # what was let in again is not brought in once more, without end
    for ground in grounds:
        yield Attempt(transition.name, name, Case, record.id, opens=True, ground=ground)


def openings(
    world: World, record: Any, transition: Transition, name: str, grounds: tuple[str, ...]
) -> Iterator[Attempt]:
    """Yield who may open a case of a kind about a record, on which grounds, about which case."""
    earlier = [one.id for one in world.list_rows(Case) if one.record_id == record.id]
    abouts: list[int | None] = [*earlier] if name in ABOUT else [None]
    for who, actors in stand_for(world, record):
        user = world.cast.people[who]
        actor = choose_actor(transition, [one for one in actors if may_open(user, one, name)])
        if actor is None:
            continue
        for ground in grounds:
            for about in abouts:
                for choice in range(len(choices(transition, world, None))):
                    yield Attempt(
                        transition.name, name, Case, record.id, who, str(actor.role), choice,
                        opens=True, ground=ground, about=about,
                    )  # fmt: skip


ABOUT = {"review"}  # what is opened about an earlier case


def to_impose(world: World, scenario: Scenario) -> Iterator[Attempt]:
    """Yield who may impose, or initiate, one more measure."""
    workflow = world.policy.current["sanction"]
    for transition in workflow.leaving(workflow.initial):
        if not scenario.plays("sanction", transition.name):
            continue
        for record in world.list_rows(CreditRecord):
            for who, actors in stand_for(world, record):
                actor = choose_actor(transition, actors)
                if actor:
                    for measure in range(len(world.list_rows(SanctionMeasure))):
                        yield Attempt(
                            transition.name, "sanction", Sanction, record.id, who,
                            str(actor.role), measure, opens=True,
                        )  # fmt: skip


def choices(transition: Transition, world: World, entity: Any) -> list[Answers]:
    """Return the answers that a transition's form may be given."""
    given = ANSWERS.get(transition.form) or BY_NAME.get((transition.name, transition.form))
    return given(world, entity) if given else [Answers()]


def place(world: World, attempt: Attempt) -> Any:
    """Return the entity that an attempt is about; what is opened is made first.

    Raises OutOfBounds for more of it than is looked at.
    """
    if not attempt.opens:
        return world.find(attempt.model, attempt.number)
    record = world.find(CreditRecord, attempt.number)
    if attempt.model is Sanction:
        return draft_sanction(world, record, attempt)
    described = describe_case(
        world.policy, attempt.workflow, record, ground=attempt.ground, at=MOMENT, day=world.today
    )
    case = world.add(Case, {"door": door_of(attempt), **described, "about_id": attempt.about})
    begin(world.policy, case, attempt.workflow)
    world.settle_case_number(case)
    if attempt.workflow == "quarantine":
        world.add(QuarantinedRow, {**row_again(record, attempt.ground), "case_id": case.id})
    return case


def door_of(attempt: Attempt) -> str:
    """Return by which door a new case comes, as the services say."""
    if attempt.workflow == "complaint":
        return "complaint"
    return DOOR_OF.get(attempt.role, "system")


def row_again(record: Any, fingerprint: str) -> dict[str, Any]:
    """Return the columns of a row that says again what a record said, kept apart."""
    said = as_json({name: getattr(record, name) for name in SAID_AGAIN})
    return {
        "batch_id": 1,
        "line": 1,
        "about_id": record.id,
        "fingerprint": fingerprint,
        "code": "reinsertion",
        "columns": {
            **said,
            "source_unit": "agency",
            "fine_10k": f"{Decimal(said['fine_10k']).normalize():f}",
        },
        "kept_at": MOMENT,
    }


SAID_AGAIN = (
    "subject_id", "provider_id", "decision_no", "violation_type", "violation_facts", "legal_basis",
    "penalty_content", "penalty_categories", "decided_on", "fine_10k", "publicised_on",
    "conduct_ended_on",
)  # fmt: skip


def draft_sanction(world: World, record: Any, attempt: Attempt) -> Any:
    """Return a measure that is not imposed yet. Raises OutOfBounds for a fourth."""
    if len(world.list_rows(Sanction)) > world.bounds.get("sanctions", 2):
        raise OutOfBounds("sanction")
    pack = pack_of_measures(world.policy, record)
    sanction = world.add(
        Sanction,
        {
            "record_id": record.id,
            "measure_id": attempt.choice + 1,
            "department_id": world.cast.organisations["department"].id,
            "rule_pack": pack.id,
            "rule_pack_hash": pack.sha256,
            "imposed_on": world.today,
            "ends_on": record.max_publication_until,
        },
    )
    begin(world.policy, sanction, "sanction")
    return sanction


def acting(world: World, attempt: Attempt, entity: Any) -> Actor:
    """Return who acts in an attempt, and as what."""
    if not attempt.who:
        return SYSTEM
    user = world.cast.people[attempt.who]
    of = entity.record if attempt.opens else entity
    return next(one for one in actors_of(user, of) if one.role == attempt.role)


def keep_evidence(world: World, entity: Any, answers: Answers) -> None:
    """Keep what was attached with the case, as the service does before the step."""
    case = entity.case if entity.model is Requirement else entity
    for sha256 in answers.evidence:
        material = sha256.removeprefix(MATERIAL) if sha256.startswith(MATERIAL) else None
        if all(one.sha256 != sha256 for one in case.documents):
            paper = {"sha256": sha256, "uploaded_at": MOMENT, "material": material}
            case.documents.append(world.add(Document, paper))


# --- answers, by form ---

MATERIAL = "material "  # before the code of a paper that the checklist asks for


def proofs(world: World, entity: Any) -> list[Answers]:
    """Return a proof with every paper that the record's class needs, and one with none of them."""
    pack = world.policy.pack_of(entity.case)
    record = entity.case.record
    groups = pack.missing_materials(record.severity_class, record.penalty_categories, set())
    papers = tuple(f"{MATERIAL}{group[0].code}" for group in groups)
    return [Answers(evidence=papers), Answers()] if papers else [Answers()]


def plainly(*given: Mapping[str, Any]) -> Callable[[World, Any], list[Answers]]:
    """Return the answers of a form that asks for facts."""
    return lambda _world, _entity: [Answers(facts=one) for one in given]


def objection_answers(_world: World, _entity: Any) -> list[Answers]:
    """Return an objection to the amount of a fine, with and without evidence."""
    return [
        Answers(values={"fine_10k": "1"}, evidence=("e1",)),
        Answers(values={"fine_10k": "1"}),
    ]


def refusals(_world: World, entity: Any) -> list[Answers]:
    """Return why something is refused: what was found lacking says so, all else wants papers."""
    lacking = entity is not None and entity.state in {"rectification_lacking", "refusal_to_decide"}
    return [Answers(facts={"code": "obligation_unperformed" if lacking else "material_incomplete"})]


def other_provider(world: World, entity: Any) -> list[Answers]:
    """Return the agencies that can answer, other than the one that has the case."""
    return [
        Answers(facts={"provider_id": one.id})
        for name, one in world.cast.organisations.items()
        if name in {"agency", "other agency", "empty agency"} and one.id != entity.provider_id
    ]


def other_centre(world: World, _entity: Any) -> list[Answers]:
    """Return the centres that a case can be handed to."""
    return [
        Answers(facts={"centre_id": one.id})
        for one in world.cast.organisations.values()
        if one.kind == OrganisationKind.CREDIT_CENTRE
    ]


def other_case(world: World, entity: Any) -> list[Answers]:
    """Return the cases that a case can be joined to."""
    return [
        Answers(facts={"joined_id": one.id})
        for one in world.list_rows(Case)
        if entity is not None and one.workflow == entity.workflow and one.id != entity.id
    ]


def certificates(world: World, entity: Any) -> list[Answers]:
    """Return a certificate of its own, made today, and one whose number another has."""
    dates = {"issued_on": world.today.isoformat(), "valid_until": FAR.isoformat()}
    numbers = [f"n{entity.id}", USED]
    return [Answers(facts={"number": one, **dates}) for one in numbers]


def kinds_of_talk(_world: World, _entity: Any) -> list[Answers]:
    """Return the days on which a talk can be called, one of which may be over."""
    return [Answers(facts={"meets_on": one.isoformat(), "place": "会议室"}) for one in TALK_DAYS]


def minutes(world: World, _entity: Any) -> list[Answers]:
    """Return the minutes of a talk that was held today."""
    return [Answers(facts={"held_on": world.today.isoformat()})]


def under_way(world: World, _entity: Any) -> list[Answers]:
    """Return the matters that a complaint can be joined to."""
    return [
        Answers(facts={"joined_id": one.id})
        for one in world.list_rows(Case)
        if one.workflow in {"objection", "annulment"} and one.is_open
    ]


def taken_up(world: World, _entity: Any) -> list[Answers]:
    """Return the objection that a complaint has led to, if one was opened."""
    return [
        Answers(facts={"joined_id": one.id})
        for one in world.list_rows(Case)
        if one.workflow == "objection" and one.door == "complaint"
    ]


def courses(_world: World, _entity: Any) -> list[Answers]:
    """Return a short course: one lesson, one test a day."""
    short = {"course": "c", "edition": 1, "lessons": ["l"], "pass_mark": 60}
    return [Answers(facts={**short, "tries_a_day": 1, "valid_months": 12})]


def executions(_world: World, entity: Any) -> list[Answers]:
    """Return that a measure was carried out; it is reported once, while it runs."""
    carried_out = {"happened_on": DECIDED.isoformat(), "executed": True}
    runs = entity.state in {"in_force", "suspended"}
    return [Answers(facts=carried_out)] if runs and not entity.executions else []


def places(world: World, entity: Any) -> list[Answers]:
    """Return where training is given: as agreed, or on a day with a seat, without one, or over."""
    house = world.cast.organisations["house"].id
    days = [{"training_id": one.id} for one in world.list_rows(TrainingDate)]
    return [
        *institutions(world, entity),
        *(Answers(facts={"institution_id": house, **one}) for one in days),
    ]


def institutions(world: World, _entity: Any) -> list[Answers]:
    """Return the institution that can be asked."""
    return [Answers(facts={"institution_id": world.cast.organisations["house"].id})]


def consulted(world: World, _entity: Any) -> list[Answers]:
    """Return the agency that can be asked for its view."""
    return [
        Answers(facts={"consulted_id": one.id})
        for name, one in world.cast.organisations.items()
        if name in {"agency", "other agency", "empty agency"}
    ]


def commitments(_world: World, entity: Any) -> list[Answers]:
    """Return the text that is signed; another one where it is signed anew, to tell them apart."""
    text = "本单位郑重承诺。" if entity.state == "owed" else "本单位再次郑重承诺。"
    return [Answers(facts={"text": text})]


ANSWERS: Mapping[str, Callable[[World, Any], list[Answers]]] = {
    "ObjectionForm": objection_answers,
    "AmendObjectionForm": lambda _world, _entity: [Answers(values={"fine_10k": "1.5"})],
    "WindowObjectionForm": lambda world, entity: objection_answers(world, entity)[:1],
    "CorrectionForm": lambda _world, _entity: [Answers(values={"fine_10k": "0.2"})],
    "ReasonForm": lambda _world, _entity: [Answers(texts={"reason": "理由"})],
    "RefusalForm": refusals,
    "RemovalForm": plainly({"outcome": "DELETED"}, {"outcome": "PUBLICATION_STOPPED"}),
    "ProviderForm": other_provider,
    "ConsultationForm": consulted,
    "OpinionForm": plainly({"view": "right"}),
    "ProofForm": plainly({}),
    "MaterialForm": proofs,
    "CommitmentForm": commitments,
    "InstitutionForm": institutions,
    "CertificateForm": certificates,
    "PaperForm": certificates,
    "ServiceForm": institutions,
    "TrainingPlaceForm": places,
    "OnlineCourseForm": courses,
    "LessonForm": plainly({"lesson": "l"}),
    "BeginTestForm": plainly({"edition": 1, "seed": 1, "questions": ("q",)}),
    "TestForm": plainly(
        {"answers": {"q": "a"}, "marks": 100}, {"answers": {"q": "b"}, "marks": 20}
    ),
    "TalkForm": kinds_of_talk,
    "TalkNoticeForm": kinds_of_talk,
    "MinutesForm": minutes,
    "JoinComplaintForm": under_way,
    "DismissalForm": plainly({"code": "nothing_new"}),
    "PaperCommitmentForm": plainly({"text": "本单位郑重承诺。"}),
    "PublicServiceForm": plainly({"hours": 8, "served_until": DECIDED.isoformat()}),
    "CentreForm": other_centre,
    "JoinForm": other_case,
    "AnnulmentForm": plainly({"annulled": "annulled"}),
    "ProceedingForm": plainly({"proceeding": "suit"}),
    "FalsehoodForm": plainly({"falsehood": "false_material"}),
    "ExecutionForm": executions,
    "EvaluationForm": plainly({"evaluation": "effective"}),
}

# What the application answers by itself, by step and form.
BY_NAME: Mapping[tuple[str, str], Callable[[World, Any], list[Answers]]] = {
    ("take_up", "ConfirmForm"): taken_up,
}
