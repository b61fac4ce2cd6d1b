"""What is asked in JSON is what the forms of the pages ask: every step can be taken by it."""

import pytest
from wtforms import HiddenField

from repair_app.api.questions import EVIDENCE, ask_of_any, blank
from repair_app.forms import FORMS
from repair_app.forms.requirements import courses
from repair_app.services.policy import current_policy
from tests.factories import make_case, make_record, requirement_of

FILLED_IN = {"form_token", "version"}  # by the interface itself


@pytest.mark.parametrize("name", sorted(FORMS))
def test_the_questions_described_are_the_fields_that_are_read(app, name):
    with app.test_request_context():
        form, asked = blank(name)(), ask_of_any(name)
    told = {one.name for one in asked.questions}
    hidden = {one.name: one.default for one in form if isinstance(one, HiddenField)}
    beside = {EVIDENCE} if asked.takes_files else set()
    assert {*form.facts, *form.texts, *form.options} & set(form._fields) <= told | set(hidden)
    assert {one.name for one in form.questions()} == told | beside
    assert all(hidden[one] for one in set(hidden) - FILLED_IN), "nobody could answer this"
    assert set(asked.answers_schema["required"]) <= set(asked.answers_schema["properties"])


def test_every_step_of_every_workflow_names_a_form_that_is_described(app):
    named = {
        step.form
        for workflow in current_policy().current.values()
        for step in workflow.transitions.values()
    }
    assert named <= set(FORMS)


def test_what_has_to_be_answered_is_missed_and_what_is_not_asked_is_refused(machine, world):
    case = make_case(world, "submitted")
    one = machine("reviewer")
    steps = one.get(f"/cases/{case.ref}").json["steps"]
    for step in steps:
        for name in step["answers_schema"]["required"]:
            answer = one.post(
                f"/cases/{case.ref}/steps/{step['name']}",
                {"version": case.version, "answers": {}},
            )
            assert answer.status_code == 422, step["name"]
            assert name in {flaw["field"] for flaw in answer.json["errors"]}, step["name"]
        strange = {"version": case.version, "answers": {"form_token": "x", "submit_now": "y"}}
        refused = one.post(f"/cases/{case.ref}/steps/{step['name']}", strange)
        assert {flaw["field"] for flaw in refused.json["errors"]} == {"form_token", "submit_now"}
    assert len(steps) > 3


def test_a_course_is_read_and_its_test_taken_by_a_machine(machine, world):
    """The questions of a test are drawn by its page: they are told as such, with their choices."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    case = make_case(world, "draft", workflow="repair", record=record)
    ref = requirement_of(case, "training").ref
    firm = machine("subject")

    def take(step, **answers):
        told = firm.get(f"/requirements/{ref}").json
        sent = {"version": told["version"], "answers": answers}
        answer = firm.post(f"/requirements/{ref}/steps/{step}", sent)
        assert answer.status_code == 200, (step, answer.json)
        return answer.json

    def offered(step):
        told = firm.get(f"/requirements/{ref}").json
        return next(one for one in told["steps"] if one["name"] == step)

    key, course = next(iter(courses().items()))
    take("study", course=key)
    assert offered("read_lesson")["text"]
    for lesson in course.lessons:
        take("read_lesson", lesson=lesson)
    take("begin_test")
    drawn = offered("hand_in_test")["questions"]
    assert len(drawn) == course.asked
    right = {}
    for question in drawn:
        known = course.bank[question["name"].removeprefix("answer_")]
        assert [one["value"] for one in question["choices"]] == [one for one, _ in known.lettered]
        letters = sorted(known.answer)
        right[question["name"]] = letters if question["kind"] == "selectmultiple" else letters[0]
    first = next(iter(right))
    lacking = firm.post(
        f"/requirements/{ref}/steps/hand_in_test", {"answers": {first: right[first]}}
    )
    assert lacking.status_code == 422
    take("hand_in_test", **right)
    assert not offered("take_certificate")["barred_by"]
    assert take("take_certificate")["state"] == "passed"
