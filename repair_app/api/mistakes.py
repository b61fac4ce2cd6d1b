"""What is wrong with a field, in the reader's language: what was expected there, and how it looks.

The library that checks says it in English, and of a pattern only the pattern.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from flask_babel import gettext
from pydantic import ValidationError

from repair_app.labels import N_
from repair_app.penalty_format import MESSAGES
from repair_app.services.reasons import language

Place = tuple[int | str, ...]
MISSING: Final = "missing"
OF_CODES: Final = "uscc"  # kind of mistake of a unified social credit code
OF_PATTERNS: Final = "string_pattern_mismatch"
SOMETHING_ELSE: Final = N_("The description of the interface asks for something else here.")

REF: Final = r"^[A-Z]{2}-[0-9]{4}-[0-9]{6,9}-[0-9A-Z]$"
NAME: Final = "^[a-z_]{1,60}$"
NAME_OR_NONE: Final = "^[a-z_]{0,60}$"  # of a workflow or state, or nothing
SHA256: Final = "^[0-9a-f]{64}$"
PLACE: Final = r"^[A-Za-z0-9_-]{0,64}$"  # where a page of a list begins
LANGUAGE: Final = "^(zh|en)?$"
VISIBLE: Final = r"^[^\x00-\x1f]*$"
PART_OF_CODE: Final = "^[0-9A-Za-z]{0,18}$"
CODE: Final = "^[0-9A-Z]{18}$"
MEASURE: Final = r"^[0-9A-Z][0-9A-Z.-]{0,19}$"
UNSEEN: Final = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb"
)
LINE: Final = rf"^[^{UNSEEN}]*[^{UNSEEN}\s][^{UNSEEN}]*$"  # and not blank

_LINE: Final = N_("One line of text is expected, neither blank nor with signs that nobody sees.")
_PLACE: Final = N_("`next` of the page before is expected, as it was given; nothing at first.")
_NAME: Final = N_("A name in small letters and underscores is expected, up to 60 characters.")
_CODE: Final = N_("A unified social credit code is expected: 18 digits and capital letters.")
# What is expected where a pattern is to be met.
EXPECTED: Final = {
    REF: N_("A reference is expected, as it was given: for example YY-2026-000123-C."),
    NAME: _NAME,
    NAME_OR_NONE: _NAME,
    SHA256: N_("A SHA-256 is expected: 64 digits and letters a to f, in small letters."),
    PLACE: _PLACE,
    LANGUAGE: N_("zh or en is expected; nothing: as Accept-Language asks."),
    VISIBLE: N_("A text without line breaks and control characters is expected."),
    PART_OF_CODE: _CODE,
    CODE: _CODE,
    MEASURE: N_("The code of a measure of the catalogue is expected: for example A01."),
    LINE: _LINE,
}

_WHOLE: Final = N_("A whole number is expected.")
_NUMBER: Final = N_("A number is expected.")
_TRUTH: Final = N_("true or false is expected.")
_DAY: Final = N_("A day is expected, written as 2026-01-31.")
NOT_AN_OBJECT: Final = N_("A JSON object is expected.")
_CHOICE: Final = N_("One of these is expected: %(choices)s.")
# What is expected, by kind of mistake of the library, and of our own.
TEXTS: Final = {
    MISSING: N_("This is missing: it has to be sent."),
    "extra_forbidden": N_("There is no such field: leave it out, or look at its spelling."),
    "string_type": N_("A text is expected."),
    "string_unicode": N_("There is half a sign in the text (a lone surrogate): send whole ones."),
    "string_too_short": N_("At least this many characters are expected: %(min_length)s."),
    "string_too_long": N_("At most this many characters are expected: %(max_length)s."),
    "too_short": N_("At least this many entries are expected: %(min_length)s."),
    "too_long": N_("At most this many entries are expected: %(max_length)s."),
    "greater_than_equal": N_("A number not below %(ge)s is expected."),
    "less_than_equal": N_("A number not above %(le)s is expected."),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "day": _DAY,
    "enum": _CHOICE,
    "literal_error": _CHOICE,
    "list_type": N_("A list is expected."),
    "dict_type": NOT_AN_OBJECT,
    "model_type": NOT_AN_OBJECT,
    "model_attributes_type": NOT_AN_OBJECT,
    "one_of": N_("Either the sanction or a receipt of it is expected, not both."),
}
# What a value may be, where it may be one of several: as the library calls them.
KINDS: Final = {
    "str": N_("a text"),
    "int": N_("a whole number"),
    "constrained-int": N_("a whole number"),
    "float": N_("a number"),
    "bool": N_("true or false"),
    "list[str]": N_("a list of texts"),
}


def list_mistakes(error: ValidationError, sent: Any) -> Iterator[tuple[str, str]]:
    """Yield where something is wrong, and what is expected there; each place once.

    sent: the JSON, which tells the place from the kinds that were tried there.
    """
    by_place: dict[Place, list[tuple[str, Mapping[str, Any]]]] = {}
    for one in error.errors(include_url=False, include_input=False):
        place, kind = split(one["loc"], sent, is_missing=one["type"] == MISSING)
        by_place.setdefault(place, []).append((kind, one))
    for place, found in by_place.items():
        is_tried = len(found) > 1 and all(kind for kind, _ in found)
        if is_tried and any(other[: len(place)] == place != other for other in by_place):
            continue  # what is wrong inside of it tells more
        text = tell_kinds([kind for kind, _ in found]) if is_tried else tell(found[0][1])
        yield ".".join(map(str, place)), text


def split(loc: Sequence[int | str], sent: Any, *, is_missing: bool) -> tuple[Place, str]:
    """Return the place that was sent, and as what the library tried to read what is there."""
    place: list[int | str] = []
    tried, at = "", sent
    for number, one in enumerate(loc):
        is_key = isinstance(at, dict) and one in at
        is_row = isinstance(at, list) and isinstance(one, int) and one < len(at)
        if is_key or is_row:
            at = at[one]
        elif number and not (is_missing and number == len(loc) - 1):
            tried = str(one)
            continue
        place.append(one)
    return tuple(place), tried


def tell_kinds(kinds: Sequence[str]) -> str:
    """Return that one of several kinds of value is expected."""
    known = dict.fromkeys(str(gettext(KINDS[one])) for one in kinds if one in KINDS)
    if not known:
        return str(gettext(SOMETHING_ELSE))
    return str(gettext("One of these is expected: %(choices)s.", choices=enumerate_(known)))


def tell(error: Mapping[str, Any]) -> str:
    """Return what is expected in the place of a mistake."""
    kind, values = error["type"], dict(error.get("ctx") or {})
    if kind == OF_CODES:
        zh, en = MESSAGES[values["flaw"]]
        return zh if language() == "zh" else en
    if kind == OF_PATTERNS:
        return str(gettext(EXPECTED.get(values["pattern"], SOMETHING_ELSE)))
    if "expected" in values:
        values["choices"] = enumerate_(re.findall("'([^']*)'", str(values["expected"])))
    return str(gettext(TEXTS.get(kind, SOMETHING_ELSE), **values))


def enumerate_(words: Iterable[str]) -> str:
    """Return some words, with the commas of the reader's language."""
    return str(gettext(", ")).join(words)
