"""All lists that can be taken away, by name; what is asked of one."""

from collections.abc import Mapping
from typing import Final

from flask_babel import lazy_gettext as _l

from repair_app.access import FILERS
from repair_app.models import Role, User
from repair_app.services import inbox, offices, search
from repair_app.services.listings.common import PUBLIC, SIGNED_IN, Listing, count_of, listed
from repair_app.services.listings.files import VERDICT_HEAD, verdict_rows, verdicts_query
from repair_app.services.listings.matters import (
    CASE_HEAD,
    TURN_HEAD,
    case_row,
    cases_query,
    own_cases_query,
    turn_rows,
    turns_query,
)
from repair_app.services.listings.measures import (
    MEASURE_HEAD,
    SANCTION_HEAD,
    enforcement_query,
    initiated_query,
    measure_row,
    measures_query,
    sanction_row,
)
from repair_app.services.listings.offices import (
    GIVEN_UP_HEAD,
    ORGANISATION_HEAD,
    REGISTRATION_HEAD,
    SEAT_HEAD,
    given_up_query,
    given_up_row,
    organisation_row,
    organisations_query,
    registration_row,
    registrations_query,
    seat_row,
    seats_query,
)
from repair_app.services.listings.oversight import (
    EVENT_HEAD,
    FINDING_HEAD,
    MESSAGE_HEAD,
    event_rows,
    events_query,
    figure_rows,
    figures_of,
    finding_row,
    findings_query,
    message_rows,
    messages_query,
)
from repair_app.services.listings.records import (
    COMMITMENT_HEAD,
    RECORD_HEAD,
    commitment_rows,
    commitments_query,
    found_rows,
    own_records_query,
    record_row,
    search_query,
)

OFFICE: Final = frozenset({Role.ADMINISTRATOR})
LISTINGS: Final[Mapping[str, Listing]] = {
    "worklist": Listing(
        _l("Worklist"),
        frozenset(inbox.WORKERS),
        lambda *_: TURN_HEAD,
        count_of(turns_query),
        turn_rows,
        ("as", "tab", "what", "provider", "until", "q"),
    ),
    "cases": listed(
        _l("Cases"),
        frozenset({Role.REVIEWER, Role.PROVIDER, Role.AUDITOR}),
        CASE_HEAD,
        cases_query,
        case_row,
        ("workflow",),
    ),
    "my-cases": listed(_l("My cases"), FILERS, CASE_HEAD, own_cases_query, case_row),
    "my-records": listed(_l("My records"), FILERS, RECORD_HEAD, own_records_query, record_row),
    "enforcement": listed(
        _l("Our measures"),
        frozenset({Role.DEPARTMENT}),
        SANCTION_HEAD,
        enforcement_query,
        sanction_row,
        ("uscc",),
    ),
    "initiated": listed(
        _l("Initiated measures"),
        frozenset({Role.PROVIDER}),
        SANCTION_HEAD,
        initiated_query,
        sanction_row,
    ),
    "verdicts": Listing(
        _l("What became of each row"),
        frozenset({Role.PROVIDER}),
        lambda *_: VERDICT_HEAD,
        count_of(verdicts_query),
        verdict_rows,
        ("ref",),
    ),
    "findings": listed(
        _l("What the scan found"),
        frozenset({Role.AUDITOR}),
        FINDING_HEAD,
        findings_query,
        finding_row,
    ),
    "events": Listing(
        _l("Events of the ledger"),
        frozenset({Role.AUDITOR}),
        lambda *_: EVENT_HEAD,
        count_of(events_query),
        event_rows,
        ("ref", "what", "role", "organisation", "since", "until"),
    ),
    "organisations": listed(
        _l("Organisations"),
        offices.BOTH,
        ORGANISATION_HEAD,
        organisations_query,
        organisation_row,
        ("q", "kind"),
    ),
    "people": listed(
        _l("Accounts and roles"), offices.BOTH, SEAT_HEAD, seats_query, seat_row, ("q", "role")
    ),
    "institutions": listed(
        _l("Registered institutions"),
        OFFICE,
        REGISTRATION_HEAD,
        registrations_query,
        registration_row,
    ),
    "given-up-mails": listed(
        _l("Mails that were given up"), OFFICE, GIVEN_UP_HEAD, given_up_query, given_up_row
    ),
    "messages": Listing(
        _l("Messages"),
        SIGNED_IN,
        lambda *_: MESSAGE_HEAD,
        count_of(messages_query),
        message_rows,
    ),
    "records": Listing(
        _l("Public credit records"),
        PUBLIC,
        lambda *_: RECORD_HEAD,
        count_of(search_query),
        found_rows,
        ("q",),
    ),
    "commitments": Listing(
        _l("Published commitments"),
        PUBLIC,
        lambda *_: COMMITMENT_HEAD,
        count_of(commitments_query),
        commitment_rows,
    ),
    "measures": listed(
        _l("Catalogue of measures"), PUBLIC, MEASURE_HEAD, measures_query, measure_row
    ),
    "statistics": Listing(
        _l("Statistics"),
        PUBLIC,
        lambda user, filters: figures_of(user, filters).head,
        lambda user, filters, _most: len(figures_of(user, filters).rows),
        figure_rows,
        ("table", "period", "from", "to", "workflow", "as"),
    ),
}


def find_listing(name: str, user: User | None) -> Listing | None:
    """Return a list that a person may take away; None where there is none for them."""
    listing = LISTINGS.get(name)
    return listing if listing and listing.admits_user(user) else None


def chosen(listing: Listing, asked: Mapping[str, str]) -> dict[str, str]:
    """Return the filters that a list knows, of all that an address holds."""
    given = {name: visible(asked.get(name, "")) for name in listing.asks}
    return {name: value for name, value in given.items() if value}


def visible(text: str) -> str:
    """Return a filter without what cannot be seen, and no longer than a search may be."""
    return inbox.visible(text)[: 2 * search.LONGEST]
