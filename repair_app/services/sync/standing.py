"""Whether a platform is sent what is owed to it: parked, resumed, disabled; who is told of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from repair_app import alarms
from repair_app.db import db, now, today
from repair_app.engine.step import SYSTEM, Actor
from repair_app.labels import Label
from repair_app.models import Obligation, Owed, Platform, PlatformStanding
from repair_app.models.platforms import OPEN
from repair_app.services import office_book
from repair_app.services.sync import changes
from repair_app.services.transaction import transaction

ALARM: Final = "sync"
PROBLEMS: Final[Mapping[str, Label]] = {
    "no_answer": Label(
        "连续十次推送均无应答，恢复应答后自动继续",
        "ten tries were not answered; it goes on by itself once the platform answers again",
    ),
    "nonsense": Label(
        "平台的应答无法识别或者哈希不一致，请核对后恢复",
        "its answers cannot be understood, or name another hash: to be resumed by a person",
    ),
    "gone": Label("平台应答410：不再接收", "it answered 410: it takes no more changes"),
    "by_hand": Label("由管理员暂停", "parked by an administrator"),
    "ended": Label("由管理员停用", "disabled by an administrator"),
    "refused": Label(
        "有变更连续十次被平台拒收", "a change was refused ten times; the others go on"
    ),
    "late": Label("逾期未公示变更", "changes are not shown in time"),
    "drift": Label("平台公示内容与应公示内容不一致", "it shows something else than it should"),
}


def park(session: Session, platform: Platform, problem: str, actor: Actor = SYSTEM) -> None:
    """Send a platform nothing for the time being; raise an alarm, and tell its owner.

    problem: a key of PROBLEMS.
    """
    stop(session, platform, PlatformStanding.PARKED, problem, "park", actor)


def disable(session: Session, platform: Platform, problem: str, actor: Actor = SYSTEM) -> None:
    """Send a platform nothing any more; from now on nothing is owed to it."""
    stop(session, platform, PlatformStanding.DISABLED, problem, "disable", actor)
    changes.supersede(session, Obligation.platform_id == platform.id)


def stop(
    session: Session,
    platform: Platform,
    standing: PlatformStanding,
    problem: str,
    step: str,
    actor: Actor,
) -> None:
    """Write down that a platform is not active, why, the event, the alarm, and whom to tell."""
    former = platform.standing
    platform.standing, platform.problem, platform.problem_since = standing, problem, now()
    note(session, platform, step, actor, source=former, facts={"problem": problem})
    if actor is SYSTEM:
        alarms.raise_alarm(session, ALARM, platform.code, "state", PROBLEMS[problem].en, at=now())
        tell_owner(platform, problem)


def resume(session: Session, platform: Platform, actor: Actor = SYSTEM) -> None:
    """Send a platform at once what is owed to it, each with all its tries."""
    former = platform.standing
    platform.standing = PlatformStanding.ACTIVE
    platform.problem = platform.problem_since = None
    platform.paused_until = platform.unreachable_since = None
    changes.lock_open(session, Obligation.platform_id == platform.id)
    session.execute(
        update(Obligation)
        .where(Obligation.platform_id == platform.id, Obligation.standing.in_(OPEN))
        .values(standing=Owed.WAITING, attempts=0, next_try_at=now())
    )
    if former != PlatformStanding.ACTIVE:
        note(session, platform, "resume", actor, source=former)
    for about in ("state", "refused"):
        alarms.clear_alarm(session, ALARM, platform.code, about, at=now())


def note(
    session: Session,
    platform: Platform,
    step: str,
    actor: Actor,
    *,
    source: str = "",
    facts: Mapping[str, object] | None = None,
    texts: Mapping[str, str] | None = None,
) -> None:
    """Write a change of a platform into its book."""
    office_book.note(
        session,
        office_book.PLATFORMS,
        step,
        platform.code,
        actor,
        source=source,
        target=platform.standing,
        facts=facts,
        texts=texts,
    )


def tell_owner(platform: Platform, problem: str, at: datetime | None = None) -> None:
    """Have the owner of a platform told of a problem by mail."""
    platform.told, platform.tell_at, platform.tell_tries = problem, at or now(), 0


def watch_terms() -> int:
    """Raise an alarm for each platform that does not show changes in time; tell its owner once.

    The owner is told again only after nothing was late in between: the alarm is cleared then.
    Returns how many platforms are late.
    """
    late_of = exists().where(
        Obligation.platform_id == Platform.id,
        Obligation.standing.in_(OPEN),
        Obligation.due_on < today(),
    )
    with transaction() as session:
        late = set(session.scalars(select(Platform.id).where(late_of)))
        for one in session.scalars(select(Platform).order_by(Platform.id)):
            if one.id not in late:
                alarms.clear_alarm(session, ALARM, one.code, "late", at=now())
                continue
            if alarms.find_open(session, ALARM, one.code, "late") is None:
                text = PROBLEMS["late"].en
                alarms.raise_alarm(session, ALARM, one.code, "late", text, at=now())
                tell_owner(one, "late")
    return len(late)


def get(session: Session, code: str) -> Platform | None:
    """Return the platform of a code, locked."""
    return session.scalar(
        select(Platform)
        .where(Platform.code == code)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def list_all() -> list[Platform]:
    """Return every platform, by its code."""
    return list(db.session.scalars(select(Platform).order_by(Platform.code)))
