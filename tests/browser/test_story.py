"""The whole story in a real browser: from a wrong record to a repaired one that is gone."""

from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import DESK, PHONE, run_flask
from tests.factories import PDF

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PAPER = {"name": "处罚决定书.pdf", "mimeType": "application/pdf", "buffer": PDF}
RECEIPT = {"name": "缴款凭证.pdf", "mimeType": "application/pdf", "buffer": PDF + b"\n%%EOF\n"}


def test_a_wrong_record_is_corrected_then_repaired_and_gone(served, browse):
    """鲁政发〔2017〕44号 二（四）20, …四（十五）, 鲁信用办〔2021〕5号 （八）, click by click."""
    names = ("subject", "reviewer", "second_reviewer", "provider", "officer")
    people = SimpleNamespace(public=browse(), **{name: browse(name) for name in names})
    record, uscc = f"/records/{served.names['record']}", served.names["uscc"]

    # Everybody can read it; the department enforces.
    assert search(people.public, served.names["firm"]) == 1
    people.public.follow(record)
    assert "罚款15万元" in people.public.words
    assert answer_to(people.officer, uscc) == "yes"

    case = file_objection(people.subject, record)
    verify_objection(people, case, uscc)
    people.public.page.reload()
    assert "罚款1.5万元" in people.public.words
    assert people.public.page.locator(".state.held").count() == 0

    repair = apply_for_repair(people.subject, record)
    grant_repair(people, repair, served.names["firm"])

    # Gone from the public with the promise about it, not enforced, the ledger whole.
    assert search(people.public, served.names["firm"]) == 0
    assert search(people.public, uscc) == 0
    assert people.public.context.request.get(served.address + record).status == 404
    assert answer_to(people.officer, uscc) == "no"
    people.public.open("/commitments")
    assert served.names["firm"] not in people.public.words  # the promise names the decision
    for ref in (case, repair):
        people.provider.open(f"/cases/{ref}")
        people.provider.take("confirm_execution")
        assert people.provider.state == "已办结"
    result = run_flask(served.data, "verify", "--all")
    assert result.returncode == 0, result.stdout + result.stderr


def file_objection(subject, record):
    """Object to a record with evidence; return the number of the case."""
    subject.open("/my")
    subject.follow(f"{record}/objection")
    subject.page.locator('[name="evidence"]').set_input_files([PAPER])
    subject.page.locator('[name="ground"]').select_option("error")
    for wrong in ("fine_10k", "penalty_content"):
        subject.page.locator(f'.entry:has([name="value_{wrong}"]) > summary').click()
    subject.send(
        "button[name=submit_now]",
        statement="罚款金额登记有误，应为1.5万元。",
        value_fine_10k="1.5",
        value_penalty_content="罚款1.5万元",
    )
    assert subject.state == "待受理"
    return subject.page.url.rpartition("/")[2]


def verify_objection(people, case, uscc):
    """Accept, verify, decide and sign; the department is told no from the first to the last."""
    people.reviewer.open("/work")
    people.reviewer.follow(f"/cases/{case}")
    people.reviewer.take("accept")
    assert people.reviewer.state == "已受理，审核机构先行核查"
    people.reviewer.take("ask_provider", note="请核实。")
    assert answer_to(people.officer, uscc) == "no"
    people.public.page.reload()
    assert people.public.page.locator(".state.held").count() == 1  # marked for all to see

    people.provider.open("/work")
    people.provider.follow(f"/cases/{case}")
    people.provider.take(
        "propose_correction",
        findings="经核对原件，应为1.5万元。",
        value_fine_10k="1.5",
        value_penalty_content="罚款1.5万元",
    )
    people.reviewer.open(f"/cases/{case}")
    people.reviewer.take("decide_correction")
    assert people.reviewer.page.locator('main a[href$="/sign_correction"]').count() == 0
    assert answer_to(people.officer, uscc) == "no"
    people.second_reviewer.open(f"/cases/{case}")
    people.second_reviewer.take("sign_correction")
    assert answer_to(people.officer, uscc) == "yes"


