"""Texts in two languages: of the policy files, and of the message catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES = ("zh", "en")


def N_(text: str) -> str:  # noqa: N802  # the name that message catalogues look for
    """Mark a text for translation; it is translated where it is shown."""
    return text


def numbered(decision_no: str) -> str:
    """Return the number of a decision as Chinese texts cite it: with one 号 at its end."""
    return decision_no if decision_no.endswith("号") else f"{decision_no}号"


@dataclass(frozen=True)
class Label:
    """What a thing is called, in Chinese and in English."""

    zh: str
    en: str

    def text(self, lang: str) -> str:
        """Return the text for a language tag such as `zh_Hans_CN`; English for all but Chinese."""
        return self.zh if lang.lower().startswith("zh") else self.en

    @classmethod
    def of(cls, mapping: object) -> Label:
        """Return the label of a table `{zh = "…", en = "…"}`.

        Raises ValueError unless it holds exactly these two, each a text that is not blank.
        """
        if not isinstance(mapping, Mapping):
            raise ValueError(f"{mapping!r} is no table with zh and en")
        if unknown := sorted(str(key) for key in mapping if key not in LANGUAGES):
            raise ValueError(f"unknown language {unknown[0]!r}")
        for key in LANGUAGES:
            text = mapping.get(key)
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"without a text in {key!r}")
        return cls(zh=mapping["zh"], en=mapping["en"])
