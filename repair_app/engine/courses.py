"""Courses of credit training as data: workflows/courses/*.toml, read strictly; drawing a test.

A test is drawn from the bank by a seed that is kept with the attempt, so that it can be drawn
again and its marking looked over.
"""

import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repair_app import toml_file
from repair_app.engine.spec import SpecError, cite
from repair_app.labels import Label

COURSE_KEYS = frozenset({"key", "edition", "title", "about", "basis", "test", "lessons"})
TEST_KEYS = frozenset({"questions", "pass_mark", "tries_a_day", "valid_months", "basis"})
LESSON_KEYS = frozenset({"key", "title", "text"})
QUESTION_KEYS = frozenset({"id", "kind", "text", "options", "answer", "source"})
KINDS = frozenset({"single", "multiple", "judge"})
LETTERS = "ABCDEFGH"
FULL_MARKS = 100


@dataclass(frozen=True)
class Lesson:
    """One lesson: its text is in Chinese, paragraph by paragraph."""

    key: str
    title: Label
    text: str


@dataclass(frozen=True)
class Question:
    """One question of the bank, with the letters of the right options and the clause."""

    id: str
    kind: str  # single, multiple or judge
    text: str
    options: tuple[str, ...]
    answer: frozenset[str]
    source: Label

    @property
    def lettered(self) -> tuple[tuple[str, str], ...]:
        """Return the options with their letters."""
        return tuple(zip(LETTERS, self.options, strict=False))


@dataclass(frozen=True)
class Course:
    """A course, its lessons in order, and how its test is held."""

    key: str
    edition: int
    title: Label
    about: Label
    lessons: Mapping[str, Lesson]
    bank: Mapping[str, Question]
    asked: int  # questions in one test
    pass_mark: int  # of a hundred
    tries_a_day: int
    valid_months: int  # of the certificate

    def next_lesson(self, read: Collection[str]) -> str | None:
        """Return the first lesson that was not read; None when all were."""
        return next((key for key in self.lessons if key not in read), None)

    def lesson_after(self, key: str) -> Lesson | None:
        """Return the lesson that follows another; None behind the last."""
        keys = list(self.lessons)
        later = keys[keys.index(key) + 1 :]
        return self.lessons[later[0]] if later else None

    def draw(self, seed: int) -> tuple[str, ...]:
        """Return the questions of a test: the same seed always draws the same."""
        return tuple(random.Random(seed).sample(sorted(self.bank), self.asked))  # noqa: S311  # no secret

    def mark(self, questions: Iterable[str], answers: Mapping[str, Collection[str]]) -> int:
        """Return the marks of a test, of a hundred, rounded down; half right is not right."""
        asked = list(questions)
        right = sum(set(answers.get(one, ())) == self.bank[one].answer for one in asked)
        return right * FULL_MARKS // len(asked)


def load_courses(folder: Path, documents: Mapping[str, Label]) -> dict[str, Course]:
    """Return the courses of a folder by key. Raises SpecError naming file and place."""
    courses: dict[str, Course] = {}
    for path in sorted(folder.glob("*.toml")):
        course = _Reader(path, documents).read()
        if course.key != path.stem:
            raise SpecError(f"{path.name}: key: is {course.key!r}, not the name of the file")
        courses[course.key] = course
    return courses


class _Reader:
    """Reads one course file and says where it is wrong."""

    def __init__(self, path: Path, documents: Mapping[str, Label]) -> None:
        self.path = path
        self.documents = documents

    def refuse(self, place: str, problem: str) -> SpecError:
        return SpecError(f"courses/{self.path.name}: {place}: {problem}")

    def read(self) -> Course:
        try:
            raw = toml_file.load(self.path)
        except ValueError as error:
            raise SpecError(f"courses/{self.path.name}: {error}") from error
        self.check_keys("course", raw, COURSE_KEYS | {"questions"})
        test = raw["test"]
        self.check_keys("test", test, TEST_KEYS)
        for clause in (*raw["basis"], *test["basis"]):
            self.cite("basis", clause)
        bank = {one.id: one for one in map(self.read_question, raw["questions"])}
        lessons = {one.key: one for one in map(self.read_lesson, raw["lessons"])}
        course = Course(
            key=raw["key"],
            edition=self.number("course", raw, "edition"),
            title=self.label("title", raw["title"]),
            about=self.label("about", raw["about"]),
            lessons=lessons,
            bank=bank,
            asked=self.number("test", test, "questions"),
            pass_mark=self.number("test", test, "pass_mark"),
            tries_a_day=self.number("test", test, "tries_a_day"),
            valid_months=self.number("test", test, "valid_months"),
        )
        if len(bank) < len(raw["questions"]) or len(lessons) < len(raw["lessons"]):
            raise self.refuse("course", "names a lesson or question twice")
        if course.asked > len(bank):
            raise self.refuse("test", f"asks {course.asked} questions of a bank of {len(bank)}")
        if course.pass_mark > FULL_MARKS:
            raise self.refuse("test", f"nobody reaches {course.pass_mark} of {FULL_MARKS}")
        return course

    def read_lesson(self, raw: Mapping[str, Any]) -> Lesson:
        place = f"lesson {raw.get('key')}"
        self.check_keys(place, raw, LESSON_KEYS)
        if not raw["text"].strip():
            raise self.refuse(place, "says nothing")
        return Lesson(raw["key"], self.label(place, raw["title"]), raw["text"].strip())

    def read_question(self, raw: Mapping[str, Any]) -> Question:
        place = f"question {raw.get('id')}"
        self.check_keys(place, raw, QUESTION_KEYS)
        if raw["kind"] not in KINDS:
            raise self.refuse(place, f"unknown kind {raw['kind']!r}")
        letters = set(LETTERS[: len(raw["options"])])
        answer = frozenset(raw["answer"])
        if len(raw["options"]) not in range(2, len(LETTERS) + 1):
            raise self.refuse(place, f"has {len(raw['options'])} options")
        if not answer or not answer <= letters:
            raise self.refuse(place, f"the answer {sorted(answer)} is none of its options")
        if raw["kind"] != "multiple" and len(answer) != 1:
            raise self.refuse(place, "has several answers and is not `multiple`")
        return Question(
            id=raw["id"],
            kind=raw["kind"],
            text=raw["text"],
            options=tuple(raw["options"]),
            answer=answer,
            source=self.cite(place, raw["source"]),
        )

    def check_keys(self, place: str, raw: object, keys: frozenset[str]) -> None:
        if not isinstance(raw, dict):
            raise self.refuse(place, "is no table")
        if wrong := sorted(keys ^ raw.keys()):
            fate = "is missing" if wrong[0] in keys else "is no key here"
            raise self.refuse(place, f"{wrong[0]} {fate}")

    def number(self, place: str, raw: Mapping[str, Any], key: str) -> int:
        value = raw[key]
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.refuse(place, f"{key}: {value!r} is no number from 1 on")
        return value

    def label(self, place: str, raw: object) -> Label:
        try:
            return Label.of(raw)
        except ValueError as error:
            raise self.refuse(place, str(error)) from error

    def cite(self, place: str, clause: str) -> Label:
        try:
            return cite(self.documents, clause).label
        except KeyError as error:
            raise self.refuse(place, f"{clause!r} is no clause") from error
