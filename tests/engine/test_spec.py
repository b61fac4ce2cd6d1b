"""The loader refuses a workflow file that does not hold together, naming file and place."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from config import ROOT
from repair_app import create_app
from repair_app.engine.assigning import steps_ahead
from repair_app.engine.policy import load_policy, read_releases
from repair_app.engine.spec import (
    SpecError,
    Vocabulary,
    Workflow,
    cite,
    load_documents,
    load_workflow,
)
from repair_app.forms import FORMS
from repair_app.labels import Label

GOOD = """
name    = "loan"
version = "1"
entity  = "case"
prefix  = "LN"
initial = "new"
label   = {zh = "借书", en = "Loan"}
basis   = ["BOOK 1"]

[states]
new    = {label = {zh = "新", en = "New"}}
lent   = {label = {zh = "借出", en = "Lent"}, owner = "reader", clock = "weeks"}
closed = {label = {zh = "归还", en = "Returned"}, final = true}

[[transitions]]
name    = "lend"
label   = {zh = "借出", en = "Lend"}
from    = ["new"]
to      = "lent"
by      = ["keeper"]
form    = "Card"
guards  = ["shelf_is_full"]
effects = ["take_from_shelf"]
basis   = ["BOOK 2"]

[[transitions]]
name    = "take_back"
label   = {zh = "归还", en = "Take back"}
from    = ["lent"]
to      = "closed"
basis   = ["BOOK 3"]
"""

VOCABULARY = Vocabulary(
    roles={"reader", "keeper"},
    guards={"shelf_is_full"},
    effects={"take_from_shelf"},
    forms={"Card", "ConfirmForm"},
    clocks={"weeks"},
    documents={"BOOK": Label("书", "Book")},
)

Read = Callable[[str], Workflow]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Give a function that reads a text as the file loan.toml."""

    def read_text(content: str) -> Workflow:
        path = tmp_path / "loan.toml"
        path.write_text(content, encoding="utf-8")
        return load_workflow(path, VOCABULARY)

    return read_text


def test_a_file_that_holds_together_is_read(read: Read) -> None:
    workflow = read(GOOD)
    assert list(workflow.states) == ["new", "lent", "closed"]
    lend = workflow.transitions["lend"]
    assert (lend.source, lend.target, lend.by) == (("new",), "lent", ("keeper",))
    assert [(one.document, one.clause, one.label.zh) for one in lend.basis] == [
        ("BOOK", "2", "书 2")
    ]


def test_the_term_of_the_whole_starts_in_one_state_or_in_several(read: Read) -> None:
    for written, starts in (('"lent"', ("lent",)), ('["lent", "new"]', ("lent", "new"))):
        workflow = read(f'term = {{clock = "weeks", starts = {written}}}\n{GOOD}')
        assert workflow.term is not None
        assert workflow.term.starts == starts


