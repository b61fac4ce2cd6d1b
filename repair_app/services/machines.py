"""What the systems of a person may do: what the person may by the role they are registered for."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app.db import now
from repair_app.engine.step import Actor
from repair_app.models import Appointment, Event, MachineClient, User
from repair_app.services import office_book


def settle(session: Session, actor: Actor, person_id: int) -> None:
    """Let every system of a person have its scope and last day by the role as it is now.

    A system whose role has ended is revoked: it does not come back when the role is given again.
    To be called after each change of a person's roles and accounts, and before a role is given, so
    that what ran out by itself is ended first.
    """
    session.flush()
    of_theirs = select(MachineClient).join(MachineClient.account).where(User.person_id == person_id)
    for client in session.scalars(of_theirs.where(MachineClient.revoked_at.is_(None))).all():
        held = [one for one in seats_for(session, client, person_id) if one.is_current]
        if not held:
            end(session, actor, client)
            continue
        # By several accounts a role may be held twice: never more than one of them allows.
        lasting = max(held, key=lambda one: one.ends_on or date.max)
        own = Appointment.user_id == client.account_id
        for seat in session.scalars(select(Appointment).where(own)):
            seat.scope, seat.ends_on = lasting.scope, lasting.ends_on


def seats_for(session: Session, client: MachineClient, person_id: int) -> Sequence[Appointment]:
    """Return the roles by which a person answers for a system, also such as have run out."""
    return session.scalars(
        select(Appointment)
        .join(Appointment.user)
        .where(User.person_id == person_id, User.active, User.is_machine.is_(False))
        .where(Appointment.organisation_id == client.organisation_id)
        .where(Appointment.role == client.role)
        .order_by(Appointment.id)
    ).all()


def end(session: Session, actor: Actor, client: MachineClient) -> None:
    """Revoke a system and all its tokens, and write the event."""
    client.revoked_at = now()
    client.account.active = False
    note(session, "revoke_client", client, actor)


def note(session: Session, step: str, client: MachineClient, actor: Actor) -> Event:
    """Write a change of a client into the book of accounts, and return the event."""
    return office_book.note(
        session,
        office_book.ACCOUNTS,
        step,
        f"client:{client.client_id}",
        actor,
        facts={
            "organisation": office_book.name_organisation(client.organisation),
            "role": client.role,
            "scopes": client.scopes,
            "answers": client.account.person_id,
        },
        texts={"name": client.name},
    )
