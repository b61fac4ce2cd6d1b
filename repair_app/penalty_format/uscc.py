"""The unified social credit code (统一社会信用代码, GB 32100-2015): its one form and its check.

python-stdnum is not asked: it wants eight leading digits and so turns away lawful codes whose
registering department is a letter (A, N, Y), and its check character, which the tests compare with
ours, takes a quarter of the time of reading a row.
The region part is not looked up: codes keep the region of their day, also after it is abolished.
"""

import re
from functools import lru_cache
from operator import mul
from typing import Final

from stdnum.cn import ric

from repair_app.penalty_format.cells import CACHED, TIDIED, to_half_width

LENGTH: Final = 18
ALPHABET: Final = {one: place for place, one in enumerate("0123456789ABCDEFGHJKLMNPQRTUWXY")}
MODULUS: Final = 31
WEIGHTS: Final = tuple(pow(3, place, MODULUS) for place in range(LENGTH - 1))
CHARACTERS: Final = re.compile("[0-9A-HJ-NPQRTUWXY]{18}")  # without I O S V Z
LAYOUT: Final = re.compile("[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
AS_A_NUMBER: Final = re.compile(r"[0-9](\.[0-9]+)?E\+?[0-9]+|[0-9]{15,18}\.0*")
JOINERS: Final = dict.fromkeys(map(ord, " -‐‑–—\t\r\n\xa0"))


class InvalidUscc(ValueError):
    """A text is no unified social credit code; `code` says why.

    `uscc_number` (a spreadsheet made a rounded number of it), `uscc_length`, `uscc_character`,
    `uscc_layout`, `uscc_placeholder`, `uscc_check`; `natural_person`: the number of a resident's
    identity card, which must not be kept.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def normalise_uscc(text: str) -> str:
    """Return a code in capitals, of ASCII width, without spaces, hyphens, invisible characters."""
    if not (text.isascii() and text.isalnum()):
        text = to_half_width(text.translate(TIDIED)).translate(JOINERS)
    return text.upper()


def check_uscc(text: str) -> str:
    """Return the code in its normal form. Raises InvalidUscc with the reason's code."""
    code, flaw = _examine(text) if len(text) <= 4 * LENGTH else ("", "uscc_length")
    if flaw:
        raise InvalidUscc(flaw)
    return code


def is_uscc(text: str) -> bool:
    """Say whether a text is a unified social credit code, in whatever width, case and spacing."""
    try:
        check_uscc(text)
    except InvalidUscc:
        return False
    return True


@lru_cache(CACHED)
def _examine(text: str) -> tuple[str, str | None]:
    code = normalise_uscc(text)
    return code, _find_flaw(code)


def _find_flaw(code: str) -> str | None:
    if AS_A_NUMBER.fullmatch(code):
        return "uscc_number"
    if _is_resident_id(code):
        return "natural_person"
    if len(code) != LENGTH:
        return "uscc_length"
    return _find_flaw_of_layout(code) or _find_flaw_of_content(code)


def _find_flaw_of_layout(code: str) -> str | None:
    if not CHARACTERS.fullmatch(code):
        return "uscc_character"
    return None if LAYOUT.fullmatch(code) else "uscc_layout"


def _find_flaw_of_content(code: str) -> str | None:
    # The check character of eighteen zeros is right; no code has an organisation part of zeros.
    if len(set(code)) == 1 or code[8:17] == "000000000":
        return "uscc_placeholder"
    return None if has_check_character(code) else "uscc_check"


def has_check_character(code: str) -> bool:
    """Say whether the last of the 18 characters is the one that the others lead to (ISO 7064)."""
    *values, last = map(ALPHABET.__getitem__, code)
    total: int = sum(map(mul, values, WEIGHTS)) + last
    return total % MODULUS == 0


def _is_resident_id(code: str) -> bool:
    """Say whether a text is a resident's number: 17 digits and a check character (GB 11643)."""
    return len(code) == LENGTH and code.isascii() and code[:17].isdigit() and ric.is_valid(code)
