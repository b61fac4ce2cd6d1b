"""What the code must not do anywhere, read from its syntax."""

import ast
from collections.abc import Iterator

import pytest

from config import ROOT

APPLICATION = ROOT / "repair_app"
MODULES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(APPLICATION.rglob("*.py"))
}
MACHINE = "repair_app/engine/machine.py"
# The prover walks worlds of plain objects in memory, hundreds of thousands of them, without the
# library and the ledger; its replay, which has a store, takes its steps through the machine.
PROVER = {"repair_app/proving/scenarios.py", "repair_app/proving/steps.py"}
# A hundred thousand records are written as rows: their first state comes from the workflow's
# transition, which is checked to ask for nothing more.
BULK = "repair_app/engine/bulk.py"


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that a module imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def importers_of(package: str) -> set[str]:
    return {
        path
        for path, tree in MODULES.items()
        if any(name == package or name.startswith(f"{package}.") for name in imported(tree))
    }


def test_only_the_machine_knows_the_state_machine_library() -> None:
    assert importers_of("transitions") == {MACHINE}


def test_only_one_module_knows_the_job_engine() -> None:
    assert importers_of("dbos") == {"repair_app/jobs.py"}


@pytest.mark.parametrize("package", ["flask", "flask_login", "flask_wtf", "wtforms", "werkzeug"])
def test_the_engine_knows_nothing_of_the_web(package: str) -> None:
    below = ("repair_app/engine/", "repair_app/models/", "repair_app/access", "repair_app/ledger")
    assert not [path for path in importers_of(package) if path.startswith(below)]


def assignments(tree: ast.AST) -> Iterator[tuple[int, ast.expr]]:
    """Yield what is assigned to, in whatever way, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets):
                places = targets
            case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
                places = [target]
            case ast.Delete(targets=targets) | ast.For(target=ast.Tuple(elts=targets)):
                places = targets
            case ast.For(target=target) | ast.NamedExpr(target=target):
                places = [target]
            case ast.withitem(optional_vars=ast.expr() as target):
                places = [target]
            case _:
                continue
        for place in places:
            yield from ((one.lineno, one) for one in ast.walk(place) if isinstance(one, ast.expr))


def test_only_the_machine_writes_a_state() -> None:
    writers = {
        path
        for path, tree in MODULES.items()
        for _, place in assignments(tree)
        if isinstance(place, ast.Attribute) and place.attr == "state"
    }
    assert writers <= {MACHINE} | PROVER


def test_the_states_that_the_prover_writes_are_of_no_row() -> None:
    for package in ("sqlalchemy", "repair_app.db", "repair_app.services"):
        assert not importers_of(package) & PROVER


def test_no_state_is_written_by_another_way() -> None:
    """Neither setattr, nor an UPDATE, nor a new row that is given its state."""
    found = set()
    for path, tree in MODULES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            literal = any(
                isinstance(one, ast.Constant) and one.value == "state" for one in node.args
            )
            keyword = any(one.arg == "state" for one in node.keywords)
            models = {"Case", "CreditRecord", "Sanction", "Requirement"}
            if (name in {"setattr", "attrgetter", "set_committed_value"} and literal) or (
                keyword and (name in models or name in {"values", "update", "insert"})
            ):
                found.add(f"{path}:{node.lineno}")
    assert found == set()


# What is told to machines of a state, or noted of an answer: no row of an entity.
TOLD_OF_STATES = {
    ("repair_app/api/complaints.py", "case.state"),
    ("repair_app/api/measures.py", "sanction.state"),
    ("repair_app/services/gate.py", "answer.content['state']"),
    ("repair_app/services/gate.py", "sanction.state"),
    ("repair_app/services/gate.py", "verdict.code"),
}


def test_bulk_rows_take_their_state_from_a_transition() -> None:
    """The one place beside the machine where a row's state is written, and what it writes."""
    found = {
        (path, ast.unparse(value))
        for path, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "state"
    }
    assert found - TOLD_OF_STATES == {(BULK, "transition.target")}


def test_no_statement_is_put_together_from_text() -> None:
    """No f-string, %, + or format() reaches the database, outside the set-up of connections."""
    found = set()
    for path, tree in MODULES.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if name not in {
                "text",
                "execute",
                "exec_driver_sql",
                "executemany",
                "literal_column",
                "op",
            }:
                continue
            for one in node.args[:1]:
                composed = isinstance(one, ast.JoinedStr | ast.BinOp) or (
                    isinstance(one, ast.Call)
                    and isinstance(one.func, ast.Attribute)
                    and one.func.attr in {"format", "join"}
                    # psycopg's own composition quotes what it is given.
                    and not ast.unparse(one.func).startswith("SQL(")
                )
                if composed and path != "repair_app/db.py":
                    found.add(f"{path}:{node.lineno}")
    # Made of a constant of the module, for a partial index; see repair_app/models/cases.py.
    assert {one.split(":")[0] for one in found} <= {"repair_app/models/cases.py"}


def test_statements_made_at_import_are_made_of_constants() -> None:
    tree = MODULES["repair_app/models/cases.py"]
    names = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for name in ast.walk(node)
        if isinstance(name, ast.Name)
    }
    assert all(name.isupper() for name in names)


def calls_of(tree: ast.AST, *names: str) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if name in names:
                yield node.lineno


def test_the_clock_is_read_in_one_place() -> None:
    """Or a test, or a replay, could not say what day it is."""
    found = {
        f"{path}:{line}"
        for path, tree in MODULES.items()
        for line in calls_of(tree, "utcnow", "fromtimestamp")
    } | {
        f"{path}:{node.lineno}"
        for path, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"now", "today"}
        and isinstance(node.value, ast.Name)
        and node.value.id in {"datetime", "date"}
    }
    assert {one.rpartition(":")[0] for one in found} == {"repair_app/db.py"}


def test_only_transactions_open_the_database_for_writing() -> None:
    writers = {path for path, tree in MODULES.items() if any(calls_of(tree, "writing"))}
    assert writers == {"repair_app/services/transaction.py"}


def test_no_two_files_of_tests_have_one_name() -> None:
    """Of two of a name, one would not be collected: below tests/ there are no packages."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
