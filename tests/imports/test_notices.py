"""Corrections and withdrawals by the provider: by file, in bulk, and by the steps of the API."""

import base64
from datetime import timedelta

import pytest
from sqlalchemy import select

from repair_app import ledger
from repair_app.db import db, today
from repair_app.models import Case, CreditRecord, Event
from repair_app.services.imports import notices
from tests.factories import PDF, act, get_case, make_record, open_matter
from tests.imports.rows import count, read, send_file, send_part
from tests.imports.test_entries import as_csv

PAPER = base64.b64encode(PDF).decode()


@pytest.fixture
def record(world):
    return make_record(world.firm, world.agency)


def annulment(record, **changes):
    return {
        "办理事项": "撤销",
        "记录编号": record.ref,
        "原决定处理结果": "撤销",
        "文书出具机关": "虚构市人民政府",
        "文书文号": "虚政复决〔2026〕3号",
        "文书出具日期": f"{today() - timedelta(days=1):%Y/%m/%d}",
        "理由": "复议决定撤销原处罚决定。",
        "文书文件名": "复议决定书.pdf",
        "文书文件(Base64)": PAPER,
        **changes,
    }


def correction(record, **changes):
    return {
        "办理事项": "更正",
        "行政处罚决定书文号": record.decision_no,
        "统一社会信用代码": record.subject.uscc,
        "理由": "经查，事实表述有误。",
        "更正后违法事实": "经查，已当场改正。",
        **changes,
    }


def without_paper(row):
    return {**row, "文书文件名": "", "文书文件(Base64)": ""}


def case_at(ref):
    db.session.rollback()
    return db.session.scalars(select(Case).where(Case.ref == ref)).one()


def verdicts_of(machine, ref):
    items = machine.get(f"/imports/{ref}/verdicts").json["items"]
    return [(one["verdict"], *(wrong["code"] for wrong in one["problems"])) for one in items], items


def bring_in(machine, *rows):
    """Send a file of notices and have it read; return the verdicts, short and whole."""
    ref = send_file(machine, as_csv(*rows), kind="notices")
    read(ref)
    state = machine.get(f"/imports/{ref}").json
    assert (state["standing"], state["rows"]) == ("done", len(rows)), state
    return verdicts_of(machine, ref)


def give(machine, *rows, **more):
    """Send notices one by one; return the verdicts, short and whole."""
    answer = machine.post("/records/notices", {"notices": list(rows)}, **more)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return verdicts_of(machine, answer.json["ref"])


@pytest.fixture(params=[bring_in, give], ids=["file", "push"])
def bring(request):
    """Give a way to bring notices in: by file, and by push."""
    return request.param


def test_an_annulment_is_reported_and_a_second_person_withdraws_the_record(
    world, machine, bring, record
):
    """《行政处罚法》第四十八条: 三日内撤回."""
    provider = machine("provider")
    short, items = bring(provider, annulment(record))
    assert short == [("accepted",)]
    case = case_at(items[0]["ref"])
    assert (case.workflow, case.state, case.record.ref) == ("annulment", "announced", record.ref)
    assert [one.filename for one in case.documents] == ["复议决定书.pdf"]
    term = next(one for one in case.deadlines if one.whole)
    assert term.due.working_days == 3
    assert db.session.get_one(CreditRecord, record.id).state == "published"  # not by the import
    act(world.second_provider, "sign", get_case(case.ref))
    db.session.rollback()
    assert db.session.get_one(CreditRecord, record.id).state == "withdrawn"
    assert ledger.verify(db.session())[1] is None


def test_what_the_page_would_refuse_is_refused_row_by_row_and_says_why(
    world, machine, bring, record
):
    provider = machine("provider")
    other = make_record(world.firm, world.other_agency)
    rows = [
        annulment(record, 办理事项="删除"),
        without_paper(annulment(record)),
        annulment(record, 文书出具日期=f"{today() + timedelta(days=2):%Y-%m-%d}"),
        annulment(record, 记录编号=""),
        annulment(record, 记录编号="JL-2026-999999-X"),
        annulment(other),
        annulment(record, 记录编号="", 行政处罚决定书文号=record.decision_no),
        annulment(record, **{"文书文件(Base64)": "%%%"}),
        annulment(record),
        annulment(record),
    ]
    short, items = bring(provider, *rows)
    assert short == [
        ("refused", "action_unknown"),
        ("refused", "invalid"),
        ("refused", "invalid"),
        ("refused", "names_no_record"),
        ("refused", "no_such_record"),
        ("refused", "no_such_record"),
        ("refused", "names_no_record"),
        ("refused", "invalid"),
        ("accepted",),
        ("refused", "refused"),
    ]
    paper = items[1]["problems"][0]
    assert paper["column"] == "文书文件(Base64)"
    assert paper["message"]["en"] == "Attach at least one document."
    assert paper["message"]["zh"] != paper["message"]["en"]
    assert items[2]["problems"][0]["column"] == "文书出具日期"
    assert "still open" in items[9]["problems"][0]["message"]["en"]
    assert count(Case) == 1


