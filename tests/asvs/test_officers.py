"""Who watches is not who is watched: administration and audit are apart."""

import pytest

from repair_app.db import db
from repair_app.models import Role
from repair_app.services import people
from repair_app.services.people import NotPossible
from repair_app.services.transaction import transaction
from tests.factories import make_account

APART = [("administrator", Role.AUDITOR), ("auditor", Role.ADMINISTRATOR)]
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special


@one_store
@pytest.mark.parametrize(("name", "role"), APART)
def test_nobody_is_administrator_and_auditor_at_once(world, digest, name, role) -> None:
    user = getattr(world, name)
    before = digest()
    with pytest.raises(NotPossible, match="administrator and auditor"), transaction() as session:
        people.appoint(session, session.merge(user), world.centre, role)
    assert digest() == before
    with transaction() as session:
        people.appoint(session, session.merge(user), world.centre, Role.REVIEWER)


@one_store
@pytest.mark.parametrize(("name", "role"), APART)
def test_nor_by_a_further_account(world, name, role) -> None:
    own = getattr(world, name)
    other = make_account(world.centre, Role.REVIEWER, same_person_as=own)
    with pytest.raises(NotPossible), transaction() as session:
        people.appoint(session, session.merge(other), world.centre, role)


@one_store
def test_who_has_laid_the_one_down_may_take_the_other(world) -> None:
    with transaction() as session:
        user = session.merge(world.auditor)
        people.end_appointment(user, user.appointments[0].organisation, Role.AUDITOR)
        people.appoint(session, user, world.centre, Role.ADMINISTRATOR)
    db.session.expire_all()
    assert world.auditor.holds(Role.ADMINISTRATOR)
    assert not world.auditor.holds(Role.AUDITOR)
