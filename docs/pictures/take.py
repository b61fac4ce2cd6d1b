"""Take the pictures of the README anew, of the demonstration data.

    python3 manage.py up --port 8000            # in one terminal, with its demonstration data
    .venv/bin/python docs/pictures/take.py http://127.0.0.1:8000

Needed: the test libraries (`manage.py test` brings them) and the system's chromium.
"""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import typst
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
PASSWORD = "Yunze-Demo-2026"  # noqa: S105  # of the demonstration, as the README says
DESK, PHONE = (1280, 720), (375, 812)
MOST_BYTES = 150_000
A_CASE = 'main a[href*="/cases/YY-"]'
# picture -> who looks, at which address, what is clicked there, on which screen
PICTURES = {
    "search": ("", "/?q=示例", "", DESK),
    "record": ("", "/?q=恒晟", 'main tr:has(.held) a[href*="/records/"]', DESK),
    "statistics": ("", "/statistics", "", DESK),
    "my": ("jiang", "/my", "", DESK),
    "my-phone": ("jiang", "/my", "", PHONE),
    "objection-phone": ("jiang", "/my", 'main a[href$="/objection"]', PHONE),
    "worklist": ("lin", "/work", "", DESK),
    "case": ("zhou", "/work?what=objection.correction_proposed", A_CASE, (1280, 660)),
    "case-phone": ("jiang", "/my", A_CASE, PHONE),
}


def main(address: str) -> None:
    """Take all pictures from a server at an address."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=options)
        people: dict[tuple[str, tuple[int, int]], Page] = {}
        for name, (who, path, link, size) in PICTURES.items():
            if (who, size) not in people:
                people[who, size] = page_of(browser, address, who, size)
            page = people[who, size]
            page.goto(address + path)
            if link:
                page.locator(link).first.click()
            page.wait_for_load_state("networkidle")  # charts and codes are files of their own
            keep(name, page.screenshot())
        keep("letter", picture_of_letter(people["jiang", DESK], address))
        browser.close()


def page_of(browser: Browser, address: str, who: str, size: tuple[int, int]) -> Page:
    """Return a window of somebody of the demonstration, or of nobody."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", color_scheme="light"
    )
    page = context.new_page()
    if who:
        page.goto(f"{address}/login")
        page.fill("[name=email]", f"{who}@redress.example")
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url(re.compile(r"/(my|work|enforce|audit|admin)$"))
    return page


def picture_of_letter(page: Page, address: str) -> bytes:
    """Return the newest letter on a person's page, as it is sent (PDF), as a picture (PNG)."""
    page.goto(f"{address}/my")
    link = page.locator('main a[href*="/letters/"]').first.get_attribute("href")
    with TemporaryDirectory() as folder:
        (Path(folder) / "letter.pdf").write_bytes(page.request.get(f"{address}{link}").body())
        (Path(folder) / "page.typ").write_text(
            '#set page(width: auto, height: auto, margin: 0pt)\n#image("letter.pdf")'
        )
        return bytes(typst.compile(str(Path(folder) / "page.typ"), format="png", ppi=80))


def keep(name: str, picture: bytes) -> None:
    """Write a picture that is small enough. Raises SystemExit for one that is not."""
    (HERE / f"{name}.png").write_bytes(picture)
    sys.stdout.write(f"{name}.png: {len(picture) // 1000} kB\n")
    if len(picture) > MOST_BYTES:
        raise SystemExit(f"{name}.png is larger than {MOST_BYTES // 1000} kB")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
