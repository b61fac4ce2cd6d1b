"""Tables: columns, constraints and small read properties; no rule lives here."""

from repair_app.models.alarms import Alarm
from repair_app.models.calendar import CalendarDay, CalendarEdition
from repair_app.models.cases import Case, Deadline, Document, FieldProposal, FormToken, Requirement
from repair_app.models.complaints import Complaint, ComplaintContact, ComplaintPaper
from repair_app.models.desk import CaseNote, Export, SavedSearch, StepReport
from repair_app.models.drafts import Draft, OwnReport, StagedUpload, Viewing
from repair_app.models.events import Event, EventText, RefCounter, Stream
from repair_app.models.imports import ImportBatch, ImportRow, QuarantinedRow
from repair_app.models.inspections import Finding, InspectionItem
from repair_app.models.letters import Letter
from repair_app.models.messages import MailState, Message
from repair_app.models.moves import VersionMove
from repair_app.models.parties import Appointment, Organisation, Person, Role, User
from repair_app.models.records import CreditRecord, DisputeMark, ProceedingMark
from repair_app.models.sanctions import (
    Sanction,
    SanctionExecution,
    SanctionMeasure,
    SanctionSuspension,
)
from repair_app.models.supervision import Fulfilment, InstitutionRegistration, Talk
from repair_app.models.training import Enrolment, TestAttempt, TrainingBooking, TrainingDate

__all__ = [
    "Alarm",
    "Appointment",
    "CalendarDay",
    "CalendarEdition",
    "Case",
    "CaseNote",
    "Complaint",
    "ComplaintContact",
    "ComplaintPaper",
    "CreditRecord",
    "Deadline",
    "DisputeMark",
    "Document",
    "Draft",
    "Enrolment",
    "Event",
    "EventText",
    "Export",
    "FieldProposal",
    "Finding",
    "FormToken",
    "Fulfilment",
    "ImportBatch",
    "ImportRow",
    "InspectionItem",
    "InstitutionRegistration",
    "Letter",
    "MailState",
    "Message",
    "Organisation",
    "OwnReport",
    "Person",
    "ProceedingMark",
    "QuarantinedRow",
    "RefCounter",
    "Requirement",
    "Role",
    "Sanction",
    "SanctionExecution",
    "SanctionMeasure",
    "SanctionSuspension",
    "SavedSearch",
    "StagedUpload",
    "StepReport",
    "Stream",
    "Talk",
    "TestAttempt",
    "TrainingBooking",
    "TrainingDate",
    "User",
    "VersionMove",
    "Viewing",
]
