"""Whether the clock of this server and that of the database agree.

Terms, sessions and events go by this server's clock; locks, leases and a replica's lag by the
database's. Where they differ, one of the machines has lost its time server.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from repair_app import alarms
from repair_app.db import now, own_time
from repair_app.services.transaction import transaction

MOST: Final = 2.0  # seconds by which they may differ
ALARM: Final = "clock"
WHOSE: Final = "database"


def measure(session: Session) -> float:
    """Return by how many seconds the database is ahead, or behind (less than 0), beyond doubt.

    What asking took is no difference. 0 for SQLite, which has no clock of its own.
    """
    if session.get_bind().dialect.name != "postgresql":
        return 0.0
    session.scalar(select(1))  # the connection stands: it is not measured
    before = own_time()
    there: datetime = session.scalars(select(func.clock_timestamp())).one()
    after = own_time()
    if there > after:
        return (there - after).total_seconds()
    return min((there - before).total_seconds(), 0.0)


def watch() -> float:
    """Raise an alarm where the clocks differ by more than MOST seconds, clear it where not."""
    with transaction() as session:
        ahead = measure(session)
        if abs(ahead) > MOST:
            way = "ahead of" if ahead > 0 else "behind"
            text = (
                f"the database is {abs(ahead):.0f} s {way} this server: look at their time servers"
            )
            alarms.raise_alarm(session, ALARM, WHOSE, "time", text, at=now())
        else:
            alarms.clear_alarm(session, ALARM, WHOSE, "time", at=now())
    return ahead
