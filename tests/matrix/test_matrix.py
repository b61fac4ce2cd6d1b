"""Every principal, every step, every state, one's own and foreign, by page and by interface.

What is expected stands in expected.toml and in the tables of permits, both written by hand. A part
of the cells is asked every time; `manage.py test --all` asks all of them.
"""

import zlib
from collections.abc import Iterator
from functools import cache

import pytest
from sqlalchemy import update

from repair_app.db import db, writing
from repair_app.engine.step import NotAllowed, NotOffered
from repair_app.models import Case, User
from repair_app.services import cases
from repair_app.services.policy import current_policy
from tests.matrix.asking import form_of, refusals_noted
from tests.matrix.cast import Row, principals, standing_of
from tests.matrix.conftest import INTERFACE, PAGES, Board
from tests.workflows.permits import PERMITS

SAMPLE = 300  # one cell in so many is asked every time
LONG = "x" * 10_240
JUNK = ("to_closed", "__class__", "no_such_step", LONG)
NOBODY = {"anon", "Z"}
REFUSED = {401, 403, 404, 409}
HERE = 200  # the step is this role's, in this state
MOST_TOLD = 20


@cache
def steps_of(workflow: str, role: str, state: str | None = None) -> frozenset[str]:
    """Return what the table of permits lets a role do, in a state or in any."""
    table = PERMITS[workflow]
    states = [table[state]] if state else list(table.values())
    return frozenset(
        step for one in states for roles, steps in one.items() if role in roles for step in steps
    )


@cache
def everybodys(workflow: str) -> frozenset[str]:
    """Return the steps that some person may take, in some state."""
    roles = {role for one in PERMITS[workflow].values() for several in one for role in several} - {
        "system"
    }
    return frozenset(step for role in roles for step in steps_of(workflow, role))


def wanted(row: Row, principal: str, step: str, by: str) -> set[int]:
    """Return how an attempt may be answered, by the tables."""
    if has_no_page(row, by):
        return {404}
    if principal in NOBODY or (principal == "K" and by == PAGES):
        return {401}
    if principal == "K":
        return {403}  # its token is for reading
    if by == INTERFACE and step == LONG:
        return {422}
    # A system acts in one office: that of D in the agency's.
    standing = standing_of(row, "P1" if (principal, by) == ("D", INTERFACE) else principal)
    expected = expected_of(row, standing, step)
    if expected != HERE:
        return {expected}
    return {400, 409} if by == PAGES else {409, 422}


def expected_of(row: Row, standing: set[str] | None, step: str) -> int:
    """Return how who stands so is answered: 404, 403, 409, or HERE."""
    if standing is None or step not in everybodys(row.workflow):
        return 404
    if not any(step in steps_of(row.workflow, role) for role in standing):
        return 403
    here = any(step in steps_of(row.workflow, role, row.state) for role in standing)
    return HERE if here else 409


def has_no_page(row: Row, by: str) -> bool:
    """Say whether there is no such address: a person takes no step in a record on file."""
    return by == PAGES and row.workflow == "record"


def list_cells(board: Board, workflow: str) -> Iterator[tuple[Row, str, str, str]]:
    """Yield each cell of a workflow: what, who, which step, by page or interface."""
    policy = current_policy()
    steps = [*policy.current[workflow].transitions, *JUNK]
    if workflow == "record":  # behind a record's address stands the kind of a matter to be begun
        steps = [one for one in steps if one not in policy.current]
    for row in board.rows:
        if row.workflow == workflow:
            for principal in principals():
                for step in steps:
                    for by in (PAGES, INTERFACE):
                        yield row, principal, step, by


def is_in_sample(row: Row, principal: str, step: str, by: str) -> bool:
    """Say whether a cell is asked every time: always the same ones, of every kind."""
    name = f"{row.workflow} {row.state} {row.whose} {principal} {step} {by}"
    return zlib.crc32(name.encode()) % SAMPLE == 0


def ask(board: Board, row: Row, principal: str, step: str, by: str) -> tuple[int, bytes]:
    """Send an attempt, with nothing filled in and drawn from a version that never was."""
    asker = board.askers[principal, by]
    if by == PAGES:
        return asker.send(f"/{row.address}/{step}", form_of(asker))
    return asker.send(f"/api/v1/{row.address}/steps/{step}", b'{"version": 0}')


