"""The office books: what is changed beside the matters, each change an event of a chain of its own.

The calendar, the organisations, the accounts with their roles, the registered institutions and the
catalogue of measures have no states; their events are read like those of a workflow. An event holds
ids of accounts and codes of organisations, and no name of anybody and no address: such words lie
beside it, where they can be erased.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from repair_app import ledger
from repair_app.db import now
from repair_app.engine.spec import Transition, Workflow
from repair_app.engine.step import SYSTEM, Actor
from repair_app.labels import Label
from repair_app.models import Appointment, Event, Organisation, Role, Stream, User

VERSION: Final = "1"  # of what an event says
KEEPERS: Final = (Role.ADMINISTRATOR, Role.SECURITY_OFFICER, Role.SYSTEM)


def open_book(name: str, label: Label, steps: Mapping[str, Label]) -> Workflow:
    """Return a book as the ledger's pages read it: a workflow without states."""
    return Workflow(
        name=name,
        version=VERSION,
        entity=name,
        prefix="",
        initial="",
        label=label,
        basis=(),
        states={},
        transitions={
            step: Transition(
                name=step,
                label=says,
                source=(),
                target="",
                by=KEEPERS,
                form="",
                guards=(),
                effects=(),
                basis=(),
            )
            for step, says in steps.items()
        },
        sha256="",
    )


CALENDAR: Final = open_book(
    "calendar",
    Label("工作日历", "Working-day calendar"),
    {"publish": Label("更新工作日历", "Change the calendar")},
)
ORGANISATIONS: Final = open_book(
    "organisations",
    Label("机构", "Organisations"),
    {
        "add": Label("登记机构", "Put an organisation on file"),
        "rename": Label("更正名称", "Correct the name"),
        "place": Label("设定上级单位", "Set the superior unit"),
    },
)
ACCOUNTS: Final = open_book(
    "accounts",
    Label("账号与任职", "Accounts and roles"),
    {
        "open": Label("开立账号", "Open an account"),
        "invite": Label("邀请开立账号", "Invite to an account"),
        "send_link": Label("发出设置密码的链接", "Send a link to set the password"),
        "change_password": Label("本人更换密码", "Changed their password"),
        "set_password": Label("凭链接设置密码", "Set the password by the link"),
        "appoint": Label("任命", "Give a role"),
        "change": Label("变更授权范围或者期限", "Change scope or term"),
        "end": Label("免去", "End a role"),
        "add_factor": Label("设置第二验证方式", "Set up a second factor"),
        "remove_factor": Label("取消第二验证方式", "Remove a second factor"),
        "renew_codes": Label("生成恢复码", "Make new recovery codes"),
        "use_code": Label("使用恢复码登录", "Sign in with a recovery code"),
        "release": Label("解除登录锁定", "Release a locked account"),
        "reset_factors": Label("重置第二验证方式", "Reset the second factor"),
        "link_identity": Label("关联统一身份", "Link an identity"),
        "unlink_identity": Label("解除统一身份关联", "Unlink an identity"),
        "close": Label("停用账号", "Deactivate the account"),
        "reopen": Label("恢复账号", "Reactivate the account"),
        "erase": Label("删除个人信息", "Erase personal data"),
        "register_client": Label("登记接口系统", "Register a machine client"),
        "rotate_client": Label("更换接口系统密钥", "Give a machine client a new secret"),
        "revoke_client": Label("停用接口系统", "Revoke a machine client"),
    },
)
INSTITUTIONS: Final = open_book(
    "institutions",
    Label("信用服务机构备案", "Register of credit service institutions"),
    {
        "register": Label("备案", "Register"),
        "suspend": Label("暂停备案", "Suspend the registration"),
        "resume": Label("恢复备案", "Resume the registration"),
        "end": Label("注销备案", "End the registration"),
    },
)
MEASURES: Final = open_book(
    "measures",
    Label("惩戒措施清单", "Catalogue of measures"),
    {
        "follow": Label("按程序所附清单更新", "Follow the file of the program"),
        "apply": Label("施行新的清单", "Put a catalogue in force"),
    },
)
PLATFORMS: Final = open_book(
    "platforms",
    Label("公示平台", "Platforms"),
    {
        "add": Label("接入平台", "Connect a platform"),
        "change": Label("变更平台", "Change a platform"),
        "park": Label("暂停推送", "Park a platform"),
        "resume": Label("恢复推送", "Resume a platform"),
        "disable": Label("停用平台", "Disable a platform"),
        "show_secret": Label("查看签名密钥", "Show the signing secret"),
        "rotate": Label("更换签名密钥", "Change the signing secret"),
        "replay": Label("重新推送", "Send changes again"),
    },
)
OPERATIONS: Final = open_book(
    "operations",
    Label("系统运行", "Operation"),
    {
        "backup": Label("备份", "Make a backup"),
        "restore": Label("从备份恢复", "Restore a backup"),
        "forget": Label("按保存期限删除", "Delete what was kept long enough"),
        "erase": Label("删除个人信息", "Erase personal data"),
        "rotate_history_key": Label("启用新的历史签名密钥", "Have a new key sign the history"),
        "retire_history_key": Label("停用历史签名密钥", "Retire a key of the history"),
    },
)
BOOKS: Final = {
    one.name: one
    for one in (CALENDAR, ORGANISATIONS, ACCOUNTS, INSTITUTIONS, MEASURES, PLATFORMS, OPERATIONS)
}
BASIS: Final = {
    "calendar": "REDRESS 工作日历",
    "organisations": "REDRESS 机构登记",
    "accounts": "REDRESS 账号与任职",
    "institutions": "JY-2020-2 （十八）2",
    "measures": "SD-DRC-35 四（十三）",
    "platforms": "SD-CREDIT-2021-5 （八）",
    "operations": "REDRESS 系统运行",
}


