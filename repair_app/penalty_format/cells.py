"""One cell at a time: text, numbers, days and amounts in the one form that is compared and stored.

Every function takes any text whatever and returns a value, or raises `CellFlaw`: nothing else.
"""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

CACHED: Final = 65_536  # distinct cells that a cache remembers
SHORT: Final = 64  # characters; longer cells are not worth remembering

FULL_WIDTH: Final = {0x3000: 0x20, **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}}
# In running text a full-width comma or bracket is right; a full-width letter or digit is not.
# What cannot be seen (soft hyphen, zero-width spaces, byte order mark) goes.
TIDIED: Final[dict[int, int | None]] = {
    **{code: half for code, half in FULL_WIDTH.items() if chr(half) == " " or chr(half).isalnum()},
    **dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF)),
}
OPENING: Final = "[{（［｛〔【〖﹝「"
CLOSING: Final = "]}）］｝〕】〗﹞」"
ROUND: Final = str.maketrans(dict.fromkeys(OPENING, "(") | dict.fromkeys(CLOSING, ")"))
FULL_BRACKETS: Final = str.maketrans("()", "（）")

BLANK: Final = frozenset(("", "/", "\\", "-", "--", "—", "——", "无", "空", "NULL", "null", "N/A"))
"""What people write into a cell that has nothing to say."""
UNLIMITED: Final = frozenset(("长期", "长期有效", "永久", "无期限"))
NO_END: Final = date(2099, 12, 31)
"""The format's day for a penalty that has no end of validity."""
EARLIEST: Final = date(1949, 10, 1)

PLAIN: Final = re.compile(
    "[\u0021-\u007e\u00b7\u2010-\u2027\u3001-\u301f\u4e00-\u9fff"
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff5e]+"
)  # nothing in it to tidy
LOST: Final = re.compile("[\ud800-\udfff\ufffd\ufffe\uffff]")  # what a wrong encoding leaves
CONTROL: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
SPACES: Final = re.compile(r"[^\S\n]+")
LINE_ENDS: Final = re.compile(r" ?\n[\n ]*")
BESIDE_CHINESE: Final = re.compile(r"(?<=[^\x00-\x7f])\s|\s(?=[^\x00-\x7f])")
YEAR: Final = re.compile(r"\(([0-9]{4})\)")
DAY: Final = re.compile(
    r"([0-9]{4}) ?([-/.年]) ?([0-9]{1,2}) ?([-/.月]) ?([0-9]{1,2}) ?日?"
    r"(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
)
COMPACT_DAY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
SEPARATORS: Final = frozenset(("--", "//", "..", "年月"))
AMOUNT: Final = re.compile(r"([+-]?)([0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]*))?")
INTEGER_DIGITS: Final = 12
DECIMAL_PLACES: Final = 6


class CellFlaw(Exception):
    """A cell cannot be read; `code` says why (its words are in `row.MESSAGES`)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def to_half_width(text: str) -> str:
    """Return the text with full-width letters, digits, punctuation and space as ASCII."""
    return text if text.isascii() else text.translate(FULL_WIDTH)


def read_text(cell: str) -> str:
    """Return running text: one space for several, no empty lines, no full-width letters; NFC.

    Raises CellFlaw for `lost_character` (a lone surrogate or replacement mark) and for
    `control_character` (NUL and the like, and marks that turn the direction of writing).
    """
    if PLAIN.fullmatch(cell) or not cell:
        return cell
    if LOST.search(cell):
        raise CellFlaw("lost_character")
    if CONTROL.search(cell):
        raise CellFlaw("control_character")
    text = cell.translate(TIDIED).replace("\r\n", "\n").replace("\r", "\n")
    text = LINE_ENDS.sub("\n", SPACES.sub(" ", text))
    return unicodedata.normalize("NFC", text).strip()


def read_line(cell: str) -> str:
    """Return text that stands on one line; raises CellFlaw like `read_text`."""
    return read_text(cell).replace("\n", " ")


@lru_cache(CACHED)
def read_name(cell: str) -> str:
    """Return a name: no space beside a Chinese character, where brackets are full-width."""
    name = read_line(cell)
    if len(name.split()) > 1:
        name = BESIDE_CHINESE.sub("", name)
    return name if name.isascii() else name.translate(FULL_BRACKETS)


def read_decision_no(cell: str) -> str:
    """Return a document number in capitals without spaces, its year in the brackets 〔〕."""
    number = to_half_width("".join(read_text(cell).split())).upper().translate(ROUND)
    return YEAR.sub(r"〔\1〕", number).translate(FULL_BRACKETS)


@lru_cache(CACHED)
def read_day(cell: str) -> date | None:
    """Return the day, None for a blank; a time of day is dropped.

    Reads 2024-01-02, 2024/1/2, 2024.1.2, 2024年1月2日 and 20240102. Raises CellFlaw for
    `date_format`, `date_impossible` and `date_too_early` (before 1949-10-01), and like `read_text`.
    """
    text = to_half_width(read_line(cell))
    if text in BLANK:
        return None
    year, month, day = _split_day(text)
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        raise CellFlaw("date_impossible") from None
    if found < EARLIEST:
        raise CellFlaw("date_too_early")
    return found


def _split_day(text: str) -> tuple[str, str, str]:
    if compact := COMPACT_DAY.fullmatch(text):
        return compact[1], compact[2], compact[3]
    parts = DAY.fullmatch(text)
    if not parts or parts[2] + parts[4] not in SEPARATORS:
        raise CellFlaw("date_format")
    return parts[1], parts[3], parts[5]


def read_end(cell: str) -> date | None:
    """Return the last day of validity like `read_day`; 长期 and its like are `NO_END`."""
    return NO_END if cell.strip() in UNLIMITED else read_day(cell)


@lru_cache(CACHED)
def read_amount(cell: str) -> Decimal | None:
    """Return an amount in the unit of its column (10k yuan), None for a blank.

    Raises CellFlaw for `amount_format`, `amount_unit` (yuan), `amount_negative`,
    `amount_too_large` (more than 12 digits), `amount_places` (more than 6), and like `read_text`.
    """
    text = to_half_width(read_line(cell)).replace(" ", "").lstrip("¥￥")
    if text in BLANK:
        return None
    number = text.removesuffix("元").removesuffix("万")
    if number != text and "万" not in text:
        raise CellFlaw("amount_unit")
    parts = AMOUNT.fullmatch(number)
    if not parts:
        raise CellFlaw("amount_format")
    return _limit_amount(parts[1], parts[2].replace(",", "").lstrip("0"), parts[3] or "")


def _limit_amount(sign: str, whole: str, fraction: str) -> Decimal:
    fraction = fraction.rstrip("0")
    if sign == "-" and (whole or fraction):
        raise CellFlaw("amount_negative")
    if len(whole) > INTEGER_DIGITS:
        raise CellFlaw("amount_too_large")
    if len(fraction) > DECIMAL_PLACES:
        raise CellFlaw("amount_places")
    return Decimal(f"{whole or '0'}.{fraction}" if fraction else whole or "0")
