"""Accounts of the demonstration, whose password everybody knows: none may be on a public site."""

from typing import Final

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from repair_app.db import db
from repair_app.models import User

DOMAIN: Final = "redress.example"  # of their addresses; nobody real can have one


def count_accounts() -> int:
    """Return how many accounts of the demonstration can sign in."""
    theirs = User.email.like(f"%@{DOMAIN}")
    with db.engine.connect() as connection:  # its own, or a transaction would stay open
        return connection.scalar(select(func.count()).where(theirs, User.active)) or 0


def refusal(count: int) -> str:
    """Return why a site with such accounts is not served to the public, and what can be done."""
    return (
        f"{count} accounts of the demonstration are in this store, and everybody knows their "
        "password: with REDRESS_BASE_URL it is not served. Begin with an empty store (up --empty), "
        "or close each by `flask accounts end --email …`."
    )


def refuse(app: Flask) -> None:
    """End a server with a public address on a store with such accounts. Raises SystemExit.

    A store that does not answer, or has no tables yet, has none to show either.
    """
    if not app.config["IS_PUBLIC"]:
        return
    with app.app_context():
        try:
            found = count_accounts()
        except SQLAlchemyError:
            return
        finally:
            db.engine.dispose()
    if found:
        raise SystemExit(f"✗ {refusal(found)}")
