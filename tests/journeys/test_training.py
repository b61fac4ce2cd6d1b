"""Themed training, credit reports, checks and public service: what a repair may need."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from repair_app.db import db, today
from repair_app.models import Enrolment, TestAttempt, TrainingDate
from repair_app.models.parties import OrganisationKind, Role
from repair_app.services import institutions
from repair_app.services.training import current_courses
from repair_app.services.transaction import transaction
from tests.factories import (
    PDF,
    add_requirement,
    make_account,
    make_organisation,
    make_record,
)
from tests.journeys.steps import (
    Cast,
    accept_and_forward,
    apply_for_repair,
    certify,
    in_days,
    ledger_is_whole,
    prove_rectification,
    requirements_of,
    sign_commitment,
    state_on,
    states_on,
    steps_on,
    take,
    try_to,
)

COURSE = "credit_repair"


@pytest.fixture
def repair(cast, world) -> str:
    """Give a serious record's repair, just begun: it needs training and a credit report."""
    record = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    return apply_for_repair(cast.subject, record)


def study(cast: Cast, ref: str) -> str:
    """Begin the online course of a repair; return the reference of its training."""
    training = requirements_of(ref)["training"].ref
    take(cast.subject, "study", training, "requirements", course=COURSE)
    return training


def read_all(cast: Cast, training: str) -> None:
    """Read every lesson of the course, one after the other."""
    for key in current_courses()[COURSE].lessons:
        page = cast.subject.get(f"/requirements/{training}/read_lesson?lesson={key}")
        cast.subject.follow(cast.subject.send(page, f"/requirements/{training}/read_lesson"))


def sit(cast: Cast, training: str, *, wrong: int = 0) -> object:
    """Begin a test and hand it in, with so many wrong answers; return the next page."""
    take(cast.subject, "begin_test", training, "requirements")
    bank = current_courses()[COURSE].bank
    drawn = last_attempt().questions
    answers = {}
    for number, one in enumerate(drawn):
        right = sorted(bank[one].answer)
        letters = [letter for letter, _ in bank[one].lettered]
        others = [letter for letter in letters if letter not in right] or right[:1]
        answers[f"answer_{one}"] = others[:1] if number < wrong else right
    return take(cast.subject, "hand_in_test", training, "requirements", **answers)


def last_attempt() -> TestAttempt:
    db.session.rollback()
    return db.session.scalars(select(TestAttempt).order_by(TestAttempt.id.desc())).first()


def test_one_lesson_leads_to_the_next_and_a_test_begins_with_its_questions(cast, repair):
    training = study(cast, repair)
    first, second, *_ = current_courses()[COURSE].lessons.values()
    page = cast.subject.get(f"/requirements/{training}/read_lesson?lesson={first.key}")
    page = cast.subject.follow(cast.subject.send(page, f"/requirements/{training}/read_lesson"))
    assert page.tree.find(".//h1").text == second.title.zh
    read_all(cast, training)
    page = take(cast.subject, "begin_test", training, "requirements")
    assert all(f"answer_{one}" in page.html for one in last_attempt().questions)
    left = cast.subject.read(f"/training/{training}")
    assert "继续答题" in left.words


def test_what_is_ticked_in_a_test_is_kept_until_it_is_handed_in(cast, repair):
    """As every form keeps what was typed; and a test that is passed asks for no other."""
    training = study(cast, repair)
    read_all(cast, training)
    address = f"/requirements/{training}/hand_in_test"
    begun = cast.subject.read(f"/requirements/{training}/begin_test")
    assert "没有时间限制" in begun.words
    page = take(cast.subject, "begin_test", training, "requirements")
    assert page.tree.find(".//h1").text == "在线考试"
    bank = current_courses()[COURSE].bank
    right = {f"answer_{one}": sorted(bank[one].answer) for one in last_attempt().questions}
    kept = {"csrf_token": cast.subject.token(), "draft_page": address, **right}
    assert cast.subject.post("/drafts", data=kept).status_code == 302
    back = cast.subject.read(address)
    ticked = {one.get("name") for one in back.tree.iter("input") if one.get("checked") is not None}
    assert set(right) <= ticked
    for name, letters in right.items():
        assert back.fields.getlist(name) == letters
    cast.subject.follow(cast.subject.send(back, address))
    assert last_attempt().passed
    links = cast.subject.read(f"/training/{training}").links
    assert "领取培训证书" in links
    assert "开始考试" not in links
    assert "改为其他培训方式" not in links


