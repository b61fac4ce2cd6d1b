"""Fills a store with N cases, quickly.

1. A generated file of penalties, fictional throughout, goes through the real importer: one record
   for each case, and some more for what the benchmark opens itself.
2. A few cases are brought to each state by the real services, on several days of the past weeks.
3. Every other record gets a copy of one of these: the same rows with ids, references, parties and
   the hashes of the chain made anew, so that `flask verify` finds every chain whole.

A copy differs from what the engine writes in this only: all that was said and attached is the same
in each, an enterprise's steps bear one and the same account, and there are no used form tokens.
All records are of the class "general".
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Column, Table, func, select, text
from sqlalchemy.engine import Connection
from stdnum.cn import uscc

from repair_app import refs
from repair_app.db import Base, at, db, now, today, writing
from repair_app.ledger import GENESIS
from repair_app.models import (
    Case,
    CreditRecord,
    Deadline,
    DisputeMark,
    Document,
    Event,
    EventText,
    FieldProposal,
    Organisation,
    Requirement,
    Sanction,
    SanctionSuspension,
    Stream,
)
from repair_app.penalty_format.columns import BY_KEY
from repair_app.services import imports
from repair_app.services.transaction import transaction
from tests import factories

# How many of a hundred cases stand where. Most have ended, as in any office.
SHARES = {
    "objection": {
        "draft": 2,
        "submitted": 5,
        "supplement_asked": 2,
        "accepted": 3,
        "with_provider": 6,
        "confirmed": 3,
        "correction_proposed": 2,
        "rejection_heard": 2,
        "executed": 2,
        "closed": 19,
        "rejected": 10,
        "refused": 5,
        "withdrawn": 5,
    },
    "repair": {
        "draft": 2,
        "submitted": 4,
        "with_provider": 5,
        "rectification_confirmed": 2,
        "grant_proposed": 2,
        "executed": 1,
        "closed": 12,
        "not_granted": 4,
        "refused": 2,
    },
}
AGES = (0, 2, 6, 15)  # days ago, of the made cases
ON_FILE_FOR = timedelta(days=45)
FOR_NEW_CASES = 300  # records that the benchmark's own enterprise raises objections against
FOR_ANSWERS = 600  # at most: objections that the benchmark's own agency answers
CHUNK = 4000
CACHE_KB = 400_000  # of SQLite's connection while it writes: the indexes stay in memory

CITIES = "济南青岛淄博枣庄东营烟台潍坊济宁泰安威海日照临沂德州聊城滨州菏泽莱芜"
FIRST = "瑞恒嘉远启明宏泰安信润泽丰华盛景博川和诚德立新卓越凯源鼎晟昊辰佳禾康平金海天宇云帆思齐"
SECOND = "达通顺昌隆兴茂旺福祥利亨贞吉庆元亿财宝玉珠林森柏松竹梅兰菊荷桂枫桐江河湖洋波涛浪潮汐泉溪"
TRADES = "贸易建材食品物流化工机械纺织餐饮置业科技环保医药汽车电子服饰家具印刷包装农业能源"
BUREAUS = ("市场监督管理局", "生态环境局", "应急管理局", "交通运输局", "住房和城乡建设局")
NAMES = len(CITIES) // 2 * len(FIRST) * len(SECOND) * len(TRADES) // 2
AGENCIES = len(CITIES) // 2 * len(BUREAUS)


# --- a file of penalties ---------------------------------------------------------------------


@dataclass(frozen=True)
class Party:
    """An enterprise or an agency of a file."""

    name: str
    uscc: str


def enterprise(number: int) -> Party:
    """Return a fictional enterprise; no two of the first 600,000 share a name."""
    left = number * 7919 % NAMES  # a prime: neighbours get names that are far apart
    left, city = divmod(left, len(CITIES) // 2)
    left, first = divmod(left, len(FIRST))
    trade, second = divmod(left, len(SECOND))
    name = f"{pair(CITIES, city)}市{FIRST[first]}{SECOND[second]}示例{pair(TRADES, trade)}有限公司"
    return Party(name, code(f"91370112MA{1_000_000 + number:07d}"))


def agency(number: int) -> Party:
    """Return one of 85 fictional agencies."""
    bureau, city = divmod(number % (len(CITIES) * len(BUREAUS)), len(CITIES))
    return Party(
        f"{CITIES[city]}市示例{BUREAUS[bureau]}", code(f"11370000MB{city:03d}{bureau:04d}")
    )


def pair(words: str, number: int) -> str:
    return words[2 * number : 2 * number + 2]


def code(body: str) -> str:
    return body + uscc.calc_check_digit(body)


def write_file(parties: Iterator[tuple[Party, Party]]) -> bytes:
    """Return a CSV in the national format: a row for each pair of enterprise and agency."""
    headings = [column.heading for column in BY_KEY.values()]
    text = io.StringIO()
    table = csv.DictWriter(text, headings, restval="")
    table.writeheader()
    for number, (subject, bureau) in enumerate(parties):
        row = penalty(number, subject, bureau)
        table.writerow({BY_KEY[key].heading: value for key, value in row.items()})
    return text.getvalue().encode()


def penalty(number: int, subject: Party, bureau: Party) -> dict[str, str]:
    decided_on = today() - timedelta(days=150 + number % 150)
    return {
        "subject_name": subject.name,
        "subject_kind": "法人及非法人组织",
        "uscc": subject.uscc,
        "legal_representative": "张虚构",
        "decision_no": f"示例罚〔{decided_on.year}〕{number}号",
        "violation_type": "违反《中华人民共和国计量法》的行为",
        "violation_facts": (
            f"经查，当事人在经营活动中使用未经检定的计量器具（第{number}号虚构案情，仅供测试）。"
            "执法人员现场检查时，当事人未能提供有效的检定证书，以上事实有现场笔录、询问笔录为证。"
        ),
        "legal_basis": "依据《中华人民共和国计量法实施细则》第四十三条的规定",
        "categories": "罚款",
        "content": "责令停止使用，罚款2万元",
        "fine_10k": "2",
        "confiscated_10k": "0",
        "decided_on": decided_on.strftime("%Y/%m/%d"),
        "valid_until": "2099/12/31",
        "agency_name": bureau.name,
        "agency_uscc": bureau.uscc,
        "source_name": bureau.name,
        "source_uscc": bureau.uscc,
    }


def everyday_parties(count: int, start: int = 0) -> Iterator[tuple[Party, Party]]:
    """Yield enterprises and agencies: two enterprises have three penalties."""
    agencies = [agency(number) for number in range(AGENCIES)]
    for number in range(start, start + count):
        yield enterprise(number * 2 // 3), agencies[number * 31 % len(agencies)]


# --- cases made by the services --------------------------------------------------------------

MADE = len(AGES) * sum(map(len, SHARES.values()))


@dataclass(frozen=True)
class Record:
    """What a copy has to know of the record that it is about."""

    id: int
    ref: str
    subject_id: int
    provider_id: int
    subject_uscc: str
    provider_uscc: str
    head: str


@dataclass
class Row:
    """A row of a made case, and which of its values a copy has anew: position -> slot."""

    table: str
    values: list[Any]
    anew: list[tuple[int, int]]


@dataclass
class Entry(Row):
    """An event; its payload names what is new by text, and the event before it by hash."""

    texts: list[tuple[str, int]]
    prev: str
    of_record: bool  # stands in the record's chain, not in the case's
    seq: int


# What a record brings with it takes the first slots; then come the case's own ids and references.
RECORD_ID, SUBJECT_ID, PROVIDER_ID, RECORD_REF, SUBJECT_USCC, PROVIDER_USCC = range(6)
COPIED: tuple[type, ...] = (
    Case,
    Requirement,
    FieldProposal,
    Document,
    Deadline,
    DisputeMark,
    Sanction,
    SanctionSuspension,
)
TABLES: dict[str, Table] = {
    one.__tablename__: one.__table__ for one in (*COPIED, Stream, Event, EventText)
}
REFERENCES = ("ref", "entity_ref", "stream", "entity")


@dataclass
class Pattern:
    """A made case, taken apart."""

    workflow: str
    state: str
    ref: str
    rows: list[Row] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    slots: dict[tuple[str, Any], int] = field(default_factory=dict)
    record_changes: dict[str, Any] = field(default_factory=dict)

    def slot(self, kind: str, value: Any) -> int:
        return self.slots.setdefault((kind, value), len(self.slots))


def make_patterns(world: factories.World, records: Sequence[CreditRecord]) -> list[Pattern]:
    """Bring one case for each state and age there by the services, and take each apart."""
    kinds = [(workflow, state) for workflow, states in SHARES.items() for state in states]
    numbers = iter(record.id for record in records)
    return [
        make_pattern(world, next(numbers), workflow, state, days)
        for days in AGES
        for workflow, state in kinds
    ]


def make_pattern(
    world: factories.World, record_id: int, workflow: str, state: str, days: int
) -> Pattern:
    with at(now() - timedelta(days=days)):
        record = db.session.get_one(CreditRecord, record_id)
        if workflow == "objection" and days in AGES[::2]:
            factories.make_sanction(record, world.officer)
            record = db.session.get_one(CreditRecord, record_id)
        before = read_rows(CreditRecord.__table__, f"id = {record_id}")[0]
        case = factories.make_case(world, state, workflow=workflow, record=record)
        after = read_rows(CreditRecord.__table__, f"id = {record_id}")[0]
    pattern = take_apart(case)
    for column, old, new in zip(CreditRecord.__table__.columns, before, after, strict=True):
        if old != new:
            pattern.record_changes[column.name] = new
    return pattern


def read_rows(table: Table, condition: str) -> list[list[Any]]:
    """Return rows as the driver has them: they are written back just so."""
    connection = db.session.connection()
    names = ", ".join(spell(connection, column) for column in table.columns)
    order = ", ".join(column.name for column in table.primary_key)
    query = f"SELECT {names} FROM {table.name} WHERE {condition} ORDER BY {order}"
    return [list(row) for row in connection.exec_driver_sql(query)]


def spell(connection: Connection, column: Column[Any]) -> str:
    """Return a column as it is read: JSON as its text, or PostgreSQL's driver would parse it."""
    is_json = column.type.__class__.__name__ == "JSON"
    suffix = "::text" if is_json and connection.dialect.name == "postgresql" else ""
    return f'"{column.name}"{suffix}'


