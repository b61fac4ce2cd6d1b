"""Plays the stories: every step goes through the services, at the moment when it is said to be."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import select

from repair_app.calendar import add_working_days
from repair_app.db import at, db, today
from repair_app.demo import cast, penalties
from repair_app.demo.days import opening_hour, working_day
from repair_app.demo.papers import make_paper
from repair_app.demo.stories import STORIES
from repair_app.demo.stories.beats import Beat, Story
from repair_app.demo.stories.measures import MEASURES, Measure
from repair_app.demo.stories.spreading import ONCE_CONNECTED, SPREADING
from repair_app.engine.spec import Transition
from repair_app.engine.step import Answers, Entity, record_of
from repair_app.forms import FORMS
from repair_app.forms.questions import commitment_texts
from repair_app.forms.requirements import courses
from repair_app.models import (
    Case,
    CreditRecord,
    FormToken,
    ImportBatch,
    Organisation,
    Requirement,
    Sanction,
    SanctionMeasure,
    User,
)
from repair_app.services import cases, complaints, imports, sanctions, timers
from repair_app.services.policy import current_policy
from repair_app.uploads import Upload

Act = Callable[[], object]
BETWEEN_STEPS: Final = timedelta(minutes=18)
BETWEEN_STORIES: Final = timedelta(minutes=7)
AT_THE_END_OF_DAY: Final = timedelta(hours=8)
NIGHTS: Final = range(1, 40)  # working days ago on which what time sets going was looked at
EVERY_NIGHT: Final = ("expire_records", "lapse_sanctions", "mark_overdue", "remind", "escalate")
SCANNED: Final = (("scan_records", 3), ("draw_inspection", 1))
# What only some rule packs know: it is left out where the one in force does not.
BY_RULES: Final = frozenset({"add_factor", "ask_extension", "extend"})
# What the recognising unit does itself where the rule pack has it decide on a repair.
OF_RECOGNISER: Final = {
    "confirm_rectification": "confirm_for_decision",
    "find_lacking": "find_lacking_for_decision",
    "propose_grant": "decide_grant",
    "propose_refusal": "decide_refusal",
}
BY_A_SECOND: Final = frozenset({"sign", "decline", "decide_grant", "decide_refusal"})


@dataclass
class Stage:
    """The day that all stories count back from, and who is who in the store."""

    day: date
    users: dict[str, int]  # by login
    units: dict[str, int]  # by key of `cast.UNITS`
    refs: dict[tuple[str, str], str] = field(default_factory=dict)  # of cases, by story

    def user(self, login: str) -> User:
        """Return the account of a person of the cast."""
        return db.session.get_one(User, self.users[login])

    def person_of(self, organisation_id: int | None) -> cast.Player:
        """Return who acts for an organisation."""
        unit = next(key for key, number in self.units.items() if number == organisation_id)
        return cast.PERSON_OF[unit]

    def record(self, no: int) -> CreditRecord:
        """Return the record of a penalty."""
        number = penalties.decision_no(penalties.BY_NO[no], self.day)
        query = select(CreditRecord).where(CreditRecord.decision_no == number)
        return db.session.scalars(query).one()


def play(stage: Stage) -> None:
    """Do all that the stories tell, in the order in which it happened.

    What was done already is left out, so that a play that was stopped goes on where it stopped.
    """
    for moment, _, act in sorted(list_acts(stage), key=itemgetter(0, 1)):
        with at(moment):
            act()


def play_on(stage: Stage) -> None:
    """Do what the stories tell of platforms, once these are connected."""
    for story in SPREADING:
        for place in range(len(story.beats))[-ONCE_CONNECTED:]:
            with at(moment_of(stage, story, place)):
                take_step(stage, story, place)


def list_acts(stage: Stage) -> Iterator[tuple[datetime, int, Act]]:
    """Yield each act with its moment, and its place among those of one moment."""
    for place, report in enumerate(penalties.list_reports(stage.day)):
        yield opening_hour(report.sent_on), place, partial(send_report, stage, report)
    for measure in MEASURES:
        moment = opening_hour(working_day(stage.day, measure.days)) + timedelta(hours=1)
        yield moment, measure.no, partial(impose, stage, measure)
        for place, beat in enumerate(measure.steps):
            moment = opening_hour(working_day(stage.day, beat.days)) + timedelta(hours=2)
            yield moment, measure.no, partial(act_on, stage, measure, place)
    for story in STORIES:
        later = ONCE_CONNECTED if story in SPREADING else 0
        for place in range(len(story.beats) - later):
            yield moment_of(stage, story, place), place, partial(take_step, stage, story, place)
    run = {one.name: one.run for one in timers.TIMERS}
    nightly = [(name, days) for days in NIGHTS for name in EVERY_NIGHT]
    for place, (name, days) in enumerate((*nightly, *SCANNED)):
        night = opening_hour(working_day(stage.day, days)) - timedelta(hours=6)
        yield night, place, partial(run[name], night)


def moment_of(stage: Stage, story: Story, place: int) -> datetime:
    """Return when a step of a story is taken."""
    beat = story.beats[place]
    moment = opening_hour(working_day(stage.day, beat.days))
    moment += BETWEEN_STEPS * place + BETWEEN_STORIES * (STORIES.index(story) % 9)
    if not beat.what:
        moment += AT_THE_END_OF_DAY  # somebody else's step of that day comes before
    return moment


# --- records and sanctions ----------------------------------------------------------------


def send_report(stage: Stage, report: penalties.Report) -> None:
    """Bring in an agency's file, unless it was brought in."""
    if not was_sent(report):
        person = stage.user(cast.PERSON_OF[report.agency].login)
        imports.bring_in_file(report.content, report.filename, person)


