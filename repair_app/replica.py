"""The replica: what may lag a little is read there, while it is known to lag no more than that.

How far behind it is cannot be asked of the replica alone: one that has lost its primary believes
itself up to date. So the primary is asked how far it has written, and the replica how far it has
read; how long ago the primary was where the replica is now, is how far it lags. Everybody may ask
both; the statistics of replication need rights that the application has not.
"""

import time
from collections import deque
from typing import Final

from flask import Flask, current_app
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from repair_app.db import MAY_LAG, REPLICA, db

LOOK_AGAIN: Final = 2.0  # seconds between two looks; by so much the lag may be older than known
AFTER_LOSS: Final = 15.0  # seconds until a replica that failed is tried again
REMEMBERED: Final = 64  # looks
WRITTEN: Final = text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
READ: Final = text(
    "SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') WHERE pg_is_in_recovery()"
)


class Watch:
    """What a process knows of the replica."""

    def __init__(self) -> None:
        self.written: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)  # when, how far
        self.trusted = False
        self.due = 0.0

    def is_fresh(self, lag: float) -> bool:
        """Say whether the replica lags at most so many seconds; look again now and then."""
        moment = time.monotonic()
        if moment < self.due:
            return self.trusted
        self.due = moment + LOOK_AGAIN
        try:
            self.trusted = self.measure(moment) <= lag
        except DBAPIError:
            self.distrust()
        return self.trusted

    def measure(self, moment: float) -> float:
        """Return by how many seconds the replica lags; infinity where nobody knows."""
        read = self.look(moment)
        return moment - max((at for at, far in self.written if far <= read), default=float("-inf"))

    def read_lag(self) -> float:
        """Look, and return by how many seconds the replica lags, for the metrics.

        Where it has not got as far as the first look that is remembered: since that, at least.
        What is no replica (any more) lags for ever.
        """
        moment = time.monotonic()
        read = self.look(moment)
        if read == float("-inf"):
            return float("inf")
        looks = list(self.written)
        return moment - max((at for at, far in looks if far <= read), default=looks[0][0])

    def look(self, moment: float) -> float:
        """Note how far the primary has written; return how far the replica has read.

        Minus infinity where it is no replica (any more).
        """
        with db.engine.connect() as primary:
            self.written.append((moment, int(primary.execute(WRITTEN).scalar_one())))
        with db.engines[REPLICA].connect() as replica:
            read = replica.execute(READ).scalar()
        return float("-inf") if read is None else float(read)

    def distrust(self) -> None:
        """Read from the primary for a while: the replica has failed."""
        self.trusted, self.due = False, time.monotonic() + AFTER_LOSS


def init_app(app: Flask) -> None:
    """Watch the replica of an application, if it has one."""
    app.extensions["redress_replica"] = Watch()


def read_lag() -> float | None:
    """Return by how many seconds the replica lags; None where there is none in the settings.

    Raises a DBAPIError where it does not answer.
    """
    watch: Watch = current_app.extensions["redress_replica"]
    return watch.read_lag() if REPLICA in db.engines else None


def let_lag(session: Session) -> bool:
    """Let what this session reads come from the replica, if it is fresh; say whether it does.

    Transactions that write go to the primary all the same.
    """
    if REPLICA not in db.engines:
        return False
    watch: Watch = current_app.extensions["redress_replica"]
    session.info[MAY_LAG] = watch.is_fresh(current_app.config["REPLICA_LAG"])
    return bool(session.info[MAY_LAG])


def give_up(session: Session) -> None:
    """Read the rest, and what comes for a while, from the primary."""
    current_app.extensions["redress_replica"].distrust()
    session.invalidate()  # a rollback would fail as well
    session.info[MAY_LAG] = False
