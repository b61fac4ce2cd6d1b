"""What became of each row of a file that a provider brought in."""

from typing import Any, Final

from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select

from repair_app.access import organisations_as
from repair_app.db import db
from repair_app.models import ImportBatch, ImportRow, Role, User
from repair_app.services.listings.common import BATCH, Filters, Rows

VERDICT_HEAD: Final = (
    _l("Line"),
    _l("Verdict"),
    _l("Record or matter"),
    _l("Column"),
    _l("Code"),
    _l("Problem"),
)


def verdicts_query(user: User, filters: Filters) -> Select[Any]:
    """Return the query for the rows of a file of a person's office, by line."""
    return (
        select(ImportRow)
        .join(ImportBatch, ImportBatch.id == ImportRow.batch_id)
        .where(
            ImportBatch.ref == filters.get("ref", ""),
            ImportBatch.provider_id.in_(organisations_as(user, Role.PROVIDER)),
        )
        .order_by(ImportRow.line, ImportRow.ordinal)
    )


def verdict_rows(user: User | None, filters: Filters) -> Rows:
    """Yield line, verdict, where it led, column, code and problem; a million are not held."""
    if user is None:
        return
    words = {
        "accepted": gettext("accepted"),
        "duplicate": gettext("duplicate"),
        "refused": gettext("refused"),
        "quarantined": gettext("quarantined"),
    }
    message = ImportRow.message_en if str(get_locale()) == "en" else ImportRow.message_zh
    columns = (ImportRow.line, ImportRow.verdict, ImportRow.ref, ImportRow.column, ImportRow.code)
    query = verdicts_query(user, filters).with_only_columns(*columns, message)
    for line, word, *rest in db.session.execute(query.execution_options(yield_per=BATCH)):
        yield [line, words[word], *rest]
