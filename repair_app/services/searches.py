"""Searches that people keep, to open a list again as they want it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select

from repair_app.db import db, now
from repair_app.engine.step import Reason, Refused
from repair_app.labels import N_
from repair_app.models import SavedSearch, User
from repair_app.services import cases
from repair_app.services.desk import clean
from repair_app.services.transaction import transaction

MOST_SEARCHES: Final = 20
NAME_LENGTH: Final = 60
QUERY_LENGTH: Final = 1000


def list_searches(user: User, page: str) -> Sequence[SavedSearch]:
    """Return the searches that a person kept for a page, by name."""
    return db.session.scalars(
        select(SavedSearch)
        .where(SavedSearch.account_id == user.id, SavedSearch.page == page)
        .order_by(SavedSearch.name)
    ).all()


def save_search(user: User, page: str, name: str, query: str) -> None:
    """Keep a search under a name; one of the same name is replaced.

    query: as in the address. Raises Refused without a name, or where there are too many.
    """
    title = " ".join(clean(name).split())[:NAME_LENGTH]
    if not title:
        raise Refused(Reason(N_("Give the search a name, to find it again.")))
    with transaction() as session:
        kept = {one.name: one for one in list_searches(user, page)}
        if title not in kept and len(kept) >= MOST_SEARCHES:
            raise Refused(
                Reason(
                    N_("%(count)s searches are kept already: delete one of them first."),
                    {"count": MOST_SEARCHES},
                )
            )
        found = kept.get(title) or SavedSearch(account_id=user.id, page=page, name=title)
        found.query, found.created_at = query[:QUERY_LENGTH], now()
        session.add(found)


def drop_search(user: User, number: int) -> str:
    """Delete a search and return its name. Raises NotVisible for one of somebody else."""
    with transaction() as session:
        found = session.scalar(
            select(SavedSearch).where(SavedSearch.id == number, SavedSearch.account_id == user.id)
        )
        if found is None:
            raise cases.NotVisible(str(number))
        session.delete(found)
        return found.name
