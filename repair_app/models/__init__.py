"""Tables: columns, constraints and small read properties; no rule lives here."""

from repair_app.models.cases import Case, Deadline, Document, FieldProposal, FormToken, Requirement
from repair_app.models.events import Event, EventText, RefCounter, Stream
from repair_app.models.imports import ImportBatch, ImportRow
from repair_app.models.parties import Appointment, Organisation, Person, Role, User
from repair_app.models.records import (
    CreditRecord,
    DisputeMark,
    Sanction,
    SanctionMeasure,
    SanctionSuspension,
)

__all__ = [
    "Appointment",
    "Case",
    "CreditRecord",
    "Deadline",
    "DisputeMark",
    "Document",
    "Event",
    "EventText",
    "FieldProposal",
    "FormToken",
    "ImportBatch",
    "ImportRow",
    "Organisation",
    "Person",
    "RefCounter",
    "Requirement",
    "Role",
    "Sanction",
    "SanctionMeasure",
    "SanctionSuspension",
    "Stream",
    "User",
]