def test_the_task_list_offers_no_step_that_leads_back(cast, world, repair):
    """What an institution was asked for is waited for: 取消委托 is not the way to bring it."""
    house = str(world.training_house.id)
    needed = requirements_of(repair)
    take(cast.subject, "request", needed["credit_report"].ref, "requirements", institution_id=house)
    take(cast.subject, "enrol", needed["training"].ref, "requirements", institution_id=house)
    tasks = cast.subject.read(f"/cases/{repair}/submit").having("check")[0]
    folded = {one for part in tasks.iter("details") for one in part.iter("a")}  # other ways
    links = [one.get("href") for one in tasks.iter("a") if one not in folded]
    assert links
    assert not [one for one in links if one.endswith("/cancel")]


def test_an_agent_sees_the_trainings_that_the_mandate_reaches(cast, world, repair, as_):
    """Who was sent for an objection only is told nothing of a repair."""
    training = requirements_of(repair)["training"].ref
    assert training in cast.subject.read("/training").html
    for scope, sees in (("objection", False), ("repair", True)):
        agent = as_(make_account(world.firm, Role.AGENT, scope=(scope,)))
        assert (training in agent.read("/training").html) == sees


def test_a_firm_learns_online_free_of_charge_passes_the_test_and_has_its_certificate(
    cast, world, repair
):
    """…四（十五）: 接受专题培训; 国办发〔2019〕35号 二（二）: 不得收费."""
    training = study(cast, repair)
    page = cast.subject.read(f"/training/{training}")
    assert "免费" in page.words
    assert "已学 0 / 5 课" in page.words
    read_all(cast, training)
    page = cast.subject.read(f"/training/{training}")
    assert "已学 5 / 5 课" in page.words
    page = sit(cast, training)
    assert "100 分" in page.words
    page = take(cast.subject, "take_certificate", training, "requirements")
    assert "已完成" in states_on(page)  # of what the draft still needs
    kept = requirements_of(repair)["training"]
    assert kept.state == "passed"
    assert kept.number.startswith("PZ-")
    assert kept.issued_on == today()
    assert kept.valid_until > today() + timedelta(days=360)
    assert kept.institution.name == world.centre.name
    page = cast.subject.read(f"/training/{training}")
    assert kept.number in page.words
    assert world.firm.uscc in page.words  # the certificate is on this firm
    assert ledger_is_whole()


def test_the_test_is_open_only_to_who_has_read_every_lesson(cast, repair):
    """REDRESS: the training is the lessons; the test only shows that they were read."""
    training = study(cast, repair)
    try_to_begin = cast.subject.get(f"/requirements/{training}/begin_test")
    assert "请先学完" in try_to_begin.words
    read_all(cast, training)
    take(cast.subject, "begin_test", training, "requirements")
    page = cast.subject.read(f"/requirements/{training}/hand_in_test")
    assert len(page.tree.findall(".//main//fieldset")) == current_courses()[COURSE].asked


def test_what_was_read_is_kept_until_the_next_visit(cast, repair):
    training = study(cast, repair)
    lessons = list(current_courses()[COURSE].lessons)
    url = f"/requirements/{training}/read_lesson"
    cast.subject.follow(cast.subject.send(cast.subject.get(f"{url}?lesson={lessons[1]}"), url))
    with time_machine.travel(in_days(3)):
        page = cast.subject.read(f"/training/{training}")
        assert "已学 1 / 5 课" in page.words
        # Without being asked for one, the page offers the first that is still to be read.
        assert cast.subject.read(url).fields["lesson"] == lessons[0]


