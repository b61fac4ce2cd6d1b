"""What becomes of a row: accepted, duplicate, quarantined or refused, and why."""

from collections.abc import Sequence
from typing import Any

from repair_app.models.records import OFF_PUBLICATION
from repair_app.penalty_format import RowProblem
from repair_app.services.imports.rows import (
    ACCEPTED,
    DUPLICATE,
    REMOVED,
    Judged,
    Known,
    OnFile,
    Parties,
    Party,
    Readable,
    Seats,
)

# What a file says again of a record that no longer says it; the provider has to certify it.
REINSERTIONS = frozenset({"removed_before", "resembles_removed", "corrected_before"})

# code -> column, Chinese, English
PROBLEMS: dict[str, tuple[str, str, str]] = {
    "differs_from_record": (
        "行政处罚决定书文号",
        "该处罚已有记录且内容不同；如需更正，请通过异议处理，不得重复导入",
        "this penalty is on file with other content; a correction goes through an objection",
    ),
    "corrected_before": (
        "行政处罚决定书文号",
        "该处罚已有记录并已更正，不得按更正前的内容再次导入，已隔离",
        "this penalty is on file and was corrected; as it was before, it is quarantined",
    ),
    "removed_before": (
        "行政处罚决定书文号",
        "该记录已终止公示并归档，不得再次导入，已隔离；确需入库的，请在待办中说明理由并提交证据",
        "this record has left publication and is archived; to bring it in, certify it first",
    ),
    "resembles_removed": (
        "行政处罚决定书文号",
        "与已终止公示的记录仅文号不同，已隔离；确属另一处罚的，请在待办中说明理由并提交证据",
        "but for its number it is a record that left publication; certify it in your worklist",
    ),
    "not_your_agency": (
        "处罚机关",
        "处罚机关不是本单位，只能导入本单位作出的处罚",
        "the penalty is another agency's; a provider brings in its own only",
    ),
    "agency_differs": (
        "处罚机关",
        "处罚机关名称与其统一社会信用代码登记的名称不一致，请核对",
        "the agency's code is on file under another name: check code and name",
    ),
    "held_by_other": (
        "行政处罚决定书文号",
        "该企业的同一文号已由其他处罚机关归集，请核对处罚机关",
        "another agency has this number on file for this firm: check the agency",
    ),
    "name_differs": (
        "行政相对人名称",
        "该统一社会信用代码已登记为其他名称，请核对代码和名称",
        "this code is on file under another name: check code and name",
    ),
}


def judge(rows: Sequence[Readable], parties: Parties, known: Known, seats: Seats) -> list[Judged]:
    """Return the rows with their verdicts; what accepted ones name is kept in `parties`."""
    judged = []
    fresh: dict[tuple[Party, str, Party], str] = {}  # fingerprints accepted in this chunk
    for one in rows:
        row, about = one.row, None
        agency, subject = parties.agency_of(row), parties.subject_of(row)
        if seats is not None and agency.id not in seats:
            code = "not_your_agency"
        elif agency.name != row.agency_name:
            code = "agency_differs"
        elif subject.name != row.subject_name:
            code = "name_differs"
        elif earlier := fresh.get((agency, row.decision_no, subject)):
            code = DUPLICATE if earlier == one.fingerprint else "differs_from_record"
        else:
            code, about = judge_known(known, one, agency, subject)
        if code == ACCEPTED:
            agency = parties.keep(agency)
            subject = parties.keep(parties.subject_of(row))
            fresh[agency, row.decision_no, subject] = one.fingerprint
        again = known_ref(known, one, agency, subject) if code == DUPLICATE else None
        judged.append(Judged(one, code, subject, agency, about, again))
    return judged


def known_ref(known: Known, one: Readable, agency: Party, subject: Party) -> str | None:
    """Return the reference of the record on file that a row says again; None in one's own chunk."""
    if agency.id is None or subject.id is None:
        return None
    on_file = known.by_key.get((agency.id, one.row.decision_no, subject.id))
    return on_file.ref if on_file else None


def judge_known(
    known: Known, one: Readable, agency: Party, subject: Party
) -> tuple[str, int | None]:
    """Return what a row is, given what is on file, and the record that it is about.

    A record whose number was corrected is still known by what its file once said.
    """
    if agency.id is None or subject.id is None:
        return ACCEPTED, None
    same_key = known.by_key.get((agency.id, one.row.decision_no, subject.id))
    same_print = known.by_print.get((agency.id, subject.id, one.fingerprint))
    if same_key:
        return judge_same_number(known, one, same_key), same_key.id
    if same_print:
        is_removed = same_print.state in REMOVED
        return "removed_before" if is_removed else "corrected_before", same_print.id
    if one.line in known.elsewhere:
        return "held_by_other", None
    about = known.resembling.get(one.line)
    return (ACCEPTED, None) if about is None else ("resembles_removed", about)


def judge_same_number(known: Known, one: Readable, on_file: OnFile) -> str:
    """Return what a row is that has the number of a record on file."""
    if on_file.fingerprint == one.fingerprint or one.line in known.mended:
        if on_file.state in REMOVED:
            return "removed_before"
        return "corrected_before" if one.line in known.outdated else DUPLICATE
    return "removed_before" if on_file.state in OFF_PUBLICATION else "differs_from_record"


def verdict(
    batch_id: int,
    line: int,
    ordinal: int,
    word: str,
    problem: RowProblem | None,
    ref: str | None = None,
) -> dict[str, Any]:
    """Return one line of the verdicts."""
    return {
        "batch_id": batch_id,
        "line": line,
        "ordinal": ordinal,
        "verdict": word,
        "column": problem.column if problem else "",
        "code": problem.code if problem else "",
        "message_zh": problem.message_zh if problem else "",
        "message_en": problem.message_en if problem else "",
        "ref": ref,
    }


def explain(line: int, code: str) -> RowProblem:
    """Return the problem of a code of ours."""
    column, zh, en = PROBLEMS[code]
    return RowProblem(line, column, code, zh, en)
