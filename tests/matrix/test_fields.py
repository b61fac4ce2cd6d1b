"""Which fields each role may set and read, in every state: by a table that was written by hand."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from wtforms.fields.core import UnboundField

from repair_app.forms import FORMS
from repair_app.services.policy import current_policy
from tests.matrix.cast import Row, principals, standing_of
from tests.matrix.conftest import INTERFACE, Board
from tests.matrix.test_matrix import NOBODY, steps_of
from tests.workflows.permits import PERMITS

TABLE = tomllib.loads(Path(__file__).with_name("fields.toml").read_text(encoding="utf-8"))
FORMS_OWN = {"form_token", "version"}  # by which a form is told from another
SAMPLE = 15  # one row in so many is read every time
LACKS_MORE = {"quarantine"}  # the row of a file that it is about is not on the board
KINDS = {"cases": "case", "requirements": "requirement", "records": "record"}


def fields_of(step_form: str) -> Iterator[str]:
    """Yield the fields of a form, those for values of the record as one."""
    form = FORMS[step_form]
    for name in dir(form):
        if isinstance(getattr(form, name), UnboundField) and name not in FORMS_OWN:
            yield "value_*" if name.startswith("value_") else name


@pytest.mark.parametrize("role", sorted(TABLE["write"]))
def test_each_role_sets_the_fields_of_the_table_and_no_other(board: Board, role: str) -> None:
    found = {
        field
        for name, workflow in current_policy().current.items()
        for step in steps_of(name, role)
        for field in fields_of(workflow.transitions[step].form)
    }
    assert found == set(TABLE["write"][role])


def test_every_field_of_every_form_is_some_roles(board: Board) -> None:
    known = {field for fields in TABLE["write"].values() for field in fields}
    assert {field for name in FORMS for field in fields_of(name)} <= known


def test_every_role_of_the_permits_has_its_fields() -> None:
    roles = {
        role
        for states in PERMITS.values()
        for permits in states.values()
        for several in permits
        for role in several
    }
    assert roles - {"system"} <= set(TABLE["write"])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_role_reads_the_fields_of_the_table(board: Board, kind: str) -> None:
    """In some states of each kind, always the same."""
    read_all(board, rows_of(board, kind)[::SAMPLE])


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_role_reads_the_fields_of_the_table_in_every_state(board: Board, kind: str) -> None:
    read_all(board, rows_of(board, kind))


def rows_of(board: Board, kind: str) -> list[Row]:
    """Return what is read of a kind."""
    return [
        one for one in board.rows if one.address.startswith(kind) and one.workflow not in LACKS_MORE
    ]


def read_all(board: Board, rows: list[Row]) -> None:
    """Read as each principal, and compare with the tables."""
    wrong = []
    for row in rows:
        for principal in sorted({"S1", "S2", "P1", "R1", "R3", "O", "I", "A", "U", "Z"}):
            status, said = read(board, row, principal)
            told = f"{principal}: {row.whose} {row.workflow} {row.state}"
            expected = expected_of(row, principal)
            if status != expected:
                wrong.append(f"{told}: {status}, wanted {expected}")
            elif status == 200:
                wrong += [f"{told}: {flaw}" for flaw in flaws_of(row, principal, json.loads(said))]
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])


def expected_of(row: Row, principal: str) -> int:
    """Return how reading is answered."""
    if principal in NOBODY:
        return 401
    if (row.workflow, row.state) == ("record", "published"):
        return 200  # to everybody, as the public reads it
    return 404 if standing_of(row, principal) is None else 200


def flaws_of(row: Row, principal: str, said: dict) -> Iterator[str]:
    """Yield what an answer says beyond the tables: fields, and steps that are not this role's."""
    kind = KINDS[row.address.partition("/")[0]]
    if strange := set(said) ^ set(TABLE["read"][kind]):
        yield f"fields {sorted(strange)}"
    own = {
        step
        for role in standing_of(row, principal) or ()
        for step in steps_of(row.workflow, role, row.state)
    }
    if strange := {one["name"] for one in said["steps"]} - own:
        yield f"steps {sorted(strange)}"


def read(board: Board, row: Row, principal: str) -> tuple[int, bytes]:
    """Read something by the interface."""
    assert principal in set(principals())
    return board.askers[principal, INTERFACE].read(f"/api/v1/{row.address}")
