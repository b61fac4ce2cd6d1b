"""What must be true before something that was taken off comes on file again (转为档案保存)."""

from repair_app.engine.step import Reason, Step
from repair_app.labels import N_


def former_record_is_off_file(step: Step) -> Reason | None:
    """The record that the row says again is archived; one on file is changed by objection only."""
    if step.record.archived_at is not None:
        return None
    return Reason(
        N_("Record %(ref)s is on file as it was corrected; what it says is changed by objection."),
        {"ref": step.record.ref},
    )


def row_is_not_on_file(step: Step) -> Reason | None:
    """No other record on file says what the row says."""
    ref = step.store.find_on_file(step.store.get_quarantined_row(step.case))
    if ref is None:
        return None
    return Reason(N_("Record %(ref)s on file says the same."), {"ref": ref})
