"""What machine clients were answered, kept for a day: a request that is sent again changes nothing.

That a step is taken once is not this file's doing: the key is the form token of its transaction
(`services/cases.py`). Here only the answer is kept, byte for byte.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from repair_app.db import db, now
from repair_app.models import KeptAnswer, MachineClient
from repair_app.services.transaction import transaction

KEPT: Final = timedelta(hours=24)


def find(client: MachineClient, key: str) -> KeptAnswer | None:
    """Return what a client was answered under a key, while it is kept."""
    return db.session.scalar(
        select(KeptAnswer).where(
            KeptAnswer.client_id == client.id,
            KeptAnswer.key == key,
            KeptAnswer.kept_at > now() - KEPT,
        )
    )


def keep(answer: KeptAnswer) -> None:
    """Keep an answer, in the place of one whose day is over.

    Of two equal requests at once the step is taken once, and both are told so: the answer of the
    quicker is kept.
    """
    with suppress(IntegrityError), transaction() as session:
        session.execute(
            delete(KeptAnswer).where(
                KeptAnswer.client_id == answer.client_id,
                KeptAnswer.key == answer.key,
                KeptAnswer.kept_at <= now() - KEPT,
            )
        )
        session.add(answer)
