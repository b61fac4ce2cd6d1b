"""The platforms that show our records, as administrators keep them: each change an event.

`by` is the administrator who asks; None for an operator of the commands.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from flask import current_app
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from repair_app import outgoing
from repair_app.db import db, now, today
from repair_app.labels import Label
from repair_app.models import (
    Change,
    Delivery,
    Obligation,
    Organisation,
    Owed,
    Platform,
    PlatformKind,
    PlatformStanding,
    User,
)
from repair_app.models.platforms import OPEN
from repair_app.services import office_book
from repair_app.services.cases import NotVisible
from repair_app.services.people import NotPossible
from repair_app.services.sync import changes, standing
from repair_app.services.sync.content import WITHDRAWN
from repair_app.services.sync.secrets import secret_of
from repair_app.services.transaction import transaction

CODE: Final = re.compile(r"[a-z][a-z0-9-]{1,31}")
ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+")
# Credit China shows a repair within three working days; of sister platforms nothing else is said.
TERM_DAYS: Final = 3
LONGEST_TERM: Final = 30
SHOWN: Final = 50  # changes listed that a platform is owed

BAD_CODE: Final = Label(
    "代码以小写字母开头，由小写字母、数字和连字符组成，2至32个字符。",
    "a code begins with a letter and has 2 to 32 small letters, digits and hyphens",
)
TAKEN: Final = Label("该代码已被使用。", "this code is taken")
NO_NAME: Final = Label("请填写中文名称和英文名称。", "both names have to be said")
NO_OWNER: Final = Label("请填写平台联系人的电子邮箱。", "the e-mail of its owner has to be said")
BAD_TERM: Final = Label("期限为1至30个工作日。", "the term is 1 to 30 working days")
NO_URL: Final = Label("推送方式须填写接收地址。", "messages need an address to go to")
NEEDLESS_URL: Final = Label("该方式不需要接收地址。", "nothing is sent to an address this way")
NO_ORGANISATION: Final = Label(
    "按拉取方式或者作为源头部门接入的，须选定机构。",
    "who pulls, and a source agency, needs an organisation",
)
URL_PROBLEMS: Final = {
    "no_url": Label("这不是可用的接收地址。", "this is no address that can be used"),
    "not_encrypted": Label(
        "接收地址须以https开头；本网内的地址须先在设置中允许。",
        "the address has to begin with https, unless the settings allow that network",
    ),
    "not_outside": Label(
        "接收地址不得指向本网内的设备；确需接入的，须先在设置中允许该网段。",
        "the address leads into our own network, which the settings do not allow",
    ),
}
NOT_PARKED: Final = Label("该平台没有暂停或者停用。", "the platform is neither parked nor disabled")
NOT_ACTIVE: Final = Label("该平台没有在推送。", "the platform is not active")
NO_RANGE: Final = Label("起始序号不得大于截止序号。", "the first number comes after the last")


@dataclass(frozen=True)
class Terms:
    """What is agreed with a platform."""

    name_zh: str
    name_en: str
    kind: PlatformKind
    delivery: Delivery
    owner_email: str
    url: str | None = None
    term_days: int = TERM_DAYS
    organisation_id: int | None = None


@dataclass(frozen=True)
class Standing:
    """A platform, and how much it is owed."""

    platform: Platform
    waiting: int
    failed: int
    late: int
    acknowledged: int


def add(by: User | None, code: str, terms: Terms) -> Platform:
    """Connect a platform; it is owed all that is published. Raises NotPossible."""
    with transaction() as session:
        head = changes.take_head(session)
        office_book.take(session, office_book.PLATFORMS)
        if not CODE.fullmatch(code):
            raise NotPossible(BAD_CODE)
        if standing.get(session, code) is not None:
            raise NotPossible(TAKEN)
        check(session, terms)
        platform = Platform(code=code, created_at=now(), **asdict(terms))
        session.add(platform)
        session.flush()
        note_terms(session, platform, "add", by)
    owe_in_slices(code, changes.IS_SHOWN & (Change.position <= head), "joined")
    return platform


def change(by: User | None, code: str, terms: Terms) -> Platform:
    """Change what is agreed with a platform. Raises NotPossible, NotVisible."""
    with transaction() as session:
        head = changes.take_head(session)
        platform = get(session, code)
        check(session, terms)
        widened = platform.kind != terms.kind or platform.organisation_id != terms.organisation_id
        for name, value in asdict(terms).items():
            setattr(platform, name, value)
        if widened:
            own = Obligation.platform_id == platform.id
            changes.supersede(session, own & (Obligation.because == WITHDRAWN))
        session.flush()
        note_terms(session, platform, "change", by)
    if widened:
        withdraw_in_slices(code)
        owe_in_slices(code, changes.IS_SHOWN & (Change.position <= head), "rejoined")
    return platform


def check(session: Session, terms: Terms) -> None:
    """Raise NotPossible for terms that cannot be kept."""
    if not terms.name_zh.strip() or not terms.name_en.strip():
        raise NotPossible(NO_NAME)
    if not ADDRESS.fullmatch(terms.owner_email):
        raise NotPossible(NO_OWNER)
    if not 1 <= terms.term_days <= LONGEST_TERM:
        raise NotPossible(BAD_TERM)
    check_way(terms)
    needs = terms.delivery == Delivery.PULL or terms.kind == PlatformKind.SOURCE_AGENCY
    there = terms.organisation_id and session.get(Organisation, terms.organisation_id)
    if needs and not there:
        raise NotPossible(NO_ORGANISATION)


def check_way(terms: Terms) -> None:
    """Raise NotPossible for an address that is missing, needless, or may not be asked."""
    if terms.delivery != Delivery.WEBHOOK:
        if terms.url:
            raise NotPossible(NEEDLESS_URL)
        return
    if not terms.url:
        raise NotPossible(NO_URL)
    inside = outgoing.read_networks(current_app.config["WEBHOOK_INSIDE"])
    try:
        outgoing.check_url(terms.url, inside)
    except outgoing.NotAllowed as reason:
        raise NotPossible(URL_PROBLEMS[str(reason)]) from reason


def note_terms(session: Session, platform: Platform, step: str, by: User | None) -> None:
    """Write into the book what is agreed; address and owner lie beside, where they can go."""
    facts = {
        "kind": str(platform.kind),
        "delivery": str(platform.delivery),
        "term_days": platform.term_days,
        "organisation": platform.organisation_id,
    }
    texts = {
        "name": platform.name_zh,
        "url": platform.url or "",
        "owner": platform.owner_email,
    }
    actor = office_book.actor_of(by)
    standing.note(session, platform, step, actor, facts=facts, texts=texts)


def park(by: User | None, code: str) -> Platform:
    """Send a platform nothing until it is resumed. Raises NotPossible, NotVisible."""

    def act(session: Session, platform: Platform) -> None:
        if platform.standing != PlatformStanding.ACTIVE:
            raise NotPossible(NOT_ACTIVE)
        standing.park(session, platform, "by_hand", office_book.actor_of(by))

    return with_platform(code, act)


def disable(by: User | None, code: str) -> Platform:
    """Send a platform nothing any more, and owe it nothing. Raises NotPossible, NotVisible."""

    def act(session: Session, platform: Platform) -> None:
        if platform.standing == PlatformStanding.DISABLED:
            raise NotPossible(NOT_ACTIVE)
        standing.disable(session, platform, "ended", office_book.actor_of(by))

    return with_platform(code, act)


def resume(by: User | None, code: str) -> Platform:
    """Send a platform what is owed to it; one that was disabled is owed everything anew.

    Raises NotPossible, NotVisible.
    """
    with transaction() as session:
        head = changes.take_head(session)
        platform = get(session, code)
        former = platform.standing
        if former == PlatformStanding.ACTIVE and platform.paused_until is None:
            raise NotPossible(NOT_PARKED)
        standing.resume(session, platform, office_book.actor_of(by))
    if former == PlatformStanding.DISABLED:
        owe_in_slices(code, Change.position <= head, "rejoined")
    return platform


def rotate(by: User | None, code: str) -> Platform:
    """Give a platform another signing secret; for a week the former one signs too."""

    def act(session: Session, platform: Platform) -> None:
        platform.generation += 1
        platform.rotated_at = now()
        facts = {"generation": platform.generation}
        standing.note(session, platform, "rotate", office_book.actor_of(by), facts=facts)

    return with_platform(code, act)


def replay(by: User | None, code: str, first: int, last: int) -> int:
    """Send a platform the changes of a range again, both ends in; return how many are owed.

    Of each record the newest is sent, if it lies in the range: older ones would be ignored.
    Raises NotPossible, NotVisible.
    """
    read(code)
    if first > last:
        raise NotPossible(NO_RANGE)
    head = changes.read_head(db.session())
    which = and_(Change.position >= first, Change.position <= min(last, head))
    count = owe_in_slices(code, which, "replayed")

    def act(session: Session, platform: Platform) -> None:
        facts = {"first": first, "last": last, "count": count}
        standing.note(session, platform, "replay", office_book.actor_of(by), facts=facts)

    with_platform(code, act)
    return count


def owe_in_slices(code: str, which: ColumnElement[bool], because: str) -> int:
    """Owe a platform the newest changes once more, a transaction a slice; return how many.

    which: of `Change`, up to a position that is known: what is put in order meanwhile is owed by
    that. Between two slices others go on. One that is disabled meanwhile is owed nothing more.
    """
    count = 0
    after: int | None = 0
    while after is not None:
        with transaction() as session:
            changes.take_head(session)
            platform = get(session, code)
            if platform.standing == PlatformStanding.DISABLED:
                break
            some, after = changes.owe_some(session, platform, which, because, after)
        count += some
    return count


def withdraw_in_slices(code: str) -> None:
    """Owe a platform the removal of all records that are not for it any more."""
    after: str | None = ""
    while after is not None:
        with transaction() as session:
            changes.take_head(session)
            platform = get(session, code)
            some = changes.list_outside(session, platform, after)
            changes.withdraw(session, platform, some)
            after = some[-1] if some else None


def with_platform(code: str, act: Callable[[Session, Platform], None]) -> Platform:
    """Do something with a platform in a transaction. Raises NotVisible for a code of none."""
    with transaction() as session:
        changes.take_head(session)
        platform = get(session, code)
        act(session, platform)
        return platform


def get(session: Session, code: str) -> Platform:
    """Return a platform, locked. Raises NotVisible."""
    platform = standing.get(session, code)
    if platform is None:
        raise NotVisible(code)
    return platform


def read(code: str) -> Platform:
    """Return a platform. Raises NotVisible."""
    platform = db.session.scalar(select(Platform).where(Platform.code == code))
    if platform is None:
        raise NotVisible(code)
    return platform


def read_number(number: int) -> Platform:
    """Return a platform by its number. Raises NotVisible."""
    platform = db.session.get(Platform, number)
    if platform is None:
        raise NotVisible(str(number))
    return platform


def is_asked(platform: Platform) -> bool:
    """Say whether a platform has an address under which it is asked what it shows.

    Of others is known only what they acknowledged themselves, when they took it.
    """
    return platform.delivery == Delivery.WEBHOOK


def last_acknowledged(platform: Platform) -> datetime | None:
    """Return when a platform last gave its word for what it shows."""
    own = Obligation.platform_id == platform.id
    return db.session.scalar(select(func.max(Obligation.acknowledged_at)).where(own))


def show_secret(by: User | None, code: str) -> str:
    """Return the signing secret of a platform, for its owner; that it was shown is an event.

    Raises NotVisible.
    """

    def act(session: Session, platform: Platform) -> None:
        facts = {"generation": platform.generation}
        standing.note(session, platform, "show_secret", office_book.actor_of(by), facts=facts)

    return secret_of(with_platform(code, act))


def list_all() -> list[Standing]:
    """Return every platform with how much it is owed."""
    by_standing = select(Obligation.platform_id, Obligation.standing, func.count()).group_by(
        Obligation.platform_id, Obligation.standing
    )
    counted = {(owner, how): count for owner, how, count in db.session.execute(by_standing)}
    late = dict(
        db.session.execute(
            select(Obligation.platform_id, func.count())
            .where(Obligation.standing.in_(OPEN), Obligation.due_on < today())
            .group_by(Obligation.platform_id)
        ).all()
    )
    return [
        Standing(
            one,
            counted.get((one.id, Owed.WAITING), 0),
            counted.get((one.id, Owed.FAILED), 0),
            late.get(one.id, 0),
            counted.get((one.id, Owed.ACKNOWLEDGED), 0),
        )
        for one in standing.list_all()
    ]


def list_open(platform: Platform, most: int = SHOWN) -> list[Obligation]:
    """Return what a platform is owed and has not shown, what is due first; at most so many."""
    return list(
        db.session.scalars(
            select(Obligation)
            .where(Obligation.platform_id == platform.id, Obligation.standing.in_(OPEN))
            .order_by(Obligation.due_on, Obligation.id)
            .limit(most)
        )
    )
