"""What the forms ask and say, as a person at a browser meets it."""

from collections.abc import Callable

import pytest
import wtforms
from sqlalchemy import select

from repair_app import forms
from repair_app.db import db
from repair_app.forms.base import RadioField, SelectField
from repair_app.labels import numbered
from repair_app.models import Case, Complaint, CreditRecord, Event, Role, SanctionMeasure, User
from repair_app.services import complaints
from tests import factories
from tests.client import Client, Page, text_of
from tests.factories import PDF, World, make_account, make_case, make_record, make_sanction
from tests.journeys.steps import Cast, begin
from tests.journeys.test_remedy import carried_out_in_verification, remedies
from tests.journeys.test_revocation import revoke

PAPER = (PDF, "处罚决定书.pdf")
CAME = {"presented_by": "李虚构", "presented_as": "authorised"}
As = Callable[[User], Client]


def choices_of(page: Page, name: str) -> dict[str, str]:
    """Return what a list of the form offers: text -> value."""
    options = page.form.findall(f".//select[@name='{name}']/option")
    return {text_of(one): one.get("value", "") for one in options}


# --- corrections that correct nothing ---

ALREADY = {"zh": ("罚款金额（万元）", "“2”"), "en": ("Fine (10k yuan)", "“2”")}


def correction_addresses(world: World) -> dict[str, tuple[str, str]]:
    """Return who may propose a correction of a record whose fine is 2, and where."""
    accepted = make_case(world, "accepted")
    asked = make_case(world, "with_provider")
    draft = make_case(world, "draft")
    plain = make_record(world.firm, world.agency)
    return {
        "reviewer": ("reviewer", f"/cases/{accepted.ref}/check_correction"),
        "provider": ("provider", f"/cases/{asked.ref}/propose_correction"),
        "draft": ("subject", f"/cases/{draft.ref}/amend"),
        "objection": ("subject", f"/records/{plain.ref}/objection"),
    }