def was_sent(report: penalties.Report) -> bool:
    """Say whether an agency's file was brought in to its end."""
    sha256 = hashlib.sha256(report.content).hexdigest()
    query = select(ImportBatch.id).where(
        ImportBatch.sha256 == sha256, ImportBatch.finished_at.is_not(None)
    )
    return db.session.scalar(query) is not None


def impose(stage: Stage, measure: Measure) -> None:
    """Impose a measure for the department of a person, or initiate it for the lead agency."""
    token = f"demo-{measure.no}-{measure.code}"
    if earlier(token):
        return
    record = stage.record(measure.no)
    known = select(SanctionMeasure).where(SanctionMeasure.code == measure.code)
    listed = db.session.scalars(known).one()
    if record.severity_class not in listed.classes:
        return  # by the rule pack in force the record is of another class
    facts: dict[str, Any] = {
        "measure_id": listed.id,
        "ends_on": end_of(measure, record).isoformat(),
    }
    name = "initiate" if measure.initiated_by else "impose"
    purpose = f"{record.ref} {name}"
    if not measure.initiated_by:
        sent = cases.Submission(Answers(facts=facts), token=token, purpose=purpose)
        sanctions.impose(record.ref, stage.user(measure.by), sent)
        return
    facts |= {
        "department_id": stage.units[unit_of(measure.by)],
        "person_role": "legal_representative" if measure.person else None,
        "notified": [],
    }
    texts = {"person": measure.person} if measure.person else {}
    sent = cases.Submission(Answers(facts, texts), token=token, purpose=purpose)
    sanctions.initiate(record.ref, stage.user(measure.initiated_by), sent)


def unit_of(login: str) -> str:
    """Return the unit of a person of the cast."""
    return next(one.unit for one in cast.PLAYERS if one.login == login)


def end_of(measure: Measure, record: CreditRecord) -> date:
    """Return the last day of a measure: without a term, that of the record's publication."""
    return today() + timedelta(days=measure.term) if measure.term else record.max_publication_until


def act_on(stage: Stage, measure: Measure, place: int) -> None:
    """Take one step about a measure: by its department, or by who initiated it."""
    beat = measure.steps[place]
    token = f"demo-{measure.no}-{measure.code}-{place}"
    if earlier(token):
        return
    query = select(Sanction).join(Sanction.record).join(Sanction.measure)
    sanction = db.session.scalars(
        query.where(
            CreditRecord.id == stage.record(measure.no).id, SanctionMeasure.code == measure.code
        )
    ).one_or_none()
    if sanction is None:
        return  # by the rule pack in force it could not be imposed
    transition = current_policy().workflow_of(sanction).transitions[beat.what]
    login = measure.by if "department" in transition.by else measure.initiated_by
    answers = answer(stage, beat, transition, sanction)
    fire("sanctions", sanction, beat.what, stage.user(login), answers=answers, token=token)


def earlier(token: str) -> str | None:
    """Return what a step led to when it was taken before."""
    used = db.session.get(FormToken, token)
    return used.result_ref if used else None


def fire(
    kind: str,
    entity: Entity,
    name: str,
    user: User,
    *,
    answers: Answers,
    token: str,
    uploads: Sequence[Upload] = (),
) -> None:
    """Fire a transition as its form would."""
    purpose = f"{kind} {entity.ref} {name}"
    sent = cases.Submission(answers, uploads, token, entity.version, purpose)
    cases.perform(kind, entity.ref, name, user, sent)


# --- cases --------------------------------------------------------------------------------


