"""Machine clients: registered by an officer for a person who answers for them (RFC 6749).

A client acts by an account of its own, which holds one role for one organisation and belongs to the
person who answers for it: it may do what this person may do by that role, within its scopes, and is
the same pair of eyes. It changes and ends with the person's own role (`services.machines`). Only
this person draws its secret, or an operator by a command: an officer who read the secrets of two
persons' systems would be both of them.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager, selectinload

from repair_app.db import db, now, today
from repair_app.engine.step import SYSTEM, Actor
from repair_app.engine.telling import Kind, tell_of_system
from repair_app.labels import Label
from repair_app.models import AccessToken, Appointment, MachineClient, Person, Role, User
from repair_app.models.clients import SCOPES
from repair_app.services import machines, office_book, people
from repair_app.services.administration import changing, refuse_oneself
from repair_app.services.cases import NotVisible
from repair_app.services.people import NotPossible
from repair_app.services.transaction import transaction

TOKEN_LIFE: Final = timedelta(minutes=15)
OVERLAP: Final = timedelta(days=7)  # a former secret is good beside the new one
ENDED: Final = Label("该系统已停用。", "the client has been revoked")
TOLD_AS: Final = {"register_client": Kind.SYSTEM_MADE, "rotate_client": Kind.SYSTEM_RENEWED}
NO_SCOPE: Final = Label("请至少选择一项权限范围。", "choose at least one scope")
NOT_A_PERSON: Final = Label(
    "负责人必须是自然人的账号。", "a machine cannot answer for another machine"
)


@dataclass(frozen=True)
class Issued:
    """A client with its secret, which is shown once and kept nowhere."""

    client: MachineClient
    secret: str


def digest(secret: str) -> str:
    """Return the hash of a secret of ours: long and random, so that a plain hash will do."""
    return hashlib.sha256(secret.encode()).hexdigest()


def register(by: User | None, seat: Appointment, name: str, scopes: Collection[str]) -> Issued:
    """Register a client for the role that a person holds, and return it with its secret.

    seat: the appointment of the person who will answer for it, who is told. The secret is for an
    operator to hand over; where an officer asks (`by`), nobody is shown it and the person draws
    another. Raises NotPossible, for oneself too: nobody gives power to themselves.
    """
    refuse_oneself(by, seat.user.person_id)
    if not scopes or not set(scopes) <= set(SCOPES):
        raise NotPossible(NO_SCOPE)
    if seat.user.is_machine:
        raise NotPossible(NOT_A_PERSON)
    secret = secrets.token_urlsafe(32)
    with changing() as session:
        if not seat.is_current or not seat.user.active:
            raise NotPossible(people.not_held(seat.user, seat.organisation, Role(seat.role)))
        account = make_account(session, seat)
        client = MachineClient(
            client_id=f"redress-{secrets.token_hex(8)}",
            name=name.strip(),
            account=account,
            organisation_id=seat.organisation_id,
            role=seat.role,
            scopes=sorted(scopes),
            secret_digest=digest(secret),
            created_at=now(),
        )
        session.add(client)
        session.flush()
        note_and_tell(session, "register_client", client, office_book.actor_of(by))
        return Issued(client, secret)


def make_account(session: Session, seat: Appointment) -> User:
    """Write down the account by which a client acts: nobody signs in with it, nothing is mailed."""
    account = User(
        email=f"{secrets.token_hex(8)}@machine.invalid",
        password=None,
        is_machine=True,
        mail_mode="none",
        fs_uniquifier=people.make_secret(),
        created_at=now(),
        person=session.get_one(Person, seat.user.person_id),
    )
    session.add(account)
    people.appoint(
        session, account, seat.organisation, Role(seat.role), scope=seat.scope, ends_on=seat.ends_on
    )
    return account


def rotate(by: User | None, client_id: str) -> Issued:
    """Give a client a new secret; the former is good for OVERLAP. Its person is told.

    by: the person who answers for it, or None for an operator. Raises NotVisible, NotPossible.
    """
    secret = secrets.token_urlsafe(32)
    with changing() as session:
        client = get_own(session, by, client_id)
        client.former_digest, client.secret_digest = client.secret_digest, digest(secret)
        client.former_until = now() + OVERLAP
        note_and_tell(session, "rotate_client", client, person_of(by, client))
        return Issued(client, secret)


def note_and_tell(session: Session, step: str, client: MachineClient, actor: Actor) -> None:
    """Write what was done about a client into the ledger, and tell its person."""
    event = machines.note(session, step, client, actor)
    tell_of_system(session, TOLD_AS[step], client, f"event:{event.id}", at=now())


def revoke(by: User | None, client_id: str) -> MachineClient:
    """End a client and all its tokens at once. Raises NotVisible, NotPossible."""
    with changing() as session:
        client = refuse_ended(get(session, client_id))
        machines.end(session, office_book.actor_of(by), client)
        return client


def give_up(by: User, client_id: str) -> None:
    """End a client that acts in one's own seat. Raises NotVisible, NotPossible."""
    with changing() as session:
        client = get_own(session, by, client_id)
        machines.end(session, person_of(by, client), client)


