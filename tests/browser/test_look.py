"""Every page that links lead to, for each role: no fault by axe, in both languages and themes.

Chinese is looked at in the light, English in the dark; each page at four widths as well.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import DESK, PHONE, Served, Window

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

STARTS = {
    "": ("/", "/?q=虚构", "/records/{disputed}", "/complaints", "/coverage", "/verify"),
    "stranger": ("/my", "/cases/{looked_at}", "/cases/{repair}", "/records/{disputed}"),
    "reviewer": ("/work", "/work?tab=mine", "/cases/{looked_at}", "/cases/{repair}"),
    "provider": ("/work", "/cases/{looked_at}", "/cases/{repair}"),
    "officer": ("/work", "/enforce?uscc={uscc}", "/records/{disputed}"),
    "institution": ("/work",),
    "auditor": ("/audit", "/cases/{looked_at}"),
    "administrator": ("/admin",),
}
WIDTHS = (360, PHONE[0], 768, DESK[0], 3840)  # pixels, from a small phone to a 4K screen
VIOLATIONS = {"resultTypes": ["violations"]}
NO_PAGE = re.compile(
    r"\.(pdf|csv|xlsx|svg|ics|png|css|js|json|toml|py)$|^/(documents|static|fs-static)/|/paper"
)
LINKS = "[...document.querySelectorAll('a[href]')].map(one => one.href)"
WIDE = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


SAME_PAGE = re.compile(  # what differs between addresses of one page
    r"(?<=/)[A-Z]{2}-\d{4}-\d{6,9}-[0-9A-Z]|(?<=/)\d+|(?<=/)(?=[^/]*[0-9A-Z])[0-9A-Za-z_-]{16,}"
    r"|(?<=^/rules/).+|(?<=^/how/).+|(?<=^/admin/letters/).+|(?<=^/training/courses/).+/.+"
)


def kind_of(path: str) -> str:
    """Return what an address has in common with others of the same page."""
    parts = urlsplit(path)
    return f"{SAME_PAGE.sub('*', parts.path)}?{'&'.join(sorted(parse_qs(parts.query)))}"


def is_new(path: str, seen: set[str]) -> bool:
    """Say whether no page of this kind was met before; remember it."""
    kind = kind_of(path)
    if kind in seen or NO_PAGE.search(urlsplit(path).path):
        return False
    seen.add(kind)
    return True


def faults_of(window: Window) -> Iterator[str]:
    """Yield what axe finds wrong with the page as it stands."""
    for one in Axe().run(window.page, options=VIOLATIONS).response["violations"]:
        first = one["nodes"][0]
        why = " ".join(first["failureSummary"].split())
        yield f"{one['id']}: {first['html'][:150]} {why[:200]}"


def sideways(window: Window) -> Iterator[str]:
    """Yield the widths at which a reader would have to scroll sideways."""
    for width in WIDTHS:
        window.page.set_viewport_size({"width": width, "height": DESK[1]})
        wide, room = window.page.evaluate(WIDE)
        if wide > room:
            yield f"{wide} px wide on a screen of {room}"
    window.page.set_viewport_size({"width": DESK[0], "height": DESK[1]})


def speaks(window: Window, language: str) -> bool:
    """Say whether a page is in a language."""
    lang = window.page.evaluate("document.documentElement.lang")
    return bool(lang == ("en" if language == "en" else "zh-Hans"))


def look(window: Window, path: str, language: str, theme: str) -> Iterator[str]:
    """Open a page and yield its faults."""
    window.page.emulate_media(color_scheme=theme)
    window.open(path)
    if not speaks(window, language):
        yield f"{path} is not in {language}"
    yield from (f"{path} in {language}, {theme}: {one}" for one in faults_of(window))
    yield from (f"{path} in {language}: {one}" for one in sideways(window))


@pytest.mark.parametrize("name", STARTS, ids=lambda name: name or "nobody")
def test_every_page_can_be_used_by_everybody_in_the_light_and_in_the_dark(
    served: Served, browse: Callable[..., Window], name: str
) -> None:
    """GB/T 37668-2019, WCAG 2.2: what axe can find, and nothing to scroll sideways for."""
    window, english = browse(name), browse(name, DESK, "en")
    seen: set[str] = set()
    waiting = [path.format(**served.names) for path in STARTS[name]]
    seen.update(kind_of(path) for path in waiting)
    faults: list[str] = []
    looked = 0
    while waiting:
        path = waiting.pop(0)
        faults += look(window, path, "zh-CN", "light")
        links = window.page.evaluate(LINKS)
        ours = (one.removeprefix(served.address) for one in links if one.startswith(served.address))
        waiting += [
            one.partition("#")[0]
            for one in ours
            # What is open to all is looked at once, by nobody.
            if not (name and is_open_to_all(one)) and is_new(one.partition("#")[0], seen)
        ]
        faults += look(english, path, "en", "dark")
        looked += 1
    assert not faults, "\n".join(faults)
    assert looked >= len(STARTS[name])


REFUSED = {  # who, what is opened, and the status of the answer; of a form: once it is sent empty
    "no such page": ("", "/nothing-of-this-name", 404),
    "a record that is not there": ("stranger", "/records/JL-2026-999999-X", 404),
    "a page of others": ("stranger", "/admin", 403),
    "a step that cannot be taken": ("reviewer", "/cases/{looked_at}/accept", 409),
    "a form of anybody": ("", "/records/{disputed}/complaint", 400),
    "a form of the enterprise": ("stranger", "/records/{disputed}/shield", 400),
    "a form of an official": ("provider", "/cases/{looked_at}/propose_correction", 400),
}
LOOKS = [(tongue, theme) for tongue in ("zh-CN", "en") for theme in ("light", "dark")]


@pytest.mark.parametrize("refused", REFUSED)
def test_what_is_refused_can_be_read_by_everybody(
    served: Served, browse: Callable[..., Window], refused: str
) -> None:
    """Pages of errors, and forms that are sent back, in both languages and both themes."""
    name, path, status = REFUSED[refused]
    faults: list[str] = []
    for language, theme in LOOKS:
        window = browse(name, DESK, language)
        window.page.emulate_media(color_scheme=theme)
        answer = window.page.goto(served.address + path.format(**served.names))
        if status == 400:
            assert answer is not None
            assert answer.status == 200, path
            with window.page.expect_navigation() as sent:
                window.page.locator("main form[method=post] .btn-primary").first.click()
            answer = sent.value
            assert window.page.locator("main .invalid-feedback:visible").count(), path
        assert answer is not None
        assert answer.status == status, path
        assert speaks(window, language)
        found = (*faults_of(window), *sideways(window))
        faults += [f"{path} in {language}, {theme}: {one}" for one in found]
        # The browser tells of such an answer, as it should.
        window.complaints[:] = [one for one in window.complaints if str(status) not in one]
    assert not faults, "\n".join(faults)


OPEN_TO_ALL = (
    "/commitments",
    "/measures",
    "/how",
    "/rules",
    "/coverage",
    "/trust",
    "/verify",
    "/complaints",
    "/login",
    "/training/courses",
)


def is_open_to_all(path: str) -> bool:
    """Say whether anybody sees this page as this person does."""
    return path.partition("?")[0] == "/" or path.startswith(OPEN_TO_ALL)


def test_the_chosen_theme_wins_over_that_of_the_system(browse: Callable[..., Window]) -> None:
    window = browse()

    def paper() -> str:
        return str(window.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    window.page.emulate_media(color_scheme="light")
    window.open("/rules")
    light = paper()
    window.page.emulate_media(color_scheme="dark")
    dark = paper()
    assert dark != light
    for theme, wanted in (("light", light), ("dark", dark)):
        window.page.locator("header details:visible summary").last.click()
        window.page.locator(f"header button[value={theme}]").click()
        window.page.wait_for_load_state()
        window.page.emulate_media(color_scheme="dark" if theme == "light" else "light")
        assert paper() == wanted
    window.page.emulate_media(media="print")
    assert paper() == "rgb(255, 255, 255)"
    assert not window.page.locator("header").is_visible()


def test_on_a_phone_the_menu_opens_without_a_script(browse: Callable[..., Window]) -> None:
    window = browse("", PHONE)
    window.open("/")
    link = window.page.locator("header a[href='/statistics']:visible")
    assert link.count() == 0
    window.page.locator("header summary:visible").first.click()
    link.click()
    window.page.wait_for_url("**/statistics")
    assert window.page.locator("header").bounding_box()["height"] < 120  # two lines at most


@pytest.mark.parametrize(
    ("name", "path"), [("", "/?q={uscc}"), ("officer", "/enforce?uscc={uscc}")]
)
def test_a_whole_code_can_be_read_in_its_field_on_a_phone(
    served: Served, browse: Callable[..., Window], name: str, path: str
) -> None:
    window = browse(name, PHONE)
    window.open(path.format(**served.names))
    field = window.page.locator("main form[role=search] input:visible").first
    assert len(field.input_value()) == 18
    inside, room = field.evaluate("e => [e.scrollWidth, e.clientWidth]")
    assert inside <= room
