"""The three officers of a site, and who of them does what: see docs/adr/0026.

GB/T 22239-2019 has a system administrator (8.1.5.1), an auditor (8.1.5.2) and a security officer
(8.1.5.3), each with duties of their own. What a profile of security says is data, here.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flask import current_app

from repair_app.models import Role, User

OFFICERS: Final = frozenset({Role.ADMINISTRATOR, Role.SECURITY_OFFICER, Role.AUDITOR})


class Duty(StrEnum):
    """What the officers do; pages of administration name one of these."""

    LOOK = "look"  # at accounts, systems, settings and alarms; and shut out an account
    RUN = "run"  # enter organisations, accounts, the calendar, platforms; see that all runs (a)
    AUTHORISE = "authorise"  # give and end roles, give scopes, let somebody in again (c)
    REVIEW = "review"  # read who changed what (b)


BOTH: Final = frozenset({Role.ADMINISTRATOR, Role.SECURITY_OFFICER})
# By profile of security (config.py). Who is not named has no way to it.
DUTIES: Final[Mapping[str, Mapping[Duty, frozenset[Role]]]] = {
    "asvs": {
        Duty.LOOK: BOTH,
        Duty.RUN: frozenset({Role.ADMINISTRATOR}),
        Duty.AUTHORISE: BOTH,
        Duty.REVIEW: frozenset({Role.ADMINISTRATOR}),
    },
    "dengbao3": {
        Duty.LOOK: BOTH,
        Duty.RUN: frozenset({Role.ADMINISTRATOR}),
        Duty.AUTHORISE: frozenset({Role.SECURITY_OFFICER}),
        Duty.REVIEW: frozenset({Role.AUDITOR}),
    },
}


def roles_for(duty: Duty) -> frozenset[Role]:
    """Return whose duty something is, by the profile that this site runs with."""
    return DUTIES[current_app.config["SECURITY_PROFILE"]][duty]


def has(user: User, duty: Duty) -> bool:
    """Say whether something is a duty of somebody's."""
    return any(user.holds(role) for role in roles_for(duty))


def indispensable() -> list[Role]:
    """Return the offices without which nobody could run the site, authorise, or review.

    Each once, also where it has several of these duties to itself.
    """
    alone = [
        role
        for duty in (Duty.RUN, Duty.AUTHORISE, Duty.REVIEW)
        if len(roles_for(duty)) == 1
        for role in roles_for(duty)
    ]
    return list(dict.fromkeys(alone))
