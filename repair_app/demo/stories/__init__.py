"""The stories of the demonstration: what happened to which penalty, by kind of matter."""

from typing import Final

from repair_app.demo.stories.complaints import COMPLAINTS
from repair_app.demo.stories.disputes import DISPUTES
from repair_app.demo.stories.followed import FOLLOWED
from repair_app.demo.stories.objections import OBJECTIONS
from repair_app.demo.stories.proceedings import ANNULMENTS, PROCEEDINGS
from repair_app.demo.stories.remedies import REMEDIES
from repair_app.demo.stories.repairs import REPAIRS
from repair_app.demo.stories.reviews import REVIEWS
from repair_app.demo.stories.revocations import REVOCATIONS
from repair_app.demo.stories.self_control import QUARANTINES, SELF_CHECKS
from repair_app.demo.stories.shields import SHIELDS
from repair_app.demo.stories.spreading import SPREADING
from repair_app.demo.stories.supervision import SUPERVISION

STORIES: Final = (
    *OBJECTIONS,
    *REPAIRS,
    *DISPUTES,
    *FOLLOWED,
    *SPREADING,
    *REVOCATIONS,
    *REVIEWS,
    *ANNULMENTS,
    *PROCEEDINGS,
    *SHIELDS,
    *SUPERVISION,
    *REMEDIES,
    *SELF_CHECKS,
    *QUARANTINES,
    *COMPLAINTS,
)
