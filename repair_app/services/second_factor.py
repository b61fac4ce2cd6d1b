"""The second factor of an account: which roles need one, what is written down, how it is reset.

How codes and passkeys are checked is Flask-Security's; here is what its store does beside.
"""

from typing import Any, Final

from flask_security import SQLAlchemyUserDatastore
from flask_security.totp import Totp

from repair_app.db import db
from repair_app.engine.step import SYSTEM, Actor
from repair_app.labels import Label
from repair_app.models import Role, User
from repair_app.services import administration, office_book, people
from repair_app.services.people import NotPossible

OFF: Final = "off"
NONE_SET_UP: Final = Label("该账号没有设置第二验证方式。", "the account has no second factor")
AUTHENTICATOR: Final = "authenticator"
PASSKEY: Final = "passkey"
RECOVERY_CODES: Final = "recovery_codes"


def read_roles(setting: str) -> frozenset[Role]:
    """Return the roles that need a second factor, of a setting such as `reviewer,auditor`.

    Raises ValueError for a word that is no role of a person.
    """
    words = {one.strip() for one in setting.split(",")} - {"", OFF}
    known = {str(one) for one in Role} - {str(Role.SYSTEM)}
    if words - known:
        wrong = ", ".join(sorted(words - known))
        raise ValueError(f"REDRESS_SECOND_FACTOR: {wrong} is no role; off, or of {sorted(known)}")
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
