"""letters.toml: what is read, and what refuses to start."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config import ROOT
from repair_app.engine.letter_kinds import LetterBook, load_letters
from repair_app.engine.policy import load_policy, words_of_letters
from repair_app.engine.spec import SpecError
from repair_app.forms import FORMS

SHIPPED = ROOT / "workflows" / "letters.toml"
POLICY = load_policy(SHIPPED.parent, "seeds", FORMS)
ASKED_FOR = {
    "receipt",
    "supplement_notice",
    "acceptance_of_objection",
    "acceptance_of_repair",
    "refusal",
    "verification_request",
    "decision_rejecting",
    "decision_correcting",
    "decision_removing",
    "repair_grant",
    "repair_refusal",
    "restoration_notice",
    "cessation_order",
    "cessation_notice",
    "training_certificate",
    "commitment",
    "adverse_notice",
    "extension_notice",
}
# The check of a remedy, whose notice the department wrote; a release, which its announcement told.
WITHOUT = {("remedy", "confirm"), ("remedy", "dismiss"), ("quarantine", "release")}
ENTRY = """
[notice]
title  = {zh = "通知", en = "Notice"}
by     = ["objection.accept"]
to     = "subject"
says   = {zh = "编号{case}。", en = "Number {case}."}
text   = [{zh = "理由：{reason}", en = "Reasons: {reason}"}]
next   = [{zh = "到{due}前", en = "until {due}"}]
ends   = ["objection.withdraw"]
source = "SD-REG-2020 第三十九条"
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., LetterBook]:
    """Give a function that reads one small entry, some texts in it replaced by others."""

    def read(*edits: tuple[str, str]) -> LetterBook:
        text = ENTRY
        for right, wrong in edits:
            assert right in text
            text = text.replace(right, wrong, 1)
        path = tmp_path / "letters.toml"
        path.write_text(text, encoding="utf-8")
        return load_letters(path, POLICY.workflows.values(), POLICY.documents, words_of_letters())

    return read


def test_every_letter_that_is_asked_for_is_there() -> None:
    assert POLICY.letters.kinds.keys() >= ASKED_FOR


def test_every_notice_before_an_adverse_step_and_every_signature_has_its_letter() -> None:
    """Whoever is decided about, or is to be, has it in writing."""
    for workflow in POLICY.current.values():
        for step in workflow.transitions.values():
            announces = step.name.startswith("announce_")
            place = (workflow.name, step.name)
            if announces or ("remember_signer" in step.effects and place not in WITHOUT):
                assert place in POLICY.letters.issued_by, place


def test_a_letter_is_found_by_the_step_that_issues_it_and_by_the_one_that_ends_it(load) -> None:
    book = load()
    (kind,) = book.issued_by["objection", "accept"]
    assert book.ended_by["objection", "withdraw"] == (kind,)
    assert kind.title.zh == "通知"
    assert kind.source.document == "SD-REG-2020"


def test_a_folder_without_letters_has_none(tmp_path: Path) -> None:
    book = load_letters(tmp_path / "letters.toml", (), {}, words_of_letters())
    assert not book.kinds


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("objection.accept", "objektion.accept", "did you mean 'objection'"),
        ("objection.accept", "objection.acept", "did you mean 'accept'"),
        ("objection.accept", "accept", "write workflow.transition"),
        ('["objection.accept"]', "[]", "names no step"),
        ('["objection.accept"]', '"objection.accept"', "no list"),
        ("objection.withdraw", "objection.withdrew", "did you mean 'withdraw'"),
        ('to     = "subject"', 'to     = "citizen"', "one of department"),
        ("理由：{reason}", "理由：{reasons}", "did you mean 'reason'"),
        ("Reasons: {reason}", "Reasons:", "one language only"),
        ("理由：{reason}", "理由：{reason", "text 1"),
        ("理由：{reason}", "理由：{reason!r}", "no placeholder"),
        ("编号{case}", "编号{reason}", "may not stand here"),
        ('zh = "通知", ', "", "'zh'"),
        ('title  = {zh = "通知", en = "Notice"}', "", "without 'title'"),
        ("source =", "sauce =", "did you mean 'source'"),
        ("SD-REG-2020 第三十九条", "SD-REG-2020", "documents.toml"),
        ('source = "', 'template = "lettre"\nsource = "', "did you mean 'letter'"),
        ('source = "', 'sender = "king"\nsource = "', "one of institution"),
        ('source = "', 'recalls = ["due"]\nsource = "', "recalls"),
        ("[notice]", "notice = 1\n[other]", "is no table"),
        ("[notice]", "[notice", "letters.toml"),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_would_do(load, right, wrong, said) -> None:
    with pytest.raises(SpecError) as refused:
        load((right, wrong))
    assert said in str(refused.value)
    assert str(refused.value).startswith("letters.toml: ")


def test_an_entry_is_named_in_the_complaint(load) -> None:
    with pytest.raises(SpecError, match=r"letters\.toml: notice: "):
        load(("subject", "subjekt"))
