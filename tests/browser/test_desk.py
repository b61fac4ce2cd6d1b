"""An official's desk in a real browser: a worklist cleared by keyboard, a case read in place."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import DESK, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def rows(page):
    return page.locator('[data-desk="row"]')


def test_a_provider_clears_a_worklist_by_keyboard_only(browse, served):
    """Nothing is clicked: every key goes to whatever has the focus."""
    provider = browse("provider")
    provider.open("/work")
    page, keys = provider.page, provider.page.keyboard
    page.locator("#keys-button").wait_for()  # the script has run
    assert rows(page).count() >= 1

    # The help, and out of it again.
    keys.press("?")
    assert page.locator("#keys").is_visible()
    keys.press("Escape")
    assert not page.locator("#keys").is_visible()

    # Search: the number of the case that waits.
    keys.press("/")
    expect(page.locator('[data-desk="search"]')).to_be_focused()
    keys.type(served.names["desk_case"])
    expect(page.locator('[data-desk="search"]')).to_have_value(served.names["desk_case"])
    with page.expect_navigation():
        keys.press("Enter")
    assert rows(page).count() == 1
    # Take it in hand; the row that is marked is the one that is meant.
    keys.press("j")
    assert rows(page).first.get_attribute("aria-current") == "true"
    with page.expect_navigation():
        keys.press("c")
    assert rows(page).first.locator('[data-desk="claim"]').count() == 0
    # The place is kept: the same row is the one that is meant.
    expect(rows(page).first).to_have_attribute("aria-current", "true")
    expect(rows(page).first.locator("a").first).to_be_focused()

    # Select and deselect.
    keys.press("x")
    assert rows(page).first.locator('[data-desk="pick"]').is_checked()
    keys.press("x")
    assert not rows(page).first.locator('[data-desk="pick"]').is_checked()

    # Open it and answer: the link to the step, its form, its button.
    with page.expect_navigation():
        keys.press("Enter")
    assert page.url.endswith(served.names["desk_case"])
    tab_to(page, "a[href$='/confirm']")
    with page.expect_navigation():
        keys.press("Enter")
    tab_to(page, "[name=findings]")
    keys.type("经核对原件，登记无误。")
    tab_to(page, "form[method=post] button.btn-primary")
    with page.expect_navigation():
        keys.press("Enter")
    assert provider.state == "提供单位认为无误"

    provider.open(f"/work?q={served.names['desk_case']}")
    assert rows(page).count() == 0


def tab_to(page, selector):
    """Press Tab until what is meant has the focus."""
    wanted = page.locator(f"main {selector}").first
    for _ in range(80):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{selector} is not reached by Tab")


def test_keys_do_nothing_while_somebody_types(browse):
    provider = browse("provider")
    provider.open("/work")
    page = provider.page
    page.locator("#keys-button").wait_for()
    page.locator("#q").focus()
    page.keyboard.type("jkxc?/")
    assert page.locator("#q").input_value() == "jkxc?/"
    assert not page.locator("#keys").is_visible()
    assert page.locator("tr[aria-current]").count() == 0


def test_a_chinese_keyboard_is_understood_and_an_input_method_left_alone(browse):
    """What is pressed is what arrives with such a keyboard: other signs, or the key only."""
    provider = browse("provider")
    provider.open("/work")
    page = provider.page
    page.locator("#keys-button").wait_for()

    def press(**key):
        page.evaluate(
            """key => document.activeElement.dispatchEvent(
                new KeyboardEvent("keydown", {bubbles: true, cancelable: true, ...key}))""",
            key,
        )

    # Meant for the input method: nothing of it is a key of ours.
    for left_alone in (
        {"key": "j", "code": "KeyJ", "isComposing": True},
        {"key": "j", "code": "KeyJ", "keyCode": 229},
        {"key": "?", "code": "Slash", "shiftKey": True, "keyCode": 229},
        {"key": "-", "code": "Slash"},  # what a German keyboard has there
    ):
        press(**left_alone)
        assert page.locator("tr[aria-current]").count() == 0, left_alone
        assert not page.locator("#keys").is_visible(), left_alone
        expect(page.locator("body")).to_be_focused()

    for key in (
        {"key": "？", "code": "Slash", "shiftKey": True},
        {"key": "?", "code": "Minus", "shiftKey": True},
    ):
        press(**key)
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#keys")).not_to_be_visible()
    for key in ("、", "／", "·"):
        press(key=key, code="Slash")
        expect(page.locator("#q")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator("#q")).not_to_be_focused()
    press(key="ｊ", code="KeyJ")
    expect(rows(page).first).to_have_attribute("aria-current", "true")


def test_from_one_matter_to_the_next_by_keyboard(browse, served):
    provider = browse("provider")
    provider.open("/work")
    page, keys = provider.page, provider.page.keyboard
    page.locator("#keys-button").wait_for()
    keys.press("?")
    expect(page.locator("#keys").get_by_text("n", exact=True)).to_be_visible()
    keys.press("Escape")
    order = [one.split("/")[-1] for one in rows(page).locator("a").evaluate_all(HREFS)]
    assert {served.names["case"], served.names["next_case"]} <= set(order)
    keys.press("j")
    with page.expect_navigation():
        keys.press("Enter")
    assert page.url.endswith(order[0])
    provider.take("answer_interim", progress="正在核对原始案卷。")
    link = page.locator("[data-desk=next]")
    expect(link).to_contain_text("n")
    with page.expect_navigation():
        keys.press("n")
    assert page.url.endswith(order[1])


HREFS = "all => all.map(one => one.getAttribute('href'))"


def test_what_the_enterprise_proposes_is_adopted_without_leaving_the_page(browse, served):
    provider = browse("provider")
    provider.open(f"/cases/{served.names['case']}/propose_correction")
    page = provider.page
    page.locator("[name=findings]").fill("经核对，同意更正。")
    proposed = page.locator("button[name=adopt]")
    wanted = proposed.evaluate("one => JSON.parse(one.dataset.adopt)")
    assert wanted
    proposed.click()
    for name, text in wanted.items():
        expect(page.locator(f"[name={name}]")).to_have_value(text)
    expect(page.locator(f"[name={next(iter(wanted))}]")).to_be_focused()
    expect(page.locator("[name=findings]")).to_have_value("经核对，同意更正。")


def test_figures_are_read_on_a_phone(browse):
    """No number is broken in two, no table is wider than the window."""
    reviewer = browse("reviewer", PHONE)
    reviewer.open("/statistics")
    page = reviewer.page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    cells = page.locator("td.num")
    assert cells.count() > 10
    assert cells.evaluate_all("all => Math.max(...all.map(one => one.offsetHeight))") < 45
    wide = page.locator(".table-responsive").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
    )
    assert wide == 0


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_desk_is_for_everybody(browse, served, size):
    """No page is wider than its window, and none keeps anybody out."""
    reviewer = browse("reviewer", size)
    for path in ("/work", f"/cases/{served.names['case']}"):
        reviewer.open(path)
        width = reviewer.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], f"{path} is {width} wide"
        found = Axe().run(reviewer.page).response["violations"]
        assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []


def test_evidence_is_looked_at_in_the_page(browse, served):
    reviewer = browse("reviewer")
    reviewer.open(f"/cases/{served.names['case']}")
    asked = []
    reviewer.page.on("request", lambda request: asked.append(request.url))
    with reviewer.page.expect_response(lambda answer: answer.url.endswith("/view")) as shown:
        reviewer.page.locator("details.paper summary").first.click()
    assert shown.value.status == 200
    assert [one for one in asked if one.endswith("/view")] != []
