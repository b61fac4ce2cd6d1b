"""Whether the time of a failed sign-in tells who has an account: `python -m benchmarks.sign_in`.

A hundred tries of each kind, in turns, through the form, with the password hash of a deployment.
Prints the medians; ends with 1 where they differ by more than a tenth.
"""

import os
import sys
import tempfile
import time
from collections import defaultdict
from statistics import median

TRIES = 100
ALLOWED = 0.10
WRONG = "not the right password"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="redress-sign-in-") as folder:
        os.environ["REDRESS_DATA"] = folder
        return measure()


def measure() -> int:
    import flask_migrate

    from config import Config
    from repair_app import create_app
    from repair_app.db import db
    from repair_app.models import Role
    from tests import factories
    from tests.client import make_client

    config = Config()
    config.RATELIMIT_ENABLED = False  # type: ignore[attr-defined]
    app = create_app(config)
    with app.app_context():
        flask_migrate.upgrade()
        firm = factories.make_organisation()
        known = factories.make_account(firm, Role.SUBJECT).email
        closed = factories.make_account(firm, Role.SUBJECT, active=False).email
        kinds = {"existing": known, "missing": "nobody@example.com", "disabled": closed}
        client, taken = make_client(app), defaultdict(list)
        page = client.get("/login")
        for turn in range(TRIES + 5):
            for kind, email in kinds.items():
                began = time.perf_counter()
                client.send(page, "/login", email=email, password=WRONG)
                if turn >= 5:  # the first ones warm up
                    taken[kind].append(1000 * (time.perf_counter() - began))
        db.engine.dispose()
    found = {kind: median(times) for kind, times in taken.items()}
    for kind, middle in found.items():
        print(f"{kind:10} {middle:7.1f} ms (median of {TRIES})")
    differ = max(found.values()) / min(found.values()) - 1
    print(f"they differ by {differ:.1%}; allowed: {ALLOWED:.0%}")
    return int(differ > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
