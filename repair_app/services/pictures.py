"""The workflows as pictures, drawn once in the life of a process: the policy does not change."""

import re
import shutil
import subprocess
import sys
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final

import segno

from repair_app.engine.drawing import draw_graph
from repair_app.engine.spec import Workflow

PROGRAM: Final = "graphviz-pure"
LONGEST: Final = 30  # seconds
# What the renderer says of itself and where SVG is defined: no picture needs it.
PREAMBLE: Final = re.compile(r"^.*?(?=<svg)", re.DOTALL)
MOST: Final = 100  # pictures kept: every workflow in both languages


class CannotDraw(RuntimeError):
    """The renderer is not there or did not draw."""


def draw_workflow(workflow: Workflow, language: str) -> bytes:
    """Return a workflow as SVG with labels in one language. Raises CannotDraw."""
    return render(draw_graph(workflow, language))


@lru_cache(maxsize=MOST)
def render(graph: str) -> bytes:
    """Return a graph (DOT) as SVG; each is drawn once. Raises CannotDraw."""
    beside = Path(sys.executable).with_name(PROGRAM)
    program = str(beside) if beside.exists() else shutil.which(PROGRAM)
    if program is None:
        raise CannotDraw(f"{PROGRAM} is not installed")
    drawn = subprocess.run(  # noqa: S603  # our own program, our own text
        [program, "-Tsvg"], input=graph.encode(), capture_output=True, timeout=LONGEST, check=False
    )
    if drawn.returncode:
        raise CannotDraw(drawn.stderr.decode(errors="replace"))
    return PREAMBLE.sub("", drawn.stdout.decode(), count=1).encode()


def draw_code(address: str) -> bytes:
    """Return a QR code of an address as SVG, to be scanned from a screen or from paper."""
    drawn = BytesIO()
    code = segno.make(address, error="m", micro=False)
    code.save(drawn, kind="svg", scale=4, border=4, light="#fff", xmldecl=False)
    return drawn.getvalue()