def ask_all(board: Board, chosen: list[tuple[Row, str, str, str]]) -> None:
    """Ask cells and compare with the tables: answers, what is written, what is noted."""
    before, noted = board.digest(), refusals_noted()
    board.writes.take()
    wrong, refused = [], 0
    for row, principal, step, by in chosen:
        status, _body = ask(board, row, principal, step, by)
        expected = wanted(row, principal, step, by)
        written = board.writes.take()
        refused += status in REFUSED and not has_no_page(row, by)
        if status not in expected or written:
            told = f"{principal} {by}: {row.whose} {row.workflow} {row.state}, {step[:40]}"
            wrong.append(f"{told}: {status}, wanted {sorted(expected)}; wrote {written}")
    assert not wrong, f"{len(wrong)} of {len(chosen)}:\n" + "\n".join(wrong[:MOST_TOLD])
    assert board.digest() == before
    assert refusals_noted() - noted == refused


@pytest.mark.parametrize("workflow", sorted(PERMITS))
def test_a_part_of_the_cells_is_answered_as_the_tables_say(board: Board, workflow: str) -> None:
    chosen = [one for one in list_cells(board, workflow) if is_in_sample(*one)]
    assert chosen
    ask_all(board, chosen)


def decide(row: Row, user: User, step: str) -> int:
    """Return how the services answer, whom pages and interface ask alike, before a form is read."""
    kind, _, ref = row.address.partition("/")
    try:
        entity = cases.get_visible(kind, ref, user)
        transition = cases.find_transition(user, entity, step)
    except NotAllowed:
        return 403
    except (cases.NotVisible, NotOffered):
        return 404
    return 200 if entity.state in transition.source else 409


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
@pytest.mark.parametrize("workflow", sorted(PERMITS))
def test_every_cell_is_decided_as_the_tables_say(board: Board, workflow: str) -> None:
    """What pages and interface ask before all else, for every cell of those who can sign in."""
    wrong, count = [], 0
    users = {name: db.session.get_one(User, number) for name, number in board.accounts.items()}
    for row, principal, step, by in list_cells(board, workflow):
        if by == PAGES or principal in NOBODY | {"K"}:
            continue
        standing = standing_of(row, principal)
        expected = expected_of(row, standing, step)
        count += 1
        if (told := decide(row, users[principal], step)) != expected:
            wrong.append(f"{principal}: {row.whose} {row.workflow} {row.state} {step[:40]}: {told}")
    db.session.rollback()
    assert count
    assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:MOST_TOLD])


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("workflow", sorted(PERMITS))
def test_each_kind_of_answer_in_each_state_is_given_by_pages_and_interface(
    board: Board, workflow: str
) -> None:
    """Of each principal, state and side one step for every kind of answer, by both ways."""
    chosen: dict[tuple, tuple[Row, str, str, str]] = {}
    for cell in list_cells(board, workflow):
        row, principal, step, by = cell
        key = (row.address, principal, by, step in JUNK, *sorted(wanted(*cell)))
        name = f"{row.state} {principal} {step}"
        others = chosen.get(key)
        if others is None or zlib.crc32(name.encode()) < zlib.crc32(
            f"{row.state} {principal} {others[2]}".encode()
        ):
            chosen[key] = cell
    ask_all(board, list(chosen.values()))


def test_every_state_of_every_workflow_is_on_the_board_own_and_foreign(board: Board) -> None:
    there = {(one.workflow, one.state, one.whose) for one in board.rows}
    assert there == {
        (workflow, state, whose)
        for workflow, states in PERMITS.items()
        for state in states
        if state != "new"  # nothing is there yet: see test_openings.py
        for whose in ("own", "foreign")
    }


def test_what_is_written_is_seen_by_both_checks(board: Board) -> None:
    """A planted write shows that neither check is blind."""
    before = board.digest()
    board.writes.take()
    with writing(), db.engine.begin() as connection:
        case = connection.execute(Case.__table__.select().limit(1)).one()
        connection.execute(update(Case).where(Case.id == case.id).values(version=case.version + 1))
    assert board.writes.take()
    assert board.digest() != before
    with writing(), db.engine.begin() as connection:
        connection.execute(update(Case).where(Case.id == case.id).values(version=case.version))
    assert board.digest() == before
    board.writes.take()
