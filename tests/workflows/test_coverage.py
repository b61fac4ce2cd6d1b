"""What of the policy is done where: the map holds together, and says so when it does not."""

from dataclasses import replace

import pytest

from config import ROOT
from repair_app.cli import coverage as command
from repair_app.db import db
from repair_app.engine import coverage
from repair_app.engine.coverage import Clause, Map, Requirement, Surroundings
from repair_app.engine.policy import load_policy
from repair_app.engine.spec import SpecError
from repair_app.forms import FORMS
from repair_app.labels import Label

WORDS = Label("文", "words")
SEEDS = {
    "SD-DRC-35": 19,
    "SD-GOV-2017-44": 28,
    "SD-CREDIT-2021-5": 12,
    "JY-2020-2": 34,
    "GBF-2019-35": 23,
}


@pytest.fixture(scope="module")
def policy():
    """Give the policy as it is shipped."""
    return load_policy(ROOT / "workflows", "seeds", FORMS)


@pytest.fixture(scope="module")
def shipped():
    """Give the map as it is shipped."""
    return coverage.load_map(ROOT / "workflows" / coverage.FILE)


def around(policy, **more):
    found = {
        "workflows": list(policy.current.values()),
        "documents": policy.documents,
        "pages": {"public.index": "/"},
        "tests": {"test_it": "tests/test_it.py"},
        "root": ROOT,
    }
    return Surroundings(**{**found, **more})


def requirement(**more):
    found = {
        "id": "R1",
        "clauses": (("SD-DRC-35", "四（十五）"),),
        "text": WORDS,
        "steps": ("repair.open",),
        "pages": ("public.index",),
        "tests": ("test_it",),
        "files": (),
        "how": None,
        "missing": None,
        "outside": None,
    }
    return Requirement(**{**found, **more})


def map_of(one, *clauses, silent=None):
    first = Clause("SD-DRC-35", "四（十五）", WORDS)
    return Map((one,), (first, *clauses), silent or {})


def flaws_of(policy, found, **more):
    """Return the flaws, but for steps whose own rule has no reason: the shipped map has those."""
    flaws = coverage.find_flaws(found, around(policy, **more))
    return [one for one in flaws if "rests on no document" not in one]


# --- as shipped -------------------------------------------------------------------------------


def test_every_requirement_is_there_once_and_in_order(shipped):
    assert [one.id for one in shipped.requirements] == [f"R{number}" for number in range(1, 79)]


@pytest.mark.parametrize(("document", "count"), SEEDS.items())
def test_every_numbered_item_of_the_documents_is_there(shipped, document, count):
    assert sum(one.document == document for one in shipped.clauses) == count


def test_everything_is_accounted_for(app):
    folder = app.config["WORKFLOWS"]
    found = coverage.load_map(folder / coverage.FILE)
    assert list(coverage.find_flaws(found, command.look_around())) == []


def test_the_page_is_up_to_date(app):
    done = app.test_cli_runner().invoke(args=["workflows", "coverage", "--check"])
    assert done.exit_code == 0, done.output


def test_no_reason_stands_for_what_nobody_chose(policy, shipped):
    ours = {
        basis.clause
        for one in policy.current.values()
        for step in one.transitions.values()
        for basis in step.basis
        if basis.document == coverage.SILENT
    }
    assert set(shipped.silent) <= ours


def test_no_score_of_a_person_is_kept_anywhere():
    """鲁信用办〔2021〕5号 一（七）: personal scores serve no sanction; there are none."""
    columns = {
        column.name.lower() for table in db.metadata.tables.values() for column in table.columns
    }
    assert columns
    assert not [name for name in columns if any(word in name for word in ("score", "rating"))]


# --- what is found ----------------------------------------------------------------------------


def test_what_holds_together_has_no_flaw(policy):
    assert flaws_of(policy, map_of(requirement())) == []


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"steps": ("repair.opn",)}, "R1: there is no step repair.opn"),
        ({"pages": ("public.nowhere",)}, "R1: there is no page public.nowhere"),
        ({"tests": ("test_that",)}, "R1: there is no test test_that"),
        ({"files": ("workflows/nothing.toml",)}, "R1: there is no file workflows/nothing.toml"),
        ({"clauses": (("SD-DRC-35", "九（九）"),)}, "R1: no clause SD-DRC-35 九（九）"),
        ({"tests": ()}, "R1: no test shows that it is done"),
    ],
)
def test_what_is_named_and_not_there_is_a_flaw(policy, change, flaw):
    assert flaw in flaws_of(policy, map_of(requirement(**change)))


