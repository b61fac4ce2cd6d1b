"""A passkey without a browser: what an authenticator answers (WebAuthn level 2)."""

import json
import secrets
import struct
from base64 import urlsafe_b64encode
from hashlib import sha256
from html import unescape

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40  # flags of what an authenticator says


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def options_of(page) -> dict:
    """Return what a page asks of the passkey."""
    form = next(one for one in page.tree.iter("form") if one.get("data-passkey"))
    return json.loads(unescape(form.get("data-options")))


class SoftKey:
    """A security key that signs with P-256 and counts."""

    def __init__(self, site: str = "http://localhost") -> None:
        self.site = site
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        self.count = 0

    def told(self, kind: str, challenge: str) -> bytes:
        """Return what the browser vouches for."""
        said = {"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.site}
        return json.dumps(said).encode()

    def data(self, flags: int, more: bytes = b"") -> bytes:
        """Return what the authenticator vouches for."""
        self.count += 1
        return sha256(b"localhost").digest() + struct.pack(">BI", flags, self.count) + more

    def register(self, options: dict) -> str:
        """Answer the page that sets a passkey up."""
        at = self.key.public_key().public_numbers()
        public = cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")}
        )
        more = bytes(16) + struct.pack(">H", len(self.id)) + self.id + public
        data = self.data(PRESENT | VERIFIED | ATTESTED, more)
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        answer = {
            "clientDataJSON": b64(self.told("create", options["challenge"])),
            "attestationObject": b64(attested),
            "transports": ["usb"],
        }
        return self.envelope(answer)

    def sign(self, options: dict) -> str:
        """Answer the page that asks for a passkey."""
        told, data = self.told("get", options["challenge"]), self.data(PRESENT)
        signed = self.key.sign(data + sha256(told).digest(), ec.ECDSA(SHA256()))
        return self.envelope(
            {
                "clientDataJSON": b64(told),
                "authenticatorData": b64(data),
                "signature": b64(signed),
            }
        )

    def envelope(self, answer: dict) -> str:
        return json.dumps(
            {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": answer}
        )
