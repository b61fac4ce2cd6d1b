"""Plays the stories: every step goes through the services, at the moment when it is said to be."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import select

from repair_app.db import at, db, today
from repair_app.demo import cast, penalties
from repair_app.demo.days import opening_hour, working_day
from repair_app.demo.papers import make_paper
from repair_app.demo.stories import MEASURES, OBJECTIONS, REPAIRS, Beat, Measure, Story
from repair_app.engine.spec import Transition
from repair_app.engine.step import Answers, Entity, record_of
from repair_app.forms import FORMS
from repair_app.forms.questions import COMMITMENT_ZH
from repair_app.models import (
    Case,
    CreditRecord,
    FormToken,
    ImportBatch,
    Requirement,
    Sanction,
    SanctionMeasure,
    User,
)
from repair_app.services import cases, imports, publication, sanctions
from repair_app.services.policy import current_policy
from repair_app.uploads import Upload

Act = Callable[[], object]
BETWEEN_STEPS: Final = timedelta(minutes=18)
BETWEEN_STORIES: Final = timedelta(minutes=7)
NIGHTS: Final = range(1, 20)  # working days ago on which the nightly sweeps were run


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


def list_acts(stage: Stage) -> Iterator[tuple[datetime, int, Act]]:
    """Yield each act with its moment, and its place among those of one moment."""
    for place, report in enumerate(penalties.list_reports(stage.day)):
        yield opening_hour(report.sent_on), place, partial(send_report, stage, report)
    for measure in MEASURES:
        moment = opening_hour(working_day(stage.day, measure.days)) + timedelta(hours=1)
        yield moment, measure.no, partial(impose, stage, measure)
        if measure.lifted:
            moment = opening_hour(working_day(stage.day, measure.lifted))
            yield moment, measure.no, partial(lift, stage, measure)
    for number, story in enumerate((*OBJECTIONS, *REPAIRS)):
        for place, beat in enumerate(story.beats):
            moment = opening_hour(working_day(stage.day, beat.days))
            moment += BETWEEN_STEPS * place + BETWEEN_STORIES * (number % 9)
            yield moment, place, partial(take_step, stage, story, place)
    for days in NIGHTS:
        night = opening_hour(working_day(stage.day, days)) - timedelta(hours=6)
        yield night, 0, publication.expire_records
        yield night, 1, publication.lapse_sanctions


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
    """Impose a measure for the department of a person."""
    token = f"demo-{measure.no}-{measure.code}"
    if earlier(token):
        return
    record = stage.record(measure.no)
    known = select(SanctionMeasure.id).where(SanctionMeasure.code == measure.code)
    facts = {
        "measure_id": db.session.scalars(known).one(),
        "ends_on": end_of(measure, record).isoformat(),
    }
    ref = record.ref
    sent = cases.Submission(Answers(facts=facts), token=token, purpose=f"{ref} impose")
    sanctions.impose(ref, stage.user(measure.by), sent)


def end_of(measure: Measure, record: CreditRecord) -> date:
    """Return the last day of a measure: without a term, that of the record's publication."""
    return today() + timedelta(days=measure.term) if measure.term else record.max_publication_until


def lift(stage: Stage, measure: Measure) -> None:
    """Lift a measure, as its department decided."""
    token = f"demo-{measure.no}-{measure.code}-lift"
    if earlier(token):
        return
    query = select(Sanction).join(Sanction.record).join(Sanction.measure)
    sanction = db.session.scalars(
        query.where(
            CreditRecord.id == stage.record(measure.no).id, SanctionMeasure.code == measure.code
        )
    ).one()
    answers = Answers(texts={"reason": measure.why})
    fire("sanctions", sanction, "lift", stage.user(measure.by), answers=answers, token=token)


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
    if beat.what == "open":
        ref = earlier(token) or open_case(stage, story, beat, token)
        stage.refs[story.workflow, story.name] = ref
        return
    if earlier(token):
        return
    found = find_entity(stage.refs[story.workflow, story.name], beat.what)
    if found is None:
        return  # the rule pack in force does not ask for this
    kind, entity, name = found
    transition = current_policy().workflow_of(entity).transitions[name]
    actor = stage.user(choose_person(stage, story, beat, transition, entity))
    answers = answer(stage, beat, transition, entity)
    papers = draw_papers(beat, entity)
    fire(kind, entity, name, actor, answers=answers, token=token, uploads=papers)


