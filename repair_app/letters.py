"""Letters on paper: PDF pages from what a letter says, by typst; the same bytes for the same input.

No rule lives here and nothing is asked of the database. What is printed comes as data beside the
template, never as part of it, so that no text of a person can be taken for a command.
"""

import hashlib
import json
import struct
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config import ROOT
from repair_app.calendar import local_date

if TYPE_CHECKING:
    from typst import Fonts

TEMPLATES: Final = ROOT / "templates" / "letters"
LANGUAGES: Final = ("zh", "en")
GETA: Final = "〓"  # in the place of what no font of ours can show
UNSEEN: Final = frozenset({"Cf", "Cs"})  # categories of characters that format, and show nothing
GROUPS: Final = 12  # the format of a font's table that reaches all planes
# A draft has no day of its own, and bears the same bytes whenever it is looked at.
NO_MOMENT: Final = datetime(2000, 1, 1, tzinfo=UTC)
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh": {
        "number": "文书编号：",
        "next": "可以采取的措施",
        "check": "扫描二维码或者打开下列网址，可以核验本文书的内容和效力：",
        "code": "核验码：",
        "qr": "核验本文书的二维码，网址见旁",
        "draft": "本件为签发前的草稿，没有编号，不发生效力。",
        "mark": "草稿",
        "note": "",
    },
    "en": {
        "number": "No.",
        "next": "What you can do next",
        "check": "Scan the code, or open this address, to see what this letter says and whether "
        "it still stands:",
        "code": "Code:",
        "qr": "QR code with the address at which this letter can be verified, printed beside it",
        "draft": "A draft from before the signature: it has no number and no effect.",
        "mark": "DRAFT",
        "note": "Translation; the Chinese edition is the one that counts.",
    },
}


def list_templates() -> frozenset[str]:
    """Return the names of the templates that a letter can be printed by."""
    return frozenset(one.stem for one in TEMPLATES.glob("*.typ") if one.stem != "base")


@cache
def hash_template(name: str) -> str:
    """Return the SHA-256 of a template of ours, which stays what it is while we run."""
    return hash_files(name, TEMPLATES)


def hash_files(name: str, folder: Path) -> str:
    """Return the SHA-256 of a template in a folder with what it builds upon."""
    digest = hashlib.sha256()
    for path in (folder / "base.typ", folder / f"{name}.typ"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def render(
    content: Mapping[str, Any],
    lang: str,
    *,
    number: str | None = None,
    code: str = "",
    address: str = "",
    issued_at: datetime | None = None,
) -> bytes:
    """Return a letter as a tagged PDF (PDF/UA-1) in "zh" or "en".

    content: as `engine.letters` composed it. number, code, address, issued_at: of a letter that
    was issued; without a number it is a draft, and says so across the page.
    """
    inputs = describe(content, lang, number, code, address, issued_at)
    return _compile(content["template"], inputs, issued_at or NO_MOMENT)


def describe(
    content: Mapping[str, Any],
    lang: str,
    number: str | None,
    code: str,
    address: str,
    issued_at: datetime | None,
) -> dict[str, Any]:
    """Return what a template reads: one language of a letter, with number and QR code."""
    words = WORDS[lang]
    issued = number is not None and issued_at is not None
    return {
        "lang": lang,
        "kind": content["kind"],
        "title": content["title"][lang],
        "from": content["from"],
        "to": content["to"],
        "number": number,
        "day": day_in_words(issued_at, lang) if issued_at else "",
        "body": [one[lang] for one in content["body"]],
        "next": [one[lang] for one in content["next"]],
        "facts": [[one["name"][lang], one["value"][lang]] for one in content["facts"]],
        "code": code,
        "address": address,
        "qr": draw_qr(address) if issued else None,
        "draft": None if issued else words["mark"],
        "words": words,
    }


def day_in_words(moment: datetime, lang: str) -> str:
    """Return the day of a moment, where the law counts, as a letter writes it."""
    day = local_date(moment)
    if lang == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def draw_qr(address: str) -> str:
    """Return an address as a QR code, in SVG."""
    import segno

    drawn = BytesIO()
    segno.make(address, error="m", micro=False).save(drawn, kind="svg", border=0)
    return drawn.getvalue().decode()


def _compile(template: str, inputs: Mapping[str, Any], moment: datetime) -> bytes:
    import typst

    # Each call has a compiler of its own: one cannot be used by two threads. Fonts are shared.
    compiler = typst.Compiler(
        input=TEMPLATES / f"{template}.typ",
        root=TEMPLATES,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"letter": printable(json.dumps(inputs, ensure_ascii=False, sort_keys=True))},
    )
    made = compiler.compile(
        format="pdf",
        pdf_standards=["ua-1"],
        timestamp=int(moment.timestamp()),
    )
    first = made[0] if isinstance(made, list) else made
    if first is None:
        raise RuntimeError(f"{template} gives no page")
    return bytes(first)


def printable(text: str) -> str:
    """Return a text as the fonts can show it: what they lack is GETA, the printers' blank.

    Marks that show nothing themselves fall away: some turn the order of letters round.
    """
    known = _covered()
    return "".join(
        one if ord(one) in known or one == "\n" else GETA
        for one in text
        if unicodedata.category(one) not in UNSEEN and not is_variant(one)
    )


def is_variant(letter: str) -> bool:
    """Say whether a character only chooses how the one before it looks."""
    return "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"


@cache
def _covered() -> frozenset[int]:
    """Return the characters that every one of the fonts can show."""
    covered = [covered_by(path.read_bytes()) for path in sorted(_folder().glob("*.otf"))]
    return frozenset.intersection(*covered)


def covered_by(font: bytes) -> frozenset[int]:
    """Return the characters of an OpenType font, by its table of groups (cmap, format 12).

    Raises ValueError for a font that has none.
    """
    (tables,) = struct.unpack_from(">H", font, 4)
    records = (struct.unpack_from(">4sIII", font, 12 + 16 * one) for one in range(tables))
    start = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    (subtables,) = struct.unpack_from(">H", font, start + 2)
    for one in range(subtables):
        (offset,) = struct.unpack_from(">I", font, start + 4 + 8 * one + 4)
        form, _, _, _, groups = struct.unpack_from(">HHIII", font, start + offset)
        if form == GROUPS:
            first = start + offset + 16
            found = (struct.unpack_from(">III", font, first + 12 * at) for at in range(groups))
            return frozenset(code for low, high, _ in found for code in range(low, high + 1))
    raise ValueError("the font has no table of groups")


@cache
def _fonts() -> "Fonts":
    """Return the fonts, read once: those of the package and no other, on every machine."""
    import typst

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[_folder()]
    )


def _folder() -> Path:
    """Return where the fonts lie that come with the application."""
    import pylopdf_fonts_zh_cn

    return Path(pylopdf_fonts_zh_cn.__file__).parent


def fonts() -> "Fonts":
    """Return the fonts of the letters, for other things that are printed."""
    return _fonts()
