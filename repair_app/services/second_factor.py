"""The second factor of an account: which roles need one, what is written down, how it is reset.

How codes and passkeys are checked is Flask-Security's; here is what its store does beside.
"""

import hashlib
import secrets
import unicodedata
from typing import Any, Final

from flask import current_app
from flask_security import SQLAlchemyUserDatastore
from flask_security.recovery_codes import MfRecoveryCodesUtil
from flask_security.totp import Totp

from repair_app.db import db
from repair_app.engine.step import SYSTEM, Actor
from repair_app.labels import Label
from repair_app.models import Role, User
from repair_app.services import administration, office_book, people
from repair_app.services.people import NotPossible

OFF: Final = "off"
ALL: Final = "all"
NONE_SET_UP: Final = Label("该账号没有设置第二验证方式。", "the account has no second factor")
AUTHENTICATOR: Final = "authenticator"
PASSKEY: Final = "passkey"
RECOVERY_CODES: Final = "recovery_codes"
# Of a recovery code: Crockford's base 32, in which nothing looks like something else. 24 of these
# are 120 bits; from 112 on no salt and no slow hash is needed (ASVS 5.0.0, 6.5.2).
SIGNS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH: Final = 24
GROUP: Final = 4  # signs between two hyphens
AS_READ: Final = str.maketrans({"o": "0", "i": "1", "l": "1"} | dict.fromkeys("-‐‑‒–—−_", ""))
LONGEST: Final = 200  # characters that are looked at, whatever is sent
HOW_MANY: Final = "SECURITY_MULTI_FACTOR_RECOVERY_CODES_N"
HASHED: Final = "sha256:"  # before what is kept of a code; without it: of an earlier release


def read_roles(setting: str) -> frozenset[Role]:
    """Return the roles that need a second factor, of a setting such as `reviewer,auditor`.

    `all`: everybody's, those of enterprises too. Raises ValueError for a word that is no role of a
    person.
    """
    words = {one.strip() for one in setting.split(",")} - {"", OFF}
    known = {str(one) for one in Role} - {str(Role.SYSTEM)}
    if words == {ALL}:
        words = known
    if words - known:
        wrong = ", ".join(sorted(words - known))
        raise ValueError(
            f"REDRESS_SECOND_FACTOR: {wrong} is no role; off, all, or of {sorted(known)}"
        )
    return frozenset(Role(one) for one in words)


def lacks(user: User, roles: frozenset[Role]) -> bool:
    """Say whether an account holds a role that needs a second factor, and has none set up."""
    return any(user.holds(role) for role in roles) and not user.has_second_factor


class Codes(Totp):
    """Time-based codes, each good once."""

    def get_last_counter(self, user: Any) -> int | None:
        """Return when the last code was taken, in periods of 30 seconds."""
        last: int | None = user.tf_last_counter
        return last

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        """Keep when a code was taken."""
        user.tf_last_counter = tmatch.counter


class RecoveryCodes(MfRecoveryCodesUtil):
    """Recovery codes, each good once: shown when they are made, then only their hashes are left.

    The hashes are encrypted as well, so that who writes to the store only cannot put in their own.
    Codes of earlier releases lie there encrypted and not hashed; they work until new ones are made.
    """

    def create_recovery_codes(self, user: Any) -> list[str]:
        """Make new codes for a person and return them."""
        codes = [make_code() for _ in range(current_app.config[HOW_MANY])]
        kept = [HASHED + hash_of(bare(one)) for one in codes]
        current_app.extensions["security"].datastore.mf_set_recovery_codes(
            user,
            self._encrypt_codes(kept),
        )
        return codes

    def get_recovery_codes(self, user: Any) -> list[str]:
        """Return none: what is kept cannot be shown."""
        return []

    def check_recovery_code(self, user: Any, code: str) -> bool:
        """Say whether a code, as somebody typed it, is one of a person's."""
        return self.find(user, code) is not None

    def delete_recovery_code(self, user: Any, code: str) -> bool:
        """Use up a code; False: it was none."""
        place = self.find(user, code)
        store = current_app.extensions["security"].datastore
        return place is not None and bool(store.mf_delete_recovery_code(user, place))

    def find(self, user: Any, code: str) -> int | None:
        """Return where in a person's list a code stands, None for nowhere."""
        typed = bare(code)
        hashed = HASHED + hash_of(typed)
        for place, kept in enumerate(self.open(user)):
            is_one = secrets.compare_digest(kept.encode(), hashed.encode())
            if is_one or (is_earlier(kept) and bare(kept) == typed):
                return place
        return None

    def has_earlier(self, user: Any) -> bool:
        """Say whether a person has codes of an earlier release, which are kept less safely."""
        return any(map(is_earlier, self.open(user)))

    def open(self, user: Any) -> list[str]:
        """Return what is kept of a person's codes, decrypted; empty where the key is another."""
        decrypted = [self._decrypt_codes([one]) for one in user.mf_recovery_codes or ()]
        return [one[0] if one else "" for one in decrypted]