def take_step(stage: Stage, story: Story, place: int) -> None:
    """Take one step of a story."""
    beat = story.beats[place]
    token = f"demo-{story.workflow}-{story.name}-{place}"
    if place == 0:
        stage.refs[story.workflow, story.name] = earlier(token) or begin(stage, story, beat, token)
        return
    ref = stage.refs[story.workflow, story.name]
    if earlier(token) or not ref:
        return
    found = find_entity(ref, beat.what)
    if found is None:
        return  # the rule pack in force does not ask for this
    kind, entity, name = found
    if (story.workflow, name) == ("complaint", "take_up"):
        take_up(stage, entity, beat, token)
        return
    transition = current_policy().workflow_of(entity).transitions[name]
    actor = stage.user(choose_person(stage, story, beat, transition, entity))
    if name in BY_RULES and cases.reasons_against(actor, entity, name) is None:
        return
    answers = answer(stage, beat, transition, entity, token)
    papers = draw_papers(beat, entity)
    fire(kind, entity, name, actor, answers=answers, token=token, uploads=papers)


def begin(stage: Stage, story: Story, beat: Beat, token: str) -> str:
    """Return the reference of a story's case, which is opened unless somebody else's step did.

    It is empty where the rule pack in force took the record off before.
    """
    if beat.what and stage.record(story.no).state == "expired":
        return ""
    if not beat.what:
        return newest_case(stage.record(story.no), story.workflow).ref
    if story.workflow == "complaint":
        return complain(stage, story, beat, token)
    return open_case(stage, story, beat, token)


def newest_case(record: CreditRecord, workflow: str) -> Case:
    """Return the case of a kind that was opened last about a record."""
    query = select(Case).where(Case.record_id == record.id, Case.workflow == workflow)
    return db.session.scalars(query.order_by(Case.id.desc())).first() or missing(workflow)


def missing(what: str) -> Case:
    """Raise LookupError: a story counts on what another one has not brought about."""
    raise LookupError(what)


def open_case(stage: Stage, story: Story, beat: Beat, token: str) -> str:
    """Open the case of a story and return its reference."""
    record = stage.record(story.no)
    transition = current_policy().current[story.workflow].transitions[beat.what]
    login = story.by or opener_of(stage, transition, record)
    answers = answer(stage, beat, transition, record)
    if story.ground:
        answers = Answers({**answers.facts, "ground": story.ground}, answers.texts, answers.values)
    purpose = f"{record.ref} {story.workflow}"
    sent = cases.Submission(answers, draw_papers(beat, record), token, 0, purpose)
    return cases.open_case(story.workflow, record.ref, stage.user(login), sent, name=beat.what).ref


def opener_of(stage: Stage, transition: Transition, record: CreditRecord) -> str:
    """Return the login of who opens a matter where the story does not say."""
    match transition.by[0]:
        case "reviewer":
            return choose_reviewer(transition.name, "centre")
        case "provider":
            return stage.person_of(record.provider_id).login
        case _:
            return stage.person_of(record.subject_id).login


def complain(stage: Stage, story: Story, beat: Beat, token: str) -> str:
    """Complain of a record, as anybody may, and return the reference of the case."""
    told = complaints.Told(story.ground, statement=beat.words[0], **beat.facts)
    code = complaints.receive(stage.record(story.no).ref, told, token)
    found = complaints.look_up(code)
    return found.ref if found else missing(token).ref


def take_up(stage: Stage, complaint: Entity, beat: Beat, token: str) -> None:
    """Open the objection that a complaint leads to."""
    ground = complaints.ground_of(complaints.get_complaint(complaint.ref, stage.user("lin")))
    answers = Answers({"ground": ground}, {"statement": beat.words[0]})
    sent = cases.Submission(answers, (), token, 0, f"{complaint.ref} take_up")
    complaints.take_up(complaint.ref, stage.user("lin"), sent)


def find_entity(case_ref: str, what: str) -> tuple[str, Entity, str] | None:
    """Return kind, entity and transition of a step; None for a requirement that is not asked."""
    part, _, name = what.rpartition(".")
    case = db.session.scalars(select(Case).where(Case.ref == case_ref)).one()
    policy = current_policy()
    if not part:
        by_recogniser = (
            case.workflow == "repair" and policy.pack_of(case).repair.decider == "provider"
        )
        return "cases", case, OF_RECOGNISER.get(name, name) if by_recogniser else name
    if policy.current[part].entity == "case":
        return "cases", newest_case(case.record, part), name
    source = policy.current[part].transitions[name].source
    asked = [one for one in case.requirements if one.workflow == part]
    ready = [one for one in asked if one.state in source]
    return ("requirements", (ready or asked)[0], name) if asked else None


