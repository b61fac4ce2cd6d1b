"""Alarms: raised instead of a crash, seen by auditors and administrators, cleared by the cure."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from repair_app.labels import Label
from repair_app.models import Alarm

KINDS: Mapping[str, Label] = MappingProxyType(
    {
        "clock": Label("时钟不一致", "clocks differ"),
        "deadline": Label("期限无法计算", "a deadline cannot be computed"),
        "mail": Label("邮件无法发出", "a mail cannot be sent"),
        "sync": Label("公示平台未同步", "a platform does not show what it should"),
        "history": Label("历史记录未签发校验点", "the history has no signed checkpoint"),
    }
)

log = logging.getLogger(__name__)


def raise_alarm(
    session: Session, kind: str, entity_ref: str, about: str, text: str, *, at: datetime
) -> None:
    """Raise an alarm about a part of an entity, once as long as it is not cleared.

    kind: a key of KINDS. text: what went wrong, for whoever mends it. Raises KeyError for a kind
    that there is not.
    """
    log.warning("alarm: %s: %s %s: %s", KINDS[kind].en, entity_ref, about, text)
    if not find_open(session, kind, entity_ref, about):
        session.add(
            Alarm(
                kind=kind,
                entity_ref=entity_ref,
                about=about,
                text=text,
                raised_at=at,
                cleared_at=None,
            )
        )
        session.flush()


def clear_alarm(session: Session, kind: str, entity_ref: str, about: str, *, at: datetime) -> None:
    """Clear the open alarm about a part of an entity, if there is one."""
    session.execute(
        update(Alarm)
        .where(Alarm.kind == kind, Alarm.entity_ref == entity_ref, Alarm.about == about)
        .where(Alarm.cleared_at.is_(None))
        .values(cleared_at=at)
        .execution_options(synchronize_session="fetch")
    )


def find_open(session: Session, kind: str, entity_ref: str, about: str) -> Alarm | None:
    """Return the open alarm about a part of an entity."""
    return session.scalar(
        select(Alarm).where(
            Alarm.kind == kind,
            Alarm.entity_ref == entity_ref,
            Alarm.about == about,
            Alarm.cleared_at.is_(None),
        )
    )


def list_open(session: Session) -> Sequence[Alarm]:
    """Return the alarms that nobody cleared yet, newest first."""
    return session.scalars(
        select(Alarm).where(Alarm.cleared_at.is_(None)).order_by(Alarm.id.desc())
    ).all()
