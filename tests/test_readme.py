"""The two editions of the README say the same commands, accounts and pictures; no link is dead."""

import re
from pathlib import Path

import pytest

from config import ROOT

ENGLISH, CHINESE = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
)
MOST_BYTES = 150_000  # of a picture


def commands_of(text: str) -> list[str]:
    """Return what is to be typed, without the remarks beside it."""
    blocks = re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [re.sub(r"\s+# .*", "", line) for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize(
    "pattern",
    [
        r"`(\w+@redress\.example)`",
        r"^\| `([A-Z][\w-]+)` ",  # settings and headers
        r"\((docs/pictures/[\w.-]+)\)|src=\"(docs/pictures/[\w.-]+)\"",
        r"`([a-z]+(?: [a-z]+)* --[a-z-]+)",
        r"\]\(((?!README)[^)]+)\)",
    ],
)
def test_both_editions_name_the_same(pattern: str) -> None:
    english, chinese = (re.findall(pattern, text, re.MULTILINE) for text in (ENGLISH, CHINESE))
    assert english
    assert list(dict.fromkeys(english)) == list(dict.fromkeys(chinese))


def test_both_editions_give_the_same_commands() -> None:
    assert len(commands_of(ENGLISH)) > 10
    assert commands_of(ENGLISH) == commands_of(CHINESE)


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_what_an_edition_links_to_is_there(text: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", text)
    paths = [Path(one or other) for one, other in links]
    assert paths
    assert [str(path) for path in paths if not (ROOT / path).exists()] == []
    for path in paths:
        assert path.suffix != ".png" or (ROOT / path).stat().st_size <= MOST_BYTES
