"""Which passwords anybody would try first: what many have, what everybody here would think of.

Nothing is asked of the kinds of signs: a sentence is as good as a jumble (ASVS 6.2.5), and no
password grows old by itself (6.2.10), unless the profile of the deployment says so.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

# The 20,000 most frequent of published breaches; whose list it is: deploy/supply/vendored.toml.
LIST: Final = Path(__file__).with_name("common.txt")
# Named in docs/security.md, "Words that do not count".
WORDS: Final = (
    "redress", "credit", "repair", "record", "objection", "penalty", "password", "administrator",
    "admin", "reviewer", "auditor", "provider", "department", "welcome", "login", "secret",
    "xinyong", "xiufu", "yiyi", "chufa", "mima", "shandong", "jinan", "guanliyuan", "shenji",
    "信用", "修复", "异议", "处罚", "密码", "管理员", "审核", "审计", "山东", "济南",
)  # fmt: skip
ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "01234567890")
RUNS: Final = frozenset(
    row[at : at + 4] for one in ROWS for row in (one, one[::-1]) for at in range(len(one) - 3)
)
DISGUISES: Final = str.maketrans("013457@$!", "oieastasi")
LEAST: Final = 6  # letters that have to be left without all that
DECORATION: Final = re.compile(r"[\W_]+|(?<!\d)\d{1,4}(?!\d)")
AROUND: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")


@cache
def common() -> frozenset[str]:
    """Return the passwords that many have."""
    return frozenset(LIST.read_text(encoding="utf-8").split())


def is_guessable(password: str, *own: str) -> bool:
    """Say whether a password is among the first that anybody would try.

    own: words that belong to the account, such as its address and the person's name.
    """
    plain = password.casefold()
    cores = {plain, AROUND.sub("", plain)}
    cores |= {AROUND.sub("", core.translate(DISGUISES)) for core in set(cores)}
    if cores & common() or len(set(plain)) < LEAST:
        return True
    return len(without_known(plain, own)) < LEAST


def count_kinds(password: str) -> int:
    """Return how many kinds of signs there are: small and capital letters, digits, all others."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda sign: not sign.isalnum())
    return sum(any(is_one(sign) for sign in password) for is_one in kinds)


def without_known(plain: str, own: tuple[str, ...]) -> str:
    """Return what is left of a password without known words, runs of keys and repetitions."""
    known = [part for one in own for part in re.split(r"[\W_]+", one.casefold()) if len(part) > 2]  # noqa: PLR2004  # shorter ones are in everything
    left = plain
    for word in sorted({*WORDS, *known}, key=len, reverse=True):
        left = left.replace(word, " ")
    if left != plain:  # what people put around a word: signs, a year
        left = DECORATION.sub("", left)
    for at in range(len(left) - 3):
        if left[at : at + 4] in RUNS:
            left = left[:at] + "\0" * 4 + left[at + 4 :]
    return re.sub(r"(.{1,4}?)\1{2,}", r"\1", left.replace("\0", ""))