def take_apart(case: Case) -> Pattern:
    record = case.record
    pattern = Pattern(case.workflow, case.state, case.ref)
    for kind, value in (
        ("credit_record", record.id),
        ("organisation", case.subject_id),
        ("organisation", case.provider_id),
        ("ref", record.ref),
        ("text", case.subject.uscc),
        ("text", case.provider.uscc),
    ):
        pattern.slot(kind, value)
    db.session.rollback()
    for model in COPIED:
        table = model.__table__
        condition = {
            Case: f"id = {case.id}",
            Sanction: f"record_id = {record.id}",
        }.get(model, f"case_id = {case.id}")
        for values in read_rows(table, condition):
            own_slots(pattern, table, values)
            pattern.rows.append(Row(table.name, values, []))
    for row in pattern.rows:
        row.anew = changing(pattern, TABLES[row.table], row.values)
    add_entries(pattern, case.ref, record.ref)
    return pattern


def own_slots(pattern: Pattern, table: Table, values: list[Any]) -> None:
    """Give slots to what each copy has of its own: id, reference, number of a certificate."""
    named = dict(zip(table.columns.keys(), values, strict=True))
    pattern.slot(table.name, named["id"])
    if "ref" in named:
        pattern.slot("ref", named["ref"])
    if table.name == "requirement" and named["number"]:
        pattern.slot("number", named["number"])