def get_own(session: Session, by: User | None, client_id: str) -> MachineClient:
    """Return a client to the person who answers for it, or to an operator.

    Raises NotVisible for anybody else, NotPossible for one that was ended.
    """
    client = get(session, client_id)
    if by is not None and client.account.person_id != by.person_id:
        raise NotVisible(client_id)
    return refuse_ended(client)


def refuse_ended(client: MachineClient) -> MachineClient:
    """Return a client that was not ended. Raises NotPossible."""
    if client.revoked_at is not None:
        raise NotPossible(ENDED)
    return client


def person_of(by: User | None, client: MachineClient) -> Actor:
    """Return who acts as the person who answers for a client: in its seat, by their own account."""
    return SYSTEM if by is None else office_book.sitting_on(by, client.account.appointments[0])


def get(session: Session, client_id: str) -> MachineClient:
    """Return a client. Raises NotVisible."""
    client = find(session, client_id)
    if client is None:
        raise NotVisible(client_id)
    return client


def find(session: Session, client_id: str) -> MachineClient | None:
    """Return the client of an identifier, if there is one."""
    return session.scalar(select(MachineClient).where(MachineClient.client_id == client_id))


def list_clients() -> Sequence[MachineClient]:
    """Return all clients, those that are good first."""
    newest = select(MachineClient).order_by(MachineClient.revoked_at.is_not(None), MachineClient.id)
    return db.session.scalars(newest.options(selectinload(MachineClient.account))).all()


def list_own(user: User) -> Sequence[MachineClient]:
    """Return the clients that a person answers for, by whichever account, without ended ones."""
    own = select(MachineClient).join(MachineClient.account)
    own = own.where(User.person_id == user.person_id, MachineClient.revoked_at.is_(None))
    return db.session.scalars(
        own.options(contains_eager(MachineClient.account)).order_by(MachineClient.id)
    ).all()


def get_numbered(number: int) -> MachineClient:
    """Return the client of a row. Raises NotVisible."""
    found = db.session.get(MachineClient, number)
    if found is None:
        raise NotVisible(str(number))
    return found


def _is_held() -> ColumnElement[bool]:
    """Return the condition that the person who answers for a client still holds its role."""
    own, persons = aliased(User), aliased(User)
    held = (
        select(Appointment.id)
        .join(persons, persons.id == Appointment.user_id)
        .join(own, own.person_id == persons.person_id)
        .where(own.id == MachineClient.account_id, persons.active, persons.is_machine.is_(False))
        .where(Appointment.role == MachineClient.role)
        .where(Appointment.organisation_id == MachineClient.organisation_id)
        .where(or_(Appointment.ends_on.is_(None), Appointment.ends_on >= bindparam("today")))
    )
    return held.exists()


_HELD: Final = select(_is_held()).where(MachineClient.id == bindparam("id"))
# Each request asks for its token: by one statement, and of the account only when it is needed.
_TOKEN: Final = (
    select(AccessToken, and_(MachineClient.revoked_at.is_(None), _is_held()))
    .join(AccessToken.client)
    .where(AccessToken.digest == bindparam("digest"))
    .options(contains_eager(AccessToken.client).lazyload(MachineClient.account))
)


def is_good(client: MachineClient) -> bool:
    """Say whether a client may still act: not revoked, and its person still holds the role."""
    if client.revoked_at is not None:
        return False
    return bool(db.session.scalar(_HELD, {"id": client.id, "today": today()}))


def knows_secret(client: MachineClient, secret: str) -> bool:
    """Say whether a secret is the client's: the present one, or the former while it is good."""
    given = digest(secret)
    former_is_good = client.former_until is not None and now() < client.former_until
    is_former = secrets.compare_digest(given, client.former_digest or "") and former_is_good
    return secrets.compare_digest(given, client.secret_digest) or is_former


# --- tokens ---


def issue_token(client: MachineClient, token: str, scopes: Collection[str]) -> None:
    """Write down a token that a client was given, by its hash."""
    with transaction() as session:
        session.add(
            AccessToken(
                digest=digest(token),
                client_id=client.id,
                scopes=sorted(scopes),
                issued_at=now(),
                expires_at=now() + TOKEN_LIFE,
            )
        )


def find_token(token: str) -> tuple[AccessToken, bool] | None:
    """Return what is known of a token, if it is one of ours, and whether its client may act."""
    found = db.session.execute(_TOKEN, {"digest": digest(token), "today": today()}).first()
    return (found[0], found[1]) if found else None


def revoke_token(token: AccessToken) -> None:
    """Make a token worthless."""
    with transaction() as session:
        session.get_one(AccessToken, token.digest).revoked_at = now()
