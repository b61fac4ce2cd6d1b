"""Tables: columns, constraints and small read properties; no rule lives here."""

from repair_app.models.alarms import Alarm
from repair_app.models.calendar import CalendarDay, CalendarEdition
from repair_app.models.cases import Case, Deadline, Document, FieldProposal, FormToken, Requirement
from repair_app.models.clients import AccessToken, KeptAnswer, MachineClient
from repair_app.models.complaints import Complaint, ComplaintContact, ComplaintPaper
from repair_app.models.desk import CaseNote, Export, SavedSearch, StepReport
from repair_app.models.drafts import Draft, OwnReport, StagedUpload, Viewing
from repair_app.models.enquiries import Enquiry
from repair_app.models.events import Event, EventText, RefCounter, Stream
from repair_app.models.history_tree import (
    PendingLeaf,
    TreeCheckpoint,
    TreeCosignature,
    TreeHead,
    TreeLeaf,
    TreeSigner,
    TreeTile,
)
from repair_app.models.imports import (
    ImportBatch,
    ImportRow,
    ListedEntry,
    QuarantinedRow,
    RecordUpload,
    UploadPart,
    UploadStanding,
)
from repair_app.models.inspections import Finding, InspectionItem
from repair_app.models.letters import Letter
from repair_app.models.limits import RateCount
from repair_app.models.messages import MailState, Message
from repair_app.models.moves import VersionMove
from repair_app.models.parties import Appointment, Organisation, Person, Role, User
from repair_app.models.platforms import (
    Change,
    ChangeHead,
    ChangeIntake,
    Delivery,
    Obligation,
    Owed,
    Platform,
    PlatformKind,
    PlatformStanding,
)
from repair_app.models.records import CreditRecord, DisputeMark, ProceedingMark
from repair_app.models.sanctions import (
    Sanction,
    SanctionExecution,
    SanctionMeasure,
    SanctionSuspension,
)
from repair_app.models.security import SecurityEvent
from repair_app.models.sign_in import Identity, Passkey, SignIn, Vouching
from repair_app.models.supervision import Fulfilment, InstitutionRegistration, Talk
from repair_app.models.training import Enrolment, TestAttempt, TrainingBooking, TrainingDate

__all__ = [
    "AccessToken",
    "Alarm",
    "Appointment",
    "CalendarDay",
    "CalendarEdition",
    "Case",
    "CaseNote",
    "Change",
    "ChangeHead",
    "ChangeIntake",
    "Complaint",
    "ComplaintContact",
    "ComplaintPaper",
    "CreditRecord",
    "Deadline",
    "Delivery",
    "DisputeMark",
    "Document",
    "Draft",
    "Enquiry",
    "Enrolment",
    "Event",
    "EventText",
    "Export",
    "FieldProposal",
    "Finding",
    "FormToken",
    "Fulfilment",
    "Identity",
    "ImportBatch",
    "ImportRow",
    "InspectionItem",
    "InstitutionRegistration",
    "KeptAnswer",
    "Letter",
    "ListedEntry",
    "MachineClient",
    "MailState",
    "Message",
    "Obligation",
    "Organisation",
    "Owed",
    "OwnReport",
    "Passkey",
    "PendingLeaf",
    "Person",
    "Platform",
    "PlatformKind",
    "PlatformStanding",
    "ProceedingMark",
    "QuarantinedRow",
    "RateCount",
    "RecordUpload",
    "RefCounter",
    "Requirement",
    "Role",
    "Sanction",
    "SanctionExecution",
    "SanctionMeasure",
    "SanctionSuspension",
    "SavedSearch",
    "SecurityEvent",
    "SignIn",
    "StagedUpload",
    "StepReport",
    "Stream",
    "Talk",
    "TestAttempt",
    "TrainingBooking",
    "TrainingDate",
    "TreeCheckpoint",
    "TreeCosignature",
    "TreeHead",
    "TreeLeaf",
    "TreeSigner",
    "TreeTile",
    "UploadPart",
    "UploadStanding",
    "User",
    "VersionMove",
    "Viewing",
    "Vouching",
]
