"""How a matter begins: every principal, every kind of matter, about records in every state.

Who may begin what stands in the tables of permits, in the row of the state "new"; who stands how to
a record, in expected.toml. A part of the cells is asked each time, all by `manage.py test --all`.
"""

import zlib
from collections.abc import Iterator
from itertools import product

import pytest

from repair_app.services.policy import current_policy
from tests.matrix.asking import form_of, refusals_noted
from tests.matrix.cast import TABLE, Row, principals, standing_of
from tests.matrix.conftest import INTERFACE, PAGES, Board
from tests.matrix.test_matrix import MOST_TOLD, NOBODY, REFUSED
from tests.workflows.permits import PERMITS

SAMPLE = 40  # one cell in so many is asked every time
NO_MATTERS = ("training", "record", "__class__")  # nothing of this name can be begun
OWN_DOOR = {
    "complaint"
}  # has a page for everybody, without a name (tests/journeys/test_complaints.py)
Cell = tuple[Row, str, str, str]


def list_cells(board: Board) -> Iterator[Cell]:
    """Yield each cell: about which record, who, what is to be begun, by page or interface."""
    policy = current_policy()
    matters = [one.name for one in policy.current.values() if one.entity == "case"]
    records = [one for one in board.rows if one.workflow == "record"]
    for one in product(records, principals(), [*matters, *NO_MATTERS], (PAGES, INTERFACE)):
        if one[2] not in OWN_DOOR or one[3] == INTERFACE:
            yield one


def wanted(row: Row, principal: str, matter: str, by: str) -> set[int]:
    """Return how an attempt may be answered, by the tables."""
    if matter in NO_MATTERS:
        return {404}
    if principal in NOBODY | {"K"}:  # K's token is for reading
        return {403} if (principal, by) == ("K", INTERFACE) else {401}
    standing = standing_of(row, "P1" if (principal, by) == ("D", INTERFACE) else principal)
    if standing is None:
        return {403} if row.state in TABLE["states"]["public"] else {404}
    openers = {role for roles in PERMITS[matter]["new"] for role in roles}
    mandated = principal != "G" or TABLE["kinds"][matter] != "case_beyond_mandate"
    if not (mandated and openers & standing):
        return {403}
    return {400, 409} if by == PAGES else {409, 422}


def ask_all(board: Board, chosen: list[Cell]) -> None:
    """Send attempts with nothing filled in; compare answers, what is written, what is noted."""
    before, noted = board.digest(), refusals_noted()
    board.writes.take()
    wrong, refused = [], 0
    for row, principal, matter, by in chosen:
        asker = board.askers[principal, by]
        if by == PAGES:
            status, _body = asker.send(f"/{row.address}/{matter}", form_of(asker))
        else:
            path = f"/api/v1/{row.address}/matters/{matter}"
            status, _body = asker.send(path, b'{"version": 0}')
        expected, written = wanted(row, principal, matter, by), board.writes.take()
        refused += status in REFUSED and matter not in NO_MATTERS
        if status not in expected or written:
            told = f"{principal} {by}: {row.whose} record {row.state}, {matter}"
            wrong.append(f"{told}: {status}, wanted {sorted(expected)}; wrote {written}")
    assert not wrong, f"{len(wrong)} of {len(chosen)}:\n" + "\n".join(wrong[:MOST_TOLD])
    assert board.digest() == before
    assert refusals_noted() - noted == refused


def is_in_sample(row: Row, principal: str, matter: str, by: str) -> bool:
    """Say whether a cell is asked every time: always the same ones, of every kind."""
    name = f"{row.state} {row.whose} {principal} {matter} {by}"
    return zlib.crc32(name.encode()) % SAMPLE == 0


def test_a_part_of_the_beginnings_is_answered_as_the_tables_say(board: Board) -> None:
    chosen = [one for one in list_cells(board) if is_in_sample(*one)]
    assert chosen
    ask_all(board, chosen)


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_every_beginning_is_answered_as_the_tables_say(board: Board) -> None:
    ask_all(board, list(list_cells(board)))
