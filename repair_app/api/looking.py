"""Notes which office's system looked at what, as the pages do (ADR 13)."""

from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from flask import Response, g, request

from repair_app.api.access import current_account
from repair_app.services import viewings

# endpoint -> what its reference is
WATCHED: Final = {
    "api_cases.show_case": "cases",
    "api_cases.explain_terms": "cases",
    "api_cases.show_requirement": "requirements",
    "api_desk.list_notes": "cases",
    "api_papers.download": "documents",
    "api_papers.list_letters": "cases",
    "api_papers.print_letter": "letters",
    "api_records.show_record": "records",
    "api_measures.ask_to_begin": "records",
    "api_measures.show_measure": "sanctions",
}
LISTED: Final = {
    "api_cases.list_cases": "cases",
    "api_measures.list_measures": "sanctions",
    "api_records.list_records": "records",
    "api_worklist.list_turns": "worklist",
}


def tell_listed(rows: Iterable[Any]) -> None:
    """Say which rows a list of this answer has: a system has it as data, as one takes a file."""
    g.redress_listed = [one.id for one in rows]


def watch(response: Response) -> Response:
    """Have a look noted, once the answer has been sent."""
    was_shown = response.status_code in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}
    noting = noting_of(request.endpoint or "")
    if was_shown and noting and viewings.may_be_noted(account := current_account()):
        viewings.note_when_sent(response, partial(noting, account.id))
    return response


def noting_of(endpoint: str) -> Callable[[int], Any] | None:
    """Return what notes the look of an account; None for what is not watched."""
    if kind := WATCHED.get(endpoint):
        ref = (request.view_args or {})["ref"]
        return lambda account_id: viewings.note(account_id, kind, ref)
    if name := LISTED.get(endpoint):
        rows = g.get("redress_listed") or ()
        return lambda account_id: viewings.note_read(account_id, name, rows)
    return None
