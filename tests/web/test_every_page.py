"""Every page in both languages, for each role that it lets in: sound, named, labelled, light.

Which pages there are, who may enter and an address of each: test_routes.py.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from babel.messages.pofile import read_po
from flask import Flask

from tests.client import Client
from tests.test_translations import (
    CHINESE,
    ENGLISH,
    PO,
    entries,
    key_of,
    texts_of,
    untranslated,
    without,
)
from tests.web.test_pages import faults_of_element
from tests.web.test_routes import (
    HALFWAY,
    LEADS_ON,
    NOT_SET_UP,
    ONE_OF_EACH_ROLE,
    POSTED_ONLY,
    PUBLIC,
    ROLE_OF,
    ROUTES,
    SIGNED_IN,
    addresses,
    client_of,
)

__all__ = ["addresses", "client_of"]  # fixtures

pytestmark = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special

MOST_BYTES = 150_000  # of a page with its stylesheets and scripts, compressed
NO_PAGES = LEADS_ON | NOT_SET_UP | {"exports.fetch"}  # a file, when the worker has written it
EVERY_ROLE = ("anybody", "agent", *ONE_OF_EACH_ROLE)
LANGUAGES = {"zh-Hans": "zh-CN", "en": "en"}  # on the page -> as a browser asks
TOKEN = re.compile(r'(name="(?:csrf_token|form_token)"[^>]*value=")[^"]*')
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "form": "action"}


@dataclass
class Language:
    """What tells whether a text is in the other language."""

    tag: str
    msgids: frozenset[str]
    data: list[str]
    judged: dict[str, bool] = field(default_factory=dict)

    def is_foreign(self, text: str) -> bool:
        """Say whether a text is one that should have been translated."""
        if text not in self.judged:
            self.judged[text] = self._judge(text)
        return self.judged[text]

    def _judge(self, text: str) -> bool:
        if self.tag == "en":
            return bool(CHINESE.search(text) and CHINESE.search(without(text, self.data)))
        return text in self.msgids or bool(ENGLISH.search(text))


@lru_cache
def msgids() -> frozenset[str]:
    """Return the English texts that have a Chinese one."""
    with PO.open("rb") as file:
        catalogue = read_po(file, locale="zh_Hans_CN")
    return frozenset(one for entry in entries(catalogue) for one in key_of(entry.id).split("|"))


def pages_for(name: str, addresses: dict[str, str]) -> Iterator[str]:
    """Yield the pages whose door is open to somebody."""
    for key, address in addresses.items():
        admits = ROUTES.get(key, PUBLIC)  # steps and searches answer for themselves
        welcome = admits == PUBLIC or (
            name != "anybody"
            if admits in {SIGNED_IN, HALFWAY}
            else bool(set(admits) & ROLE_OF[name])
        )
        if key not in POSTED_ONLY and welcome:
            yield address


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_page_is_sound_for_everybody_whom_it_lets_in(
    app: Flask, tag: str, addresses: dict[str, str], client_of: Callable[[str], Client]
) -> None:
    known = ["中文", *untranslated()] if tag == "en" else []  # the name of a language is its own
    language = Language(tag, msgids(), known)
    sites = app.url_map.bind("localhost")
    seen: set[str] = set()
    entered: set[str] = set()
    faults: dict[str, str] = {}
    for name in EVERY_ROLE:
        client = client_of(name)
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = LANGUAGES[tag]
        for address in pages_for(name, addresses):
            page = client.get(address)
            if page.status_code == 200:
                entered.add(sites.match(page.request.path)[0])
            if page.mimetype != "text/html" or page.status_code == 302:
                continue
            for fault in faults_of(page, language, seen):
                faults.setdefault(fault, f"{name} at {address} ({page.status_code})")
            weight = weigh(client, page)
            if weight > MOST_BYTES:
                faults[f"{weight} bytes"] = address
    assert not faults, "\n".join(f"{what}: {where}" for what, where in sorted(faults.items()))
    assert set(ROUTES) - POSTED_ONLY - entered <= NO_PAGES, "nobody entered"


def faults_of(page: Any, language: Language, seen: set[str]) -> Iterator[str]:
    """Yield what is wrong with a page; its main part only when it was not looked at before."""
    html = TOKEN.sub(r"\1", page.html)
    if html in seen:
        return
    seen.add(html)
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    tree = parser.parse(html)
    yield from (f"{code} at {place}" for place, code, _ in parser.errors)
    yield from faults_of_frame(tree, language.tag)
    ids = [one.get("id") for one in tree.iter() if one.get("id")]
    yield from sorted({f"id {one} stands twice" for one in ids if ids.count(one) > 1})
    for one in tree.iter():
        yield from faults_of_element(one, tree)
        source = one.get(LOADED.get(str(one.tag), ""), "")
        if source and not re.match(r"/(?!/)|data:|\?|#|[\w./-]+$", source):
            yield f"asks {source}"
    for command in tree.iter("code"):
        command.text = ""  # typed as it stands, whatever the language
    for text in texts_of(tree, language.tag):
        shown = " ".join(text.split())
        if shown and language.is_foreign(shown):
            yield f"not translated: {shown}"


def faults_of_frame(tree: Element, tag: str) -> Iterator[str]:
    """Yield what is wrong with what every page has: language, title, heading, a way on."""
    if tree.get("lang") != tag:
        yield f"lang {tree.get('lang')}"
    title = tree.findtext(".//title") or ""
    if not title.split("·")[0].strip():
        yield "no title"
    if len(list(tree.iter("h1"))) != 1:
        yield f"{len(list(tree.iter('h1')))} h1"
    ways = [one for one in tree.iter("a") if (one.get("href") or "").startswith(("/", "?"))]
    if not ways:
        yield "leads nowhere"


def weigh(client: Client, page: Any) -> int:
    """Return the bytes of a page with its stylesheets and scripts, compressed."""
    files = {
        one.get("href") or one.get("src") or ""
        for one in html5lib.parse(page.html[: page.html.find("<body")], namespaceHTMLElements=False)
        .find("head")
        .iter()
        if one.tag == "script" or one.get("rel") == "stylesheet"
    }
    return len(gzip.compress(page.get_data())) + sum(weight_of(client, one) for one in files)


WEIGHTS: dict[str, int] = {}  # of the files, which no test changes


def weight_of(client: Client, address: str) -> int:
    """Return the bytes of a file, compressed."""
    if address not in WEIGHTS:
        WEIGHTS[address] = len(gzip.compress(client.get(address).get_data()))
    return WEIGHTS[address]


# --- light and dark ---


def test_the_theme_is_kept_by_the_browser_and_only_one_of_ours(anybody: Client) -> None:
    def darkness() -> list[str | None]:
        links = anybody.read("/").tree.iter("link")
        return [one.get("media") for one in links if "dark.css" in one.get("href", "")]

    def choose(theme: str) -> Any:
        data = {"csrf_token": anybody.token(), "theme": theme, "back": "/rules"}
        return anybody.post("/theme", data=data)

    assert darkness() == ["screen and (prefers-color-scheme: dark)"]  # as the system is
    answer = choose("dark")
    assert answer.location == "/rules"
    assert darkness() == ["screen"]  # never on paper
    assert {"HttpOnly", "SameSite=Lax"} <= set(answer.headers["Set-Cookie"].split("; "))
    choose("nonsense")
    assert darkness() == ["screen"]
    choose("light")
    assert darkness() == []
    choose("auto")
    assert darkness() == ["screen and (prefers-color-scheme: dark)"]


def test_going_back_leads_to_no_other_site(anybody: Client) -> None:
    data = {"csrf_token": anybody.token(), "theme": "dark", "back": "//evil.example"}
    assert anybody.post("/theme", data=data).location == "/"


@pytest.mark.parametrize("name", ["anybody", "subject"])
def test_the_page_of_a_refusal_says_what_to_do_and_leads_on(
    name: str, client_of: Callable[[str], Client]
) -> None:
    client = client_of(name)
    for address, status in (("/nowhere", 404), ("/cases/YY-2026-999999-Z", 404), ("/admin", 403)):
        page = client.get(address)
        if page.status_code == 302:
            continue  # to sign in
        assert page.status_code == status
        assert "/" in page.links.values()
        assert ("/home" in page.links.values()) == (name == "subject")


def test_a_form_that_is_refused_says_that_nothing_was_sent(anybody: Client) -> None:
    page = anybody.post("/theme", data={"theme": "dark"})
    assert page.status_code == 400
    assert "未保存、未提交任何内容" in page.words
