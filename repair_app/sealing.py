"""Columns that are kept encrypted: contacts of people, and by what a provider knows them (ADR 25).

A value is `enc1:<key>:<nonce and ciphertext in base64>`, by AES-256-GCM; it is bound to its column,
so that it cannot be moved to another. What was written before there were keys is read as it is.
"""

import base64
import hashlib
import hmac
import operator
import secrets
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app
from sqlalchemy import Column, Dialect, String, Table
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator

from repair_app.labels import Label

SCHEME: Final = "enc1"
MARK: Final = f"{SCHEME}:"
NONCE: Final = 12  # bytes, as GCM has it
ID_LENGTH: Final = 8  # letters by which a key is named
INDEX: Final = "sealed_index"  # in a column's info: the name of the column to look it up by
MAY_ASK: Final = frozenset({operators.is_, operators.is_not, operator.not_})


class NotOpened(Exception):
    """A value cannot be read; `told` says why, in both languages."""

    def __init__(self, told: Label) -> None:
        super().__init__(f"{told.zh} {told.en}")
        self.told = told


class Key(NamedTuple):
    """One key: its name, what encrypts, and what an index is computed with."""

    name: str
    cipher: AESGCM
    mac: bytes


class Keyring:
    """The keys of a deployment; the first encrypts, all of them decrypt."""

    def __init__(self, text: str) -> None:
        found = [derive(one) for one in text.replace(",", " ").split()]
        if not found:
            raise ValueError("there is no field key")
        self.first = found[0]
        self.by_name = {one.name: one for one in found}

    def seal(self, value: str, place: str) -> str:
        """Return a value as it is kept in a column. place: `table.column`."""
        nonce = secrets.token_bytes(NONCE)
        sealed = nonce + self.first.cipher.encrypt(nonce, value.encode(), place.encode())
        return f"{MARK}{self.first.name}:{base64.b64encode(sealed).decode()}"

    def open(self, kept: str, place: str) -> str:
        """Return what a column keeps, as it was written. Raises NotOpened."""
        if not kept.startswith(MARK):
            return kept
        name, _, body = kept.removeprefix(MARK).partition(":")
        key = self.by_name.get(name)
        if key is None:
            raise NotOpened(missing_text([name]))
        try:
            sealed = base64.b64decode(body, validate=True)
            return key.cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode()).decode()
        except (InvalidTag, ValueError) as flaw:
            raise NotOpened(changed_text(place)) from flaw

    def index(self, value: str, place: str) -> str:
        """Return by what a value is found without being read."""
        return index_by(self.first, value, place)

    def indexes(self, value: str, place: str) -> list[str]:
        """Return by what a value may be found, whichever key it was written under."""
        return [index_by(one, value, place) for one in self.by_name.values()]


def derive(secret: str) -> Key:
    """Return the key of a secret. It is named by a hash of its own: a name betrays nothing."""
    name, cipher, mac = (
        hashlib.sha256(f"redress field {use}\0{secret}".encode())
        for use in ("name", "cipher", "index")
    )
    return Key(name.hexdigest()[:ID_LENGTH], AESGCM(cipher.digest()), mac.digest())


def index_by(key: Key, value: str, place: str) -> str:
    """Return a keyed hash of a value: without the key nobody can try values against it."""
    return hmac.new(key.mac, f"{place}\0{value}".encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=8)
def read_ring(text: str) -> Keyring:
    """Return the keys of a setting: secrets parted by blanks, lines or commas, the newest first."""
    return Keyring(text)


def ring() -> Keyring:
    """Return the keys of this deployment."""
    return read_ring(current_app.config["FIELD_KEYS"])


def missing_text(names: list[str]) -> Label:
    """Return that keys are not there, and where they belong."""
    listed = ", ".join(names)
    return Label(
        f"缺少字段密钥{listed}：请把备份中的密钥放回数据目录的field_keys文件（每行一个，新的在前），"
        "或者写入REDRESS_FIELD_KEY。没有密钥，加密的联系方式无法读取。",
        f"the field key {listed} is not there: put it back from your copy into the file field_keys "
        "of the data folder (one a line, the newest first), or into REDRESS_FIELD_KEY. Without "
        "it encrypted contacts cannot be read.",
    )


def changed_text(place: str) -> Label:
    """Return that a value is not what was written."""
    return Label(
        f"{place}中的加密内容被改动过，无法读取。",
        f"an encrypted value of {place} was changed, and cannot be read.",
    )


class Sealed(TypeDecorator[str]):
    """A text that lies encrypted in its column and is plain in the program.

    It cannot be compared in SQL: no two ciphertexts are alike. Where a value is looked up, a column
    beside it holds its index (`info={INDEX: …}`).
    """

    impl = String
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Encrypt what is written."""
        return None if value is None else ring().seal(value, self.place)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Decrypt what is read. Raises NotOpened."""
        return None if value is None else ring().open(value, self.place)

    class Comparator(TypeDecorator.Comparator[str]):
        """Lets nobody ask the database what it cannot know."""

        def operate(self, op: Any, *other: Any, **more: Any) -> Any:
            """Refuse to compare. Raises TypeError."""
            if op not in MAY_ASK:
                raise TypeError("an encrypted column cannot be compared: ask its index")
            return super().operate(op, *other, **more)

    comparator_factory = Comparator


def sealed_columns(tables: Iterator[Table] | list[Table]) -> Iterator[tuple[Table, Column[Any]]]:
    """Yield each column that is kept encrypted, with its table."""
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, Sealed):
                yield table, column