def changing(pattern: Pattern, table: Table, values: list[Any]) -> list[tuple[int, int]]:
    """Return which values of a row a copy has anew."""
    found = []
    for position, (column, value) in enumerate(zip(table.columns, values, strict=True)):
        slot = pattern.slots.get((kind_of(table, column), value))
        if slot is not None:
            found.append((position, slot))
    return found


def kind_of(table: Table, column: Column[Any]) -> str:
    if column.name in REFERENCES:
        return "ref"
    if column.name == "number":
        return "number"
    target = next((one.column.table.name for one in column.foreign_keys), None)
    return target or (table.name if column.primary_key else "")


def add_entries(pattern: Pattern, case_ref: str, record_ref: str) -> None:
    """Add the events of the case, and those of the record that came after its import."""
    event, text = TABLES["event"], TABLES["event_text"]
    names = list(event.columns.keys())
    condition = f"stream = '{case_ref}' OR (stream = '{record_ref}' AND seq > 1)"
    words = [
        (str(value), slot)
        for (kind, value), slot in pattern.slots.items()
        if kind in {"ref", "text", "number"}
    ]
    texts: list[Row] = []
    prev = {}
    for values in read_rows(event, condition):
        named = dict(zip(names, values, strict=True))
        pattern.slot("event", named["id"])
        payload = named["payload"]
        pattern.entries.append(
            Entry(
                "event",
                values,
                changing(pattern, event, values),
                [(word, slot) for word, slot in words if word in payload],
                prev.get(named["stream"]) or find_prev(payload),
                named["stream"] == record_ref,
                named["seq"],
            )
        )
        prev[named["stream"]] = named["hash"]
        texts += [
            Row("event_text", one, []) for one in read_rows(text, f"event_id = {named['id']}")
        ]
    for row in texts:
        row.anew = changing(pattern, text, row.values)
    pattern.rows += texts