@pytest.mark.parametrize(
    ("written", "complaint"),
    [('["lost"]', "term: unknown state 'lost'"), ("[]", "term: starts nowhere"), ("3", "'starts'")],
)
def test_a_term_that_starts_nowhere_is_refused(read: Read, written: str, complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        read(f'term = {{clock = "weeks", starts = {written}}}\n{GOOD}')


def test_without_by_nobody_may(read: Read) -> None:
    assert read(GOOD).transitions["take_back"].by == ()


def test_without_a_form_a_click_is_asked_for(read: Read) -> None:
    assert read(GOOD).transitions["take_back"].form == "ConfirmForm"


def test_comments_and_layout_do_not_change_the_hash_and_everything_else_does(read: Read) -> None:
    assert read(GOOD).sha256 == read(f"# remark\n{GOOD.replace('    =', ' =')}").sha256
    assert read(GOOD).sha256 != read(GOOD.replace("BOOK 3", "BOOK 4")).sha256
    assert read(GOOD).sha256 != read(GOOD.replace("Take back", "Take it back")).sha256


def test_the_ways_on_from_a_state_are_all_that_may_still_come_each_once(read: Read) -> None:
    """Who is barred from one of them is not given the matter: see `assigning`."""
    loan = read(GOOD.replace('from    = ["lent"]', 'from    = ["new", "lent"]'))
    for state, names in (("new", {"lend", "take_back"}), ("lent", {"take_back"}), ("closed", ())):
        ahead = steps_ahead(loan, state)
        assert len(ahead) == len(names)
        assert {one.name for one in ahead} == set(names)


LENT = 'lent   = {label = {zh = "借出", en = "Lent"}, owner = "reader", clock = "weeks"}'
FLAWS = [
    # what is written instead of what; what the complaint has to name
    (
        "unknown key at the top",
        ('prefix  = "LN"', 'prefix = "LN"\ncolour = "red"'),
        "top: unknown key 'colour'",
    ),
    ("missing key at the top", ('prefix  = "LN"\n', ""), "top: without 'prefix'"),
    ("unknown entity", ('"case"', '"book"'), "entity: unknown 'book'"),
    (
        "unknown key of a state",
        (", clock", ", colour = 1, clock"),
        "state lent: unknown key 'colour'",
    ),
    (
        "unknown key of a transition",
        ("form    =", "deadline = 3\nform    ="),
        "lend: unknown key 'deadline'",
    ),
    (
        "unknown initial state",
        ('initial = "new"', 'initial = "old"'),
        "initial: unknown state 'old'",
    ),
    ("unknown source", ('["lent"]', '["lost"]'), "take_back: unknown state 'lost'"),
    ("unknown target", ('"closed"\n', '"gone"\n'), "take_back: unknown state 'gone'"),
    ("unknown role of a transition", ('["keeper"]', '["king"]'), "lend: unknown role 'king'"),
    ("unknown owner of a state", ('"reader"', '"king"'), "state lent: unknown role 'king'"),
    ("unknown guard", ("shelf_is_full", "moon_is_full"), "lend: unknown guard 'moon_is_full'"),
    ("unknown effect", ("take_from_shelf", "burn"), "lend: unknown effect 'burn'"),
    ("unknown form", ('"Card"', '"Paper"'), "lend: unknown form 'Paper'"),
    ("unknown clock", ('"weeks"', '"moons"'), "state lent: unknown clock 'moons'"),
    ("unknown document", ('["BOOK 2"]', '["LAW 2"]'), "lend: basis 'LAW 2'"),
    ("document without a clause", ('["BOOK 2"]', '["BOOK"]'), "lend: basis 'BOOK'"),
    (
        "transition without a basis",
        ('basis   = ["BOOK 3"]', "basis = []"),
        "take_back: without a basis",
    ),
    (
        "transition without basis at all",
        ('basis   = ["BOOK 3"]\n', ""),
        "take_back: without 'basis'",
    ),
    (
        "transition without a name",
        ('name    = "take_back"\n', ""),
        "transition without a name: without 'name'",
    ),
    ("transition written twice", ('"take_back"', '"lend"'), "lend: written twice"),
    ("state twice in from", ('["lent"]', '["lent", "lent"]'), "take_back: names a state twice"),
    (
        "label in one language",
        ('{zh = "归还", en = "Take back"}', '{zh = "归还"}'),
        "take_back: label: without a text in 'en'",
    ),
    (
        "label in a third language",
        ('en = "Lent"', 'en = "Lent", fr = "Prêté"'),
        "state lent: label: unknown language 'fr'",
    ),
    (
        "final state with a way out",
        (", clock", ", final = true, clock"),
        "state lent: is final and has a way out",
    ),
    (
        "state without a way out",
        (", final = true", ""),
        "state closed: is not final and has no way out",
    ),
    ("state without an owner", (', owner = "reader"', ""), "state lent: has no owner"),
    ("state without a deadline", (', clock = "weeks"', ""), "state lent: has no deadline"),
    (
        "state that is not reached",
        (LENT, f'{LENT}\nlost = {{label = {{zh = "失", en = "Lost"}}, final = true}}'),
        "state lost: cannot be reached",
    ),
    (
        "a case without an owner, whatever it follows",
        (', owner = "reader", clock = "weeks"', ", follows = true"),
        "state lent: has no owner",
    ),
    ("no TOML at all", ("[states]", "[states"), ""),
]


@pytest.mark.parametrize(
    ("change", "complaint"), [flaw[1:] for flaw in FLAWS], ids=[flaw[0] for flaw in FLAWS]
)
def test_a_file_is_refused_for(read: Read, change: tuple[str, str], complaint: str) -> None:
    content = GOOD.replace(*change)
    assert content != GOOD
    with pytest.raises(SpecError) as refusal:
        read(content)
    assert str(refusal.value).startswith("loan.toml: ")
    assert complaint in str(refusal.value)


def test_what_a_case_needs_may_be_moved_by_its_case_and_else_has_a_term(read: Read) -> None:
    """A requirement may go by the clock of its case, where its file says so, and only there."""
    of_a_case = GOOD.replace('"case"', '"requirement"')
    followed = of_a_case.replace(', owner = "reader", clock = "weeks"', ", follows = true")
    assert read(followed).states["lent"].follows
    with pytest.raises(SpecError, match="state lent: has no owner"):
        read(followed.replace(", follows = true", ""))


SHAPES = [
    ('from    = ["lent"]', 'from    = "lent"'),
    ('by      = ["keeper"]', 'by      = "keeper"'),
    ('basis   = ["BOOK 3"]', 'basis   = "BOOK 3"'),
    ('to      = "closed"', 'to      = ["closed"]'),
    ('effects = ["take_from_shelf"]', 'effects = "take_from_shelf"'),
    ("new    = {label", "new    = 1\nold = {label"),
    ("final = true", 'final = "yes"'),
    ('name    = "loan"', "name    = 7"),
    ('version = "1"', "version = 1"),
]


@pytest.mark.parametrize(("wanted", "written"), SHAPES)
def test_a_value_of_another_kind_is_refused_like_any_other_mistake(
    read: Read, wanted: str, written: str
) -> None:
    """No stack trace for who writes policy, and no string taken for a list of letters."""
    assert wanted in GOOD
    with pytest.raises(SpecError, match=r"^loan\.toml: "):
        read(GOOD.replace(wanted, written))


# --- documents ---


@pytest.mark.parametrize("content", ["[BOOK", '[BOOK]\nzh = "书"', "BOOK = 1"])
def test_a_bad_list_of_documents_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "documents.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SpecError, match=r"^documents\.toml: "):
        load_documents(path)


# --- the whole folder, and releases ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the policy folder that may be changed."""
    return Path(shutil.copytree(ROOT / "workflows", tmp_path / "workflows"))


def release(folder: Path, name: str) -> None:
    """Write a workflow's present content into releases.toml, as `workflows release` does."""
    workflow = load_policy(folder, "seeds", FORMS).current[name]
    with (folder / "releases.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n["{name}"]\n"{workflow.version}" = "{workflow.sha256}"\n')


@pytest.fixture
def unreleased(folder: Path) -> Path:
    """Give a copy of the policy folder in which nothing was released."""
    (folder / "releases.toml").unlink(missing_ok=True)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")


def test_the_policy_that_is_shipped_is_read() -> None:
    policy = load_policy(ROOT / "workflows", "seeds", FORMS)
    assert set(policy.current) >= {"objection", "repair", "record", "sanction"}


def test_a_released_version_cannot_be_changed(unreleased: Path) -> None:
    release(unreleased, "objection")
    load_policy(unreleased, "seeds", FORMS)
    edit(unreleased / "objection.toml", 'en = "Amend the draft"', 'en = "Change the draft"')
    with pytest.raises(
        SpecError, match=r"objection\.toml: version .* was released and has changed"
    ):
        load_policy(unreleased, "seeds", FORMS)


def test_a_comment_in_a_released_version_can(unreleased: Path) -> None:
    release(unreleased, "objection")
    edit(unreleased / "objection.toml", "[states]", "# remark\n[states]")
    assert load_policy(unreleased, "seeds", FORMS)


def test_a_new_version_can_be_written_beside_a_released_one(unreleased: Path) -> None:
    release(unreleased, "objection")
    earlier = load_policy(unreleased, "seeds", FORMS).current["objection"]
    (unreleased / "released").mkdir(exist_ok=True)
    path = unreleased / "objection.toml"
    shutil.copy(path, unreleased / "released" / f"objection-{earlier.version}.toml")
    edit(path, f'version = "{earlier.version}"', 'version = "2030.1"')
    edit(path, 'en = "Amend the draft"', 'en = "Change the draft"')
    policy = load_policy(unreleased, "seeds", FORMS)
    assert policy.current["objection"].version == "2030.1"
    assert policy.workflows["objection", earlier.version].sha256 == earlier.sha256


def test_releases_are_read_as_name_and_version(unreleased: Path) -> None:
    release(unreleased, "repair")
    workflow = load_policy(unreleased, "seeds", FORMS).current["repair"]
    assert read_releases(unreleased / "releases.toml") == {
        "repair": {workflow.version: workflow.sha256}
    }


def test_a_profile_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(SpecError, match="'nowhere'"):
        load_policy(folder, "nowhere", FORMS)


def test_two_files_of_one_name_and_version_are_refused(unreleased: Path) -> None:
    """Or one of them would silently be nobody's policy."""
    shutil.copy(unreleased / "objection.toml", unreleased / "objection2.toml")
    with pytest.raises(SpecError, match="objection"):
        load_policy(unreleased, "seeds", FORMS)


def test_the_application_does_not_start_with_a_bad_policy(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from config import TestConfig

    monkeypatch.setenv("REDRESS_DATA", str(tmp_path / "data"))
    edit(folder / "objection.toml", 'by      = ["subject", "agent"]', 'by = ["king"]')
    config = TestConfig()
    config.WORKFLOWS = folder
    with pytest.raises(SpecError, match=r"objection\.toml: open: unknown role 'king'"):
        create_app(config)


# --- what is cited ---


@pytest.mark.parametrize(
    ("clause", "in_english"),
    [
        ("二（四）20", "Book of Loans, 2(4)20"),
        ("第三十九条", "Book of Loans, art. 39"),
        ("第四十四条（参照）", "Book of Loans, art. 44 (by analogy)"),
        ("总则", "Book of Loans"),  # told in words, which English does not repeat
    ],
)
def test_a_clause_is_cited_by_its_document_and_number(clause: str, in_english: str) -> None:
    found = cite({"BOOK": Label("《借阅办法》", "Book of Loans")}, f"BOOK {clause}")
    assert found.label == Label(f"《借阅办法》 {clause}", in_english)


@pytest.mark.parametrize("text", ["BOOK", "PAPER 1", ""])
def test_what_names_no_clause_is_not_cited(text: str) -> None:
    with pytest.raises(KeyError):
        cite({"BOOK": Label("《借阅办法》", "Book of Loans")}, text)
