"""Demonstration data: a fictional city, made by driving the real services, in the past.

Nothing here writes a state, an event or a deadline. Every date counts back from the day on which
the demonstration is made, so that something is always due, overdue and just over.
"""

from datetime import date, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from repair_app import calendar
from repair_app.db import at, db, now
from repair_app.demo import cast
from repair_app.demo.performance import Stage, play, play_on
from repair_app.demo.platforms import add_platforms, keep_city_up
from repair_app.models import Organisation, User
from repair_app.services import institutions, people
from repair_app.services.transaction import transaction

LEAD: Final = timedelta(days=4 * 365)  # the accounts are that much older than the last day


def add_demo() -> None:
    """Add the demonstration once; one that was stopped half-way is completed."""
    if find_account(cast.LAST):
        return
    if find_account(cast.PLAYERS[0]) is None:
        with at(now() - LEAD), transaction() as session:
            add_cast(session)
    stage = set_stage()
    play(stage)
    add_platforms()
    play_on(stage)
    keep_city_up()
    with transaction() as session:
        add_player(session, cast.LAST)


def find_account(player: cast.Player) -> User | None:
    """Return the account of a person of the cast, if there is one."""
    return db.session.scalar(select(User).where(User.email == cast.address(player.login)))


def add_cast(session: Session) -> None:
    """Add the organisations and all accounts but the last."""
    for unit in cast.UNITS.values():
        people.add_organisation(session, *unit)
    for key, above in cast.SUPERIORS.items():
        lower, upper = (
            people.get_organisation(session, cast.UNITS[one].uscc) for one in (key, above)
        )
        lower.superior = upper
    for key, (service, number) in cast.REGISTRATIONS.items():
        unit_on_file = people.get_organisation(session, cast.UNITS[key].uscc)
        institutions.register(
            session,
            unit_on_file,
            service,
            number,
            valid_from=date(2020, 1, 1),
            valid_until=date(2099, 12, 31),
        )
    for player in cast.PLAYERS:
        user = add_player(session, player)
        if player.login == cast.AGENT_ELSEWHERE[0]:
            unit = cast.UNITS[cast.AGENT_ELSEWHERE[1]]
            client = people.add_organisation(session, *unit)
            people.appoint(session, user, client, player.role, scope=player.scope)


def add_player(session: Session, player: cast.Player) -> User:
    """Add one account for an organisation that is on file."""
    return people.add_account(
        session,
        cast.address(player.login),
        player.name,
        cast.PASSWORD,
        people.add_organisation(session, *cast.UNITS[player.unit]),
        player.role,
        scope=player.scope or None,
    )


def set_stage() -> Stage:
    """Return who is who, and the day that was today when the accounts were added."""
    logins = {cast.address(one.login): one.login for one in cast.PLAYERS}
    accounts = db.session.execute(
        select(User.email, User.id, User.created_at).where(User.email.in_(logins))
    ).all()
    codes = {unit.uscc: key for key, unit in cast.UNITS.items()}
    units = db.session.execute(
        select(Organisation.uscc, Organisation.id).where(Organisation.uscc.in_(codes))
    )
    return Stage(
        day=calendar.local_date(accounts[0].created_at + LEAD),
        users={logins[email]: number for email, number, _ in accounts},
        units={codes[uscc]: number for uscc, number in units if uscc},
    )
