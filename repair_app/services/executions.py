"""What departments report they carried out: told twice it is counted once, and not taken back.

A report is of one measure, one day and one outcome. The feedback of the loop (…2号 （十）2) asks
whether and when, so that the same day with the same outcome is the same report, by whichever
system or person of the department it comes:

- in the same words it changes nothing, and is answered with the first;
- in other words it is told beside the first (an event): the day is counted once all the same;
- carried out, after it was said that it was not: taken, for what happened has happened, and it may
  be what opens the remedy of harm;
- not carried out, after it was said that it was: refused. Because of such a report harm is
  undone (鲁政发〔2017〕44号 二（四）20): who did it cannot take it back alone. That it was a
  mistake is said beside it, in other words, and answered for in the remedy.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from repair_app import ledger
from repair_app.engine.enforcement import find_execution
from repair_app.engine.step import Answers, Reason, Refused
from repair_app.labels import N_
from repair_app.models import Event, Sanction

STEP: Final = "report"


class Contradicted(Refused):
    """Of a day on which a measure was carried out it is said that it was not."""


def was_told(session: Session, sanction: Sanction, answers: Answers) -> bool:
    """Say whether a report was made before, in the same words. Raises Contradicted."""
    day, executed = date.fromisoformat(answers.facts["happened_on"]), answers.facts["executed"]
    if not executed and any(one.executed and one.happened_on == day for one in sanction.executions):
        raise Contradicted(
            Reason(
                N_(
                    "On %(day)s the measure was carried out, as was reported before: that is not "
                    "taken back by another report. If it was reported by mistake, report once more "
                    "that it was carried out, and say so in the account."
                ),
                {"day": day},
            )
        )
    if find_execution(sanction, day, executed=executed) is None:
        return False
    told = list_reports(session, sanction.ref, answers.facts)
    return any(ledger.texts_of(one) == answers.texts for one in told)


def list_reports(session: Session, ref: str, facts: Mapping[str, Any]) -> Iterator[Event]:
    """Yield the reports of a sanction that say this, the first one first."""
    found = session.scalars(
        select(Event)
        .where(Event.entity == ref, Event.transition == STEP)
        .order_by(Event.id)
        .options(joinedload(Event.text))
    )
    return (one for one in found if json.loads(one.payload)["facts"] == facts)