@pytest.mark.parametrize("typed", ["2", "2.00"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_value_that_the_record_has_already_is_no_correction(
    world: World, as_: As, digest: Callable[..., dict[str, str]], typed: str, lang: str
) -> None:
    """予以更正 is never signed where nothing is corrected: field and present value are named."""
    addresses = correction_addresses(world)
    before = digest()
    for name, (who, address) in addresses.items():
        client = as_(getattr(world, who))
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en" if lang == "en" else "zh-CN"
        asked = client.get(address).fields
        said = {one: "有误。" for one in ("findings", "statement") if one in asked}
        answer = client.fill(address, value_fine_10k=typed, **said)
        assert answer.status_code == 400, name
        (mistake,) = answer.mistakes
        assert all(word in mistake for word in ALREADY[lang]), (name, mistake)
    assert digest() == before


def test_a_self_correction_that_corrects_nothing_is_refused(world: World, as_: As) -> None:
    record = make_record(world.firm, world.agency)
    given = {"ground": "personal_data", "findings": "含个人信息。"}
    ref = begin(as_(world.reviewer), "self_correction", record, **given)
    client = as_(world.provider)
    page = client.fill(f"/cases/{ref}/correct", findings="已核。", value_fine_10k="2")
    assert page.status_code == 400
    assert "罚款金额（万元）" in page.mistakes[0]


def test_one_right_value_does_not_carry_one_that_changes_nothing(world: World, as_: As) -> None:
    """Else the decision would name a field that was not corrected."""
    case = make_case(world, "accepted")
    given = {"findings": "金额有误。", "value_fine_10k": "1", "value_decided_on": ""}
    same = {**given, "value_violation_type": case.record.violation_type}
    address = f"/cases/{case.ref}/check_correction"
    client = as_(world.reviewer)
    assert client.fill(address, **same).status_code == 400
    assert client.fill(address, **given).status_code == 302
    proposals = {one.field: one.answered_value for one in factories.get_case(case.ref).proposals}
    assert proposals["fine_10k"] == "1"


# --- lists to choose from ---


def test_every_list_to_choose_from_is_ours() -> None:
    """WTForms' own say what a programmer reads."""
    theirs = (wtforms.SelectField, wtforms.RadioField)
    for form in forms.FORMS.values():
        for name in dir(form):
            field = getattr(form, name)
            if isinstance(field, wtforms.fields.core.UnboundField):
                is_ours = issubclass(field.field_class, (SelectField, RadioField))
                assert is_ours or not issubclass(field.field_class, theirs), (form, name)


@pytest.mark.parametrize(
    ("lang", "told", "asked"),
    [
        ("zh-CN", "请选择一项。", "请选择惩戒措施（限清单内）"),
        ("en", "Choose one of the list.", "Choose: Measure of the catalogue"),
    ],
)
@pytest.mark.parametrize("sent", ["nonsense", "999999", None])
def test_what_is_not_on_the_list_is_told_plainly(
    world: World, as_: As, lang: str, told: str, asked: str, sent: str | None
) -> None:
    record = make_record(world.firm, world.agency)
    client = as_(world.officer)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = lang
    address = f"/records/{record.ref}/sanction"
    page = client.read(address)
    fields = {**page.fields, "ends_on": record.max_publication_until.isoformat()}
    fields.pop("measure_id")
    answer = client.post(address, data=fields | ({"measure_id": sent} if sent else {}))
    assert answer.status_code == 400
    assert answer.mistakes == [told if sent else asked]


def test_a_complaint_without_a_capacity_is_told_to_choose(world: World, anybody: Client) -> None:
    record = make_record(world.firm, world.agency)
    answer = anybody.fill(f"/records/{record.ref}/complaint", statement="有误。")
    assert answer.status_code == 400
    assert answer.mistakes == ["请选择一项。"]


def test_a_matter_is_assigned_to_another_provider_than_the_present_one(
    world: World, as_: As
) -> None:
    case = make_case(world, "accepted")
    page = as_(world.reviewer).read(f"/cases/{case.ref}/reroute")
    assert set(choices_of(page, "provider_id")) == {world.other_agency.name}


def complain(world: World) -> Case:
    """Return the case of a complaint about a new record."""
    record = make_record(world.firm, world.agency)
    complaints.receive(record.ref, complaints.Told("error", "other", "有误。"), "form")
    return db.session.scalars(select(Complaint)).one().case


@pytest.mark.parametrize(
    ("lang", "told"), [("zh-CN", "没有可供选择的项目"), ("en", "There is nothing to choose from")]
)
def test_a_question_without_a_choice_says_so_and_has_no_button(
    world: World, as_: As, lang: str, told: str
) -> None:
    case = complain(world)
    client = as_(world.reviewer)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = lang
    page = client.read(f"/cases/{case.ref}/join")
    assert told in page.words
    assert page.form.findall(".//button") == []


# --- measures ---


def test_only_measures_that_fit_the_record_are_offered_by_code_and_name(
    world: World, as_: As
) -> None:
    """山东省社会信用条例 第三十条: what is kept for the serious list is not offered elsewhere."""
    general = make_record(world.firm, world.agency)
    serious = make_record(world.firm, world.agency, severity="serious")
    for who, step in (("officer", "sanction"), ("provider", "initiate")):
        client = as_(getattr(world, who))
        small = choices_of(client.read(f"/records/{general.ref}/{step}"), "measure_id")
        large = choices_of(client.read(f"/records/{serious.ref}/{step}"), "measure_id")
        assert "A01 限制参加政府采购、招标投标" in small
        assert not [one for one in small if one.startswith("A09")]
        assert [one for one in large if one.startswith("A09 ")]
        assert set(small) < set(large)


def test_why_a_measure_may_not_rest_says_its_name_too(world: World, as_: As) -> None:
    """Offered when the page was drawn, off the list when the form comes back."""
    record = make_record(world.firm, world.agency, severity="serious")
    measure = db.session.scalars(select(SanctionMeasure).where(SanctionMeasure.code == "P02")).one()
    client = as_(world.provider)
    answer = client.fill(
        f"/records/{record.ref}/initiate",
        measure_id=str(measure.id),
        department_id=str(world.department.id),
        ends_on=record.max_publication_until.isoformat(),
    )
    assert answer.status_code == 409
    assert f"P02“{measure.name_zh}”" in answer.alerts[0].replace(" ", "")


# --- at the counter ---


@pytest.mark.parametrize("workflow", ["objection", "repair"])
def test_at_the_counter_it_is_asked_who_came_before_what_is_asked_for(
    world: World, as_: As, workflow: str
) -> None:
    record = make_record(world.firm, world.agency)
    page = as_(world.reviewer).read(f"/records/{record.ref}/{workflow}")
    shown = [one.get("name") for one in page.form.iter() if one.get("name")]
    order = [shown.index(one) for one in ("presented_by", "presented_as", "statement", "evidence")]
    assert order == sorted(order)
    titles = [text_of(one) for one in page.form.findall(".//h2")]
    assert titles == ["来人", "所属企业和所涉信息", "申请事项", "材料"]
    assert record.subject.name in text_of(page.form)
    assert record.decision_no in text_of(page.form)


@pytest.mark.parametrize("workflow", ["objection", "repair"])
def test_who_came_to_the_counter_is_kept_beside_the_ledger(
    world: World, as_: As, workflow: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The name is a person's: erasable, in no event and no log; the capacity is a fact."""
    caplog.set_level("DEBUG")
    record = make_record(world.firm, world.agency)
    clerk = as_(world.reviewer)
    address = f"/records/{record.ref}/{workflow}"
    without = clerk.fill(address, statement="有误。", evidence=PAPER)
    assert without.status_code == 400
    case = clerk.follow(clerk.fill(address, statement="有误。", evidence=PAPER, **CAME))
    for page in (case, as_(world.subject).read(case.request.path)):
        assert "李虚构" in page.words
        assert "书面授权的代理人" in page.words
    db.session.rollback()
    payloads = db.session.scalars(select(Event.payload)).all()
    assert any('"presented_as":"authorised"' in one for one in payloads)
    assert not [one for one in payloads if "李虚构" in one]
    assert "李虚构" not in caplog.text


# --- words ---


@pytest.mark.parametrize("number", ["虚市监罚〔2026〕1号", "虚市监罚〔2026〕1"])
def test_the_number_of_a_decision_ends_in_one_word(number: str) -> None:
    assert numbered(number) == "虚市监罚〔2026〕1号"


def test_the_restoration_notice_names_the_decision_once(world: World, as_: As) -> None:
    record, _ = carried_out_in_verification(Cast(world, as_), world)
    (case,) = remedies(record)
    page = as_(world.officer).read(f"/cases/{case.ref}/undo")
    notice = page.fields["notice"]
    assert "号处罚决定" in notice
    assert "号号" not in notice


def test_a_shield_is_refused_for_grounds_of_its_own_name(world: World, as_: As) -> None:
    record = make_record(world.firm, world.agency)
    case = factories.open_matter("shield", record, world.subject)
    client = as_(world.reviewer)
    page = client.read(f"/cases/{case.ref}/refuse")
    assert "不予屏蔽事由" in page.words
    assert "不予受理" not in page.words
    code = next(iter(choices_of(page, "code").values()))
    given = {"code": code, "reason": "裁定未生效。", "remedy": "裁定生效后再申请。"}
    shown = client.follow(client.fill(f"/cases/{case.ref}/refuse", **given))
    assert "不予屏蔽事由" in shown.words
    assert "不予受理（修复）事由" not in shown.words


def test_a_falsehood_goes_on_record_in_plain_words(world: World, as_: As) -> None:
    record = make_record(world.firm, world.agency)
    make_case(world, "closed", workflow="repair", record=record)
    revoke(Cast(world, as_), record)
    db.session.rollback()
    falsehood = db.session.scalars(select(CreditRecord).where(CreditRecord.id != record.id)).one()
    assert record.decision_no in falsehood.violation_facts
    assert record.ref not in falsehood.violation_facts
    assert "号号" not in falsehood.violation_facts


@pytest.mark.parametrize(
    ("lang", "whole", "step", "days"),
    [
        ("zh-CN", "全案办结期限：", "本环节期限：", "剩余"),
        ("en", "Term of the whole matter:", "Term of this step:", "days left:"),
    ],
)
def test_each_term_of_a_matter_is_named_with_the_days_that_are_left(
    world: World, as_: As, lang: str, whole: str, step: str, days: str
) -> None:
    case = make_case(world, "with_provider")
    client = as_(world.subject)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = lang
    for address in ("/my", f"/cases/{case.ref}"):
        words = client.read(address).words
        assert whole in words, address
        assert step in words, address
        assert words.count(days) == 2, address


# --- what a reviewer with two hats must not learn ---


def test_a_reviewer_who_also_stands_for_the_firm_finds_no_complaint_anywhere(
    world: World, as_: As
) -> None:
    """鲁政发〔2017〕44号 二（三）14: every address that takes the reference answers as for none."""
    case = complain(world)
    ref, record = case.ref, case.record.ref
    clerk = make_account(world.centre, Role.REVIEWER)  # and by another account, the provider's
    make_account(world.agency, Role.PROVIDER, same_person_as=clerk)
    steps = ("dismiss", "join", "read_contact", "delegate", "take_up", "open", "no_such_step")
    addresses = [
        f"/cases/{ref}",
        f"/work/complaints/{ref}",
        f"/work/complaints/{ref}/contact",
        f"/work/complaints/{ref}/take-up",
        *(f"/cases/{ref}/{one}" for one in steps),
        *(f"/{kind}/{ref}" for kind in ("requirements", "training", "records", "commitments")),
        *(f"/{kind}/{ref}/{steps[0]}" for kind in ("records", "requirements", "sanctions")),
    ]
    lists = [
        "/work",
        "/work?as=reviewer",
        "/work/cases",
        "/work/cases?workflow=complaint",
        "/work/complaints",
        f"/records/{record}",
        f"/?q={ref}",
        f"/?q={world.firm.uscc}",
        "/training",
    ]
    for user in (world.torn_reviewer, clerk):
        torn = as_(user)
        for address in addresses:
            assert torn.get(address).status_code == 404, address
            token = {"csrf_token": torn.token(), "form_token": "t", "version": "1"}
            assert torn.post(address, data=token).status_code in {404, 405}, address
        for address in lists:
            page = torn.read(address)
            asked = page.html.replace(f'value="{ref}"', "").replace(f"q={ref}", "")
            asked = asked.replace(f"<bdi>{ref}</bdi>", "")
            assert ref not in asked, address
    impartial = as_(world.second_reviewer)
    assert ref in impartial.read("/work").html
    assert ref in impartial.read("/work/cases").html
    assert impartial.get(f"/cases/{ref}").status_code == 200


# --- links ---


def links_of(page: Page) -> set[str]:
    """Return the addresses of our own that a page has links to."""
    found = {one.get("href", "") for one in page.tree.findall(".//a")}
    return {one.partition("#")[0] for one in found if one.startswith("/")}


def put_something_of_everything_on_file(world: World, as_: As) -> None:
    """Put matters on file whose pages point at matters that not every reader may see."""
    carried_out_in_verification(Cast(world, as_), world)
    complain(world)
    serious = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    make_sanction(serious, world.officer)
    make_case(world, "draft", workflow="repair", record=serious)
    make_case(world, "rejected")


@pytest.mark.parametrize("who", World.ACCOUNTS)
def test_no_page_has_a_link_that_does_not_open_for_its_reader(
    world: World, as_: As, who: str
) -> None:
    """Also: a training of a repair is not listed for an agent who may only object."""
    put_something_of_everything_on_file(world, as_)
    client = as_(getattr(world, who))
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "zh-CN"
    waiting, seen = ["/home", "/", f"/?q={world.firm.uscc}", "/training"], set()
    while waiting and len(seen) < 150:
        address = waiting.pop(0)
        if address in seen or "/static" in address or address.startswith(("/rules", "/coverage")):
            continue
        seen.add(address)
        page = client.get(address)
        if page.status_code == 302:
            waiting.append(page.location)
            continue
        assert page.status_code == 200, f"{address} answers {page.status_code}"
        if page.mimetype == "text/html":
            waiting += sorted(links_of(page) - seen)


def test_what_is_wrong_is_said_first_with_links_to_each_answer(world: World, as_: As) -> None:
    record = make_record(world.firm, world.agency)
    subject = as_(world.subject)
    page = subject.fill(f"/records/{record.ref}/objection", statement="", value_fine_10k="一点二万")
    (told,) = [one for one in page.having("alert-danger") if one.get("id") == "mistakes"]
    assert told.get("autofocus") is not None
    targets = {one.get("href").removeprefix("#") for one in told.iter("a")}
    assert "statement" in targets
    assert targets <= {one.get("id") for one in page.tree.iter()}
    assert "一点二万" in page.html


def test_a_step_that_the_rules_do_not_know_says_so_and_not_that_the_state_is_wrong(
    world: World, as_: As
) -> None:
    """SD-2020 gives a provider one term and no extension."""
    case = make_case(world, "with_provider")
    answer = as_(world.provider).get(f"/cases/{case.ref}/ask_extension")
    assert answer.status_code == 409
    assert "本案适用的规则不允许延长期限" in answer.words
    assert "该步骤已不能办理" not in answer.words
