"""How a part of the interface begins: its token is looked at first, what it refuses is answered."""

from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error
from flask_openapi.blueprint import APIBlueprint
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException

from repair_app.api import access, bodies, looking, problems
from repair_app.engine.step import Refused

MOST: Final = 999_999_999  # as large as the number of a row may be in a request


def open_part(name: str, **settings: Any) -> APIBlueprint:
    """Return the blueprint of a part of the interface, for its views to be put in."""
    part = APIBlueprint(
        f"api_{name}",
        __name__,
        url_prefix=access.PREFIX,
        abp_tags=[{"name": name}],
        operation_id_callback=name_operation,
        **settings,
    )
    part.before_request(access.admit)
    part.before_request(bodies.check)
    part.after_request(looking.watch)
    part.register_error_handler(HTTPException, problems.show_http_error)
    part.register_error_handler(OAuth2Error, problems.show_token_error)
    part.register_error_handler(Refused, problems.show_refusal)
    part.register_error_handler(problems.Wrong, problems.show_wrong)
    part.register_error_handler(IntegrityError, problems.show_collision)
    for error in problems.BY_ERROR:
        part.register_error_handler(error, problems.show_known)
    return part


def name_operation(bp_name: str, name: str, **_: Any) -> str:
    """Return what an operation is called in the description: as its view and area."""
    return f"{bp_name}.{name}".replace(".", "_").removeprefix("api_")
