"""The data map: every column of every table is classified, and the page says what there is."""

import pytest
from sqlalchemy import Column, MetaData, String, Table
from sqlalchemy.dialects import sqlite

from config import ROOT
from repair_app.db import Base
from repair_app.engine.data_map import draw_page, find_flaws, load_map
from repair_app.engine.spec import SpecError
from repair_app.masking import PUBLIC, PUBLIC_TEXT
from repair_app.models import Complaint
from repair_app.sealing import Sealed
from repair_app.services import data_map
from tests.client import text_of

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # nothing is stored
ENTRY = """
[thing]
label = {zh = "物", en = "A thing"}
kept = "archive"
plain = ["id"]
personal.name = {of = "person"}
"""


def test_every_column_is_classified_and_the_page_is_drawn_of_it(app):
    found = data_map.read_map()
    assert data_map.list_flaws(found) == []
    assert {one.table for one in found} == {one.name for one in Base.metadata.sorted_tables}
    done = app.test_cli_runner().invoke(args=["data-map", "--check"])
    assert done.exit_code == 0, done.output


@pytest.fixture
def flaws(tmp_path):
    """Give a function that returns what is wrong with an entry about a table with some columns."""

    def find(entry, *columns):
        path = tmp_path / "data.toml"
        path.write_text(entry, encoding="utf-8")
        tables = [Table("thing", MetaData(), *columns)]
        return list(find_flaws(load_map(path, tables), tables, {"drafts"}))

    return find


def test_a_column_that_nobody_classified_is_told(flaws):
    def told(entry, *names):
        return flaws(entry, *(Column(name, String) for name in names))

    assert told(ENTRY, "id", "name") == []
    unknown = told(ENTRY, "id", "name", "phone")
    assert unknown == ["thing.phone: nobody says whether it is of a person"]
    assert told(ENTRY, "id") == ["thing.name: there is no such column"]
    assert told("", "id", "name") == ["thing: nobody says what it is"]


@pytest.mark.parametrize(
    ("info", "told"),
    [({}, False), (PUBLIC_TEXT, False), (PUBLIC, True)],
    ids=["hidden", "masked", "public"],
)
def test_what_is_of_a_person_is_not_public_unless_masked(flaws, info, told):
    found = flaws(ENTRY, Column("id", String), Column("name", String, info=info))
    assert bool(found) == told
    assert all("the public could read it" in one for one in found)


@pytest.mark.parametrize(
    "change",
    [
        ('of = "person"', 'of = "somebody"'),
        ('of = "person"', 'of = "person", erased = "all"'),
        ('kept = "archive"', 'kept = "rule:nothing"'),
        ('plain = ["id"]', 'plain = ["id", "id"]'),
        ('plain = ["id"]', 'plain = ["id", "name"]'),
    ],
)
def test_an_entry_that_says_what_is_not_so_is_told(flaws, change):
    assert len(flaws(ENTRY.replace(*change), Column("id", String), Column("name", String))) == 1


def test_what_is_encrypted_is_of_a_person(flaws):
    column = Column("id", Sealed("thing.id"))
    assert flaws(ENTRY, column, Column("name", String)) == [
        "thing.id: is encrypted, so it is of a person"
    ]


@pytest.mark.parametrize(
    "entry",
    ["[thing", "[thing]\n", ENTRY + "colour = 1", ENTRY.replace('of = "person"', "off = 1")],
)
def test_a_file_that_cannot_be_read_is_refused(flaws, entry):
    with pytest.raises(SpecError, match=r"data\.toml"):
        flaws(entry, Column("id", String))


@one_store
def test_the_page_names_what_is_encrypted_and_for_whom(as_, world):
    page = as_(world.auditor).read("/data-map")
    rows = {text_of(one) for one in page.tree.findall(".//main//tr")}
    assert "contact 投诉反映人 加密 flask erase complainant" in rows
    assert "legal_representative 法定代表人、责任人 不公开 –" in rows
    assert as_(world.administrator).get("/data-map").status_code == 200
    assert as_(world.reviewer).get("/data-map").status_code == 403


@one_store
def test_the_page_of_the_docs_says_what_the_models_say(app):
    page = (ROOT / "docs" / "data-map.md").read_text(encoding="utf-8")
    assert "| contact | 投诉反映人 · a complainant | 加密 · encrypted" in page
    assert isinstance(Complaint.__table__.columns["statement"].type, Sealed)
    assert Sealed("a.b").compile(dialect=sqlite.dialect()) == "VARCHAR"
    assert draw_page([], {}, "by hand").startswith("# 数据目录")