def test_a_test_that_is_not_passed_gives_no_certificate_and_may_be_sat_again_on_the_day(
    cast, repair
):
    """REDRESS: three tries a day; eighty marks of a hundred."""
    training = study(cast, repair)
    read_all(cast, training)
    page = sit(cast, training, wrong=3)
    assert "70 分" in page.words
    assert "未通过" in page.words
    assert "take_certificate" not in steps_on(page, training)
    assert cast.subject.get(f"/requirements/{training}/take_certificate").status_code == 200
    try_page = cast.subject.get(f"/requirements/{training}/take_certificate")
    assert "尚未通过" in try_page.words
    sit(cast, training, wrong=5)
    sit(cast, training, wrong=10)
    page = cast.subject.get(f"/requirements/{training}/begin_test")
    assert "今天已考试3次" in page.words
    with time_machine.travel(in_days(1)):
        page = sit(cast, training, wrong=2)
        assert "80 分" in page.words
        take(cast.subject, "take_certificate", training, "requirements")
    assert requirements_of(repair)["training"].state == "passed"


def test_the_questions_of_a_test_can_be_drawn_again_from_what_is_kept(cast, repair):
    """Random, and open to being looked over: the seed lies with the attempt."""
    training = study(cast, repair)
    read_all(cast, training)
    sit(cast, training)
    first = last_attempt()
    course = current_courses()[COURSE]
    assert first.questions == list(course.draw(first.seed))
    assert course.mark(first.questions, first.answers) == first.marks
    sit(cast, training)
    assert last_attempt().questions != first.questions


def test_a_test_with_a_question_left_open_is_given_back_with_what_was_answered(cast, repair):
    training = study(cast, repair)
    read_all(cast, training)
    take(cast.subject, "begin_test", training, "requirements")
    url = f"/requirements/{training}/hand_in_test"
    first = last_attempt().questions[0]
    page = cast.subject.fill(url, **{f"answer_{first}": ["A"]})
    assert page.status_code == 400
    assert "请回答第2、3、4、5、6、7、8、9和10题。" in page.words
    assert page.fields[f"answer_{first}"] == "A"
    assert last_attempt().handed_in_at is None
    # Another test cannot be begun meanwhile.
    assert "请先交卷" in cast.subject.get(f"/requirements/{training}/begin_test").words


def test_the_page_of_a_test_does_not_tell_the_answers(cast, repair):
    training = study(cast, repair)
    read_all(cast, training)
    take(cast.subject, "begin_test", training, "requirements")
    html = cast.subject.read(f"/requirements/{training}/hand_in_test").html
    assert "checked" not in html
    assert "四（十五）" not in html.split("<fieldset")[1]  # the clause would tell


def test_nobody_else_sees_or_sits_the_test_of_a_firm(cast, repair):
    training = study(cast, repair)
    assert cast.stranger.get(f"/training/{training}").status_code == 404
    assert cast.stranger.get(f"/requirements/{training}/read_lesson").status_code == 404


def test_everybody_may_read_the_lessons(anybody):
    """…五（十八）: 公益类信用培训; 国办发〔2019〕35号 二（二）: 不得作为市场准入的必要条件."""
    page = anybody.read("/training")
    assert "免费" in page.words
    page = anybody.read(f"/training/courses/{COURSE}")
    for title, address in page.links.items():
        if "课" in title and "/courses/" in address:
            assert anybody.read(address).words
    assert anybody.get("/training/courses/none").status_code == 404


