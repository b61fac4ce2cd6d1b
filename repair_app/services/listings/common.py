"""What a list that can be taken away is, and the words that several of them use."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask_babel import gettext
from sqlalchemy import Select, func, literal, select, true

from repair_app.db import db
from repair_app.masking import HIDDEN
from repair_app.models import Role, User
from repair_app.models.parties import OrganisationKind
from repair_app.services.policy import current_policy
from repair_app.services.statistics.tables import text_of
from repair_app.sheets import Cell

BATCH: Final = 500
PUBLIC: Final = "public"
SIGNED_IN: Final = "signed in"
Filters = Mapping[str, str]
Rows = Iterator[Sequence[Cell]]


@dataclass(frozen=True)
class Listing:
    """A list: who may take it away, its columns, how many rows there are, and the rows.

    `count` is asked for as many as is of interest, and need not count further. `asks` are the
    filters that it knows; others are dropped.
    """

    title: Any
    admits: str | frozenset[Role]
    head: Callable[[User | None, Filters], Sequence[Any]]
    count: Callable[[User | None, Filters, int | None], int]
    rows: Callable[[User | None, Filters], Rows]
    asks: tuple[str, ...] = ()

    def admits_user(self, user: User | None) -> bool:
        """Say whether a person may take it away; None is anybody."""
        if self.admits == PUBLIC:
            return True
        if user is None:
            return False
        return self.admits == SIGNED_IN or any(user.holds(role) for role in self.admits)  # type: ignore[arg-type]


Query = Callable[[User, Filters], Select[Any]]
Row = Callable[[Any], Sequence[Cell]]


def listed(
    title: Any,
    admits: str | frozenset[Role],
    head: Sequence[Any],
    query: Any,
    row: Row,
    asks: tuple[str, ...] = (),
) -> Listing:
    """Return a listing whose rows are those of a query, one line for each.

    query: of a person and filters. row: the cells of what a row holds (its one thing, or itself).
    """

    def rows(user: User | None, filters: Filters) -> Rows:
        asked = query(user, filters).execution_options(yield_per=BATCH)
        for found in db.session.execute(asked):
            yield row(found[0] if len(found) == 1 else found)

    return Listing(title, admits, lambda *_: head, count_of(query), rows, asks)


def count_of(query: Any) -> Callable[[User | None, Filters, int | None], int]:
    """Return how to count the rows of a query, up to a limit."""

    def count(user: User | None, filters: Filters, most: int | None) -> int:
        asked = query(user, filters).with_only_columns(
            literal(1).label("one"), maintain_column_froms=True
        )
        some = asked.order_by(None).limit(most).subquery()
        return db.session.scalar(select(func.count()).select_from(some)) or 0

    return count


def row_filter(filters: Filters, name: str, column: Any) -> Any:
    """Return the SQL condition of a filter; without it, for all."""
    return column == filters[name] if filters.get(name) else true()


def party(organisation: Any) -> tuple[str, str]:
    """Return name and code of an enterprise; of a natural person neither."""
    if organisation.kind == OrganisationKind.NATURAL_PERSON:
        return HIDDEN, HIDDEN
    return organisation.name, organisation.uscc or ""


def state_name(entity: Any) -> str:
    """Return how a thing stands, as the version that it is pinned to calls it."""
    return text_of(current_policy().workflow_of(entity).states[entity.state].label)


def in_words(rows: Iterable[Sequence[Cell]]) -> Rows:
    """Yield rows with what is so, or is not, in the reader's language and not as a code."""
    yes, no = gettext("yes"), gettext("no")
    for row in rows:
        yield [(yes if one else no) if isinstance(one, bool) else one for one in row]


def texts_of(head: Iterable[Any]) -> list[str]:
    """Return the titles of columns in the reader's language."""
    return [str(one) for one in head]