def find_prev(payload: str) -> str:
    return payload.split('"prev":"')[1][:64]


# --- copies -----------------------------------------------------------------------------------

EVENT_COLUMNS = list(Event.__table__.columns.keys())
PAYLOAD, HASH, SEQ = (EVENT_COLUMNS.index(name) for name in ("payload", "hash", "seq"))


class Copier:
    """Makes copies of patterns in memory and writes them by the thousand."""

    def __init__(self) -> None:
        with transaction() as session:
            self.last = {
                name: session.scalar(select(func.max(table.c.id))) or 0
                for name, table in TABLES.items()
                if "id" in table.c
            }
        self.rows: dict[str, list[list[Any]]] = defaultdict(list)
        self.record_changes: dict[tuple[str, ...], list[list[Any]]] = defaultdict(list)
        self.heads: list[list[Any]] = []
        self.numbers = 0

    def write(self, work: Sequence[tuple[Pattern, Record]]) -> list[str]:
        """Write one copy for each pair in one transaction; return the references of the cases."""
        with transaction() as session:
            given = self.take_refs(session, [pattern for pattern, _ in work])
            made = [self.copy(pattern, record, given) for pattern, record in work]
            self.flush(session.connection())
        return made

    def take_refs(self, session: Any, patterns: Sequence[Pattern]) -> dict[str, Iterator[str]]:
        wanted: Counter[str] = Counter()
        for pattern in patterns:
            wanted.update(series(ref) for ref in own_refs(pattern))
        return {
            one: refs.new_refs(session, one[:2], date(int(one[3:]), 1, 1), count)
            for one, count in wanted.items()
        }

    def copy(self, pattern: Pattern, record: Record, given: dict[str, Iterator[str]]) -> str:
        anew = self.fill_slots(pattern, record, given)
        case_ref = anew[pattern.slots["ref", pattern.ref]]
        for row in pattern.rows:
            self.rows[row.table].append(renewed(row, anew))
        heads = {False: GENESIS, True: record.head}
        lengths = {False: 0, True: 1}
        for entry in pattern.entries:
            values, own = renewed(entry, anew), entry.of_record
            payload = values[PAYLOAD].replace(entry.prev, heads[own])
            for word, slot in entry.texts:
                payload = payload.replace(word, anew[slot])
            values[PAYLOAD] = payload
            values[HASH] = heads[own] = hashlib.sha256(payload.encode()).hexdigest()
            lengths[own] += 1
            self.rows["event"].append(values)
        self.rows["stream"].append([case_ref, lengths[False], heads[False]])
        if lengths[True] > 1:
            self.heads.append([lengths[True], heads[True], record.ref])
        if pattern.record_changes:
            change = [*pattern.record_changes.values(), record.id]
            self.record_changes[tuple(pattern.record_changes)].append(change)
        return case_ref

    def fill_slots(
        self, pattern: Pattern, record: Record, given: dict[str, Iterator[str]]
    ) -> list[Any]:
        """Return what stands in each slot of one copy."""
        anew: list[Any] = [
            record.id,
            record.subject_id,
            record.provider_id,
            record.ref,
            record.subject_uscc,
            record.provider_uscc,
        ]
        for kind, value in list(pattern.slots)[len(anew) :]:
            if kind == "ref":
                anew.append(next(given[series(value)]))
            elif kind == "number":
                self.numbers += 1
                anew.append(f"{value}-{self.numbers}")
            else:
                self.last[kind] += 1
                anew.append(self.last[kind])
        return anew

    def flush(self, connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KB}")
        else:  # a copy points where its pattern did: foreign keys need not be looked up again
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for name, table in TABLES.items():
            insert(connection, table, self.rows.pop(name, []))
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        for columns, changes in self.record_changes.items():
            settings = ", ".join(f"{name} = {mark}" for name in columns)
            run(connection, f"UPDATE credit_record SET {settings} WHERE id = {mark}", changes)
        run(
            connection,
            f"UPDATE stream SET length = {mark}, head = {mark} WHERE ref = {mark}",
            self.heads,
        )
        self.record_changes.clear()
        self.heads.clear()


