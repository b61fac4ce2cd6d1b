"""What was refused: counted in a transaction of its own, read by auditors, kept by a rule.

A refusal is an attempt at what is not one's own or not one's part: a sign-in, token or form that
is not good, a page or step that another role has, a reference that is nobody's or somebody
else's, a step that is not due. What is only filled in wrongly is none.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from repair_app.db import db, now
from repair_app.models import MachineClient, SecurityEvent, User
from repair_app.services.policy import current_policy
from repair_app.services.transaction import at_once

PAGE: Final = 50
KINDS: Final = MappingProxyType(
    {
        "sign_in": _l("Sign-in, code or password refused"),
        "token": _l("Token or secret of a system is not good"),
        "scope": _l("Token is not good for this"),
        "form": _l("Form is not ours, or too old"),
        "no_session": _l("Sent without being signed in"),
        "not_allowed": _l("Not open to this account"),
        "not_visible": _l("Not there, or not theirs to see"),
        "not_now": _l("Step cannot be taken now"),
        "too_many": _l("Too many attempts"),
    }
)


def note(
    kind: str, status: int, *, who: str, route: str, entity_ref: str, step: str, request: str
) -> None:
    """Count a refusal, whatever became of the request. Raises KeyError for an unknown kind.

    who: "account 12", "client 3" or nothing; step: as it was asked for, kept only if it is one.
    """
    KINDS[kind]
    moment = now()
    row = {
        "minute": moment.replace(second=0, microsecond=0),
        "who": who,
        "route": route,
        "kind": kind,
        "status": status,
        "entity_ref": entity_ref,
        "step": step if is_step(step) else "",
        "request": request,
        "times": 1,
        "last_at": moment,
    }
    with at_once() as connection:
        connection.execute(counting(connection.dialect.name), row)


def counting(dialect: str) -> Any:
    """Return the statement that adds a row, or one more time to the row of this minute."""
    make = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(SecurityEvent)
    return make.on_conflict_do_update(
        index_elements=["minute", "who", "route", "kind"],
        set_={"times": SecurityEvent.times + 1, "last_at": make.excluded.last_at},
    )


def is_step(name: str) -> bool:
    """Say whether some workflow has a step of this name: what else is typed is not repeated."""
    return any(name in one.transitions for one in current_policy().current.values())


def list_latest(before: int | None = None, limit: int = PAGE + 1) -> Sequence[SecurityEvent]:
    """Return the newest refusals, as many as are asked for: a page and one more."""
    query = select(SecurityEvent).order_by(SecurityEvent.id.desc()).limit(limit)
    if before is not None:
        query = query.where(SecurityEvent.id < before)
    return db.session.scalars(query).all()


def name_who(events: Sequence[SecurityEvent]) -> dict[str, str]:
    """Return what auditors call the accounts and clients of some refusals."""
    found: dict[str, str] = {}
    for word, model, name in (
        ("account", User, User.email),
        ("client", MachineClient, MachineClient.client_id),
    ):
        ids = {int(one.who.split()[1]) for one in events if one.who.startswith(word)}
        for number, called in db.session.execute(select(model.id, name).where(model.id.in_(ids))):
            found[f"{word} {number}"] = called
    return found
