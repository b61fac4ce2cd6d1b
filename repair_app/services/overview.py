"""How the application runs, and by which policy: read only, and no secret in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import func, select

from repair_app import jobs, schema
from repair_app.db import db, today
from repair_app.engine.rules import RulePack
from repair_app.engine.spec import Workflow
from repair_app.models import Message, User
from repair_app.services import mail, rules
from repair_app.services.policy import current_policy


@dataclass(frozen=True)
class Running:
    """How mails and jobs stand. jobs: None where the store has no tables for them yet."""

    jobs: jobs.Status | None
    failed: list[str]  # name and kind of failure only: a reason may hold somebody's words
    mails: Mapping[str, int]  # by state
    next_mail: datetime | None
    server: str  # host and port; empty where no mail goes out
    not_mailed: list[tuple[str, str]]  # account and problem, the latest first


def read_running() -> Running:
    """Return how mails and jobs stand."""
    status, server = jobs.read_status(db.engine), mail.find_server()
    counted = db.session.execute(
        select(Message.mail_state, func.count()).group_by(Message.mail_state)
    ).all()
    failed = db.session.execute(
        select(Message.account_id, Message.mail_problem)
        .where(Message.mail_state == "failed")
        .order_by(Message.id.desc())
        .limit(jobs.SHOWN)
    )
    return Running(
        jobs=status,
        failed=[one.partition("(")[0] for one in status.failed] if status else [],
        mails={one[0]: one[1] for one in counted},
        next_mail=mail.next_due(),
        server=f"{server.host}:{server.port}" if server else "",
        not_mailed=[(f"account:{number}", problem or "") for number, problem in failed],
    )


@dataclass(frozen=True)
class Settings:
    """By what the application runs."""

    store: str
    revision: str | None
    address: str
    profile: str
    in_force: Mapping[str, RulePack]  # by part
    workflows: list[Workflow]
    packs: list[RulePack]
    courses: Mapping[str, int]  # key -> edition
    letters: int  # kinds


def read_settings() -> Settings:
    """Return by what the application runs."""
    policy = current_policy()
    return Settings(
        store=db.engine.dialect.name,
        revision=schema.read_revision(),
        address=current_app.config["BASE_URL"],
        profile=policy.profile.name,
        in_force=rules.parts_in_force(policy, today()),
        workflows=list(policy.current.values()),
        packs=list(policy.packs.values()),
        courses={
            key: one.edition for key, one in current_app.extensions["redress_courses"].items()
        },
        letters=len(policy.letters.kinds),
    )


def count_waiting() -> int:
    """Return how many accounts wait for their person to set a password."""
    of_people = select(func.count()).select_from(User).where(User.is_machine.is_(False))
    waiting = of_people.where(User.active, User.password.is_(None))
    return db.session.scalar(waiting) or 0
