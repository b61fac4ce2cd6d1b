"""The public's search, through HTTP: what is found, what never is, what is said when nothing is."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from repair_app.db import at, db, now, today
from repair_app.models import Organisation
from repair_app.models.parties import OrganisationKind, Role
from repair_app.name_index import fold, name_terms
from repair_app.services import imports, people, search
from repair_app.services.transaction import transaction
from tests.factories import (
    annul_record,
    make_account,
    make_case,
    make_organisation,
    make_record,
    make_uscc,
)
from tests.web.test_routes import PENALTIES

NAME = "云泽市恒晟示例食品（ABC）有限公司"


def ask(client, query, **more):
    return client.get("/", query_string={"q": query, **more})


def refs_on(page):
    return re.findall(r"/records/(JL-[\w-]+)", page.html)


@pytest.fixture
def firm(world):
    return make_organisation(name=NAME)


@pytest.fixture
def record(firm, world):
    return make_record(firm, world.agency)


# --- what is found ---


@pytest.mark.parametrize(
    "query",
    [
        "晟",  # one character, anywhere in the name: first, inside, last
        "云",
        "司",
        "恒晟",
        "泽市",
        "恒晟示",
        "晟示例食",
        NAME,
        "恒 晟",
        "　恒晟　",
        "(abc)",
        "（ＡＢＣ）",
        "abc)有限",
        "hengsheng",
        "heng sheng",
        "HengSheng",
        "yunzeshihengshengshilishipin",  # longer than what a term keeps
        "shengshili",
        "hengshe",  # broken off
        "hssl",
        "HS",
        "yzshs",
        "ｈｓｓｌ",
    ],
)
def test_a_name_is_found_by_any_part_of_it_and_by_how_it_is_read(record, anybody, query):
    assert refs_on(ask(anybody, query)) == [record.ref]


@pytest.mark.parametrize(
    "query",
    [
        "晟恒",
        "恒示",
        "恒晟食品",
        "heng晟",
        "engsheng",
        "hsss",
        "yunzehengsheng",
        "龘",
        "恒%",
        "恒_示",
    ],
)
def test_what_a_name_does_not_say_does_not_find_it(record, anybody, query):
    assert refs_on(ask(anybody, query)) == []


def test_a_code_is_found_whole_or_by_its_beginning_in_any_writing(record, firm, anybody):
    code = firm.uscc
    wide = "".join(chr(ord(one) + 0xFEE0) for one in code)
    for query in (code, code.lower(), f" {code[:8]} {code[8:]} ", wide, wide.lower(), code[:17]):
        assert record.ref in refs_on(ask(anybody, query)), query
    assert record.ref in refs_on(ask(anybody, code[:6]))
    for query in (code[:5], code[6:], code[:17] + ("0" if code[17] != "0" else "1")):
        assert record.ref not in refs_on(ask(anybody, query)), query


def test_words_that_are_read_otherwise_than_their_characters(world, anybody):
    record = make_record(make_organisation(name="重庆长乐商行"), world.agency)
    for query in ("chongqing", "cqclsh", "shanghang"):
        assert refs_on(ask(anybody, query)) == [record.ref]


@pytest.mark.parametrize(
    "mark", ["%", "_", "'", '"', "\\", "*", ":", "&", "|", "!", "(", "🍜", "-"]
)
def test_a_character_of_a_query_language_is_a_character(world, anybody, mark):
    plain = make_record(make_organisation(name="甲乙丙丁面馆"), world.agency)
    special = make_record(make_organisation(name=f"甲{mark}丙丁面馆"), world.agency)
    for query in (mark, f"甲{mark}", f"{mark}丙", f"甲{mark}丙丁"):
        assert refs_on(ask(anybody, query)) == [special.ref], query
    assert refs_on(ask(anybody, "丙丁")) == [special.ref, plain.ref]


def test_what_was_meant_is_marked(record, anybody):
    for query, meant in {
        "示例": "示例",
        "shilishi": "示例食",
        "hssl": "恒晟示例",
        "(Abc)": "（ABC）",
        "hen": "恒",
    }.items():
        marks = ask(anybody, query).tree.findall(".//mark")
        assert ["".join(one.itertext()) for one in marks] == [meant], query


# --- what never is ---


def test_only_what_is_published_now_is_found(world, firm, record, anybody):
    personal = make_organisation(OrganisationKind.NATURAL_PERSON, name="恒晟某人")
    make_record(personal, world.agency)
    repaired = make_record(firm, world.agency)
    make_case(world, "executed", workflow="repair", record=repaired, subject=subject_of(firm))
    annulled = make_record(firm, world.agency)
    annul_record(world, annulled)
    for query in ("恒晟", "hengsheng", firm.uscc, firm.uscc[:12], "恒"):
        assert refs_on(ask(anybody, query)) == [record.ref], query
    with at(now() + (record.max_publication_until - today()) * 1.01):
        assert search.search_public("恒晟").hits == []


def subject_of(firm):
    return make_account(firm, Role.SUBJECT)


def test_a_natural_person_is_not_found_among_very_many_either(world, anybody, monkeypatch):
    """The index, the glance and the walk each leave natural persons out."""
    personal = make_organisation(OrganisationKind.NATURAL_PERSON, name="恒晟某人")
    make_record(personal, world.agency)
    for glance, most in ((0, 0), (0, 100), (400, 0)):
        monkeypatch.setattr(search, "GLANCE", glance)
        monkeypatch.setattr(search, "MOST_FIRMS", most)
        for query in ("恒晟某", "hengsheng", personal.uscc):
            assert refs_on(ask(anybody, query)) == []


# --- pages of it ---


@pytest.mark.parametrize(
    ("glance", "most", "walk"), [(0, 0, 0), (0, 0, 30), (0, 100, 0), (7, 0, 9)]
)
def test_every_way_of_looking_finds_the_same_page_by_page(
    world, anybody, monkeypatch, glance, most, walk
):
    monkeypatch.setattr(search, "GLANCE", glance)
    monkeypatch.setattr(search, "MOST_FIRMS", most)
    monkeypatch.setattr(search, "WALK", walk)
    firms = [make_organisation(name=f"恒晟{one}号面馆") for one in "甲乙丙"]
    made = [make_record(firms[one % 3], world.agency).ref for one in range(45)]
    for query in ("恒晟", "hengsheng", "hs", "晟"):
        seen, address = [], f"/?q={query}"
        while address:
            page = anybody.read(address)
            seen += refs_on(page)
            address = next((one for one in page.links.values() if "before=" in one), None)
        assert seen == made[::-1], query


def test_a_page_says_how_many_and_whether_there_are_more(world, firm, anybody):
    made = [make_record(firm, world.agency) for _ in range(21)]
    page = anybody.get("/?q=恒晟", headers={"Accept-Language": "en"})
    assert "20 records and more" in page.words
    last = ask(anybody, "恒晟", before=made[1].id)
    assert refs_on(last) == [made[0].ref]
    assert refs_on(ask(anybody, "恒晟", before=made[0].id)) == []


# --- what is said ---


def test_the_number_of_a_record_leads_to_its_page_while_it_is_published(world, record, anybody):
    for typed in (record.ref, record.ref.replace("-", "").lower()):
        answer = anybody.get(f"/?q={typed}")
        assert (answer.status_code, answer.location) == (302, f"/records/{record.ref}")
    case = make_case(world, "submitted")
    gone = make_record(world.firm, world.agency)
    annul_record(world, gone)
    personal = make_organisation(OrganisationKind.NATURAL_PERSON, name="恒晟某人")
    ours = make_record(personal, world.agency)
    for ref in (case.ref, gone.ref, ours.ref, "JL-1999-000001-X"):
        assert "未查到" in anybody.read(f"/?q={ref}").words, ref


def test_who_types_the_number_of_a_decision_is_told_that_it_is_not_looked_for(record, anybody):
    assert "不能按处罚决定书文号查询" in anybody.read(f"/?q={record.decision_no}").words
    assert "文号" not in anybody.read("/?q=没有这一家").words


def test_who_finds_nothing_is_told_what_to_try(record, anybody):
    page = anybody.get("/?q=没有这一家", headers={"Accept-Language": "en"})
    assert "What you can try" in page.words
    assert "18 characters" in page.words


def test_a_query_that_is_too_long_is_told_so_and_one_of_nothing_asks_nothing(record, anybody):
    page = anybody.get("/", query_string={"q": "晟" * 5000}, headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "up to 100 characters" in page.words
    for query in ("", "   ", "\u200b\u200b", "\u202e"):
        assert refs_on(ask(anybody, query)) == []


@pytest.mark.parametrize(
    "query",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "\u202eمرحبا",
        "🍜🥢",
        "{{ 7*7 }}",
    ],
)
def test_whatever_is_typed_is_shown_as_text(record, anybody, query):
    page = ask(anybody, query)
    assert page.status_code == 200
    assert not any("alert" in "".join(one.itertext()) for one in page.tree.iter("script"))
    assert page.tree.findall(".//main//img") == []
    assert "49" not in page.words
    field = page.tree.find(".//input[@id='q']")
    assert field.get("value") == "".join(filter(str.isprintable, query))


def test_the_search_is_kept_nowhere(record, anybody):
    assert ask(anybody, "恒晟").headers["Cache-Control"] == "no-store"


# --- whoever puts an organisation on file ---


def test_an_organisation_is_found_by_its_new_name_only(record, firm, anybody):
    with transaction() as session:
        people.rename(people.get_organisation(session, firm.uscc), "云泽市瑞安示例物业有限公司")
    for query in ("瑞安", "ruian", "raslwy"):
        assert refs_on(ask(anybody, query)) == [record.ref]
    for query in ("恒晟", "hengsheng", "hssl"):
        assert refs_on(ask(anybody, query)) == []


def test_by_whatever_way_a_name_comes_on_file_it_has_its_terms(app, world):
    imports.bring_in_file(PENALTIES.read_bytes(), "penalties.csv")
    with transaction() as session:
        session.add(
            Organisation(name="甲乙", uscc=make_uscc(), kind="enterprise", created_at=now())
        )
        row = {"name": "丙丁", "uscc": make_uscc(), "kind": "enterprise", "created_at": now()}
        session.execute(insert(Organisation), [row])
        session.execute(insert(Organisation.__table__).values(**row | {"uscc": make_uscc()}))
    with db.engine.connect() as connection:
        rows = connection.execute(
            select(Organisation.name, Organisation.search_name, Organisation.search_terms)
        ).all()
    assert len(rows) > 50
    assert {"甲乙", "丙丁"} <= {row.name for row in rows}
    for row in rows:
        assert (row.search_name, row.search_terms) == (fold(row.name), name_terms(row.name))


def test_a_removed_organisation_leaves_the_index(world, anybody, store):
    firm = make_organisation(name="甲乙丙丁面馆")
    with transaction() as session:
        session.delete(session.get_one(Organisation, firm.id))
    another = make_organisation(name="戊己庚辛面馆")  # SQLite gives the number again
    make_record(another, world.agency)
    assert refs_on(ask(anybody, "甲乙")) == []


# --- the same as asking each name ---

CHARACTERS = st.sampled_from("恒晟示例食品有限公司重庆abcAＡ１1%_'\"\\ （(.-🍜é")
NAMES = st.text(CHARACTERS, min_size=1, max_size=9).filter(fold)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(names=st.lists(NAMES, min_size=1, max_size=6), query=NAMES)
def test_the_index_names_whom_a_look_at_each_name_does(app, names, query):
    """Letters may be a reading besides: then there may be more, never less."""
    codes = [make_uscc() for _ in names]
    with transaction() as session:
        for code, name in zip(codes, names, strict=True):
            people.add_organisation(session, code, name, OrganisationKind.ENTERPRISE)
    wanted = search.read_query(query)
    found = set(db.session.scalars(search.named(wanted)))
    of_names = select(Organisation.id, Organisation.name).where(Organisation.uscc.in_(codes))
    by_hand = {row.id for row in db.session.execute(of_names) if fold(query) in fold(row.name)}
    everyone = set(db.session.scalars(select(Organisation.id).where(search.holds(wanted))))
    natural = Organisation.kind == OrganisationKind.NATURAL_PERSON
    persons = set(db.session.scalars(select(Organisation.id).where(natural)))
    found, everyone = found - persons, everyone - persons  # their records are left out anyhow
    db.session.rollback()
    assert by_hand <= found
    assert found == everyone
    if not wanted.letters and not wanted.code:
        here = select(Organisation.id).where(Organisation.uscc.in_(codes))
        assert found & set(db.session.scalars(here)) == by_hand


def test_every_organisation_is_in_the_index_of_the_store(world, store):
    if store.name == "sqlite":
        with db.engine.connect() as connection:
            count = connection.exec_driver_sql("SELECT count(*) FROM organisation_search").scalar()
        assert count == db.session.scalar(select(func.count(Organisation.id)))


def test_a_name_changed_past_the_model_still_agrees_with_the_index(world, store):
    """The triggers follow the column, whoever writes it."""
    with transaction() as session:
        session.execute(
            update(Organisation)
            .where(Organisation.id == world.firm.id)
            .values(name="戊己", search_name="戊己", search_terms=name_terms("戊己"))
        )
    found = db.session.scalars(search.named(search.read_query("戊己"))).all()
    assert found == [world.firm.id]
