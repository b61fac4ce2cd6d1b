"""The small faults that somebody might write: one operator, one number, one statement."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

TURNED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
# What is not run when a function is called, or says nothing of what it does.
UNTOUCHED = {"annotation", "returns", "decorator_list", "args", "type_params"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """One fault: the `number`-th of a file, at a line, and what is done there."""

    file: str
    number: int
    line: int
    what: str


@dataclass
class Site:
    """A place in a tree, and the node that would stand there."""

    owner: ast.AST | list[ast.AST]
    place: str | int
    line: int
    what: str
    node: ast.AST

    def apply(self) -> None:
        """Put the fault in."""
        if isinstance(self.owner, list):
            self.owner[self.place] = self.node  # type: ignore[index]
        else:
            setattr(self.owner, str(self.place), self.node)


def with_field(node: ast.AST, **fields: object) -> ast.AST:
    """Return a node that differs in some fields."""
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def faults(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:  # noqa: C901, PLR0912  # a table
    """Give what may stand in a node's place; names stay known: closures keep their shape."""
    match node:
        case ast.Compare(ops=[op, *rest]) if type(op) in TURNED:
            new = TURNED[type(op)]()
            what = f"{type(op).__name__} becomes {type(new).__name__}"
            yield what, with_field(node, ops=[new, *rest])
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in TURNED:
            new = TURNED[type(op)]()
            yield f"{type(op).__name__} becomes {type(new).__name__}", with_field(node, op=new)
        case ast.UnaryOp(op=ast.Not()):
            yield "not left out", node.operand
        case ast.Constant(value=bool(value)):
            yield f"{value} becomes {not value}", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield f"{value} becomes {value + 1}", ast.Constant(value + 1)
        case ast.Return(value=ast.expr() as value) if not nothing(value):
            none = ast.IfExp(ast.Constant(True), ast.Constant(None), value)
            yield "returns None", with_field(node, value=none)
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield "statement left out", ast.If(ast.Constant(False), [node], [])
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "statement left out", ast.If(ast.Constant(False), [node], [])
        case ast.Continue() | ast.Break():
            yield "statement left out", ast.Pass()
        case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, DECIDING):
            yield "condition turned", with_field(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.Call(keywords=keywords):
            for one in keywords:
                if one.arg:
                    rest = [other for other in keywords if other is not one]
                    yield f"keyword {one.arg} dropped", with_field(node, keywords=rest)
        case _:
            pass


DECIDING = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Constant)  # have faults of their own


def nothing(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def sites(node: ast.AST, inside: bool = False) -> Iterator[Site]:
    """Give every place in the functions of a tree, in a fixed order."""
    for name, value in ast.iter_fields(node):
        if name in UNTOUCHED:
            continue
        owner, children = (
            (value, list(enumerate(value))) if isinstance(value, list) else (node, [(name, value)])
        )
        for place, child in children:
            if isinstance(child, ast.AST):
                for what, other in faults(child) if inside else ():
                    yield Site(owner, place, child.lineno, what, other)
                yield from sites(child, inside or isinstance(child, FUNCTIONS))


def mutants_of(path: Path, name: str) -> list[Mutant]:
    """Return every mutant of a file, which the results call by a name."""
    return [
        Mutant(name, number, site.line, site.what)
        for number, site in enumerate(sites(ast.parse(path.read_text("utf-8"))))
    ]


def function_at(path: Path, line: int) -> str:
    """Return the name of the outermost function around a line, without what makes it private."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, FUNCTIONS) and node.lineno <= line <= (node.end_lineno or 0):
            return node.name.strip("_")
    return ""


def compiled(path: Path, number: int | None = None) -> CodeType:
    """Compile a file as it is, or with one of its faults."""
    tree = ast.parse(path.read_text("utf-8"))
    if number is not None:
        list(sites(tree))[number].apply()
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


def functions(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """Return all code inside a module's, by its name and first line."""
    found = {}
    for one in code.co_consts:
        if isinstance(one, CodeType):
            found[one.co_qualname, one.co_firstlineno] = one
            found.update(functions(one))
    return found