def test_a_correction_answers_the_self_correction_that_waits_for_the_provider(
    world, machine, bring, record
):
    provider = machine("provider")
    ref = open_matter("self_correction", record, world.reviewer).ref
    short, items = bring(
        provider,
        correction(record, 更正后违法事实=record.violation_facts),
        correction(record),
        correction(record),
    )
    assert short == [("refused", "invalid"), ("accepted",), ("refused", "invalid")]
    assert "says so already" in items[0]["problems"][0]["message"]["en"]
    assert items[1]["ref"] == ref
    case = case_at(ref)
    assert case.state == "correction_reported"
    assert [(one.field, one.answered_value) for one in case.proposals] == [
        ("violation_facts", "经查，已当场改正。")
    ]
    before = db.session.get_one(CreditRecord, record.id).violation_facts
    assert before != "经查，已当场改正。"  # the centre has not checked it yet
    act(world.reviewer, "confirm_correction", get_case(ref))
    db.session.rollback()
    assert db.session.get_one(CreditRecord, record.id).violation_facts == "经查，已当场改正。"


def test_taking_down_answers_a_self_correction_too(world, machine, bring, record):
    ref = open_matter("self_correction", record, world.reviewer).ref
    row = {"办理事项": "撤下", "记录编号": record.ref, "理由": "不应公示。"}
    short, items = bring(machine("provider"), row)
    assert short == [("accepted",)]
    assert (items[0]["ref"], case_at(ref).state) == (ref, "removal_reported")
    assert db.session.get_one(CreditRecord, record.id).state == "published"


@pytest.mark.parametrize(("action", "ground"), [("更正", "error"), ("撤下", "not_to_be_published")])
def test_what_no_self_correction_asks_for_is_reported_as_an_error_and_verified(
    world, machine, bring, record, action, ground
):
    paper = {"文书文件名": "决定书.pdf", "文书文件(Base64)": PAPER}
    short, items = bring(
        machine("provider"),
        correction(record, 办理事项=action),
        correction(record, 办理事项=action, **paper),
    )
    assert short == [("refused", "invalid"), ("accepted",)]
    case = case_at(items[1]["ref"])
    assert (case.workflow, case.state, case.ground) == ("objection", "submitted", ground)
    told = db.session.scalars(select(Event).where(Event.entity == case.ref)).first()
    assert "违法事实：经查，已当场改正。" in told.text.body
    assert count(Case) == 1


def test_a_file_begun_again_takes_no_step_twice(world, machine, monkeypatch, record):
    """Killed between a step and its verdict, it goes on and says what the step led to."""
    provider = machine("provider")
    ref = send_file(provider, as_csv(annulment(record), annulment(record)), kind="notices")
    keep = notices.insert_rows
    with monkeypatch.context() as patch:

        def die(*_):
            raise KeyboardInterrupt

        patch.setattr(notices, "insert_rows", die)
        with pytest.raises(KeyboardInterrupt):
            read(ref)
    db.session.rollback()
    assert keep is notices.insert_rows
    assert count(Case) == 1
    read(ref)
    short, items = verdicts_of(provider, ref)
    assert short == [("accepted",), ("refused", "refused")]
    assert items[0]["ref"] == db.session.scalars(select(Case.ref)).one()
    read(ref)
    assert count(Case) == 1


def test_notices_sent_again_under_their_key_lead_to_the_same(world, machine, record):
    provider = machine("provider")
    first = give(provider, annulment(record), key="once")
    assert give(provider, annulment(record), key="once") == first
    assert count(Case) == 1


def test_the_same_file_sent_again_takes_no_step_again(world, machine, record):
    """Sent twice by mistake, the second must not turn a correction into a report of an error."""
    provider = machine("provider")
    open_matter("self_correction", record, world.reviewer)
    first = bring_in(provider, correction(record))
    assert bring_in(provider, correction(record)) == first
    assert count(Case) == 1


