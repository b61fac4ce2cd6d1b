"""Receipts: an answer, signed (Ed25519) as a compact JWS that any library verifies offline.

Pure: no database and no web. The keys are a JWK Set (RFC 7517), the present one first and with its
private part, the former ones without: what they have signed stays verifiable for ever. A key is
named by its thumbprint (RFC 7638). Why it is built so: docs/adr/0022-the-gate.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

FILE: Final = "signing_keys.json"  # in the data folder
ALGORITHM: Final = "EdDSA"
SHORTEST_SECRET: Final = 32
LONGEST: Final = 200_000  # characters of a receipt
LONGEST_HEAD: Final = 500


# What is wrong with a text that is no receipt of ours.
TOO_LONG: Final = "too long for a receipt"
OTHER_WAY: Final = "signed in another way than receipts are"
STRANGE_KEY: Final = "signed by a key that is none of ours"
CHANGED: Final = "the signature does not fit: it was changed"
NO_RECEIPT: Final = "no receipt"


class Invalid(ValueError):
    """A text is no receipt of ours; says why: one of the above."""


class NoKey(ValueError):
    """The signing keys cannot be read; says why."""


@dataclass(frozen=True)
class Keyring:
    """The keys of this deployment: the first signs, all verify."""

    keys: tuple[OKPKey, ...]

    @classmethod
    def read(cls, text: str) -> Keyring:
        """Return the keys of a JWK Set or of one JWK, or the one made of a secret. Raises NoKey."""
        if "{" not in text:
            return cls((make_key(text),))
        try:
            content = json.loads(text)
            members = content.get("keys", [content])
            keys = tuple(OKPKey.import_key(dict(one)) for one in members)
            named = all(one.as_dict(private=False)["crv"] == "Ed25519" for one in keys)
        except (JoseError, ValueError, LookupError, TypeError, AttributeError) as problem:
            raise NoKey("not a JWK Set of Ed25519 keys") from problem
        if not keys or not named or not keys[0].is_private:
            raise NoKey("the first key has to be a private Ed25519 key")
        return cls(keys)

    def write(self) -> str:
        """Return the keys as a JWK Set, the private parts with it."""
        described = [describe(one) | one.as_dict(private=one.is_private) for one in self.keys]
        return json.dumps({"keys": described}, indent=1)

    def announce(self) -> Keyring:
        """Return the keys with a new one in the second place: published, and not signing yet."""
        first, *former = self.keys
        return Keyring((first, OKPKey.generate_key("Ed25519"), *former))

    def rotate(self) -> Keyring:
        """Return the keys with a new one to sign by; of the former only the public part stays."""
        former = (OKPKey.import_key(one.as_dict(private=False)) for one in self.keys)
        return Keyring((OKPKey.generate_key("Ed25519"), *former))

    @cached_property
    def published(self) -> dict[str, list[dict[str, Any]]]:
        """Return the public keys as a JWK Set, the present one first."""
        return {"keys": [describe(one) for one in self.keys]}

    @cached_property
    def key_id(self) -> str:
        """Return the name of the key that signs."""
        return self.keys[0].thumbprint()

    @cached_property
    def _head(self) -> str:
        return encode(json.dumps({"alg": ALGORITHM, "kid": self.key_id}).encode())

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        return cast(Ed25519PrivateKey, self.keys[0].private_key)

    @cached_property
    def _public(self) -> Mapping[str, Ed25519PublicKey]:
        return {one.thumbprint(): cast(Ed25519PublicKey, one.public_key) for one in self.keys}

    def sign(self, payload: bytes) -> str:
        """Return a receipt for canonical JSON.

        The library would check and encode the same header anew for each, at twice the cost.
        """
        signed = f"{self._head}.{encode(payload)}"
        return f"{signed}.{encode(self._private.sign(signed.encode()))}"

    def open(self, receipt: str) -> dict[str, Any]:
        """Return what a receipt says. Raises Invalid."""
        signed, _, signature = receipt.strip().rpartition(".")
        head, _, payload = signed.partition(".")
        if len(receipt) > LONGEST or len(head) > LONGEST_HEAD:
            raise Invalid(TOO_LONG)
        try:
            header = json.loads(decode(head))
            key = self._public[header["kid"]]
            if header["alg"] != ALGORITHM or "crit" in header:
                raise Invalid(OTHER_WAY)
            key.verify(decode(signature), signed.encode())
            return dict(json.loads(decode(payload)))
        except KeyError as problem:
            raise Invalid(STRANGE_KEY) from problem
        except InvalidSignature as problem:
            raise Invalid(CHANGED) from problem
        except (ValueError, TypeError) as problem:
            raise Invalid(str(problem) if isinstance(problem, Invalid) else NO_RECEIPT) from None


def make_key(secret: str) -> OKPKey:
    """Return the key that a secret always leads to. Raises NoKey for one that could be guessed."""
    if len(secret) < SHORTEST_SECRET:
        raise NoKey(f"a secret has at least {SHORTEST_SECRET} characters")
    seed = hashlib.sha256(f"redress receipts {secret}".encode()).digest()
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))


def describe(key: OKPKey) -> dict[str, Any]:
    """Return the public part of a key as it is published."""
    public = key.as_dict(private=False)
    named = {"kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
    return {name: public[name] for name in ("kty", "crv", "x")} | named


def encode(content: bytes) -> str:
    """Return base64url without padding (RFC 7515)."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return what stands in base64url. Raises ValueError, also for a second spelling of it."""
    content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(content) != text:
        raise ValueError("not base64url")
    return content


# --- where the keys are ---


def keep_new(folder: Path) -> None:
    """Make the first key in a folder, unless there is one: of two that try, one is heard."""
    path = folder / FILE
    if path.exists():
        return
    new = write_beside(path, Keyring((OKPKey.generate_key("Ed25519"),)))
    with suppress(FileExistsError):
        os.link(new, path)  # whole or not at all, and never in the place of another
    new.unlink()


def keep(folder: Path, ring: Keyring) -> None:
    """Put these keys in the place of those in a folder."""
    path = folder / FILE
    write_beside(path, ring).replace(path)


def write_beside(path: Path, ring: Keyring) -> Path:
    """Write keys into a new file that only we can read, and return it."""
    number, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(number, "w") as file:
        file.write(ring.write())
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def find(folder: Path, given: str = "") -> Keyring:
    """Return the keys: those given, or those of a folder, made on first use. Raises NoKey.

    Another process may have exchanged those of the folder (`flask receipts rotate`).
    """
    if given:
        return _read_given(given)
    path = folder / FILE
    keep_new(folder)
    return _read_file(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_given(text: str) -> Keyring:
    return Keyring.read(text)


@lru_cache(maxsize=4)
def _read_file(path: Path, _written: int) -> Keyring:
    try:
        return Keyring.read(path.read_text())
    except NoKey as problem:
        raise NoKey(f"{path}: {problem}") from problem
