"""Counts of requests, for limits that all processes keep together."""

from sqlalchemy import Double
from sqlalchemy.orm import Mapped, mapped_column

from repair_app.db import Base


class RateCount(Base):
    """How often something was done in the present window.

    Losing them costs nothing: on PostgreSQL the table is not logged, so that counting waits for
    no disk and no replica.
    """

    __tablename__ = "rate_count"

    key: Mapped[str] = mapped_column(primary_key=True)  # a hash: whose it is, nobody can read
    hits: Mapped[int]
    ends_at: Mapped[float] = mapped_column(Double)  # seconds since 1970
