"""The proof bundle of a case: what shows, without us and without a network, that nothing changed.

A zip with each event as it was hashed, the proof that it is in the signed history, the public keys,
and a program that checks all that. Of an event that the reader may not read there is the hash only,
and a text that was erased is left out: both verify all the same (docs/adr/0024).
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from io import BytesIO
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from config import ROOT
from repair_app import merkle
from repair_app.access import stands_as
from repair_app.calendar import local_date
from repair_app.db import db
from repair_app.engine.letters import CHECKPOINT
from repair_app.models import (
    Case,
    Document,
    Event,
    Letter,
    Role,
    TreeCheckpoint,
    TreeCosignature,
    TreeLeaf,
    User,
)
from repair_app.notes import split_note, write_proof
from repair_app.services import cases, history, letters
from repair_app.services.cases import NotVisible
from repair_app.services.tree import keys, log, witnesses

FILES: Final = ROOT / "templates" / "bundle"
READERS: Final = frozenset({Role.SUBJECT, Role.AGENT, Role.REVIEWER, Role.AUDITOR})
OFFICIALS: Final = frozenset({Role.REVIEWER, Role.AUDITOR})


class NotSigned(Exception):
    """No event of the case is in a signed checkpoint yet: it will be within seconds."""


def may_take(user: User, case: Case) -> bool:
    """Say whether a person may take the bundle of a case that they see."""
    return any(one.role in READERS for one in stands_as(user, case))


def of_case(ref: str, user: User) -> bytes:
    """Return the bundle of a case for a reader. Raises NotVisible, NotSigned."""
    case = cases.get_case(ref, user)
    if not may_take(user, case):
        raise NotVisible(ref)
    roles = {one.role for one in stands_as(user, case)}
    own = {case.ref, *(one.ref for one in case.requirements)}
    refs = set(db.session.scalars(select(Event.entity).where(Event.stream == case.ref).distinct()))
    others = refs - own
    unseen = history.find_unseen(others, user) if others else set()
    papers = letters.list_of(case, user).letters
    return write(case, unseen, papers, internal=OFFICIALS.issuperset(roles))


def of_office(ref: str) -> bytes:
    """Return the whole bundle of a case, for an operator. Raises NotVisible, NotSigned."""
    case = db.session.scalar(select(Case).where(Case.ref == ref))
    if case is None:
        raise NotVisible(ref)
    papers = db.session.scalars(select(Letter).where(Letter.case_id == case.id)).all()
    return write(case, set(), papers, internal=True)


def write(
    case: Case, unseen: Collection[str], papers: Sequence[Letter], *, internal: bool
) -> bytes:
    """Return the bundle of a case; unseen: entities of whose events there is the hash only."""
    session = db.session()
    found = find_covered(session, case)
    last = max((position for _, position in found), default=-1)
    checkpoint = choose_checkpoint(session, last + 1)
    if checkpoint is None or not found:
        raise NotSigned(case.ref)
    files = dict(list_files(session, found, checkpoint, unseen, papers, internal=internal))
    documents = session.execute(
        select(Document.sha256, Document.ref)
        .where(Document.case_id == case.id)
        .order_by(Document.ref)
    )
    files["attachments.txt"] = "".join(f"{sha256}  {ref}\n" for sha256, ref in documents)
    later = (
        session.scalar(select(func.count()).select_from(Event).where(Event.stream == case.ref)) or 0
    )
    files["README.txt"] = read_me(case, checkpoint, len(found), later - len(found))
    files["verify.py"] = (FILES / "verify.py").read_text(encoding="utf-8")
    files["files.txt"] = list_sums(files)
    return pack(files, checkpoint.at)


def find_covered(session: Session, case: Case) -> list[tuple[Event, int]]:
    """Return the events of a case's chain that a signed checkpoint covers, with their places."""
    rows = session.execute(
        select(Event, TreeLeaf.position)
        .join(TreeLeaf, TreeLeaf.event_id == Event.id)
        .where(Event.stream == case.ref, TreeLeaf.position < log.signed_size(session))
        .order_by(Event.seq)
        .options(joinedload(Event.text))
    )
    return [(one.Event, one.position) for one in rows]


def choose_checkpoint(session: Session, size: int) -> TreeCheckpoint | None:
    """Return the newest checkpoint, or rather the newest that a witness has signed as well.

    size: how many events it has to cover at least.
    """
    cosigned = session.scalar(
        select(TreeCheckpoint)
        .join(TreeCosignature, TreeCosignature.size == TreeCheckpoint.size)
        .where(TreeCheckpoint.size >= size)
        .order_by(TreeCheckpoint.size.desc())
        .limit(1)
    )
    return cosigned or log.newest(session)


def list_files(
    session: Session,
    found: Sequence[tuple[Event, int]],
    checkpoint: TreeCheckpoint,
    unseen: Collection[str],
    papers: Sequence[Letter],
    *,
    internal: bool,
) -> Iterator[tuple[str, str]]:
    """Yield name and content of each file that is checked."""
    tiles = log.Tiles(session)
    note = log.with_cosignatures(session, checkpoint)
    yield "checkpoint", note
    signers = {(one.name, one.key_id) for one in split_note(note)[1]}
    known = [*keys.list_verifiers(session), *witnesses.list_verifiers()]
    yield "keys.txt", "".join(f"{one}\n" for one in known if (one.name, one.key_id) in signers)
    for event, position in found:
        name = f"{event.seq:04d}"
        path = merkle.prove_inclusion(position, checkpoint.size, tiles.hash_of)
        yield f"proofs/{name}.tlog-proof", write_proof(position, path, note)
        if event.entity in unseen:
            yield f"events/{name}.hash", event.hash
            continue
        yield f"events/{name}.json", event.payload
        kept = event.text
        if kept is None or kept.salt is None or kept.body is None:
            continue  # erased, or there was none
        if internal or history.INTERNAL.isdisjoint(json.loads(kept.body)):
            said = {"salt": kept.salt.hex(), "body": kept.body}
            yield f"texts/{name}.json", json.dumps(said, ensure_ascii=False)
    for size in sorted({one.content[CHECKPOINT] for one in papers if CHECKPOINT in one.content}):
        if size <= checkpoint.size:
            root = merkle.root_of(size, tiles.hash_of)
            proof = merkle.prove_consistency(size, checkpoint.size, tiles.hash_of)
            lines = [str(size), *(b64encode(one).decode() for one in (root, *proof))]
            yield f"printed/{size}.txt", "".join(f"{one}\n" for one in lines)


def read_me(case: Case, checkpoint: TreeCheckpoint, events: int, later: int) -> str:
    """Return what the bundle is and how it is checked, in both languages."""
    text = (FILES / "README.txt").read_text(encoding="utf-8")
    return text.format(
        ref=case.ref,
        events=events,
        later=later,
        size=checkpoint.size,
        root=checkpoint.root[:16],
        day=local_date(checkpoint.at),
    )


def list_sums(files: dict[str, str]) -> str:
    """Return the SHA-256 of each file, a line each as sha256sum has them.

    Against accidents, also in what is signed by nobody; against a forger there are the signatures.
    """
    sums = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in files.items()}
    return "".join(f"{one}  {name}\n" for name, one in sorted(sums.items()))


def pack(files: dict[str, str], at: datetime) -> bytes:
    """Return a zip: the same bytes for the same files."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = ZipInfo(name, (at.year, at.month, at.day, 0, 0, 0))
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content.encode())
    return packed.getvalue()
