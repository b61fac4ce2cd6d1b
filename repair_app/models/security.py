"""What was refused: who tried what, how often in a minute; no word of anybody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from repair_app.db import Base


class SecurityEvent(Base):
    """Refusals of one kind to one account or client within a minute, counted.

    A flood is one row a minute for each account, page and answer: it cannot fill the disk. No
    foreign keys: what is written here must never fail for what it names.
    """

    __tablename__ = "security_event"
    __table_args__ = (
        UniqueConstraint("minute", "who", "route", "kind", name="uq_security_event"),
        CheckConstraint("times > 0", name="happened"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    minute: Mapped[datetime]  # its beginning
    who: Mapped[str]  # "account 12", "client 3"; empty: nobody is signed in
    route: Mapped[str]  # the name of the page or interface, never the address
    kind: Mapped[str]  # a key of services.security.KINDS
    status: Mapped[int]  # how it was answered
    entity_ref: Mapped[str]  # of the first of them; empty where the address names none
    step: Mapped[str]  # of the first of them, if a workflow has it
    request: Mapped[str]  # the number of the first in the log
    times: Mapped[int]
    last_at: Mapped[datetime]