def test_a_firm_may_change_from_the_online_course_to_an_institution(cast, world, repair):
    """REDRESS: how it learns is the firm's choice; what it read is not lost."""
    training = study(cast, repair)
    read_all(cast, training)
    take(cast.subject, "leave_course", training, "requirements")
    take(
        cast.subject,
        "enrol",
        training,
        "requirements",
        institution_id=str(world.training_house.id),
    )
    take(cast.subject, "cancel", training, "requirements")
    study(cast, repair)
    page = cast.subject.read(f"/training/{training}")
    assert "已学 5 / 5 课" in page.words


def announce(client, **fields):
    """Announce a training date in ten days."""
    return client.fill(
        "/training/dates",
        **{
            "title": "信用修复专题培训（第三期）",
            "held_on": (today() + timedelta(days=10)).isoformat(),
            "hours": "9:00-11:30",
            "place": "虚构市政务服务大厅",
            "seats": "1",
            **fields,
        },
    )


def date_on_file() -> TrainingDate:
    db.session.rollback()
    return db.session.scalars(select(TrainingDate).order_by(TrainingDate.id.desc())).first()


def test_who_may_announce_dates_is_led_to_the_page_and_nobody_else_is(cast, anybody):
    where = "/training/dates"
    for page in ("/training", "/work"):
        assert where in cast.institution.read(page).links.values(), page
    assert where in cast.provider.read("/training").links.values()
    for reader in (anybody, cast.subject):
        assert where not in reader.read("/training").links.values()
    page = cast.institution.read(where)
    assert "尚未发布培训场次" in page.words
    assert "/training" in page.links.values()


def test_an_institution_announces_a_date_and_confirms_who_attended(cast, world, anybody, repair):
    """…四（十五）; 鲁信用办〔2021〕5号 （五）: 信用修复培训; the system numbers the certificate."""
    assert announce(cast.institution).status_code == 302
    assert "第三期" in anybody.read("/training").words
    training = requirements_of(repair)["training"].ref
    take(
        cast.subject,
        "enrol",
        training,
        "requirements",
        institution_id=str(world.training_house.id),
        training_id=str(date_on_file().id),
    )
    assert world.firm.name in cast.institution.read("/training/dates").words
    page = cast.institution.get(f"/requirements/{training}/confirm_attendance")
    assert "尚未举行" in page.words
    with time_machine.travel(in_days(10)):
        take(cast.institution, "confirm_attendance", training, "requirements")
    kept = requirements_of(repair)["training"]
    assert (kept.state, kept.number[:3]) == ("passed", "PZ-")
    assert kept.institution_id == world.training_house.id


def test_what_an_institution_wrote_is_not_told_as_the_enterprises_own_answer(cast, world, repair):
    """A note is for the file only; the reason of a refusal is told, as the institution's."""
    announce(cast.institution)
    needs, house = requirements_of(repair), str(world.training_house.id)
    training, report = needs["training"].ref, needs["credit_report"].ref
    take(
        cast.subject,
        "enrol",
        training,
        "requirements",
        institution_id=house,
        training_id=str(date_on_file().id),
    )
    take(cast.subject, "request", report, "requirements", institution_id=house)
    take(cast.institution, "decline", report, "requirements", reason="资料不全，不予受理")
    sign_commitment(cast.subject, repair)
    prove_rectification(cast.subject, repair)
    with time_machine.travel(in_days(10)):
        take(cast.institution, "confirm_attendance", training, "requirements", note="内部备注")
        agent = cast.as_(make_account(world.firm, Role.AGENT, scope=["repair"]))
        for filer in (cast.subject, agent):
            check = filer.read(f"/cases/{repair}/submit").words
            assert "内部备注" not in check
            assert "资料不全" not in check
            assert "张虚构" in check
            assert "罚款缴款凭证。" in check
            assert "此项已办理完毕，不能修改" in check
            told = filer.read(f"/cases/{repair}").words
            assert "资料不全" in told
            assert "内部备注" not in told


