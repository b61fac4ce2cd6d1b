"""What the interface asks and tells of cases, and of what belongs to them."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from repair_app.api.answers import Paging
from repair_app.api.mistakes import NAME, NAME_OR_NONE, REF
from repair_app.api.questions import Asked
from repair_app.labels import Label
from repair_app.models import Organisation


class Kind(StrEnum):
    """What a step is taken in."""

    CASES = "cases"
    RECORDS = "records"
    REQUIREMENTS = "requirements"
    SANCTIONS = "sanctions"


class CasePath(BaseModel):
    """Which case."""

    ref: str = Field(pattern=REF, description="for example YY-2026-000123-C")


class RequirementPath(BaseModel):
    """Which requirement, or question to another agency."""

    ref: str = Field(pattern=REF, description="for example XQ-2026-000123-C")


class StepPath(CasePath):
    """Which step in what."""

    kind: Kind
    name: str = Field(pattern=NAME)


class CaseQuery(Paging):
    """Which cases are wanted, newest first."""

    workflow: str = Field(
        "", pattern=NAME_OR_NONE, description="a workflow there is, else 422 `invalid`"
    )
    state: str = Field(
        "",
        pattern=NAME_OR_NONE,
        description="a state of that workflow, or of any; else 422 `invalid`",
    )


class Words(BaseModel):
    """A label in both languages."""

    zh: str
    en: str

    @classmethod
    def of(cls, label: Label) -> "Words":
        """Return a label."""
        return cls(zh=label.zh, en=label.en)


class Party(BaseModel):
    """An organisation."""

    uscc: str | None
    name: str

    @classmethod
    def of(cls, organisation: Organisation) -> "Party":
        """Return an organisation."""
        return cls(uscc=organisation.uscc, name=organisation.name)


class Term(BaseModel):
    """A term that runs or ran: who has to act, and until when (its last day, Asia/Shanghai)."""

    clock: str
    owner: str
    due_on: date
    met_at: datetime | None
    provisional: bool


class Step(Asked):
    """A step that is offered, with what still bars it and what it asks."""

    name: str
    label: Words
    basis: list[Words]
    barred_by: list[str]


class Happened(BaseModel):
    """An event of the case's chain."""

    seq: int
    at: datetime
    workflow: str
    step: str
    label: Words
    role: str
    organisation: str | None
    texts: dict[str, str]
    hash: str


class CaseLine(BaseModel):
    """A case in a list."""

    ref: str
    workflow: str
    state: str
    state_label: Words
    version: int
    record: str
    subject: Party
    submitted_at: datetime | None


class CasePage(BaseModel):
    """A part of the list, and where it goes on."""

    cases: list[CaseLine]
    next: str | None


class Proposal(BaseModel):
    """A field of the record that an objection wants corrected."""

    field: str
    before: str
    proposed: str | None
    answered: str | None = Field(description="what the provider found to be right")


class Paper(BaseModel):
    """A piece of evidence. Its bytes, at /documents/{ref}, are for those who act in the case."""

    ref: str
    name: str
    media_type: str
    size: int = Field(description="bytes")
    sha256: str
    material: str | None = Field(description="what it is, by a code of the rule pack")
    uploaded_at: datetime


class Place(BaseModel):
    """A platform that shows the record of the case, or is to, and what it was last owed."""

    code: str
    name_zh: str
    name_en: str
    due_on: date | None = Field(description="None: the newest change is in no order yet")
    state: str | None = Field(description="waiting, acknowledged or failed (given up)")
    attempts: int
    tried_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_hash: str | None = Field(description="the platform's own, of what it shows")
    agrees: bool = Field(description="it shows the newest result")
    late: bool


class Spread(BaseModel):
    """Where the result of a case is shown."""

    complete_since: datetime | None = Field(description="None: some platform is waited for")
    waiting: int = Field(description="platforms that do not show the newest result yet")
    places: list[Place]


class CaseWhole(CaseLine):
    """A case with all that its page shows."""

    ground: str
    outcome: str | None = Field(description="a code of the rule pack: what came of it")
    about: str | None = Field(description="the matter that this one is about")
    provider: Party
    centre: Party | None = Field(description="the credit centre that acts")
    department: Party | None
    terms: list[Term]
    steps: list[Step]
    requirements: list["Part"]
    proposals: list[Proposal] = Field(description="what the record should say instead")
    documents: list[Paper]
    earlier_documents: list[Paper] = Field(description="of the matter that this one looks at again")
    history: list[Happened]
    urged_at: list[datetime] = Field(description="by who filed it, oldest first")
    platforms: Spread = Field(description="where the record of the case is shown")


class Part(BaseModel):
    """Something that a repair needs, or another agency's view."""

    ref: str
    workflow: str
    state: str
    state_label: Words
    version: int
    steps: list[Step]


class PartAlone(Part):
    """The same, as the institution or agency that is asked for it sees it."""

    subject: Party
    institution: Party | None
    number: str | None = Field(description="of the certificate or report")
    issued_on: date | None
    valid_until: date | None
    question: str = Field(description="what another agency is asked for its view of")


class DayOff(BaseModel):
    """A day that does not count."""

    day: date
    reason: str
    label: Words


class StandStill(BaseModel):
    """A time in which a term stands still."""

    since: date
    until: date | None
    state: str = Field(description="the state that stops the clock")
    label: Words | None


class Clause(BaseModel):
    """What a value of the rules rests on."""

    clause: Words
    grade: str = Field(description="how well it is known")
    grade_label: Words


class Counted(Term):
    """A term, with all that tells how its last day was counted."""

    ref: str = Field(description="of the case, or of what belongs to it")
    whole: bool = Field(description="of the whole matter, not of one state")
    starts_on: date = Field(description="not counted itself")
    working_days: int = Field(description="with those of an extension")
    extended_by: int
    skipped: list[DayOff]
    worked_weekends: list[date]
    pauses: list[StandStill]
    stands_still_since: date | None
    calendar_edition: int | None
    source: Clause | None
    sentence: Words = Field(description="how the last day was counted")
    lines: list[Words]


class TermPage(BaseModel):
    """The terms of a case."""

    terms: list[Counted]


class Done(BaseModel):
    """What a step led to."""

    ref: str
    workflow: str
    state: str
    version: int
