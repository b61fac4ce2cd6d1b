"""The keys that checkpoints are signed by: in a file that only the sequencer's user can read.

A line each, as notes have private keys; all of them sign, so that while one follows another both
do. Which key signed which sizes stands in the store (`tree_signer`), and each change is an event.
"""

import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from repair_app.engine.step import SYSTEM
from repair_app.models import TreeCheckpoint, TreeHead, TreeSigner
from repair_app.notes import Malformed, Signer, Verifier
from repair_app.services.office_book import OPERATIONS, note
from repair_app.services.transaction import transaction

NOWHERE: Final = "redress.invalid"  # of a deployment that has no address of its own
ORIGIN: Final = re.compile(r"[A-Za-z0-9./:_-]{1,200}")


class NoKey(Exception):
    """Checkpoints cannot be signed here; says why."""


def path_of_keys() -> Path:
    """Return where the keys are: REDRESS_HISTORY_KEY, or a file of the data folder."""
    given = current_app.config["HISTORY_KEY"]
    return Path(given) if given else Path(current_app.config["DATA_FOLDER"]) / "history_key"


def read_file() -> list[Signer]:
    """Return the keys of the file. Raises NoKey."""
    path = path_of_keys()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        keys = [Signer.read(one) for one in lines if one.strip()]
    except (OSError, UnicodeDecodeError) as problem:
        raise NoKey(f"{path} cannot be read: {type(problem).__name__}") from problem
    except Malformed as problem:
        raise NoKey(f"{path}: {problem}") from problem
    if not keys:
        raise NoKey(f"{path} has no key in it")
    return keys


def write_file(keys: Sequence[Signer], *, anew: bool = False) -> None:
    """Put these keys in the place of those of the file, whole or not at all.

    anew: only if there is no file yet; of two that try, one is heard.
    """
    path = path_of_keys()
    number, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    new = Path(name)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.writelines(f"{one.write()}\n" for one in keys)
        file.flush()
        os.fsync(file.fileno())
    if anew:
        with suppress(FileExistsError):
            os.link(new, path)
        new.unlink()
    else:
        new.replace(path)


def list_signers(session: Session) -> Sequence[TreeSigner]:
    """Return the keys that have signed or sign, the oldest first."""
    order = (TreeSigner.from_size, TreeSigner.key_id)
    return session.scalars(select(TreeSigner).order_by(*order)).all()


def list_verifiers(session: Session) -> list[Verifier]:
    """Return the public keys of the log, former ones too."""
    return [Verifier.read(one.vkey) for one in list_signers(session)]


def signing_keys(session: Session) -> list[Signer]:
    """Return the keys that sign the next checkpoint; the first is made on first use. Raises NoKey.

    A key that the store does not know signs nothing: another machine's file begins no second log.
    """
    known = {one.key_id for one in list_signers(session) if one.to_size is None}
    if not known and not path_of_keys().exists():
        write_file([Signer.make(name_log())], anew=True)
    keys = read_file()
    if not known:
        session.add(signer_of(keys[-1], 0))
        return keys[-1:]
    found = [one for one in keys if one.verifier.key_id.hex() in known]
    if not found:
        raise NoKey(f"{path_of_keys()} has none of the keys that this log is signed by")
    return found


def signer_of(key: Signer, from_size: int) -> TreeSigner:
    """Return the row of a key that signs sizes from one on."""
    public = key.verifier
    return TreeSigner(key_id=public.key_id.hex(), vkey=str(public), from_size=from_size)


def name_log() -> str:
    """Return the origin of a new log: the address of the site without its scheme, and /history."""
    site = urlsplit(current_app.config["BASE_URL"])
    name = f"{site.netloc or NOWHERE}{site.path.rstrip('/')}/history"
    return name if ORIGIN.fullmatch(name) else f"{NOWHERE}/history"


def rotate() -> Verifier:
    """Have a new key sign beside the present one, as an event. Returns it. Raises NoKey.

    The file first: a key in it that the store does not know signs nothing.
    """
    with transaction() as session:
        head = session.get(TreeHead, 1, with_for_update=True)
        present = signing_keys(session)
        if len(present) > 1:
            raise NoKey("two keys sign already: `flask history retire` ends the former")
        new = Signer.make(present[0].name)
        write_file([*present, new])
        size = head.size if head else 0
        session.add(signer_of(new, size + 1))
        tell(session, "rotate_history_key", new, size + 1)
    return new.verifier


def retire() -> Verifier:
    """End the key that another follows: its private part is destroyed. Returns it. Raises NoKey."""
    with transaction() as session:
        present = signing_keys(session)
        if len(present) < 2:  # noqa: PLR2004  # one would be left to sign by
            raise NoKey("one key signs: `flask history rotate` puts another beside it first")
        signed = session.scalar(select(func.max(TreeCheckpoint.size))) or 0
        former, follows = present[0], session.get_one(TreeSigner, present[-1].verifier.key_id.hex())
        if signed < follows.from_size:
            raise NoKey("no checkpoint bears both signatures yet: wait for the next")
        session.get_one(TreeSigner, former.verifier.key_id.hex()).to_size = signed
        tell(session, "retire_history_key", former, signed)
    write_file(present[1:])
    return former.verifier


def tell(session: Session, step: str, key: Signer, size: int) -> None:
    """Write into the book of operations what became of a key."""
    facts = {"key": key.verifier.key_id.hex(), "vkey": str(key.verifier), "size": size}
    note(session, OPERATIONS, step, "history", SYSTEM, facts=facts)