def test_a_date_has_no_more_seats_than_it_has(cast, world, repair):
    announce(cast.institution)
    training = requirements_of(repair)["training"].ref
    house, date = str(world.training_house.id), str(date_on_file().id)
    take(cast.subject, "enrol", training, "requirements", institution_id=house, training_id=date)
    other = make_record(world.other_firm, world.agency, severity="serious", decided_days_ago=300)
    second = requirements_of(apply_for_repair(cast.stranger, other))["training"].ref
    page = cast.stranger.read(f"/requirements/{second}/enrol")
    assert "第三期" not in page.words  # full: not offered
    # Who cancels gives the seat back.
    take(cast.subject, "cancel", training, "requirements")
    assert "第三期" in cast.stranger.read(f"/requirements/{second}/enrol").words


def test_an_agency_gives_training_itself(cast, world, repair):
    """…五（十八）: 行业主管部门应积极组织公益类信用培训; it needs no registration."""
    trainer = make_account(world.agency, Role.INSTITUTION)
    assert announce(cast.provider, organiser=str(world.agency.id)).status_code == 302
    training = requirements_of(repair)["training"].ref
    take(
        cast.subject,
        "enrol",
        training,
        "requirements",
        institution_id=str(world.agency.id),
        training_id=str(date_on_file().id),
    )
    with time_machine.travel(in_days(11)):
        client = cast.as_(trainer)
        take(client, "confirm_attendance", training, "requirements")
    assert requirements_of(repair)["training"].state == "passed"


def test_a_date_that_was_called_off_is_offered_to_nobody(cast, anybody):
    announce(cast.institution)
    url = f"/training/dates/{date_on_file().id}/call-off"
    token = cast.institution.token()
    assert cast.provider.post(url, data={"csrf_token": cast.provider.token()}).status_code == 404
    assert cast.institution.post(url, data={"csrf_token": token}).status_code == 302
    assert "第三期" not in anybody.read("/training").words


def test_only_registered_institutions_are_offered_and_may_certify(cast, world, repair):
    """…四（十五）: 符合条件的第三方信用服务机构; 济阳信用办〔2020〕2号 （十八）2: 备案管理制度."""
    make_organisation(OrganisationKind.INSTITUTION, "虚构未备案咨询有限公司")
    report = requirements_of(repair)["credit_report"].ref
    page = cast.subject.read(f"/requirements/{report}/request")
    assert "未备案" not in page.words
    assert world.training_house.name in page.words
    house = str(world.training_house.id)
    take(cast.subject, "request", report, "requirements", institution_id=house)
    with transaction() as session:
        institutions.strike_off(session, "credit_report", "虚信备〔2020〕credit_report")
    answer = certify(cast.institution, "file_report", report, "报告2026-009")
    assert answer.status_code == 409
    assert "未就该项服务备案" in answer.words


def test_a_report_on_another_firm_is_refused(cast, world, repair):
    """REDRESS: 报告应当是关于本企业的; a certificate serves one firm."""
    needed = requirements_of(repair)
    house = str(world.training_house.id)
    for name, ask, give in (
        ("credit_report", "request", "file_report"),
        ("training", "enrol", "confirm_training"),
    ):
        ref = needed[name].ref
        take(cast.subject, ask, ref, "requirements", institution_id=house)
        answer = certify(cast.institution, give, ref, "第1号", uscc=world.other_firm.uscc)
        assert answer.status_code == 409
        assert world.other_firm.uscc in answer.words
        assert certify(cast.institution, give, ref, f"{name}2号").status_code == 302


def test_a_report_is_neither_of_a_day_to_come_nor_older_than_half_a_year(cast, world, repair):
    """REDRESS: the report shows the firm as it is."""
    report = requirements_of(repair)["credit_report"].ref
    house = str(world.training_house.id)
    take(cast.subject, "request", report, "requirements", institution_id=house)
    url = f"/requirements/{report}/file_report"
    paper = {
        "number": "报告9号",
        "valid_until": (today() + timedelta(days=200)).isoformat(),
        "uscc": world.firm.uscc,
    }
    late = cast.institution.fill(url, issued_on=(today() + timedelta(days=1)).isoformat(), **paper)
    assert late.status_code == 400
    old = cast.institution.fill(url, issued_on=(today() - timedelta(days=190)).isoformat(), **paper)
    assert old.status_code == 409
    assert "6" in old.words
    recent = cast.institution.fill(
        url, issued_on=(today() - timedelta(days=150)).isoformat(), **paper
    )
    assert recent.status_code == 302