def take(session: Session, book: Workflow) -> None:
    """Take a book for oneself until the transaction ends: one change at a time."""
    session.get(Stream, book.name, with_for_update=True)


def note(
    session: Session,
    book: Workflow,
    step: str,
    entity: str,
    actor: Actor,
    *,
    source: str = "",
    target: str = "",
    basis: str = "",
    facts: Mapping[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> Event:
    """Write a change into its book, in the transaction that makes it.

    entity: what was changed, by a code or an id. source, target: what it was and is, in such words.
    facts: without personal data. texts: names and the like; empty ones are left out. Raises
    KeyError for a step that the book has not.
    """
    at = at or now()
    content = ledger.describe(
        entity=entity,
        workflow=book.name,
        workflow_version=book.version,
        transition=book.transitions[step].name,
        source=source,
        target=target,
        actor=actor.as_dict(),
        at=at,
        basis=[basis or BASIS[book.name]],
        rule_pack="",
        facts=facts or {},
        evidence=[],
    )
    told = {name: text for name, text in (texts or {}).items() if text}
    return ledger.append(session, book.name, content, told, at=at)


def actor_of(user: User | None) -> Actor:
    """Return who changes something by an office; None: an operator of the commands."""
    if user is None:
        return SYSTEM
    return sitting_on(user, next(one for one in user.current_appointments if one.role in KEEPERS))


def sitting_on(user: User, seat: Appointment) -> Actor:
    """Return who changes something by one of their roles."""
    return Actor(
        role=seat.role,
        account_id=user.id,
        person_id=user.person_id,
        organisation_id=seat.organisation_id,
        organisation_uscc=seat.organisation.uscc,
    )


def name_account(user: User) -> str:
    """Return what an account is called where no address may stand."""
    return f"account:{user.id}"


def name_organisation(organisation: Organisation) -> str:
    """Return what an organisation is called in an event: its code, or its id for want of one."""
    return organisation.uscc or f"organisation:{organisation.id}"
