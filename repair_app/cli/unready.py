"""Commands where the store is not ready: one line that says what to run, nothing made."""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, Final

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import OperationalError, ProgrammingError

from config import data_path
from repair_app import schema

MEND: Final = "run `python3 manage.py up`, or `python3 manage.py flask prepare`, first"
# Commands and groups that do not work on a store, or make one.
WITHOUT_STORE: Final = frozenset(
    {
        *("prepare", "db", "restore", "verify-backup"),
        *("workflows", "rules", "receipts", "data-map"),
        *("run", "routes", "shell"),
    }
)
WITH_A_VALUE: Final = frozenset({"--app", "-A", "--env-file", "-e"})  # options before the command


def refuse_to_begin(arguments: Iterable[str]) -> None:
    """End a command that works on the store, before anything is made. Raises SystemExit.

    arguments: of the command line, behind the program's name.
    """
    words = list(arguments)
    command = next(leading_words(words), "")
    if command and "--help" not in words and command not in WITHOUT_STORE:
        raise SystemExit(
            f"✗ there is no store in {data_path()}: {MEND}, or name its folder (REDRESS_DATA)"
        )


def leading_words(arguments: Iterable[str]) -> Iterator[str]:
    """Yield what is no option of the program, nor the value of one."""
    rest = iter(arguments)
    for one in rest:
        if one in WITH_A_VALUE:
            next(rest, None)
        elif not one.startswith("-"):
            yield one


def telling(command: click.Command) -> click.Command:
    """Return a command that says in one line when the store has no tables, or does not answer."""
    if isinstance(command, click.Group):
        for one in command.commands.values():
            telling(one)
    elif command.callback and not hasattr(command.callback, "tells"):
        command.callback = with_appcontext(told(command.callback))
        command.callback.tells = True  # type: ignore[attr-defined]  # each application adds it
    return command


def told(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a command runs, with an end in one line."""

    @wraps(run)
    def run_telling(*args: Any, **kwargs: Any) -> Any:
        try:
            return run(*args, **kwargs)
        except (OperationalError, ProgrammingError) as error:
            try:
                revision = schema.read_revision()
            except OperationalError:
                reason = str(error.orig).strip().partition("\n")[0]
                raise click.ClickException(f"the database does not answer: {reason}") from error
            if revision is None:
                raise click.ClickException(f"the store has no tables yet: {MEND}") from error
            raise

    return run_telling
