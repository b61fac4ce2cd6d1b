"""By which address the public reaches this site: it stands on letters, codes and links."""

import re
from typing import Final

from flask import current_app, request

LOOPBACK: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")


def site() -> str:
    """Return the address of this site as the operator set it, with no end stroke.

    Without one: what a request calls this machine itself. Any other name a request may have made
    up, and it would stand on letters and codes: then it is empty, and addresses are relative.
    """
    if base := str(current_app.config["BASE_URL"]):
        return base.rstrip("/")
    return request.host_url.rstrip("/") if LOOPBACK.fullmatch(request.host) else ""