def test_a_minor_record_is_repaired_without_public_service(cast, world):
    """鲁信用办〔2021〕5号 （八）: 参考因素, never a gate."""
    record = make_record(world.firm, world.agency, severity="minor")
    assert granted(cast, apply_for_repair(cast.subject, record))


@pytest.mark.parametrize("handed_in", [True, False])
def test_public_service_weighs_in_for_a_minor_record_and_holds_nothing_up(cast, world, handed_in):
    """鲁信用办〔2021〕5号 （八）: 参与社会公益活动、志愿服务等行为作为参考因素."""
    record = make_record(world.firm, world.agency, severity="minor")
    ref = apply_for_repair(cast.subject, record)
    take(cast.subject, "add_factor", ref)
    service = requirements_of(ref)["public_service"]
    if handed_in:
        page = cast.subject.fill(
            f"/requirements/{service.ref}/submit_hours", organiser="虚构志愿者协会", hours="8",
            served_until=today().isoformat(), statement="参加义工服务。",
        )  # fmt: skip
        assert page.status_code == 400  # with proof only
        take(
            cast.subject,
            "submit_hours",
            service.ref,
            "requirements",
            organiser="虚构志愿者协会",
            hours="8",
            served_until=today().isoformat(),
            statement="参加义工服务。",
            evidence=(PDF + b"hours\n%%EOF", "证明.pdf"),
        )
        kept = requirements_of(ref)["public_service"]
        assert (kept.number, kept.issued_on) == ("8 h", today())
        assert "8 h" in cast.subject.read(f"/requirements/{service.ref}").text
        assert granted(cast, ref, weigh=service.ref)
        assert requirements_of(ref)["public_service"].state == "weighed"
    else:
        assert granted(cast, ref)
        assert requirements_of(ref)["public_service"].state == "lapsed"


def test_public_service_is_no_factor_for_a_general_record(cast, world):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    assert "add_factor" not in steps_on(cast.subject.read(f"/cases/{ref}"), ref)


def granted(cast: Cast, ref: str, *, weigh: str = "") -> bool:
    """Bring a repair to its grant; say whether it was granted."""
    if "rectification" in requirements_of(ref):
        prove_rectification(cast.subject, ref)
    sign_commitment(cast.subject, ref)
    take(cast.subject, "submit", ref)
    accept_and_forward(cast.reviewer, ref)
    if weigh:
        take(cast.provider, "weigh", weigh, "requirements", findings="证明属实。")
    take(cast.provider, "confirm_rectification", ref, findings="整改到位。")
    take(cast.reviewer, "propose_grant", ref)
    page = take(cast.second_reviewer, "sign_grant", ref)
    return state_on(page) == "准予修复，已停止公示"


def test_an_enrolment_is_kept_once_for_each_requirement(cast, repair):
    """Leaving and coming back goes on with the same course."""
    training = study(cast, repair)
    take(cast.subject, "leave_course", training, "requirements")
    study(cast, repair)
    db.session.rollback()
    assert len(db.session.scalars(select(Enrolment)).all()) == 1


def test_a_commitment_signed_is_the_prescribed_text(cast, world, repair):
    """…一（四）: 按照规定格式作出书面信用承诺."""
    sign_commitment(cast.subject, repair)
    text = requirements_of(repair)["commitment"].text
    for phrase in ("依法诚信经营", "自愿接受", "监督", "违背上述承诺", "联合惩戒"):
        assert phrase in text
    assert world.firm.uscc in text


