"""An accountant with a phone: an objection filed to its receipt, a repair kept, left and sent."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import DESK, PHONE
from tests.factories import PDF, make_pdf

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PAPER = {"name": "处罚决定书.pdf", "mimeType": "application/pdf", "buffer": PDF}
RECEIPT = {"name": "缴款凭证.pdf", "mimeType": "application/pdf", "buffer": PDF + b"\n%%EOF\n"}
LIAR = {"name": "网页.pdf", "mimeType": "application/pdf", "buffer": b"<html>"}


def choose(window, *files):
    """Choose files and wait until each is listed."""
    before = window.page.locator("[data-files] .staged").count()
    window.page.locator('[name="evidence"]').set_input_files(list(files))
    window.page.wait_for_function(
        "count => document.querySelectorAll('[data-files] .staged').length === count",
        arg=before + len(files),
    )


def type_and_wait(window, name, text):
    """Type into a field and wait until the page says that it was kept."""
    with window.page.expect_response(re.compile(r"/drafts$")) as answer:
        window.page.locator(f'main [name="{name}"]').fill(text)
    assert answer.value.status == 200
    window.page.wait_for_function("document.querySelector('[data-kept]').textContent !== ''")


def press(window, text_or_selector="button.btn-primary"):
    """Press a button of the form and wait for the next page."""
    before = window.page.url
    window.page.locator(f"main form[method=post] {text_or_selector}").first.click()
    window.page.wait_for_url(lambda url: url != before)


def faults_of(window):
    """Return what is wrong for whoever cannot see or has a small screen."""
    found = Axe().run(window.page).response["violations"]
    faults = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
    wide, room = window.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    return faults + ([f"{wide} px wide on a screen of {room}"] if wide > room else [])


def test_an_objection_on_a_phone_from_the_start_page_to_the_receipt(served, browse):
    window = browse("stranger", PHONE)
    record = f"/records/{served.names['phone_objection']}"
    window.open("/my")
    assert faults_of(window) == []
    window.page.locator(f'details:has(a[href$="{record}/what-if"]) > summary').click()
    assert faults_of(window) == []  # nor with what was folded
    window.follow(f"{record}/what-if")
    assert faults_of(window) == []
    window.follow(f"{record}/objection")
    assert faults_of(window) == []

    window.page.locator('[name="ground"]').select_option("error")
    type_and_wait(window, "statement", "罚款金额登记有误，应为1.5万元。")
    amount = window.page.locator('[name="value_fine_10k"]')
    window.page.locator('[name="ground"]').select_option("over_term")
    assert not window.page.locator(".entry").first.is_visible()
    window.page.locator('[name="ground"]').select_option("error")
    assert not amount.is_visible()
    window.page.locator('.entry:has([name="value_fine_10k"]) > summary').click()
    type_and_wait(window, "value_fine_10k", "1.5")
    window.page.locator('[name="ground"]').select_option("over_term")
    assert amount.is_visible()  # what was typed is not hidden
    window.page.locator('[name="ground"]').select_option("error")
    choose(window, PAPER)
    window.page.reload()
    assert window.page.locator('[name="statement"]').input_value().startswith("罚款金额")
    assert window.page.locator(".staged").count() == 1
    assert faults_of(window) == []

    press(window)
    assert window.page.url.endswith("/submit")
    assert "罚款金额登记有误" in window.words
    assert PAPER["name"] in window.words
    assert faults_of(window) == []

    window.page.locator('a[href$="/amend#value_fine_10k"]').click()
    window.page.wait_for_function("() => document.activeElement?.name === 'value_fine_10k'")
    doubt = window.page.locator('[data-yuan="value_fine_10k"] [data-doubt]')
    assert not doubt.is_visible()
    amount.fill("15000")  # yuan, where 10k yuan is asked for
    assert "150,000,000" in window.page.locator('[data-yuan="value_fine_10k"]').inner_text()
    assert doubt.is_visible()
    assert faults_of(window) == []
    amount.fill("1.5")
    assert not doubt.is_visible()
    press(window)
    assert window.page.url.endswith("/submit")
    press(window)
    assert "/my/receipts/YY-" in window.page.url
    assert window.state == "待受理"
    assert faults_of(window) == []
    assert window.page.locator("main img").evaluate("one => one.naturalWidth") > 0


def test_a_repair_is_kept_while_it_is_typed_and_sent_from_its_task_list(served, browse):
    window = browse("stranger", PHONE)
    record = f"/records/{served.names['phone_repair']}"
    window.open(f"{record}/repair")
    type_and_wait(window, "statement", "罚款已缴清，已整改。")
    window.open("/my")
    window.follow(f"{record}/repair")  # from the list of what was begun
    assert window.page.locator('[name="statement"]').input_value() == "罚款已缴清，已整改。"
    press(window)
    case = window.page.url
    assert faults_of(window) == []

    window.follow("/submit_proof")
    window.page.locator('[name="evidence"]').set_input_files([LIAR])
    window.page.locator("[data-files] [role=alert]").wait_for()
    assert LIAR["name"] in window.page.locator("[data-files]").inner_text()
    window.complaints[:] = [one for one in window.complaints if "415" not in one]
    choose(window, RECEIPT, PAPER)
    window.page.locator("[data-remove]").nth(1).click()
    window.page.wait_for_function("document.querySelectorAll('.staged').length === 1")
    with window.page.expect_navigation():  # the statement is missing: the form comes back
        window.page.locator("main form[method=post] button.btn-primary").click()
    window.complaints[:] = [one for one in window.complaints if "400" not in one]
    assert window.page.locator(".staged").count() == 1
    window.page.locator('[name="statement"]').fill("罚款缴款凭证。")
    press(window)
    assert window.page.url == case

    window.follow("/sign")
    window.page.locator('[name="agree"]').check()
    window.page.locator('[name="signatory"]').fill("张虚构")
    press(window)
    window.follow("/submit")
    assert "罚款已缴清" in window.words
    press(window)
    assert "/my/receipts/XF-" in window.page.url
    assert window.state == "待受理"


def test_a_file_that_is_on_its_way_goes_with_the_form(served, browse):
    """Whoever presses the button at once loses nothing: the form waits for its files."""
    window = browse("stranger", DESK)
    window.open(f"/records/{served.names['phone_second']}/objection")
    window.page.locator('[name="statement"]').fill("见附件。")
    large = {**PAPER, "buffer": make_pdf("大", size=4_000_000)}
    window.page.locator('[name="evidence"]').set_input_files([large])
    press(window)
    assert PAPER["name"] in window.words


def test_a_text_that_is_too_long_is_not_cut_in_silence(served, browse):
    window = browse("stranger", PHONE)
    window.open(f"/records/{served.names['phone_second']}/objection")
    statement = window.page.locator('[name="statement"]')
    told = window.page.locator('[name="statement"] + [role="status"]')
    statement.evaluate("field => { field.value = '字'.repeat(5100); }")
    statement.press("Control+a")
    statement.press("Control+x")
    assert told.inner_text() == ""
    statement.press("Control+v")
    assert len(statement.input_value()) == 5000
    window.page.wait_for_function(
        "told => told.textContent.includes('100')", arg=told.element_handle()
    )
    statement.press("Backspace")
    assert "1 字" in told.inner_text()
    assert "100" not in told.inner_text()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_enterprises_own_pages_have_no_fault(served, browse, size):
    window = browse("stranger", size)
    for path in ("/my", "/my/cases", "/my/report", "/my/viewings"):
        window.open(path)
        assert faults_of(window) == [], path
