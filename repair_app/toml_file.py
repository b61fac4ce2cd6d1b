"""Reads a TOML file that somebody wrote by hand: what is wrong is named with its line and mend.

Office computers save text with a byte order mark, in GBK, or with the full-width signs of a
Chinese keyboard; each is told apart.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

LINE = re.compile(r"\(at line (\d+)")
FULL_WIDTH = {
    "“": '"', "”": '"', "‘": "'", "’": "'", "，": ",", "＝": "=", "［": "[", "］": "]",
    "【": "[", "】": "]", "｛": "{", "｝": "}", "：": ":", "＃": "#",
}  # fmt: skip
QUOTED = re.compile(r'"[^"]*"')


def load(path: Path, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return a file's content. Raises ValueError with line and mend, OSError where there is none.

    parse_float: makes the values with a decimal point.
    """
    return parse(decode(path.read_bytes()), parse_float)


def decode(content: bytes) -> str:
    """Return the text of a file. Raises ValueError with line and mend."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line}: this is no UTF-8; save the file as UTF-8") from error


def parse(text: str, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return what a text says. Raises ValueError with line and mend."""
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{error}{hint_at(text, str(error))}") from error


def hint_at(text: str, complaint: str) -> str:
    """Return what the writer of a line may have meant, as the end of a complaint; else nothing."""
    found = LINE.search(complaint)
    lines = text.split("\n")  # as a TOML file counts them
    line = lines[int(found[1]) - 1] if found and int(found[1]) <= len(lines) else ""
    bare = QUOTED.sub("", line)
    for sign, plain in FULL_WIDTH.items():
        if sign in bare:
            return f"; the line has a full-width {sign}: write {plain}"
    if re.search(r"=\s*(True|False)\b", bare):
        return "; write true or false in small letters"
    if re.search(r"=\s*\d{4}-\d{2}-\d{2}", bare):
        return "; is this a day of the calendar? write 2026-04-01"
    return f"; the line is: {line.strip()}" if line.strip() else ""
