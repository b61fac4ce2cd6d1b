"""The data map: what is kept in which table, of whom, how long; workflows/data.toml, read strictly.

How a column is guarded is not said there but read from the models: encrypted, hashed, masked in
public, or never public (which is what a column is that says nothing, see `repair_app/masking.py`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Table

from repair_app import toml_file
from repair_app.engine.retention import Rule
from repair_app.engine.spec import SpecError
from repair_app.labels import Label
from repair_app.sealing import Sealed

FILE: Final = "data.toml"
RULE: Final = "rule:"
KEPT: Final = {
    "archive": Label("长期保存（档案）", "for good: an archive"),
    "account": Label("至账号停用并删除", "until the account is erased"),
    "use": Label("使用期间", "while it is in use"),
}
BASIS: Final = {
    "archive": "SD-REG-2020",
    "account": "PIPL 第四十七条",
    "use": "PIPL 第十九条",
}
OF: Final = {
    "person": Label("自然人（用户、当事人）", "a person: user or party"),
    "official": Label("工作人员", "an official"),
    "representative": Label("法定代表人、责任人", "who represents or answers for an enterprise"),
    "complainant": Label("投诉反映人", "a complainant"),
}
ERASED: Final = frozenset({"account", "words", "complainant"})  # commands of `flask erase`
# Encrypted or hashed before they come to the store: by a key of its own, or by a hash of ours.
ENCRYPTED: Final = frozenset({("account", "mf_recovery_codes")})
HASHED: Final = frozenset(
    {
        ("account", "password"),
        ("account", "feed_digest"),
        ("sign_in", "key_digest"),
        ("identity", "subject_index"),
        ("complaint", "code_digest"),
    }
)
GUARDS: Final = {
    "encrypted": Label("加密", "encrypted"),
    "hashed": Label("只存摘要", "a hash"),
    "masked": Label("公开时遮盖", "masked in public"),
    "public": Label("公开", "public"),
    "hidden": Label("不公开", "never public"),
}


@dataclass(frozen=True)
class Personal:
    """A column that says something of a person."""

    name: str
    of: str  # a key of OF
    erased: str  # a command of `flask erase`, or empty
    public: Label | None  # why the public may read it all the same
    guard: str  # a key of GUARDS


@dataclass(frozen=True)
class Kept:
    """A table: what it is for, how long a row is kept, and what of it is personal."""

    table: str
    label: Label
    kept: str
    plain: tuple[str, ...]
    personal: tuple[Personal, ...]


def load_map(path: Path, tables: Sequence[Table]) -> list[Kept]:
    """Return what the file says of the tables, in their order. Raises SpecError for what is wrong.

    What it does not say, or says of what is not there, `find_flaws` tells.
    """
    try:
        raw = toml_file.load(path)
    except ValueError as error:
        raise SpecError(f"{path.name}: {error}") from error
    known = {one.name: one for one in tables}
    try:
        return [read_table(known.get(name), name, one) for name, one in raw.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SpecError(f"{path.name}: {error!r}") from error


def read_table(table: Table | None, name: str, raw: Mapping[str, Any]) -> Kept:
    """Return the entry of a table. Raises KeyError or ValueError for what is missing or unknown."""
    if wrong := raw.keys() - {"label", "kept", "plain", "personal"}:
        raise ValueError(f"{name}: {min(wrong)} is no key")
    columns = {column.name: column for column in table.columns} if table is not None else {}
    personal = []
    for column, said in raw.get("personal", {}).items():
        if wrong := said.keys() - {"of", "erased", "public"}:
            raise ValueError(f"{name}.{column}: {min(wrong)} is no key")
        guard = guard_of(columns[column]) if column in columns else "hidden"
        public = Label.of(said["public"]) if "public" in said else None
        personal.append(Personal(column, said["of"], said.get("erased", ""), public, guard))
    label = Label.of(raw["label"])
    return Kept(name, label, raw["kept"], tuple(raw["plain"]), tuple(personal))


def guard_of(column: Column[Any]) -> str:
    """Return how a column is guarded, as its model has it."""
    place = (column.table.name, column.name)
    if isinstance(column.type, Sealed) or place in ENCRYPTED:
        return "encrypted"
    if place in HASHED:
        return "hashed"
    if not column.info.get("public"):
        return "hidden"
    return "masked" if column.info.get("text") else "public"


def find_flaws(
    found: Sequence[Kept], tables: Sequence[Table], rules: Collection[str]
) -> Iterator[str]:
    """Yield what nobody has classified, what is not there, and what the public could read."""
    said = {one.table: one for one in found}
    known = {one.name: one for one in tables}
    yield from (f"{name}: nobody says what it is" for name in known.keys() - said.keys())
    yield from (f"{name}: there is no such table" for name in said.keys() - known.keys())
    for name in sorted(known.keys() & said.keys()):
        yield from find_flaws_of(said[name], known[name])
        kept = said[name].kept
        if kept not in KEPT and kept.removeprefix(RULE) not in rules:
            yield f"{name}: kept: {kept} is no rule"


def find_flaws_of(one: Kept, table: Table) -> Iterator[str]:
    """Yield what is wrong with the entry of a table."""
    columns = {column.name for column in table.columns}
    names = [*one.plain, *(personal.name for personal in one.personal)]
    for name in sorted(columns | set(names)):
        place = f"{one.table}.{name}"
        if name not in names:
            yield f"{place}: nobody says whether it is of a person"
        if name not in columns:
            yield f"{place}: there is no such column"
        if names.count(name) > 1:
            yield f"{place}: stands there twice"
        if name in columns and name in one.plain and isinstance(table.columns[name].type, Sealed):
            yield f"{place}: is encrypted, so it is of a person"
    for personal in one.personal:
        place = f"{one.table}.{personal.name}"
        if personal.of not in OF:
            yield f"{place}: of: {personal.of} is nobody"
        if personal.erased and personal.erased not in ERASED:
            yield f"{place}: erased: {personal.erased} is no command"
        if personal.guard == "public" and personal.public is None:
            yield f"{place}: the public could read it: mark it PUBLIC_TEXT, or say why"


def kept_label(one: Kept, rules: Mapping[str, Rule]) -> Label:
    """Return how long rows of a table are kept, in words."""
    rule = rules.get(one.kept.removeprefix(RULE)) if one.kept.startswith(RULE) else None
    if rule is None:
        return KEPT[one.kept]
    days = rule.keep.days
    return Label(f"{days}天后删除", f"deleted after {days} {'day' if days == 1 else 'days'}")


def draw_page(found: Sequence[Kept], rules: Mapping[str, Rule], generated: str) -> str:
    """Return the map as a page of Markdown."""
    personal = sum(len(one.personal) for one in found)
    columns = sum(len(one.plain) for one in found) + personal
    lines = [
        "# 数据目录 · Data map",
        "",
        generated,
        "",
        f"表 tables: {len(found)}; 字段 columns: {columns}; 涉及个人 personal: {personal}. Each is",
        "classified in [workflows/data.toml](../workflows/data.toml); how it is guarded is read",
        "from the models. What is not marked public there is never public. “erase”: the command",
        "that empties it (`flask erase …`). Encryption: [adr/0025](adr/0025-encrypted-columns.md).",
    ]
    for one in found:
        kept = kept_label(one, rules)
        basis = " ".join(rule_basis(one, rules))
        lines += [
            "",
            f"## {one.table} · {one.label.zh} · {one.label.en}",
            "",
            f"保存 kept: {kept.zh} · {kept.en} ({basis})",
        ]
        if one.personal:
            head = "| 字段 column | 涉及 of whom | 保护 guard | 删除 erase |"
            lines += ["", head, "|---|---|---|---|"]
        for column in one.personal:
            guard, of = GUARDS[column.guard], OF[column.of]
            why = f"（{column.public.zh}）· {column.public.en}" if column.public else ""
            lines.append(
                f"| {column.name} | {of.zh} · {of.en} | {guard.zh} · {guard.en} {why} | "
                f"{column.erased or '–'} |"
            )
        if one.plain:
            lines += ["", f"其他 no personal data: {', '.join(one.plain)}"]
    return "\n".join(lines) + "\n"


def rule_basis(one: Kept, rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Return on what it rests that rows of a table are kept so long: documents and clauses."""
    rule = rules.get(one.kept.removeprefix(RULE)) if one.kept.startswith(RULE) else None
    if rule is None:
        return (BASIS[one.kept],)
    return tuple(clause.label.zh for clause in rule.basis)
