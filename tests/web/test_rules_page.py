"""The public pages of the rules."""

import pytest

from repair_app.engine.rules import RulePack
from repair_app.services import rules
from repair_app.services.policy import current_policy
from tests.client import text_of
from tests.factories import make_case


@pytest.fixture
def page(anybody):
    """Give a function that opens a page of the rules as anybody."""
    return lambda name="": anybody.get(f"/rules/{name}".rstrip("/"))


def test_the_list_says_what_is_in_force_for_each_part(page):
    found = page()
    assert found.status_code == 200
    assert "山东政策文件" in found.words
    for name in ("SD-SEEDS.2", "SD-2020.2", "SD-SUPERVISION.1", "CN-2023-58.1", "TZ-2020.1"):
        assert name in found.words


def test_every_pack_and_edition_has_a_page(page, app):
    for name in rules.pack_names(current_policy()):
        assert page(name).status_code == 200, name


def test_a_pack_that_is_not_there_is_no_page(page):
    assert page("SD-NONE").status_code == 404
    assert page("SD-SEEDS.9").status_code == 404


def test_the_numbers_of_a_pack_stand_on_its_page_with_their_source(page):
    found = page("SD-2020")
    assert "7个工作日" in found.words
    assert "《山东省社会信用条例》 第三十九条" in found.words
    seeds = page("SD-SEEDS").words
    for words in ("一般失信", "3个月", "36个月", "发改办财金〔2019〕527号"):
        assert words in seeds


def rows_of(found):
    return [text_of(row) for row in found.tree.findall(".//main//tbody/tr")]


@pytest.mark.parametrize(
    ("grade", "words"),
    [("press", "据报道"), ("fragment", "残文"), ("recall", "据记忆"), ("choice", "本系统选定")],
)
def test_whatever_was_not_read_in_the_text_is_marked(page, app, grade, words):
    pack = current_policy().packs["CN-2026-36"]
    marked = sum(words in row for row in rows_of(page("CN-2026-36")))
    assert marked == sum(one.grade == grade for one in values_shown(pack))


def values_shown(pack: RulePack):
    """Return the values that stand in the tables: conflicts have a place of their own."""
    return [one for one in pack.stated if not one.key.startswith("conflicts.")]


def test_every_value_of_every_pack_is_shown(page, app):
    for pack in current_policy().packs.values():
        assert len(rows_of(page(pack.id))) == len(values_shown(pack)), pack.id


def test_every_value_is_named_in_words(page, app):
    """No code of a file stands where a person reads: every term and key has a name."""
    for pack in current_policy().packs.values():
        for row in page(pack.id).tree.findall(".//main//tbody/tr"):
            assert not text_of(row.find("th")).isascii(), text_of(row)


def test_both_sides_of_a_conflict_are_shown(page):
    found = page("SD-SEEDS").words
    assert "四项都要完成" in found
    assert "可通过作出信用承诺" in found


def test_a_value_taken_over_names_the_pack_that_states_it(page):
    found = page("SD-SEEDS")
    assert found.links["REDRESS-REPAIR"] == "/rules/REDRESS-REPAIR"
    assert found.links["CN-2019-527"] == "/rules/CN-2019-527"


def test_a_case_links_to_the_edition_that_it_began_with(as_, world):
    case = make_case(world, "submitted")
    links = as_(world.subject).get(f"/cases/{case.ref}").links
    assert "/rules/SD-2020.2" in links.values()


def test_a_ground_that_asks_for_a_correction_says_so_beside_its_proof(page):
    words = "（并填写应更正的内容）"
    (wrong,) = [row for row in rows_of(page("SD-2020")) if "信息有错误" in row]
    (twice,) = [row for row in rows_of(page("SD-2020")) if "信息重复" in row]
    assert words in wrong
    assert words not in twice
    assert words not in page("SD-2020.1").words


def test_a_record_under_earlier_rules_is_shown_by_them(page):
    found = page("SD-SEEDS.1")
    assert found.status_code == 200
    assert "released/sd-seeds.1.toml" in found.words


def test_the_pages_are_complete_in_english(anybody):
    anybody.post("/language", data={"csrf_token": anybody.token(), "language": "en", "back": "/"})
    listed = anybody.get("/rules").words
    assert "In force today: Shandong policy documents (fixed)" in listed
    assert "chosen by this system" in listed
    shown = anybody.get("/rules/CN-2026-36").words
    for words in ("Class: Serious", "Maximum period", "36 months", "from the press", "from memory"):
        assert words in shown
    assert "Where sources differ" in shown
    assert "The other reading" in shown


def test_a_repair_says_what_is_still_missing_and_how_to_get_it(as_, world):
    case = make_case(world, "draft", workflow="repair")
    found = as_(world.subject).get(f"/cases/{case.ref}").words
    assert "信用修复承诺书" in found
    assert "向作出处罚决定的机关申请，免费" in found
    assert [one.is_met for one in rules.list_materials(case)] == [False, False]


def test_what_a_requirement_yields_is_there_once_it_is_met(world):
    case = make_case(world, "submitted", workflow="repair")
    assert [one.is_met for one in rules.list_materials(case)] == [True, True]


def test_an_objection_asks_for_no_materials_of_a_repair(world):
    assert rules.list_materials(make_case(world, "submitted")) == ()
