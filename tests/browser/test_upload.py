"""A large file is sent in parts by the page; broken off, it goes on where it stopped."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Request, Route, expect

from tests.browser.conftest import DESK, PHONE, Window
from tests.browser.test_look import VIOLATIONS, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PART = 4 << 20
SIZE = 2 * PART + 1000
BAR = "[data-progress] progress"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file of more than two parts."""
    path = tmp_path / "处罚.csv"
    path.write_bytes("行政相对人名称,行政处罚决定书文号\n".encode().ljust(SIZE, b"x"))
    return path


def is_part(request: Request) -> bool:
    """Say whether a request sends a part of a file."""
    return request.url.endswith("/parts")


def choose(window: Window, file: Path) -> None:
    """Choose a file on the page and send it."""
    window.open("/work/imports")
    window.page.locator('input[name="file"]').set_input_files(file)
    window.page.locator("[data-parts] button.btn-primary").click()


def test_a_file_broken_off_goes_on_with_the_part_that_is_missing(
    browse: Callable[..., Window], file: Path
) -> None:
    window = browse("provider", PHONE)
    page = window.page
    held: list[Route] = []

    def hold_the_second(route: Route) -> None:
        if route.request.headers["upload-offset"] == "0":
            route.continue_()
        else:
            held.append(route)  # on its way, for ever

    page.route("**/parts", hold_the_second)
    choose(window, file)
    expect(page.locator(BAR)).to_have_js_property("value", PART)
    expect(page.locator("[data-told]")).to_contain_text("49 %")
    expect(page.locator("[data-parts] button.btn-primary")).to_be_disabled()
    assert page.evaluate(WIDE)[0] <= PHONE[0]
    window.open("/work")  # and away
    page.unroute("**/parts")

    window.open("/work/imports")
    row = page.locator("main li", has_text="处罚.csv").first
    assert "请重新选择同一文件" in row.inner_text()
    with page.expect_request(is_part) as first:
        choose(window, file)
    assert first.value.headers["upload-offset"] == str(PART)
    page.wait_for_url(re.compile(r"/work/imports/DR-[^/]+$"))
    assert "等待读取" in window.words


@pytest.mark.parametrize("size", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_sound_while_a_file_is_sent(
    browse: Callable[..., Window], file: Path, size: tuple[int, int], scheme: str
) -> None:
    window = browse("provider", size)
    page = window.page
    page.emulate_media(color_scheme=scheme)
    page.route("**/parts", lambda route: None)  # nothing arrives, nothing fails
    choose(window, file)
    expect(page.locator("[data-progress]")).to_be_visible()
    expect(page.locator("[data-told]")).to_contain_text("0 %")
    assert page.evaluate(WIDE)[0] <= size[0]
    found = Axe().run(page, options=VIOLATIONS)
    assert not found.response["violations"], found.generate_report()
    page.unroute("**/parts")
    window.open("/work/imports")
    page.locator("main li a.ref").first.click()
    page.locator('form[action$="/drop"] button').click()  # or it would wait for a week
    expect(page.locator(".alert-warning")).to_contain_text("放弃")