def open_case(stage: Stage, story: Story, beat: Beat, token: str) -> str:
    """Open the case of a story and return its reference."""
    record = stage.record(story.no)
    ref = record.ref
    login = story.by or stage.person_of(record.subject_id).login
    facts = {"ground": story.ground} if story.ground else {}
    values = beat.facts.get("values", {})
    answers = Answers(facts, {"statement": beat.words[0]}, values)
    sent = cases.Submission(answers, draw_papers(beat, record), token, 0, f"{ref} {story.workflow}")
    return cases.open_case(story.workflow, ref, stage.user(login), sent).ref


def find_entity(case_ref: str, what: str) -> tuple[str, Entity, str] | None:
    """Return kind, entity and transition of a step; None for a requirement that is not asked."""
    part, _, name = what.rpartition(".")
    case = db.session.scalars(select(Case).where(Case.ref == case_ref)).one()
    if part == "record":
        return "records", case.record, name
    if not part:
        return "cases", case, name
    asked = next((one for one in case.requirements if one.workflow == part), None)
    return ("requirements", asked, name) if asked else None


def choose_person(
    stage: Stage, story: Story, beat: Beat, transition: Transition, entity: Entity
) -> str:
    """Return the login of who takes a step, by the first role that may."""
    if beat.by:
        return beat.by
    match transition.by[0]:
        case "reviewer":
            return choose_reviewer(transition.name)
        case "institution" if isinstance(entity, Requirement):
            return stage.person_of(entity.institution_id).login
        case "provider":
            provider = entity if isinstance(entity, Case) else record_of(entity)
            return stage.person_of(provider.provider_id).login
        case _:
            return story.by or stage.person_of(record_of(entity).subject_id).login


def choose_reviewer(name: str) -> str:
    """Return who of the centre takes a step: one receives, one decides, one signs."""
    verb = name.partition("_")[0]
    if verb == "sign":
        return cast.SIGNS
    return cast.DECIDES if verb in {"announce", "decide", "propose"} else cast.RECEIVES


def draw_papers(beat: Beat, entity: Entity) -> tuple[Upload, ...]:
    """Return the files of a step, which name the record they are about."""
    record = record_of(entity)
    lines = (f"关于：{record.decision_no}", f"单位：{record.subject.name}")
    return tuple(make_paper(name, *lines) for name in beat.papers)


# --- what a form would have asked ---------------------------------------------------------


def answer(stage: Stage, beat: Beat, transition: Transition, entity: Entity) -> Answers:
    """Return the answers to the form of a transition: words to its texts, and its facts."""
    form = FORMS[transition.form]
    texts = dict(zip(form.texts, beat.words, strict=False))
    facts: dict[str, Any] = dict(beat.facts)
    values = facts.pop("values", {})
    for name in ("institution_id", "provider_id"):
        if name in facts:
            facts[name] = stage.units[facts[name]]
    if isinstance(entity, Requirement) and transition.form == "CommitmentForm":
        subject = entity.case.subject
        facts["text"] = COMMITMENT_ZH.format(
            name=subject.name, uscc=subject.uscc, decision_no=entity.case.record.decision_no
        )
        texts["signatory"] = stage.person_of(subject.id).name
    if isinstance(entity, Requirement) and transition.form == "CertificateForm":
        facts |= certify(entity)
    return Answers(facts, texts, values)


def certify(requirement: Requirement) -> dict[str, str]:
    """Return number and dates of a certificate or report issued today, good for a year."""
    mark = "PX" if requirement.workflow == "training" else "XB"
    return {
        "number": f"{mark}{today():%Y%m}-{requirement.id:04d}",
        "issued_on": today().isoformat(),
        "valid_until": (today() + timedelta(days=365)).isoformat(),
    }
