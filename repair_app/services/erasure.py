"""Erasing what is said of a person, for a reason that is written down; the chains stay whole.

Events are never changed: what people wrote lies beside them, and is emptied with its salt; of a
paper of who complained the bytes go and the hash stays. Letters and records are archives and stay.
Each erasure is an event of its own.
"""

from typing import Any, Final

from obstore.exceptions import BaseError
from sqlalchemy import delete, select

from repair_app.db import db
from repair_app.engine.step import SYSTEM
from repair_app.labels import Label
from repair_app.models import (
    Case,
    Complaint,
    ComplaintContact,
    ComplaintPaper,
    Document,
    Draft,
    Event,
    EventText,
    Export,
    FormToken,
    Identity,
    Letter,
    Message,
    Passkey,
    SavedSearch,
    SignIn,
    StagedUpload,
    StepReport,
    User,
    Vouching,
)
from repair_app.services import drafts, evidence, exports, office_book, people
from repair_app.services.administration import changing
from repair_app.services.people import NotPossible
from repair_app.services.transaction import transaction

NOBODY: Final = "（已删除）"
NOWHERE: Final = "erased-{}@erased.invalid"  # an address that cannot be anybody's (RFC 2606)
# What only ever was an account's own: nothing refers to it.
OWN: Final[tuple[Any, ...]] = (Message.account_id, SavedSearch.account_id, StepReport.account_id)
OWN_TOO: Final[tuple[Any, ...]] = (SignIn.account_id, FormToken.user_id, Passkey.user_id)


def erase_words(stream: str, seq: int, reason: str) -> None:
    """Erase what was written with an event. Raises NotPossible where there is nothing, or no event.

    stream: the chain, by its reference. seq: the event's number in it.
    """
    check_reason(reason)
    with transaction() as session:
        event = session.scalar(select(Event).where(Event.stream == stream, Event.seq == seq))
        if event is None:
            raise NotPossible(Label("没有这一事件。", f"there is no event {seq} in {stream}"))
        words = session.get(EventText, event.id, with_for_update=True)
        if words is None or words.body is None:
            raise NotPossible(
                Label(
                    "该事件没有文字，或者文字已经删除。",
                    "no words lie beside it, or they were erased",
                )
            )
        words.salt = words.body = None
        note(stream, {"what": "words", "seq": seq, "hash": event.hash}, reason)


def erase_complainant(ref: str, reason: str) -> tuple[int, int]:
    """Erase who complained, in which words and papers; that there was a complaint stays.

    ref: of the complaint's case. Returns how many files were thrown away, and how many stay because
    a matter or another complaint has the same one. What could not be thrown away is when it is
    called again. Raises NotPossible.
    """
    check_reason(reason)
    with transaction() as session:
        asked = select(Complaint).join(Case, Case.id == Complaint.case_id).where(Case.ref == ref)
        complaint = session.scalar(asked)
        if complaint is None:
            raise NotPossible(Label("没有这一投诉。", f"there is no complaint {ref}"))
        session.execute(
            delete(ComplaintContact).where(ComplaintContact.complaint_id == complaint.id)
        )
        complaint.statement = NOBODY
        for paper in complaint.papers:
            paper.filename = ""
        hashes = sorted({one.sha256 for one in complaint.papers})
        note(ref, {"what": "complainant", "hashes": hashes}, reason)
    # The rows first: of bytes without a row nobody is told, and of a row without bytes somebody is.
    needless = [one for one in hashes if not is_needed(one)]
    try:
        for one in needless:
            evidence.throw_away(one)
    except (BaseError, OSError) as error:
        raise NotPossible(
            Label(
                "联系方式、文字和文件名已经删除，文件本身暂时无法删除：请稍后再执行一次。",
                "contact, words and names are gone, the files could not be deleted: run it again",
            )
        ) from error
    kept = [one for one in hashes if one not in needless]
    if hashes:  # only now it is known which of them are gone
        with transaction():
            note(ref, {"what": "papers", "erased": needless, "kept": kept}, reason)
    return len(needless), len(kept)


def is_needed(sha256: str) -> bool:
    """Say whether a matter, a letter or a complaint that was not erased has these bytes."""
    own = (
        select(Document.id).where(Document.sha256 == sha256),
        select(Letter.id).where(Letter.sha256 == sha256),
        select(ComplaintPaper.id).where(
            ComplaintPaper.sha256 == sha256, ComplaintPaper.filename != ""
        ),
    )
    return any(db.session.scalar(one.limit(1)) is not None for one in own)


def erase_account(user_id: int, reason: str) -> None:
    """Erase the person of a deactivated account, and all that only this account has.

    What the person did stays, by the number of the account. Raises NotPossible for one in use.
    """
    check_reason(reason)
    for number in db.session.scalars(select(Export.id).where(Export.account_id == user_id)).all():
        exports.forget(number)
    with changing() as session:
        user = session.get_one(User, user_id)
        if user.active or user.is_machine:
            raise NotPossible(
                Label("请先停用该账号。", "the account is in use: deactivate it first")
            )
        for column in (*OWN, *OWN_TOO, Draft.account_id):
            session.execute(delete(column.class_).where(column == user_id))
        own = select(Identity.id).where(Identity.user_id == user_id)
        session.execute(delete(Vouching).where(Vouching.identity_id.in_(own)))
        session.execute(delete(Identity).where(Identity.user_id == user_id))
        tokens = session.scalars(
            delete(StagedUpload)
            .where(StagedUpload.account_id == user_id)
            .returning(StagedUpload.token)
        ).all()
        session.expire(user)
        user.email, user.password, user.feed_digest = NOWHERE.format(user_id), None, None
        user.tf_totp_secret = user.tf_primary_method = user.mf_recovery_codes = None
        user.fs_webauthn_user_handle, user.fs_uniquifier = None, people.make_secret()
        if not any(one.active for one in user.person.accounts):
            user.person.name = NOBODY
        office_book.note(
            session,
            office_book.ACCOUNTS,
            "erase",
            office_book.name_account(user),
            SYSTEM,
            texts={"reason": reason},
        )
    for token in tokens:
        drafts.remove_bytes(token)


def note(of: str, facts: dict[str, Any], reason: str) -> None:
    """Write an erasure into the book of operation."""
    office_book.note(
        db.session(),
        office_book.OPERATIONS,
        "erase",
        "store",
        SYSTEM,
        facts={"of": of, **facts},
        texts={"reason": reason},
    )


def check_reason(reason: str) -> None:
    """Raise NotPossible for no reason."""
    if not reason.strip():
        raise NotPossible(Label("请写明删除的理由。", "say why it is erased"))
