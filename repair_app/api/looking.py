"""Notes which office's system looked at what, as the pages do (ADR 13)."""

from functools import partial
from http import HTTPStatus
from typing import Final

from flask import Response, request

from repair_app.api.access import current_account
from repair_app.services import viewings

# endpoint -> what its reference is
WATCHED: Final = {
    "api_cases.show_case": "cases",
    "api_cases.explain_terms": "cases",
    "api_cases.show_requirement": "requirements",
    "api_papers.download": "documents",
    "api_papers.list_letters": "cases",
    "api_papers.print_letter": "letters",
    "api_records.show_record": "records",
    "api_measures.ask_to_begin": "records",
    "api_measures.show_measure": "sanctions",
}


def watch(response: Response) -> Response:
    """Have a look noted, once the answer has been sent."""
    kind = WATCHED.get(request.endpoint or "")
    was_shown = response.status_code in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}
    if kind and was_shown and viewings.may_be_noted(account := current_account()):
        ref = (request.view_args or {})["ref"]
        viewings.note_when_sent(response, partial(viewings.note, account.id, kind, ref))
    return response
