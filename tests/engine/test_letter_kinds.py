"""letters.toml: what is read, and what refuses to start."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config import ROOT
from repair_app.engine.guards.outcomes import BEGUN_ANEW, REVIEWABLE
from repair_app.engine.letter_kinds import LetterBook, load_letters, placeholders_in
from repair_app.engine.policy import load_policy, words_of_letters
from repair_app.engine.spec import SpecError
from repair_app.engine.wording import INTENDED
from repair_app.forms import FORMS
from repair_app.proving.promises.steps import HEARD_FIRST

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
# The check of a remedy, whose notice the department wrote.
WITHOUT = {("remedy", "confirm"), ("remedy", "dismiss")}
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


def test_what_is_intended_is_told_by_a_phrase_and_not_by_the_label_of_a_button() -> None:
    """Every step whose letter tells it has its own: without, the paragraph would be left out."""
    telling = {
        place
        for kind in POLICY.letters.kinds.values()
        if any("{intended}" in one.zh for one in kind.text)
        for place in kind.by
    }
    assert telling >= {("objection", "announce_rejection"), ("shield", "announce_lifting")}
    assert telling == INTENDED.keys()
    for workflow, name in telling:
        label, phrase = POLICY.current[workflow].transitions[name].label, INTENDED[workflow, name]
        assert "拟" in phrase.zh
        assert not {"初审", "告知"} & {phrase.zh[at : at + 2] for at in range(len(phrase.zh))}
        assert label.zh not in phrase.zh


def test_every_decision_that_somebody_is_heard_on_first_is_told_by_letter() -> None:
    """PENALTY-LAW 第四十四条（参照）: whoever could answer reads what came of it, and why."""
    for place in HEARD_FIRST:
        workflow, target, *source = place
        current = POLICY.current[workflow]
        steps = [
            one
            for one in current.transitions.values()
            if one.target == target and (not source or source[0] in one.source)
        ]
        assert steps, place
        for step in steps:
            kinds = POLICY.letters.issued_by.get((workflow, step.name), ())
            told = [one for one in kinds if one.to == "subject"]
            assert told, (workflow, step.name)
            says = {name for one in told for text in one.text for name in placeholders_in(text.zh)}
            assert "weighing" in says, (workflow, step.name)
            assert says & {"reason", "findings"}, (workflow, step.name)


@pytest.mark.parametrize(
    "kind",
    [
        "verification_request",
        "supplement_notice",
        *sorted(one for one in POLICY.letters.kinds if one.startswith("adverse_notice")),
    ],
)
def test_what_is_asked_for_ends_with_every_step_that_leaves_its_state(kind: str) -> None:
    """Whoever verifies the letter is not told to act on a matter that has moved on."""
    letter = POLICY.letters.kinds[kind]
    for workflow in POLICY.workflows.values():
        issuing = (workflow.transitions.get(name) for at, name in letter.by if at == workflow.name)
        for state in {one.target for one in issuing if one and one.target in workflow.states}:
            for step in workflow.leaving(state):
                entered = workflow.states.get(step.target)
                if entered is None or step.target == state or entered.pauses:
                    continue  # it stays, or stands still for a while
                if step.target.removesuffix("heard") == state.removesuffix("announced"):
                    continue  # what was said is looked at: nothing is decided yet
                assert (workflow.name, step.name) in letter.ends, (
                    kind,
                    workflow.version,
                    step.name,
                )


def test_every_department_is_told_that_its_measures_stop_and_what_came_of_it() -> None:
    """鲁政发〔2017〕44号 二（四）20: from the step on, until the result is told."""
    for workflow in POLICY.current.values():
        for step in workflow.transitions.values():
            kinds = POLICY.letters.issued_by.get((workflow.name, step.name), ())
            to_departments = [one.kind for one in kinds if one.to in {"department", "halted"}]
            if {"suspend_sanctions", "resume_sanctions"} & set(step.effects):
                assert to_departments, (workflow.name, step.name)


def test_no_letter_promises_a_review_where_there_is_none() -> None:
    """What can be reviewed is what a guard lets be reviewed, and no more."""
    for letter in POLICY.letters.kinds.values():
        texts = [*letter.text, *letter.next]
        promises = any("review_until" in placeholders_in(one.zh) for one in texts)
        reviewable = False
        for name, step in letter.by:
            target = POLICY.current[name].transitions[step].target
            reviewable |= name in BEGUN_ANEW and target in REVIEWABLE
        assert promises <= reviewable, letter.kind
        assert (("review", "sign_setting_aside") in letter.ends) <= reviewable, letter.kind


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
        ('source = "', 'when = "filed"\nsource = "', "filed_by_the_addressee"),
        ('source = "', 'recalls = ["due"]\nsource = "', "recalls"),
        ('[{zh = "到{due}前", en = "until {due}"}]', '"until"', "next: is no list of {zh"),
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
