"""What the public may read of a row: nothing but what its model marks, and no personal data.

A column is redacted in public unless its model says `info=PUBLIC`; a text that people wrote says
`info=PUBLIC_TEXT` and is read without identity numbers, telephone numbers, addresses and names of
persons (鲁政发〔2017〕44号 二（一）3：技术屏蔽). Public pages and exports read rows through
`public_view` only, so that a column added tomorrow is hidden until somebody decides otherwise.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from datetime import date
from typing import Any, Final

from sqlalchemy import inspect
from sqlalchemy.orm import DeclarativeBase

PUBLIC: Final[dict[Any, Any]] = {"public": True}
PUBLIC_TEXT: Final[dict[Any, Any]] = {"public": True, "text": True}
PERSONAL_NAME: Final[dict[Any, Any]] = {"personal_name": True}
HIDDEN: Final = "＊＊＊"

SEPARATED: Final = r"[ \-‐–—]?"
EIGHTEEN: Final = re.compile(rf"(?<![0-9A-Za-z])(?:\d{SEPARATED}){{17}}[\dXxＸｘ](?![0-9A-Za-z])")
FIFTEEN: Final = re.compile(r"(?<![0-9A-Za-z])\d{15}(?![0-9A-Za-z])")
# The labels stay, what follows them goes: to the end of the clause.
PLACES: Final = (
    "家庭住址|家庭地址|家庭住所|现住址|现居住地|常住地址|户籍地址|户籍所在地|通讯地址|居住地|住址|"
    "家住|现住"
)
# Words of many a penalty's facts, too: only with what they stand for after a mark or a number.
STATEMENTS: Final = (
    "健康状况|宗教信仰|病史|身份证号码|身份证号|身份证|证件号码|护照号码|护照号|护照|联系电话|联系方式|"
    "手机号码|手机号|手机|电话|微信号|微信|QQ号|QQ|电子邮箱|邮箱"
)
CLAUSE_END: Final = "，。；、,;\n（）()！？!?"
PATTERNS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    (
        "email",
        re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),
    ),
    (
        "phone",
        re.compile(
            rf"(?<![0-9A-Za-z])(?:\+?86{SEPARATED})?[1１]{SEPARATED}[3-9３-９](?:{SEPARATED}\d){{9}}"
            r"(?!\d)"
        ),
    ),
    ("phone", re.compile(r"(?<!\d)[(（]?0\d{2,3}[)）]?[ \-‐–—]?\d{7,8}(?!\d)")),
    (
        "address",
        re.compile(
            r"[A-Za-z0-9\u4e00-\u9fff]{0,40}\d{1,8}(?:号楼|栋|幢|座)(?:[A-Za-z0-9\u4e00-\u9fff]{0,12}?)"
            r"\d{1,8}(?:室|户|房)"
        ),
    ),
    (
        "address",
        re.compile(r"[A-Za-z0-9\u4e00-\u9fff]{0,40}\d{1,8}单元[A-Za-z0-9\u4e00-\u9fff]{0,8}"),
    ),
    ("labelled", re.compile(rf"(?P<label>(?>(?:{PLACES})[为是在于：:\s]*))(?!＊)[^{CLAUSE_END}]+")),
    (
        "labelled",
        re.compile(
            rf"(?P<label>(?>(?:{STATEMENTS})(?:[为是：:]\s*|(?=[\dA-Za-z]))))(?!＊)[^{CLAUSE_END}]+"
        ),
    ),
)


def mask_text(text: str, names: Collection[str] = ()) -> str:
    """Return a text without personal data; what was taken out shows as HIDDEN.

    names: of persons (the legal representative) that are not to be read either. What has been
    masked stays as it is when it is masked again.
    """
    for pattern in (EIGHTEEN, FIFTEEN):
        text = pattern.sub(_hide_identity, text)
    for _, pattern in PATTERNS:
        text = pattern.sub(_hide, text)
    for name in names:
        if len(name) > 1:
            text = text.replace(name, HIDDEN)
    return text


def find_personal(text: str, names: Collection[str] = ()) -> list[str]:
    """Return what kinds of personal data a text holds: identity, phone, address, email, name."""
    found = {"identity" for one in _identities(text) if one}
    found |= {kind for kind, pattern in PATTERNS if pattern.search(text)}
    found |= {"name" for name in names if len(name) > 1 and name in text}
    return sorted(found)


def _identities(text: str) -> Iterator[str]:
    for pattern in (EIGHTEEN, FIFTEEN):
        yield from (one[0] for one in pattern.finditer(text) if is_identity_number(one[0]))


def _hide_identity(found: re.Match[str]) -> str:
    return HIDDEN if is_identity_number(found[0]) else found[0]


def _hide(found: re.Match[str]) -> str:
    return (found.groupdict().get("label") or "") + HIDDEN


def is_identity_number(text: str) -> bool:
    """Say whether a text can be a resident's number (GB 11643): it has a day of birth inside.

    Its check character is not asked for: a slip of the pen is personal all the same.
    """
    digits = re.sub(SEPARATED[:-1], "", unicodedata.normalize("NFKC", text))
    born = f"19{digits[6:12]}" if FIFTEEN.fullmatch(digits) else digits[6:14]
    try:
        day = date(int(born[:4]), int(born[4:6]), int(born[6:8]))
    except ValueError:
        return False
    return 1880 <= day.year <= 2099  # noqa: PLR2004


class PublicView:
    """A row as the public may read it: what is not marked public is HIDDEN."""

    __slots__ = ("_row",)

    def __init__(self, row: DeclarativeBase) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        """Return a public value, or HIDDEN. Raises AttributeError for what the row has not."""
        return read_public(self._row, name)


def public_view(row: DeclarativeBase) -> PublicView:
    """Return a row as the public may read it."""
    return PublicView(row)


def read_public(row: DeclarativeBase, name: str) -> Any:
    """Return what the public may read under a name. Raises AttributeError for no such name."""
    if name in getattr(row, "public_names", ()):
        return getattr(row, name)
    mapper = inspect(type(row))
    if name in mapper.relationships:
        return _read_related(row, name, mapper.relationships[name].info)
    if name not in mapper.columns:
        getattr(row, name)  # raises AttributeError for what is not there
        return HIDDEN
    info = mapper.columns[name].info
    if not info.get("public"):
        return HIDDEN
    value = getattr(row, name)
    return mask_text(value, names_in(row)) if info.get("text") and value else value


def _read_related(row: DeclarativeBase, name: str, info: dict[Any, Any]) -> Any:
    if not info.get("public"):
        return HIDDEN
    value = getattr(row, name)
    if isinstance(value, list):
        return [public_view(one) for one in value]
    return None if value is None else public_view(value)


def names_in(row: DeclarativeBase) -> list[str]:
    """Return the names of persons that a row holds in columns of their own."""
    columns = inspect(type(row)).columns
    found = (getattr(row, one.key) for one in columns if one.info.get("personal_name"))
    return [name for name in found if name]