def make_code() -> str:
    """Return a new recovery code, six groups of four signs."""
    signs = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
    return "-".join(signs[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def bare(typed: str) -> str:
    """Return a code without what people add: hyphens, blanks, capitals, full width, O for 0."""
    wide = unicodedata.normalize("NFKC", typed[:LONGEST])
    return "".join(wide.split()).casefold().translate(AS_READ)


def hash_of(code: str) -> str:
    """Return what is kept of a bare code."""
    return hashlib.sha256(code.encode()).hexdigest()


def is_earlier(kept: str) -> bool:
    """Say whether this is a code itself, as earlier releases kept it."""
    return bool(kept) and not kept.startswith(HASHED)


class Accounts(SQLAlchemyUserDatastore):
    """The store of accounts; each change of a second factor is an event."""

    def tf_set(self, user: Any, *args: Any, **more: Any) -> None:
        """Keep the authenticator of a person; nothing is written where nothing is new."""
        former = user.tf_totp_secret
        super().tf_set(user, *args, **more)
        if user.tf_totp_secret != former:
            note(user, "add_factor", AUTHENTICATOR)

    def tf_reset(self, user: Any) -> None:
        """Forget the authenticator of a person."""
        super().tf_reset(user)
        note(user, "remove_factor", AUTHENTICATOR)

    def mf_set_recovery_codes(self, user: Any, rcs: list[str] | None) -> None:
        """Keep new recovery codes; those before are worthless."""
        super().mf_set_recovery_codes(user, rcs)
        note(user, "renew_codes", RECOVERY_CODES)

    def mf_delete_recovery_code(self, user: Any, idx: int) -> bool:
        """Use up a recovery code."""
        done = bool(super().mf_delete_recovery_code(user, idx))
        note(user, "use_code", RECOVERY_CODES)
        return done

    def create_webauthn(self, user: Any, *args: Any, **more: Any) -> None:
        """Keep a passkey."""
        super().create_webauthn(user, *args, **more)
        note(user, "add_factor", PASSKEY)

    def delete_webauthn(self, webauthn: Any) -> None:
        """Forget a passkey."""
        user = webauthn.user
        user.webauthn.remove(webauthn)
        note(user, "remove_factor", PASSKEY)


def note(user: User, step: str, kind: str) -> None:
    """Write what a person did with their second factor into the ledger."""
    session = db.session()
    session.flush()
    name = office_book.name_account(user)
    office_book.note(
        session, office_book.ACCOUNTS, step, name, actor_of(user), facts={"kind": kind}
    )


def actor_of(user: User) -> Actor:
    """Return a person as the one who changes their own account."""
    seat = next(iter(user.current_appointments), None)
    return office_book.sitting_on(user, seat) if seat else SYSTEM


def lock(user_id: int | None, *, with_book: bool) -> None:
    """Take an account for oneself until the transaction ends; with its book, if an event may come.

    The book first: whoever changes accounts takes both in this order.
    """
    session = db.session()
    if with_book:
        office_book.take(session, office_book.ACCOUNTS)
    if user_id is not None:
        session.get(User, user_id, with_for_update={"of": User}, populate_existing=True)


def reset(by: User | None, account_id: int) -> User:
    """Forget the second factor of an account, and end its sessions; the person sets up a new one.

    Raises NotVisible, NotPossible.
    """
    with administration.changing() as session:
        user = administration.get_user(session, account_id)
        administration.refuse_oneself(by, user.person_id)
        if not user.has_second_factor and not user.mf_recovery_codes:
            raise NotPossible(NONE_SET_UP)
        user.tf_primary_method = user.tf_totp_secret = None
        user.mf_recovery_codes = None
        user.webauthn.clear()
        people.forget_sessions(user)
        administration.note(session, "reset_factors", user, office_book.actor_of(by))
        return user
