"""The Chinese catalogue is whole, and each page speaks one language.

To bring the catalogue up to date after texts were added or changed, in the project's folder
(`pybabel` is .venv/bin/pybabel):

    pybabel extract -F babel.cfg --no-wrap --add-location=file --sort-by-file -o /tmp/redress.pot .
    pybabel update -i /tmp/redress.pot -d repair_app/translations -l zh_Hans_CN --no-wrap
            --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
    (write into messages.po the Chinese of what these tests then name)
    pybabel compile -d repair_app/translations -D messages
"""

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from sqlalchemy import JSON, String, select

from config import ROOT
from repair_app.db import db
from repair_app.engine.enforcement import CODES
from repair_app.models import User
from repair_app.sealing import Sealed
from tests.client import Client
from tests.factories import (
    PDF,
    World,
    act,
    get_case,
    make_case,
    make_record,
    make_sanction,
    requirement_of,
)

PO = ROOT / "repair_app" / "translations" / "zh_Hans_CN" / "LC_MESSAGES" / "messages.po"
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
HALF_WIDTH = re.compile(r"[\u3400-\u9fff][,;:!?()]|[,;:!?()][\u3400-\u9fff]")
# Two English words: one alone may be a name (English, PDF) or a code (A01, KB).
ENGLISH = re.compile(r"[A-Za-z]{2,}[,;]? [a-z]{2,}")
SHOWN = ("alt", "aria-label", "data-name", "placeholder", "title")