def renewed(row: Row, anew: Sequence[Any]) -> list[Any]:
    values = row.values.copy()
    for position, slot in row.anew:
        values[position] = anew[slot]
    return values


def own_refs(pattern: Pattern) -> list[str]:
    """Return the references that each copy has of its own: all but the record's."""
    return [
        value
        for (kind, value), slot in pattern.slots.items()
        if kind == "ref" and slot > RECORD_REF
    ]


def series(ref: str) -> str:
    """Return kind and year of a reference."""
    return ref[:7]


def insert(connection: Connection, table: Table, rows: list[list[Any]]) -> None:
    """Write rows as the driver has them, the quickest way of each store."""
    if not rows:
        return
    names = ", ".join(f'"{name}"' for name in table.columns.keys())  # noqa: SIM118  # no dict
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(table.columns))
        run(connection, f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)
        return
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    cursor.close()


def run(connection: Connection, statement: str, rows: list[list[Any]]) -> None:
    if rows:
        connection.exec_driver_sql(statement, [tuple(row) for row in rows])


def settle_store() -> None:
    """Leave the store as it would be some time later: ids counted on, statistics kept."""
    with transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            for name, table in TABLES.items():
                if "id" in table.c:
                    counter = f"pg_get_serial_sequence('{name}', 'id')"
                    session.connection().exec_driver_sql(
                        f"SELECT setval({counter}, max(id)) FROM {name}"
                    )
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("VACUUM ANALYZE")  # as its autovacuum does in time
        else:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


# --- the whole --------------------------------------------------------------------------------


@dataclass
class Seeded:
    """What a seeded store holds, for those who ask it."""

    world: dict[str, str]  # name of an account -> its address
    made: list[str]  # references of the cases that the services made
    cases: list[str]  # some hundred references of cases that were filed
    awaiting_answer: list[str]  # objections that wait for the benchmark's own agency
    objectionable: list[str]  # records of the benchmark's own enterprise
    public: list[str]  # records that are published
    halfway: str  # down the reviewers' worklist
    file: str  # that the benchmark's own agency brought in
    count: int
    events: int
    seconds: dict[str, float]