def choose_person(
    stage: Stage, story: Story, beat: Beat, transition: Transition, entity: Entity
) -> str:
    """Return the login of who takes a step, by the first role that may."""
    if beat.by:
        return beat.by
    match transition.by[0]:
        case "reviewer":
            case = entity.case if isinstance(entity, Requirement) else entity
            above = isinstance(case, Case) and case.centre_id == stage.units["province"]
            return choose_reviewer(transition.name, "province" if above else "centre")
        case "institution" | "provider" if (
            isinstance(entity, Requirement) and entity.institution_id
        ):
            return stage.person_of(entity.institution_id).login
        case "provider":
            holder = entity if isinstance(entity, Case) else record_of(entity)
            first = stage.person_of(holder.provider_id)
            return (
                cast.SECOND_OF[first.unit].login if transition.name in BY_A_SECOND else first.login
            )
        case "department" if isinstance(entity, Case):
            return stage.person_of(entity.department_id).login
        case _:
            return story.by or stage.person_of(record_of(entity).subject_id).login


def choose_reviewer(name: str, unit: str) -> str:
    """Return who of a centre takes a step: one receives, one decides, one signs."""
    receives, decides, signs = cast.REVIEWERS[unit]
    verb = name.partition("_")[0]
    if verb == "sign":
        return signs
    return decides if verb in {"announce", "check", "decide", "drop", "propose"} else receives


def draw_papers(beat: Beat, entity: Entity) -> tuple[Upload, ...]:
    """Return the files of a step, which name the record they are about."""
    record = record_of(entity)
    lines = (f"关于：{record.decision_no}", f"单位：{record.subject.name}")
    return tuple(make_paper(name, *lines) for name in beat.papers)


# --- what a form would have asked ---------------------------------------------------------

DAYS: Final = ("issued_on", "meets_on", "held_on", "happened_on", "served_until")
UNITS: Final = ("institution_id", "provider_id", "consulted_id", "centre_id")
CASES: Final = ("about_id", "joined_id")


def answer(
    stage: Stage, beat: Beat, transition: Transition, entity: Entity, token: str = ""
) -> Answers:
    """Return the answers to the form of a transition: words to its texts, and its facts."""
    form = FORMS[transition.form]
    texts = {name: word for name, word in zip(form.texts, beat.words, strict=False) if word}
    facts: dict[str, Any] = dict(beat.facts)
    values = facts.pop("values", {})
    for name, fact in facts.items():
        if name in UNITS:
            facts[name] = stage.units[fact]
        elif name in CASES:
            query = select(Case.id).where(Case.ref == stage.refs[fact])
            facts[name] = db.session.scalars(query).one()
        elif name in DAYS:
            facts[name] = day_from(fact).isoformat()
    if isinstance(entity, Requirement):
        facts |= answer_of_requirement(transition, entity, beat, token)
        if transition.form == "CommitmentForm":
            texts["signatory"] = stage.person_of(entity.case.subject_id).name
    return Answers(facts, texts, values)


def day_from(days: int) -> date:
    """Return the day that lies so many working days after today; before it, if negative."""
    return add_working_days(today(), days).due_on if days > 0 else working_day(today(), -days)


def answer_of_requirement(
    transition: Transition, requirement: Requirement, beat: Beat, token: str
) -> dict[str, Any]:
    """Return what the form of a requirement makes of it: prescribed text, certificate, course."""
    subject: Organisation = requirement.case.subject
    match transition.form:
        case "CommitmentForm":
            text = commitment_texts()["repair"].fill_in(
                name=subject.name,
                uscc=subject.uscc or "",
                decision_no=requirement.case.record.decision_no,
            )
            return {"text": text}
        case "CertificateForm" | "PaperForm":
            return certify(requirement)
        case "OnlineCourseForm" | "LessonForm" | "BeginTestForm" | "TestForm":
            return study(transition.form, beat, token)
        case _:
            return {}


def study(form: str, beat: Beat, token: str) -> dict[str, Any]:
    """Return what is answered in the online course: each lesson read, each question right."""
    course = next(iter(courses().values()))
    seed = int(hashlib.sha256(token.rpartition("-")[0].encode()).hexdigest()[:7], 16)
    drawn = course.draw(seed)
    match form:
        case "OnlineCourseForm":
            return {
                "course": course.key,
                "edition": course.edition,
                "lessons": list(course.lessons),
                "pass_mark": course.pass_mark,
                "tries_a_day": course.tries_a_day,
                "valid_months": course.valid_months,
            }
        case "LessonForm":
            return {"lesson": list(course.lessons)[beat.facts["lesson"]]}
        case "BeginTestForm":
            return {"edition": course.edition, "seed": seed, "questions": list(drawn)}
        case _:
            answers = {one: sorted(course.bank[one].answer) for one in drawn}
            return {"answers": answers, "marks": course.mark(drawn, answers)}


def certify(requirement: Requirement) -> dict[str, str]:
    """Return number and dates of a certificate or report issued today, good for a year."""
    mark = "PX" if requirement.workflow == "training" else "XB"
    return {
        "number": f"{mark}{today():%Y%m}-{requirement.id:04d}",
        "issued_on": today().isoformat(),
        "valid_until": (today() + timedelta(days=365)).isoformat(),
        "uscc": requirement.case.subject.uscc or "",
    }
