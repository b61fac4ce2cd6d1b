"""Courses and prescribed texts as data: what is read, and what refuses to start."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config import ROOT
from repair_app.engine.commitment_texts import load_commitment_texts
from repair_app.engine.courses import Course, load_courses
from repair_app.engine.spec import SpecError, load_documents

DOCUMENTS = load_documents(ROOT / "workflows" / "documents.toml")
SHIPPED = ROOT / "workflows" / "courses" / "credit_repair.toml"


@pytest.fixture
def course() -> Course:
    """Give the course as it is shipped."""
    return load_courses(SHIPPED.parent, DOCUMENTS)["credit_repair"]


@pytest.fixture
def mistaken(tmp_path: Path) -> Callable[[str, str], dict[str, Course]]:
    """Give a function that reads the shipped course with one text replaced by another."""

    def read(right: str, wrong: str) -> dict[str, Course]:
        text = SHIPPED.read_text(encoding="utf-8")
        assert right in text
        (tmp_path / SHIPPED.name).write_text(text.replace(right, wrong, 1), encoding="utf-8")
        return load_courses(tmp_path, DOCUMENTS)

    return read


def test_the_course_has_five_lessons_and_a_bank_of_thirty_questions_or_more(
    course: Course,
) -> None:
    """…四（十五）: 接受专题培训."""
    assert len(course.lessons) >= 5
    assert len(course.bank) >= 30
    assert course.asked < len(course.bank)


def test_the_lessons_follow_each_other_and_behind_the_last_comes_none(course: Course) -> None:
    keys = list(course.lessons)
    after = [course.lesson_after(key) for key in keys]
    assert after == [*(course.lessons[key] for key in keys[1:]), None]


def test_a_test_may_ask_the_whole_bank_and_want_every_answer_right(
    course: Course, mistaken: Callable[[str, str], dict[str, Course]]
) -> None:
    size = len(course.bank)
    assert mistaken("questions    = 10", f"questions = {size}")["credit_repair"].asked == size
    assert mistaken("pass_mark    = 80", "pass_mark = 100")["credit_repair"].pass_mark == 100


def test_every_question_cites_a_clause_and_has_an_answer_among_its_options(
    course: Course,
) -> None:
    for one in course.bank.values():
        assert one.source.zh
        assert one.answer <= {letter for letter, _ in one.lettered}
        assert one.kind == "multiple" or len(one.answer) == 1


def test_a_test_is_drawn_without_repetition_and_the_same_again_by_its_seed(
    course: Course,
) -> None:
    drawn = course.draw(7)
    assert len(set(drawn)) == course.asked
    assert drawn == course.draw(7)
    assert len({course.draw(seed) for seed in range(20)}) > 1


def test_marks_are_of_a_hundred_and_half_right_is_not_right(course: Course) -> None:
    right = {one.id: one.answer for one in course.bank.values()}
    asked = course.draw(3)
    assert course.mark(asked, right) == 100
    assert course.mark(asked, {}) == 0
    several = next(one for one in course.bank.values() if one.kind == "multiple")
    assert course.mark([several.id], {several.id: sorted(several.answer)[:1]}) == 0
    assert course.mark([several.id], {several.id: "ABCD"}) == (
        100 if several.answer == set("ABCD") else 0
    )


def test_lessons_follow_one_another(course: Course) -> None:
    keys = list(course.lessons)
    assert course.lesson_after(keys[0]) is course.lessons[keys[1]]
    assert course.lesson_after(keys[-1]) is None
    assert course.next_lesson(keys[:2]) == keys[2]
    assert course.next_lesson(keys) is None


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("pass_mark    = 80", "pass_mark    = 101", "test: nobody reaches 101 of 100"),
        ("questions    = 10", "questions    = 1000", "test: asks 1000 questions of a bank"),
        ("questions    = 10", "questions    = 0", "test: questions: 0 is no number from 1 on"),
        ("tries_a_day  = 3", "tries_a_week = 3", "test: tries_a_day is missing"),
        ('answer = ["B"]', 'answer = ["Z"]', "question q01: the answer"),
        ('answer = ["B"]', 'answer = ["A", "B"]', "question q01: has several answers"),
        ('kind = "single"', 'kind = "essay"', "question q01: unknown kind"),
        ('source = "SD-DRC-35 二（五）"', 'source = "NONE 一"', "question q01: 'NONE 一' is no"),
        ('id = "q02"', 'id = "q01"', "course: names a lesson or question twice"),
        ('key       = "credit_repair"', 'key       = "other"', "key: is 'other'"),
        ("edition   = 1", "edition   = one", "courses/credit_repair.toml: "),
    ],
)
def test_a_course_with_a_mistake_is_refused_with_its_place(
    mistaken: Callable[[str, str], dict[str, Course]], right: str, wrong: str, complaint: str
) -> None:
    with pytest.raises(SpecError) as refusal:
        mistaken(right, wrong)
    assert complaint in str(refusal.value)
    assert "credit_repair.toml" in str(refusal.value)


def test_the_six_kinds_of_commitment_are_prescribed() -> None:
    """鲁信用办〔2021〕5号 （四）: “六型”信用承诺制."""
    texts = load_commitment_texts(ROOT / "workflows" / "commitments.toml", DOCUMENTS)
    assert len(texts) == 6
    repair = texts["repair"].fill_in(name="甲", uscc="乙", decision_no="丙")
    for content in ("依法诚信经营", "监督", "联合惩戒", "甲", "乙", "丙"):
        assert content in repair


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("{nobody}", "{nobody} is no blank"),
        ("{name", "text: "),
    ],
)
def test_a_commitment_text_with_a_mistake_is_refused(
    tmp_path: Path, wrong: str, complaint: str
) -> None:
    text = (ROOT / "workflows" / "commitments.toml").read_text(encoding="utf-8")
    path = tmp_path / "commitments.toml"
    path.write_text(
        text.replace("{name}", wrong, 1).replace("本单位（{name}", f"本单位（{wrong}", 1)
    )
    with pytest.raises(SpecError) as refusal:
        load_commitment_texts(path, DOCUMENTS)
    assert complaint in str(refusal.value)