def test_a_requirement_that_nothing_does_is_a_flaw(policy):
    nothing = requirement(clauses=(("SD-DRC-35", "五（十九）"),), steps=(), pages=())
    found = map_of(nothing, Clause("SD-DRC-35", "五（十九）", WORDS))
    assert flaws_of(policy, found) == ["R1: nothing does it: no step, page or file"]


def test_a_requirement_outside_software_needs_nothing_but_its_reason(policy):
    nothing = requirement(steps=(), pages=(), tests=(), outside=WORDS)
    assert flaws_of(policy, map_of(nothing)) == []


def test_a_clause_on_which_nothing_rests_needs_a_reason(policy):
    idle = Clause("SD-DRC-35", "五（十九）", WORDS)
    assert flaws_of(policy, map_of(requirement(), idle)) == [
        "SD-DRC-35 五（十九）: nothing rests on it, and no reason is given"
    ]
    assert flaws_of(policy, map_of(requirement(), replace(idle, reason=WORDS))) == []


def test_a_step_that_rests_on_no_document_needs_a_reason(policy):
    bare = map_of(requirement())
    flaws = list(coverage.find_flaws(bare, around(policy)))
    assert any(one.startswith("objection.discard: rests on no document") for one in flaws)
    given = map_of(requirement(), silent={"未提交的草稿可以放弃": WORDS})
    flaws = list(coverage.find_flaws(given, around(policy)))
    assert not any(one.startswith("objection.discard:") for one in flaws)


@pytest.mark.parametrize(
    ("number", "cited", "covers"),
    [
        ("二（四）20", "二（四）20", True),
        ("一（八）", "（八）", True),
        ("三（十三）1", "（十三）1", True),
        ("二（四）2", "二（四）20", False),
        ("三（七）", "三（七）1", True),
        ("四（九）", "四（九） 限期整改，未定天数", True),
        ("四（十三）", "四（十二）", False),
    ],
)
def test_a_cited_clause_is_found_whether_or_not_its_chapter_is_written(number, cited, covers):
    assert Clause("X", number, WORDS).covers(cited) is covers


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("?", "requirements.toml"),
        ("[requirements]\n[clauses]\n", "silent"),
        ("[requirements.R1]\nclauses = []\ncolour = 1\n[clauses]\n[silent]\n", "R1: unknown key"),
        ("[requirements.R1]\nclauses = []\n[clauses]\n[silent]\n", "R1"),
        ('[requirements]\n[clauses.X]\n"1" = {}\n[silent]\n', "clauses.X.1"),
    ],
)
def test_a_map_that_cannot_be_read_is_refused_by_name(tmp_path, content, place):
    path = tmp_path / coverage.FILE
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SpecError, match=r"requirements\.toml") as refused:
        coverage.load_map(path)
    assert place in str(refused.value)


def test_a_missing_map_is_refused_by_name(tmp_path):
    with pytest.raises(SpecError, match=r"requirements\.toml"):
        coverage.load_map(tmp_path / coverage.FILE)


def test_tests_are_found_in_files_and_classes(tmp_path):
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_a.py").write_text("def test_one(): ...\ndef helper(): ...\n", encoding="utf-8")
    assert coverage.find_tests(folder) == {"test_one": "tests/test_a.py"}


# --- the command ------------------------------------------------------------------------------


def test_a_page_that_is_out_of_date_is_named_and_written_anew(app, tmp_path, monkeypatch):
    page = tmp_path / "coverage.md"
    monkeypatch.setattr(command, "PAGE", page)
    runner = app.test_cli_runner()
    done = runner.invoke(args=["workflows", "coverage", "--check"])
    assert done.exit_code == 1
    assert "coverage.md is out of date" in done.output
    done = runner.invoke(args=["workflows", "coverage"])
    assert done.exit_code == 0, done.output
    assert "78 requirements" in done.output
    assert "### R37 信息核实期间，联合惩戒措施暂不执行" in page.read_text(encoding="utf-8")
    assert runner.invoke(args=["workflows", "coverage", "--check"]).exit_code == 0


# --- the page ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "told", "reason"),
    [
        ("zh", "信息核实期间，联合惩戒措施暂不执行", "司法裁判和执行信息由司法机关公开。"),
        ("en", "Sanctions are not executed during verification", "published by the courts"),
    ],
)
def test_everybody_may_read_what_is_done_and_why_something_is_not(
    anybody, shipped, lang, told, reason
):
    page = anybody.get("/coverage", headers={"Accept-Language": lang})
    assert page.status_code == 200
    assert told in page.words
    assert reason in page.words
    assert all(f"{one.id} {one.text.text(lang)}" in page.words for one in shipped.requirements)
