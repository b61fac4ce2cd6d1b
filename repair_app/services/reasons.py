"""Why something may not be done, in the reader's language: the same on pages and in files."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale
from flask_babel import force_locale, format_date, get_locale, gettext

from repair_app.engine.step import Reason
from repair_app.labels import Label

CHINESE = "zh_Hans_CN"


def reason_text(reason: Reason) -> str:
    """Return why something may not be done, in the reader's language."""
    values = {name: value_text(value) for name, value in reason.values.items()}
    return str(gettext(reason.text) % values)


def reason_label(reason: Reason) -> Label:
    """Return why something may not be done, in both languages, whoever reads it."""
    return _spell_reason(reason.text, tuple(reason.values.items()))


@lru_cache(maxsize=20_000)
def _spell_reason(text: str, values: tuple[tuple[str, Any], ...]) -> Label:
    reason = Reason(text, dict(values))
    with force_locale(CHINESE):
        chinese = reason_text(reason)
    with force_locale("en"):
        return Label(chinese, reason_text(reason))


def value_text(value: Any) -> str:
    """Return a value inside a reason: labels and dates as the reader writes them."""
    match value:
        case Label():
            return value.text(language())
        case date():
            return day_text(value)
        case str() | Decimal() | int():
            return str(value)
        case Iterable():
            return str(gettext(", ")).join(value_text(one) for one in value)
        case _:
            return str(value)


def day_text(day: date | None) -> str:
    """Return a date as the reader writes it; a dash for none."""
    return spell_day(day, get_locale()) if day else "—"


@lru_cache(maxsize=5_000)
def spell_day(day: date, _locale: Locale | None) -> str:
    """Return a date as the reader's language writes it: lists have few days, again and again."""
    return str(format_date(day, "long"))


def language() -> str:
    """Return the reader's language, "zh" or "en"."""
    locale = get_locale()
    return "en" if locale is not None and locale.language == "en" else "zh"