# --- the catalogue --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def texts() -> set[str]:
    """Read the texts that are marked for translation, plural forms after a bar."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, keywords=DEFAULT_KEYWORDS)
    return {key_of(message) for _, _, message, _, _ in found}


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    """Read the Chinese catalogue."""
    with PO.open("rb") as file:
        return read_po(file, locale="zh_Hans_CN", abort_invalid=True)


def key_of(text: str | tuple[str, ...]) -> str:
    """Return a text, or all its plural forms, as one."""
    return text if isinstance(text, str) else "|".join(text)


def entries(catalogue: Catalog) -> list[Message]:
    """Return the entries without the header."""
    return [one for one in catalogue if one.id]


def words_of(message: Message) -> list[str]:
    """Return the Chinese of an entry, each plural form of it."""
    words = message.string
    return [words] if isinstance(words, str) else list(words)


def test_every_text_is_in_chinese(texts: set[str], chinese: Catalog) -> None:
    done = {key_of(one.id) for one in entries(chinese) if not one.fuzzy and all(words_of(one))}
    assert texts - done == set(), "marked in the code, not translated in messages.po"


def test_catalogue_holds_nothing_else(texts: set[str], chinese: Catalog) -> None:
    assert {key_of(one.id) for one in entries(chinese)} - texts == set(), "no longer in the code"
    assert list(chinese.obsolete) == []


def test_placeholders_are_kept(chinese: Catalog) -> None:
    for one in entries(chinese):
        wanted = set(PLACEHOLDER.findall(key_of(one.id)))
        for words in words_of(one):
            assert set(PLACEHOLDER.findall(words)) == wanted, one.id
            assert "%" not in PLACEHOLDER.sub("", words.replace("%%", "")), (
                f"{words!r}: a stray % breaks the text"
            )


def test_each_side_is_in_its_own_language(chinese: Catalog) -> None:
    for one in entries(chinese):
        assert not CHINESE.search(key_of(one.id)), f"{one.id!r} is not English"
        for words in words_of(one):
            shown = PLACEHOLDER.sub("", words)
            assert CHINESE.search(words) or not re.search("[A-Za-z]", shown), words
            assert not ENGLISH.search(shown), f"{words!r} is not all Chinese"


def test_chinese_has_full_width_punctuation(chinese: Catalog) -> None:
    for one in entries(chinese):
        for words in words_of(one):
            # What stands for a placeholder may be Chinese.
            assert not HALF_WIDTH.search(PLACEHOLDER.sub("文", words)), words
            assert words == words.strip(), f"{words!r} has space around it"


def test_same_chinese_word_for_same_text_with_colon(chinese: Catalog) -> None:
    both = {one.id: one.string for one in entries(chinese) if isinstance(one.id, str)}
    for text, words in both.items():
        if text.endswith(":") and text[:-1] in both:
            assert words == both[text[:-1]] + "："


REASONS = sorted(
    path
    for path in (ROOT / "repair_app" / "engine").rglob("*.py")
    if re.search(r"(?<!class )\bReason\(", path.read_text(encoding="utf-8"))
)


@pytest.mark.parametrize("path", REASONS, ids=lambda path: path.stem)
def test_every_reason_is_marked_and_translated(path: Path, chinese: Catalog) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason"
    ]
    assert calls
    for call in calls:
        match call.args[0]:
            case ast.Call(func=ast.Name(id="N_"), args=[ast.Constant(value=str(text))]):
                assert text in chinese, f"{text!r} is not in messages.po"
            case ast.Subscript(value=ast.Name(id="CODES")):
                assert [text for text in CODES.values() if text not in chinese] == []
            case other:
                pytest.fail(f"line {call.lineno}: {ast.unparse(other)} is not marked with N_")


def test_compiled_catalogue_is_current(chinese: Catalog) -> None:
    compiled = PO.with_suffix(".mo")
    assert compiled.exists(), (
        "run: .venv/bin/pybabel compile -d repair_app/translations -D messages"
    )
    with compiled.open("rb") as file:
        known = {key_of(one.id): words_of(one) for one in entries(read_mo(file))}
    now = {key_of(one.id): words_of(one) for one in entries(chinese)}
    assert known == now, "messages.po was edited: compile it again"


# --- the pages ------------------------------------------------------------------------------


@pytest.fixture
def visits(world: World, as_: Callable[[User], Client], anybody: Client) -> list[tuple[str, Any]]:
    """Put something of everything on file; return who opens which page."""
    plain = make_record(world.firm, world.agency)
    make_record(world.firm, world.agency, severity="specific_serious")
    make_record(world.firm, world.agency, decided_days_ago=10)
    measure = make_sanction(plain, world.officer)
    serious = make_record(world.firm, world.agency, severity="serious", decided_days_ago=300)
    make_sanction(serious, world.officer, code="M01")
    new = make_case(world, "submitted", record=plain)
    disputed = make_record(world.firm, world.agency)
    make_sanction(disputed, world.officer)
    contested = make_case(world, "with_provider", record=disputed)
    closed = make_case(world, "closed")
    rejected = make_case(world, "rejected")
    refused = make_case(world, "refused")
    repair = make_case(world, "draft", workflow="repair", record=serious)
    repaired = make_record(world.firm, world.agency)
    make_sanction(repaired, world.officer)
    granted = make_case(world, "closed", workflow="repair", record=repaired)
    act(world.subject, "enrol", requirement_of(repair, "training"))
    owed = {one.workflow: one.ref for one in get_case(repair.ref).requirements}
    pages = {
        "anybody": [
            "/",
            "/?q=虚构",
            "/?q=nothing",
            "/commitments",
            "/measures",
            "/login",
            "/nothing",
            f"/records/{contested.record.ref}",
        ],
        "subject": [
            "/my",
            "/admin",
            f"/records/{plain.ref}",
            f"/records/{plain.ref}/objection",
            f"/records/{closed.record.ref}/repair",
            f"/cases/{contested.ref}",
            f"/cases/{closed.ref}",
            f"/cases/{refused.ref}",
            f"/cases/{repair.ref}",
            f"/cases/{repair.ref}/submit",
            f"/cases/{new.ref}/withdraw",
            f"/cases/{new.ref}/submit",
            f"/requirements/{owed['commitment']}/sign",
            f"/requirements/{owed['rectification']}/submit_proof",
            f"/requirements/{owed['credit_report']}/request",
        ],
        "stranger": ["/my", f"/cases/{new.ref}"],
        "reviewer": [
            "/work",
            "/work/cases",
            f"/cases/{rejected.ref}",
            f"/cases/{granted.ref}",
            f"/cases/{new.ref}",
            f"/cases/{new.ref}/accept",
            f"/cases/{new.ref}/refuse",
            f"/cases/{new.ref}/ask_supplement",
        ],
        "torn_reviewer": [f"/cases/{new.ref}", f"/cases/{new.ref}/accept"],
        "provider": [
            "/work",
            "/work/imports",
            "/work/cases?workflow=repair",
            f"/cases/{contested.ref}/propose_correction",
            f"/cases/{contested.ref}/confirm",
            f"/records/{plain.ref}/annul",
        ],
        "officer": [
            "/enforce",
            f"/enforce?uscc={world.firm.uscc}",
            f"/enforce?uscc={world.other_firm.uscc}",
            "/enforce?uscc=911",
            f"/records/{granted.record.ref}",
            f"/records/{serious.ref}/sanction",
            f"/sanctions/{measure.ref}/lift",
        ],
        "institution": [
            "/work",
            f"/requirements/{owed['training']}",
            f"/requirements/{owed['training']}/confirm_training",
        ],
        "auditor": ["/audit", "/audit/verify", "/work/cases"],
        "administrator": ["/admin"],
    }
    forms = {
        "anybody": [("/login", {"email": "", "password": ""})],
        "subject": [
            (f"/records/{plain.ref}/objection", {}),
            (f"/cases/{new.ref}/withdraw", {"version": "0"}),
            (f"/requirements/{owed['commitment']}/sign", {}),
            (
                f"/requirements/{owed['rectification']}/submit_proof",
                {"evidence": [(b"MZ", "proof.exe")]},
            ),
        ],
        "reviewer": [(f"/cases/{new.ref}/refuse", {})],
        "provider": [
            ("/work/imports", {}),
            ("/work/imports", {"file": (PDF, "a.csv")}),
            (f"/cases/{contested.ref}/propose_correction", {"value_fine_10k": "x"}),
        ],
        "officer": [(f"/records/{serious.ref}/sanction", {"ends_on": "2020-01-01"})],
        "institution": [
            (
                f"/requirements/{owed['training']}/confirm_training",
                {"number": "1", "issued_on": "2999-01-01", "valid_until": "2020-01-01"},
            )
        ],
    }
    clients = {name: anybody if name == "anybody" else as_(getattr(world, name)) for name in pages}
    return [
        *((clients[who], url, None) for who in pages for url in pages[who]),
        *((clients[who], url, filled) for who in forms for url, filled in forms[who]),
    ]


def open_all(visits: list[Any], language: str) -> Iterator[tuple[str, Element]]:
    """Yield each page with its address, asked for by a browser of this language."""
    for client, url, filled in visits:
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        page = client.get(url)
        if filled is not None:
            page = client.send(page, url.split("?")[0], **filled)
            assert page.status_code in {200, 400, 409, 413, 415}, f"{url}: {page.status_code}"
        assert page.mimetype == "text/html", f"{url}: {page.status_code}"
        yield f"{'POST' if filled is not None else 'GET'} {url}", page.tree


def texts_of(element: Element, language: str) -> Iterator[str]:
    """Yield the texts that a reader meets, without those marked as of another language."""
    if element.tag in {"style", "script"} or element.get("lang", language) != language:
        return
    if element.tag == "bdi":  # a name or query, with what was meant in it marked: read it whole
        yield "".join(element.itertext())
        return
    yield from (element.get(name, "") for name in SHOWN)
    if element.tag == "button":
        yield element.get("value", "") * (element.get("type") == "submit" and not element.text)
    yield element.text or ""
    for child in element:
        yield from texts_of(child, language)
        yield child.tail or ""


def untranslated() -> list[str]:
    """Return the Chinese that people and files put into the store."""
    found: set[str] = set()
    for table in db.metadata.tables.values():
        columns = [
            one
            for one in table.columns
            if isinstance(one.type, (String, JSON, Sealed)) and not one.name.endswith("_zh")
        ]
        for row in db.session.execute(select(*columns)) if columns else ():
            for value in row:
                found.update(strings_in(value))
    return sorted(filter(CHINESE.search, found), key=len, reverse=True)


def strings_in(value: Any) -> Iterator[str]:
    """Yield the strings inside a value, and the lines of each."""
    match value:
        case str() if value.startswith(("{", "[")):
            yield from strings_in(json.loads(value))
        case str():
            yield value
            yield from value.splitlines()
        case dict():
            for one in value.values():
                yield from strings_in(one)
        case list():
            for one in value:
                yield from strings_in(one)


def without(text: str, known: Iterable[str]) -> str:
    """Return a text without what is known."""
    for one in known:
        text = text.replace(one, " ") if one in text else text
    return text


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_pages_in_chinese_have_no_english(visits: list[Any], chinese: Catalog) -> None:
    english = {text for one in entries(chinese) for text in key_of(one.id).split("|")}
    found = {}
    for url, tree in open_all(visits, "zh-CN"):
        assert tree.get("lang") == "zh-Hans"
        for text in texts_of(tree, "zh-Hans"):
            shown = " ".join(text.split())
            if shown in english or ENGLISH.search(shown):
                found.setdefault(shown, url)
    assert found == {}


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_pages_in_english_have_no_chinese(visits: list[Any]) -> None:
    known = untranslated()
    found = {}
    for url, tree in open_all(visits, "en"):
        assert tree.get("lang") == "en"
        for text in texts_of(tree, "en"):
            shown = " ".join(text.split())
            if CHINESE.search(without(shown, known)):
                found.setdefault(shown, url)
    assert found == {}