def apply_for_repair(subject, record):
    """Apply with proof and promise; return the number of the case."""
    subject.open("/my")
    subject.follow(f"{record}/repair")
    subject.send(statement="罚款已缴清，已整改。")
    repair = subject.page.url.rpartition("/")[2]
    subject.follow("/submit_proof")
    subject.page.locator('[name="evidence"]').set_input_files([RECEIPT])
    subject.send(statement="罚款缴款凭证。")
    subject.follow("/sign")
    subject.page.locator('[name="agree"]').check()
    subject.send(signatory="张虚构")
    subject.take("submit")
    assert subject.state == "待受理"
    return repair


def grant_repair(people, repair, firm):
    """Have the rectification confirmed, and the repair granted by two."""
    people.reviewer.open(f"/cases/{repair}")
    people.reviewer.take("accept")
    people.public.open("/commitments")
    assert firm in people.public.words  # published on acceptance
    people.reviewer.take("ask_provider")
    people.provider.open(f"/cases/{repair}")
    people.provider.take("confirm_rectification", findings="罚款已缴清，整改到位。")
    people.reviewer.open(f"/cases/{repair}")
    people.reviewer.take("propose_grant")
    people.second_reviewer.open(f"/cases/{repair}")
    people.second_reviewer.take("sign_grant")
    assert people.second_reviewer.state == "准予修复，已停止公示"


def search(window, query):
    """Search from the front page; return how many records are found."""
    window.open("/")
    window.page.locator("#q").fill(query)
    window.page.locator("#q").press("Enter")
    window.page.wait_for_url("**/?q=*")
    return window.page.locator("main tbody tr").count()


def answer_to(window, uscc):
    """Ask whether a measure may be enforced; return "yes" or "no"."""
    window.open("/enforce")
    window.page.locator("#uscc").fill(uscc)
    window.page.locator("#uscc").press("Enter")
    window.page.wait_for_url("**/enforce?uscc=*")
    answer = window.page.locator(".answer")
    assert answer.count() == 1
    return "yes" if "yes" in answer.get_attribute("class").split() else "no"


PAGES = {
    "": ("/", "/?q=虚构", "/records/{disputed}", "/commitments", "/measures", "/login"),
    "stranger": (
        "/my",
        "/cases/{case}",
        "/cases/{repair}",
        "/records/{disputed}",
        "/records/{disputed}/objection",
        "/cases/{case}/withdraw",
    ),
    "reviewer": ("/work", "/work/cases", "/cases/{case}", "/cases/{repair}/ask_provider"),
    "provider": ("/work", "/work/imports", "/cases/{case}/propose_correction"),
    "officer": ("/enforce", "/records/{disputed}"),
    "auditor": ("/audit", "/audit/verify"),
    "administrator": ("/admin",),
}


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("name", PAGES, ids=lambda name: name or "nobody")
def test_the_pages_can_be_used_by_everybody_on_any_screen(served, browse, name, size):
    """No serious fault by axe (WCAG), and nothing to scroll sideways for."""
    window = browse(name, size)
    faults = []
    for path in PAGES[name]:
        window.open(path.format(**served.names))
        found = Axe().run(window.page).response["violations"]
        faults += [
            f"{path}: {one['id']} ({one['impact']}) {one['nodes'][0]['html'][:120]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        wide, room = window.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        if wide > room:
            faults.append(f"{path}: {wide} px wide on a screen of {room}")
    assert not faults


def test_the_sign_in_can_be_done_with_the_keyboard_alone(browse):
    """Tab leads first to the way past the menu, and through the form in its order."""
    window = browse()
    window.open("/login")
    window.page.locator('[name="email"]').focus()
    window.page.keyboard.type("subject@example.com")
    window.page.keyboard.press("Tab")
    window.page.keyboard.type("correct horse battery staple")
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**/my")
    window.page.keyboard.press("Tab")
    focused = window.page.evaluate("document.activeElement.getAttribute('href')")
    assert focused == "#main"
