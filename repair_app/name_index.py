"""What an organisation's name is found by: its characters, and how they are read.

A name is compared as `fold` writes it: width and case do not matter, spaces and what cannot be
seen do not count. Its terms are words for an index of either store:

- every pair of neighbouring characters, and the last one alone: a part of a name of two or more
  characters has the pairs, one character begins a pair or is the last (pg_trgm has nothing for
  two Chinese characters, and FTS5's trigrams answer wrongly);
- for each character up to the legal form, the pinyin from there on (`p:`) and the initials from
  there on (`i:`), cut off at a length: what is typed in letters begins one of these.

An index says who may be meant; `holds` of services/search.py has the last word.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from operator import add
from typing import Final

PINYIN: Final = "p:"
INITIALS: Final = "i:"
PINYIN_LETTERS: Final = 24  # as many of what is typed are compared
INITIAL_LETTERS: Final = 12
LETTERS: Final = re.compile("[a-z]{2,}")
LEGAL_FORM: Final = re.compile("(?:股份|集团)?有限(?:责任)?公司$")
FOLDED: Final = re.compile("[0-9a-z\u4e00-\u9fff]*")  # what folding leaves as it is
# What the dictionary gives first is not how it is read in the name of a firm.
IN_NAMES: Final = {"晟": "sheng", "行": "hang", "长": "chang", "乐": "le"}


def fold(text: str) -> str:
    """Return a text as names are compared: by NFKC, in small letters, without spaces."""
    if FOLDED.fullmatch(text):
        return text
    return "".join(fold_character(one) for one in unicodedata.normalize("NFC", text))


@lru_cache(maxsize=10_000)
def fold_character(character: str) -> str:
    """Return what one character comes to; nothing for one that cannot be seen."""
    plain = unicodedata.normalize("NFKC", character).casefold()
    return "".join(one for one in plain if one.isprintable() and not one.isspace())


def name_terms(name: str) -> str:
    """Return the terms of a name, each once, with spaces between."""
    folded = fold(name)
    return " ".join(dict.fromkeys((*pairs_of(folded), *letters_of(folded))))


def pairs_of(folded: str) -> list[str]:
    """Return the pairs of neighbouring characters, and the last character alone."""
    return [*map(add, folded, folded[1:]), folded[-1:]] if folded else []


def letters_of(folded: str) -> Iterator[str]:
    """Yield the pinyin and the initials from each character on that stands before the form."""
    read = readings(folded)
    pinyin, initials = "".join(read), "".join([one[:1] for one in read])
    form = LEGAL_FORM.search(folded)
    letter = place = 0
    for one in read[: form.start()] if form else read:
        if one:
            yield PINYIN + pinyin[letter : letter + PINYIN_LETTERS]
            yield INITIALS + initials[place : place + INITIAL_LETTERS]
            letter, place = letter + len(one), place + 1


def readings(folded: str) -> list[str]:
    """Return how each character is read: pinyin without tones, a letter as itself, else nothing."""
    return list(map(read_character, f" {folded}", folded, f"{folded[1:]} "))


@lru_cache(maxsize=50_000)
def read_character(before: str, character: str, after: str) -> str:
    """Return how a character is read between its neighbours.

    One with several readings is looked up with each neighbour in the list of words (重庆, 银行).
    """
    if character.isascii():
        return character if character.isalpha() else ""
    single, words = dictionaries()
    known = single.get(ord(character), "")
    if "," in known:
        for word, place in ((character + after, 0), (before + character, 1)):
            if word in words:
                return toneless(words[word][place][0])
    return IN_NAMES.get(character) or toneless(known.partition(",")[0])


@cache
def dictionaries() -> tuple[Mapping[int, str], Mapping[str, list[list[str]]]]:
    """Return the readings of characters and of words; loaded when the first name is read."""
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT  # a tenth of a second, 40 MB

    return PINYIN_DICT, PHRASES_DICT


@lru_cache(maxsize=5_000)
def toneless(pinyin: str) -> str:
    """Return pinyin in the letters a to z: ǚ is typed v."""
    plain = unicodedata.normalize("NFD", pinyin.casefold()).replace("u\u0308", "v")
    return "".join(one for one in plain if one.isascii() and one.isalpha())
