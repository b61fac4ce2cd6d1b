"""Cases by the interface: filed, answered, decided, by the same services and guards as in pages."""

import base64

from repair_app.db import db
from repair_app.models import Case, Role
from repair_app.services import kept_answers
from tests.factories import get_case, make_account, make_case, make_pdf, make_record, make_sanction

FILE = {"name": "证据.pdf", "content": base64.b64encode(make_pdf("paid")).decode()}


def open_objection(firm, record, files=(FILE,), **more):
    asked = firm.get(f"/records/{record.ref}").json["openings"]
    step = next(one["step"] for one in asked if one["workflow"] == "objection")
    ground = next(one for one in step["questions"] if one["name"] == "ground")
    answers = {"ground": ground["choices"][0]["value"], "statement": "罚款已经缴清。", **more}
    return firm.post(
        f"/records/{record.ref}/matters/objection", {"answers": answers, "files": [*files]}
    )


def test_an_enterprise_files_by_its_own_system(machine, world):
    record = make_record(world.firm, world.agency)
    firm = machine("subject")
    answer = open_objection(firm, record)
    assert answer.status_code == 201, answer.json
    case = firm.get(f"/cases/{answer.json['ref']}").json
    assert (case["state"], case["subject"]["uscc"]) == ("draft", world.firm.uscc)
    filed = firm.post(f"/cases/{case['ref']}/steps/submit", {"version": case["version"]})
    assert (filed.status_code, filed.json["state"]) == (200, "submitted"), filed.json


def test_evidence_may_be_as_large_as_on_the_page(machine, world):
    """Three files of almost 10 MB each, the largest that is taken: 40 MB in one body."""
    papers = [make_pdf(str(number), size=10 * 2**20 - 2000) for number in range(3)]
    files = [
        {"name": f"{number}.pdf", "content": base64.b64encode(one).decode()}
        for number, one in enumerate(papers)
    ]
    firm = machine("subject")
    answer = open_objection(firm, make_record(world.firm, world.agency), files)
    assert answer.status_code == 201, answer.json
    kept = get_case(answer.json["ref"]).documents
    assert [one.size for one in kept] == [len(one) for one in papers]


def test_the_same_key_has_the_same_answer_and_acts_once(machine, world):
    record = make_record(world.firm, world.agency)
    firm = machine("subject")
    ref = open_objection(firm, record).json["ref"]
    body = {"version": 1}
    first = firm.post(f"/cases/{ref}/steps/submit", body, key="once")
    again = firm.post(f"/cases/{ref}/steps/submit", body, key="once")
    assert first.status_code == again.status_code == 200
    assert first.data == again.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert db.session.query(Case).count() == 1
    other = firm.post(f"/cases/{ref}/steps/submit", {"version": 2}, key="once")
    assert (other.status_code, other.json["code"]) == (422, "key_reused")


def test_two_equal_requests_at_once_are_both_told_that_it_was_done(machine, world, monkeypatch):
    """The second looks for a kept answer before the first has kept its own."""
    record = make_record(world.firm, world.agency)
    firm = machine("subject")
    ref = open_objection(firm, record).json["ref"]
    first = firm.post(f"/cases/{ref}/steps/submit", {"version": 1}, key="twins")
    with monkeypatch.context() as blind:
        blind.setattr(kept_answers, "find", lambda *_: None)
        second = firm.post(f"/cases/{ref}/steps/submit", {"version": 1}, key="twins")
    assert (second.status_code, second.json) == (200, first.json)
    again = firm.post(f"/cases/{ref}/steps/submit", {"version": 1}, key="twins")
    assert again.data == first.data


def test_a_stale_version_is_told_and_changes_nothing(machine, world, digest):
    case = make_case(world, "submitted")
    one = machine("reviewer")
    before = digest()
    answer = one.post(f"/cases/{case.ref}/steps/accept", {"version": case.version - 1})
    assert (answer.status_code, answer.json["code"]) == (409, "stale")
    assert digest() == before


def test_a_case_of_others_is_not_there(machine, world):
    case = make_case(world, "with_provider")
    whole = {"version": case.version, "answers": {"findings": "属实。"}}
    for name in ("stranger", "other_provider", "officer"):
        one = machine(name)
        for answer in (
            one.get(f"/cases/{case.ref}"),
            one.post(f"/cases/{case.ref}/steps/confirm", whole),
            one.post(f"/cases/{case.ref}/steps/withdraw", whole | {"answers": {}}),
        ):
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_machine_and_its_person_are_one_pair_of_eyes(machine, world, digest):
    """Who verified never decides: neither does a system that the same person answers for."""
    verifier = make_account(world.centre, Role.REVIEWER, same_person_as=world.provider)
    case = make_case(world, "correction_proposed")
    path, version = f"/cases/{case.ref}/steps/decide_correction", {"version": case.version}
    own, of_another = machine(verifier), machine("reviewer")
    before = digest()
    answer = own.post(path, version)
    assert (answer.status_code, answer.json["code"]) == (409, "refused"), answer.json
    assert "You verified this case; who verified does not decide." in answer.json["reasons"]
    assert digest() == before
    answer = of_another.post(path, version)
    assert (answer.status_code, answer.json["state"]) == (200, "correction_decided"), answer.json


def test_what_is_wrong_with_a_file_or_an_answer_is_named(machine, world):
    record = make_record(world.firm, world.agency)
    make_sanction(record, world.officer)
    firm = machine("subject")
    path = f"/records/{record.ref}/matters/objection"
    wrong = firm.post(path, {"answers": {"nonsense": "x"}})
    assert wrong.status_code == 422
    assert {one["field"] for one in wrong.json["errors"]} == {"nonsense"}
    empty = firm.post(path, {})
    assert "ground" in {one["field"] for one in empty.json["errors"]}
    torn = firm.post(path, {"files": [{"name": "a.pdf", "content": "not base64!"}]})
    assert torn.json["errors"][0]["field"] == "files.0"