def test_a_credit_check_is_applied_for_made_and_stands_before_the_grant(cast, world):
    """国办发〔2019〕35号 四（十三）: 通过信用核查; whoever applies is not decided on unchecked."""
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    add_requirement(ref, "credit_check")
    check = requirements_of(ref)["credit_check"].ref
    prove_rectification(cast.subject, ref)
    sign_commitment(cast.subject, ref)
    assert "信用核查" in try_to(cast.subject, "submit", ref).words
    take(cast.subject, "request", check, "requirements")
    take(cast.subject, "submit", ref)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "confirm_rectification", ref, findings="整改到位。")
    assert "信用核查尚未完成" in try_to(cast.reviewer, "propose_grant", ref).words
    take(cast.provider, "clear", check, "requirements", findings="未发现其他失信记录。")
    take(cast.reviewer, "propose_grant", ref)
    page = take(cast.second_reviewer, "sign_grant", ref)
    assert state_on(page) == "准予修复，已停止公示"


def test_a_credit_check_that_finds_something_stands_against_the_grant(cast, world):
    ref = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    add_requirement(ref, "credit_check")
    check = requirements_of(ref)["credit_check"].ref
    prove_rectification(cast.subject, ref)
    sign_commitment(cast.subject, ref)
    take(cast.subject, "request", check, "requirements")
    take(cast.subject, "submit", ref)
    accept_and_forward(cast.reviewer, ref)
    take(cast.provider, "object", check, "requirements", findings="仍在严重失信名单。")
    take(cast.provider, "confirm_rectification", ref, findings="整改到位。")
    take(cast.reviewer, "propose_grant", ref)
    assert "信用核查" in try_to(cast.second_reviewer, "sign_grant", ref).words


def test_two_firms_do_not_take_the_last_seat_together(cast, world, repair):
    """The page of the second was drawn while the seat was free."""
    announce(cast.institution)
    house, date = str(world.training_house.id), str(date_on_file().id)
    other = make_record(world.other_firm, world.agency, severity="serious", decided_days_ago=300)
    second = requirements_of(apply_for_repair(cast.stranger, other))["training"].ref
    url = f"/requirements/{second}/enrol"
    page = cast.stranger.get(url)
    first = requirements_of(repair)["training"].ref
    take(cast.subject, "enrol", first, "requirements", institution_id=house, training_id=date)
    answer = cast.stranger.send(page, url, institution_id=house, training_id=date)
    assert answer.status_code in {400, 409}
    assert requirements_of(repair)["training"].state == "enrolled"
    db.session.rollback()
    assert len(date_on_file().bookings) == 1


def test_the_command_line_registers_and_strikes_off_an_institution(app, world):
    """济阳信用办〔2020〕2号 （十八）2: 建立健全信用服务机构备案管理制度."""
    run = app.test_cli_runner().invoke
    new = make_organisation(OrganisationKind.INSTITUTION, "虚构新设信用服务有限公司")
    term = ["--from", "2026-01-01", "--until", "2099-12-31"]
    told = run(
        args=["institutions", "register", "--uscc", new.uscc, "--service", "training",
              "--number", "虚信备9号", *term],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    assert "虚信备9号" in run(args=["institutions", "list"]).output
    again = run(
        args=["institutions", "register", "--uscc", new.uscc, "--service", "training",
              "--number", "虚信备9号", *term],
    )  # fmt: skip
    assert "is taken" in again.output
    firm = run(
        args=["institutions", "register", "--uscc", world.firm.uscc, "--service", "training",
              "--number", "虚信备10号", *term],
    )  # fmt: skip
    assert "is no credit service institution" in firm.output
    off = ["institutions", "strike-off", "--service", "training", "--number", "虚信备9号"]
    assert run(args=off).exit_code == 0
    assert "虚信备9号" not in run(args=["institutions", "list"]).output
    assert run(args=off).exit_code != 0