def test_which_self_correction_is_meant_is_not_guessed(world, machine, bring, record):
    for flaw in ("no_basis", "personal_data"):
        open_matter("self_correction", record, world.reviewer, ground=flaw)
    short, items = bring(machine("provider"), correction(record))
    assert short == [("refused", "invalid")]
    assert "the one that is meant" in items[0]["problems"][0]["message"]["en"]
    assert "该记录有多件" in items[0]["problems"][0]["message"]["zh"]


def test_nobody_adds_to_a_file_of_steps_that_another_began(world, machine, record):
    """Its steps are taken in the name of who began it: a colleague would decide for both."""
    content = as_csv(annulment(record))
    body = {"kind": "notices", "filename": "a.csv", "size": len(content)}
    ref = machine("provider").post("/imports", body).json["ref"]
    colleague = machine("second_provider")
    assert send_part(colleague, ref, 0, content).status_code == 404
    assert colleague.post(f"/imports/{ref}/close").status_code == 404
    assert colleague.post(f"/imports/{ref}/resume").status_code == 404
    assert colleague.get(f"/imports/{ref}").json["received"] == 0
    penalties = machine("provider").post("/imports", {**body, "kind": "penalties"}).json["ref"]
    assert send_part(colleague, penalties, 0, content).status_code == 200  # records of the office


@pytest.mark.parametrize("body", [{}, {"notices": []}, {"notices": [{}] * 101}, {"notices": [1]}])
def test_what_is_no_list_of_notices_is_refused_whole(machine, body):
    assert machine("provider").post("/records/notices", body).status_code == 422


def test_a_system_that_may_only_push_records_takes_no_steps(world, machine, record):
    pushes = machine("provider", ["records:push"])
    content = as_csv(annulment(record))
    body = {"kind": "notices", "filename": "a.csv", "size": len(content)}
    refused = pushes.post("/imports", body)
    assert (refused.status_code, refused.json["code"]) == (403, "insufficient_scope")
    given = pushes.post("/records/notices", {"notices": [annulment(record)]})
    assert (given.status_code, given.json["code"]) == (403, "insufficient_scope")
    assert machine("reviewer").post("/records/notices", {"notices": [{}]}).status_code == 403
    assert count(Case) == 0


# --- by the steps of the interface, as every other matter -----------------------------------------


def test_an_annulment_goes_by_the_generic_steps_as_well(world, machine, record):
    provider, second = machine("provider"), machine("second_provider")
    shown = provider.get(f"/records/{record.ref}").json
    step = next(one["step"] for one in shown["openings"] if one["workflow"] == "annulment")
    assert step["takes_files"]
    answers = {
        "annulled": "annulled",
        "body": "虚构市人民政府",
        "number": "虚政复决〔2026〕3号",
        "issued_on": today().isoformat(),
        "statement": "复议决定撤销原处罚决定。",
    }
    path = f"/records/{record.ref}/matters/annulment"
    bare = provider.post(path, {"answers": answers})
    assert (bare.status_code, bare.json["errors"][0]["field"]) == (422, "evidence")
    files = [{"name": "决定书.pdf", "content": PAPER}]
    opened = provider.post(path, {"answers": answers, "files": files})
    assert opened.status_code == 201, opened.get_data(as_text=True)
    ref, version = opened.json["ref"], opened.json["version"]
    own = provider.post(f"/cases/{ref}/steps/sign", {"version": version})
    assert (own.status_code, own.json["code"]) == (409, "refused")
    signed = second.post(f"/cases/{ref}/steps/sign", {"version": version})
    assert (signed.status_code, signed.json["state"]) == (200, "closed")
    assert provider.get(f"/records/{record.ref}").json["state"] == "withdrawn"


def test_a_self_correction_goes_by_the_generic_steps_as_well(world, machine, record):
    provider, reviewer = machine("provider"), machine("reviewer")
    ref = open_matter("self_correction", record, world.reviewer).ref
    shown = provider.get(f"/cases/{ref}").json
    assert {"correct", "take_down", "explain"} <= {one["name"] for one in shown["steps"]}
    answers = {"findings": "经查，表述有误。", "value_violation_facts": "经查，已当场改正。"}
    body = {"version": shown["version"], "answers": answers}
    stranger = machine("other_provider").post(f"/cases/{ref}/steps/correct", body)
    assert stranger.status_code == 404
    done = provider.post(f"/cases/{ref}/steps/correct", body)
    assert (done.status_code, done.json["state"]) == (200, "correction_reported")
    checked = reviewer.post(
        f"/cases/{ref}/steps/confirm_correction", {"version": done.json["version"]}
    )
    assert (checked.status_code, checked.json["state"]) == (200, "closed")
    assert provider.get(f"/records/{record.ref}").json["violation_facts"] == "经查，已当场改正。"
