"""Names of tests as pytest writes them, looked up in the files without running anything."""

import ast
import re
from functools import cache

from config import ROOT

NODE_ID = re.compile(r"tests/[\w/]+\.py::[\w:]+")


@cache
def functions_of(path: str) -> frozenset[str]:
    """Return the names of the tests in a file, those of a class behind `Class::`."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {one.name for one in tree.body if isinstance(one, functions)}
    for group in tree.body:
        if isinstance(group, ast.ClassDef):
            found |= {
                f"{group.name}::{one.name}" for one in group.body if isinstance(one, functions)
            }
    return frozenset(one for one in found if one.rpartition("::")[2].startswith("test"))


def is_there(node_id: str) -> bool:
    """Say whether a test, or all tests of a file, can be found under this name."""
    path, _, name = node_id.partition("::")
    if not name:
        return bool(functions_of(path))
    return name.partition("[")[0] in functions_of(path)