def fill(cases: int) -> Seeded:
    """Fill the empty store of the application in context with this many cases."""
    clock = Stopwatch()
    world = factories.make_world()
    firm, bureau = (Party(one.name, one.uscc) for one in (world.firm, world.agency))
    copies = cases - MADE
    answers = min(FOR_ANSWERS, copies // 4)
    own = MADE + FOR_NEW_CASES
    parties = [(firm, bureau)] * own
    parties += [(subject, bureau) for subject, _ in everyday_parties(answers)]
    parties += everyday_parties(copies - answers, start=answers)
    clock.lap("people")
    with at(now() - ON_FILE_FOR):
        content = write_file(iter(parties))
        clock.lap("file")
        batch = imports.bring_in_file(io.BytesIO(content), "penalties.csv")
    assert batch.counts["accepted"] == len(parties), batch.counts
    clock.lap("import")
    everything = db.session.scalars(
        select(CreditRecord).order_by(CreditRecord.id).limit(MADE)
    ).all()
    patterns = make_patterns(world, everything)
    clock.lap("made cases")
    made, waiting = copy_all(patterns, own, answers)
    clock.lap("copies")
    again = write_file(iter([(firm, bureau)] * 3))  # other days than before: all are refused
    file = imports.bring_in_file(again, "again.csv", world.provider)
    settle_store()
    clock.lap("settling")
    draw = random.Random(7)
    names = (
        "reviewer",
        "provider",
        "subject",
        "institution",
        "officer",
        "auditor",
        "administrator",
    )
    return Seeded(
        world={name: f"{name}@example.com" for name in names},
        made=[one.ref for one in patterns],
        cases=draw.sample(filed(), min(300, len(made))),
        awaiting_answer=waiting,
        objectionable=list(db.session.scalars(records_from(MADE).limit(FOR_NEW_CASES))),
        public=draw.sample(published(), min(300, cases // 4)),
        halfway=halfway(),
        file=file.ref,
        count=db.session.scalar(select(func.count()).select_from(Case)) or 0,
        events=db.session.scalar(select(func.count()).select_from(Event)) or 0,
        seconds=clock.laps,
    )


@contextmanager
def without_indexes(*models: type[Base]) -> Iterator[None]:
    """Take off the indexes that keep no rule while very many rows are written.

    PostgreSQL builds an index of all rows at once in a fraction of the time of one by one.
    """
    if db.engine.dialect.name != "postgresql":
        yield
        return
    query = text(
        "SELECT relname, pg_get_indexdef(oid) FROM pg_class JOIN pg_index ON indexrelid = oid"
        " WHERE NOT indisunique AND indrelid::regclass::text = ANY(:names) ORDER BY relname"
    )
    tables = [one.__tablename__ for one in models]
    with writing(), db.engine.begin() as connection:
        quoted = connection.dialect.identifier_preparer.quote
        found = [tuple(row) for row in connection.execute(query, {"names": tables})]
        for name, _ in found:
            connection.exec_driver_sql("DROP INDEX " + quoted(name))
    try:
        yield
    finally:
        db.session.remove()
        with writing(), db.engine.begin() as connection:
            connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
            for _, definition in found:
                connection.exec_driver_sql(definition)


def copy_all(patterns: list[Pattern], own: int, answers: int) -> tuple[list[str], list[str]]:
    """Give each record that has no case a copy; return all, and those that await an answer."""
    draw = random.Random(42)
    weights = [SHARES[one.workflow][one.state] for one in patterns]
    awaited = [
        one for one in patterns if (one.workflow, one.state) == ("objection", "with_provider")
    ]
    records = read_records()[own:]
    chosen = [draw.choice(awaited) for _ in range(answers)]
    chosen += draw.choices(patterns, weights, k=len(records) - answers)
    work = list(zip(chosen, records, strict=True))
    copier = Copier()
    made: list[str] = []
    with without_indexes(Case, Deadline, Document, DisputeMark, Event, Requirement, Sanction):
        for start in range(0, len(work), CHUNK):
            made += copier.write(work[start : start + CHUNK])
    return made, made[:answers]


def read_records() -> list[Record]:
    """Return every record with its parties and the end of its chain, in the order of the file."""
    subject, provider = Organisation.__table__.alias(), Organisation.__table__.alias()
    query = (
        select(
            CreditRecord.id,
            CreditRecord.ref,
            CreditRecord.subject_id,
            CreditRecord.provider_id,
            subject.c.uscc,
            provider.c.uscc,
            Stream.head,
        )
        .join(subject, subject.c.id == CreditRecord.subject_id)
        .join(provider, provider.c.id == CreditRecord.provider_id)
        .join(Stream, Stream.ref == CreditRecord.ref)
        .order_by(CreditRecord.id)
    )
    return [Record(*row) for row in db.session.execute(query)]


def records_from(offset: int) -> Any:
    return select(CreditRecord.ref).order_by(CreditRecord.id).offset(offset)


def filed() -> list[str]:
    return list(db.session.scalars(select(Case.ref).where(Case.submitted_at.is_not(None))))


def published() -> list[str]:
    return list(
        db.session.scalars(select(CreditRecord.ref).where(CreditRecord.state == "published"))
    )


def halfway() -> str:
    """Return a position in the middle of the reviewers' worklist, as its pages name it."""
    mine = (Deadline.owner == "reviewer", Deadline.met_at.is_(None))
    waiting = db.session.scalar(select(func.count()).select_from(Deadline).where(*mine)) or 0
    ordered = (
        select(Deadline.due_on, Deadline.id).where(*mine).order_by(Deadline.due_on, Deadline.id)
    )
    due_on, number = db.session.execute(ordered.offset(waiting // 2).limit(1)).one()
    return f"{due_on}_{number}"


class Stopwatch:
    """Says how long each part took, and how much processor time this process took for it."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.since = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        moment = time.perf_counter(), time.process_time()
        self.laps[name] = moment[0] - self.since[0]
        self.cpu[name] = moment[1] - self.since[1]
        self.since = moment
