"""Words that are more than words to some program: rows 43, 44, 49 to 58."""

import ast
import importlib
import pkgutil
import re
import secrets
import time
import unicodedata
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from sqlalchemy import select, update

import repair_app
from repair_app import mail
from repair_app.db import db, now
from repair_app.mail import compose, literal, read_server
from repair_app.models import CreditRecord, Organisation, User
from repair_app.services import timers
from repair_app.services.transaction import transaction
from tests.factories import make_case, make_organisation, make_record
from tests.security.table import ROOT
from tests.smtp_server import running_server

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
SERVER = read_server("smtp://mail.example:25")

# --- row 53: headers of mails ---------------------------------------------------------------------

INJECTED = [
    "x\nBcc: thief@example.com",
    "x\rBcc: thief@example.com",
    "x\r\nBcc: thief@example.com",
    "x\r\n\r\nanother body",
    "x\u2028Bcc: thief@example.com",
    "x\x0bBcc: thief@example.com",
    "=?utf-8?q?x=0ABcc=3A_thief=40example=2Ecom?=",
    "=?utf-8?q?x=0D=0ABcc=3A_thief=40example=2Ecom?=",
    "关于 =?utf-8?b?eApCY2M6IHRoaWVmQGV4YW1wbGUuY29t?= 的通知",
    "=?utf-8?q?=3D=3F?=utf-8?q?x=0ABcc=3Ax?=",
    "=\n?utf-8?q?x=0ABcc=3Ax?=",
]
HEADERS = [
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Language",
]


def compose_with(subject):
    """Return the bytes of a mail with a subject."""
    return bytes(
        compose(SERVER, "a@b.example", subject, "text", "<p>x</p>", name="1", language="zh")
    )


@pytest.mark.parametrize("subject", INJECTED)
def test_row_53_cve_2024_6923_no_subject_makes_a_further_header(subject):
    head = compose_with(subject).partition(b"\r\n\r\n")[0]
    lines = [one for one in re.split(rb"\r\n|\r|\n", head) if not one.startswith((b" ", b"\t"))]
    assert [one.partition(b":")[0].decode() for one in lines] == HEADERS
    sent = message_from_bytes(compose_with(subject), policy=policy.default)
    assert sent["Bcc"] is None
    assert sent.get_body(("plain",)).get_content().strip() == "text"


def test_row_53_cve_2024_6923_control_a_header_that_would_be_two_is_not_sent(monkeypatch):
    """Where our own care is switched off, the mail is refused and not sent."""
    monkeypatch.setattr(mail, "literal", lambda text: text)
    with pytest.raises(mail.NotSent):
        compose_with("=?utf-8?q?x=0ABcc=3A_thief=40example=2Ecom?=")


@pytest.mark.parametrize(
    "to", ["=?utf-8?q?x=0ABcc=3Ae?=@b.example", "a@b.example\nBcc: x@y.example"]
)
def test_row_53_cve_2013_3373_no_address_makes_a_further_header(to):
    with pytest.raises(mail.NotSent):
        compose(SERVER, to, "x", "text", "<p>x</p>", name="1", language="zh")


def test_row_53_what_is_no_code_stays_as_it_was():
    assert literal("您的异议（YY-2026-000001-U）已受理 = 100%?") == (
        "您的异议（YY-2026-000001-U）已受理 = 100%?"
    )


@one_store
def test_row_53_cve_2012_4730_names_of_people_and_firms_make_no_header(world, app, monkeypatch):
    evil = "=?utf-8?q?x=0ABcc=3A_thief=40example=2Ecom?="
    with transaction() as session:
        session.execute(update(User).where(User.id != world.provider.id).values(mail_mode="none"))
        session.get_one(Organisation, world.firm.id).name = f"甲{evil}"
        session.get_one(User, world.provider.id).person.name = evil
    record = make_record(world.firm, world.agency, decision_no=evil, violation_type=evil)
    with running_server() as box:
        monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
        monkeypatch.setitem(app.config, "SMTP_SENDER", "redress@gov.example")
        monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example")
        make_case(world, "with_provider", record=record)
        timers.send_mail(now())
    assert box.mails
    assert {one for to in box.recipients for one in to} == {world.provider.email}
    for one in box.mails:
        assert one["Bcc"] is None
        assert sorted(set(one.keys()) - {"X-Peer", "X-MailFrom", "X-RcptTo"}) == sorted(HEADERS)


# --- row 56: patterns -----------------------------------------------------------------------------

HOSTILE = [
    "a" * 100_000,
    "1" * 100_000,
    " " * 100_000,
    "\n" * 100_000,
    "甲" * 100_000,
    "(" * 100_000,
    '"' * 100_000,
    "a@" * 50_000,
    "1-" * 50_000,
    "1，" * 50_000,
    "2026年" * 16_000,
]
ENOUGH = 5.0  # seconds of this process; where time grows with the length it is some milliseconds
LOOKING = re.compile(r"\b([A-Z_]+)\.(?:search|subn?|findall|finditer|split)\b")


def patterns_in(value):
    """Yield the patterns that a constant is, or holds at any depth."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from patterns_in(tuple(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from patterns_in(one)


def all_patterns():
    """Return every pattern that our modules keep: where, and whether it looks for itself in texts.

    One that is only matched from the beginning of a text begins once.
    """
    found = {}
    for module in pkgutil.walk_packages(repair_app.__path__, "repair_app."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        source = Path(loaded.__file__).read_text(encoding="utf-8")
        looking = set(LOOKING.findall(source))
        for name, value in vars(loaded).items():
            for number, one in enumerate(patterns_in(value)):
                looks = name in looking or not isinstance(value, re.Pattern)
                key = one.pattern, one.flags
                found[key] = (
                    f"{module.name}.{name}[{number}]",
                    one,
                    looks or found.get(key, (0, 0, False))[2],
                )
    return list(found.values())


def patterns_of_calls():
    """Return what calls such as `re.sub` say themselves, with where they stand."""
    for file in sorted((ROOT / "repair_app").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                is_ours = getattr(node.func.value, "id", "") == "re"
                said = node.args[0]
                if (
                    is_ours
                    and isinstance(said, ast.Constant)
                    and node.func.attr not in {"compile", "escape"}
                ):
                    yield f"{file.name}:{node.lineno}", re.compile(said.value), True


def test_row_56_cve_2018_18898_no_pattern_takes_long_over_hostile_text():
    patterns = [*all_patterns(), *patterns_of_calls()]
    assert len(patterns) > 50
    slow = [place for place, pattern, looks in patterns if takes_long(pattern, looks=looks)]
    assert slow == []


def takes_long(pattern, *, looks):
    """Say whether a pattern takes more than enough time over 100,000 letters of any kind."""
    begun = time.process_time()
    for text in HOSTILE:
        subject = text.encode() if isinstance(pattern.pattern, bytes) else text
        pattern.fullmatch(subject)
        if looks:
            pattern.search(subject)
        if time.process_time() - begun > ENOUGH:
            return True
    return False


def test_row_56_control_a_pattern_that_goes_back_and_forth_is_found_out(monkeypatch):
    """With 25 letters where the test gives 100,000: each letter more doubles the time."""
    bad = re.compile("(a+)+b")

    def cost(length):
        begun = time.process_time()
        bad.search("a" * length)
        return time.process_time() - begun

    assert cost(22) > 10 * cost(12)
    # Slow as well, but with an end: what looks for such patterns finds it by the clock.
    monkeypatch.setattr(f"{__name__}.ENOUGH", ENOUGH / 10)
    assert takes_long(re.compile("a{0,30000}b"), looks=True)
    assert not takes_long(re.compile("a{0,30000}b"), looks=False)


# --- rows 57, 58: what looks alike ----------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        lambda code: "".join(chr(ord(one) + 0xFEE0) for one in code),  # full width
        str.lower,
        "\u200b".join,  # zero width
        lambda code: f"\ufeff{code}\u200f",
        lambda code: f" {code[:9]} {code[9:]} ",
    ],
)
@one_store
def test_row_57_a_code_is_the_same_however_it_is_written(as_, world, write):
    """And so it is on file once: who adds the organisation again is told."""
    client = as_(world.administrator)
    page = client.fill(
        "/admin/organisations/new", uscc=write(world.firm.uscc), name="虚构丙有限公司"
    )
    assert page.status_code in {400, 409}
    with_code = select(Organisation.id).where(Organisation.uscc == world.firm.uscc)
    assert len(db.session.scalars(with_code).all()) == 1
    assert (
        world.firm.name in as_(world.officer).read(f"/enforce?uscc={write(world.firm.uscc)}").html
    )


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@one_store
def test_row_57_a_name_is_found_in_whatever_form_its_letters_came(anybody, world, form):
    name = "Kunststoffwerk Größé 虚构ガス有限公司"
    firm = make_organisation(name=unicodedata.normalize("NFC", name))
    record = make_record(firm, world.agency)
    query = unicodedata.normalize(form, name)
    assert record.ref in anybody.get("/", query_string={"q": query}).html


@one_store
def test_row_57_a_letter_that_looks_like_another_is_no_code(as_, world):
    alike = world.firm.uscc.replace("A", "\u0410")  # a Cyrillic letter
    assert alike != world.firm.uscc
    page = as_(world.administrator).fill("/admin/organisations/new", uscc=alike, name="丙公司")
    assert page.status_code == 400
    found = select(Organisation.id).where(Organisation.uscc == alike)
    assert db.session.scalar(found) is None


@pytest.mark.parametrize("query", ["%", "_", "%%", "虚构%", "虚_甲", "\\", "'", '"', "*"])
@one_store
def test_row_58_signs_of_a_query_language_find_nothing_but_themselves(world, anybody, query):
    record = make_record(world.firm, world.agency)
    found = anybody.get("/", query_string={"q": query})
    assert found.status_code == 200
    assert record.ref not in found.html
    marked = make_organisation(name="百分之五十%_公司")
    own = make_record(marked, world.agency)
    # Between words it stands for no other word either.
    other = {"%": "百分之%公司", "_": "百分之五_%_公司"}.get(query)
    if other:
        assert own.ref not in anybody.get("/", query_string={"q": other}).html
        assert own.ref in anybody.get("/", query_string={"q": "百分之五十%_公司"}).html


# --- row 51: SQL ----------------------------------------------------------------------------------

NAMES = ["q", "sort", "order", "after", "page", "size", "state"]
BREAKS_OUT = "'OR'1'LIKE'1"  # in a query that words were a part of, all would be found
SQL = ["1; DROP TABLE event", "id)) UNION SELECT 1--", BREAKS_OUT, "-1", "1e9", "../1", "\x00"]


@one_store
def test_row_51_cve_2011_4460_sql_in_a_question_is_refused_or_finds_nothing(as_, world, digest):
    record = make_record(world.firm, world.agency)
    before = digest()
    for client, address in (
        (as_(world.reviewer), "/work"),
        (as_(world.reviewer), "/work/cases"),
        (as_(world.auditor), "/audit"),
        (as_(world.subject), "/my"),
        (as_(world.administrator), "/admin/people"),
        (as_(world.stranger), "/"),
    ):
        for name, text in zip(NAMES, SQL, strict=True):
            answer = client.get(address, query_string={name: text})
            assert answer.status_code in {200, 302, 400, 404}, f"{address}?{name}={text}"
        for text in SQL:
            answer = client.get(address, query_string=dict.fromkeys(NAMES, text))
            assert answer.status_code in {200, 302, 400, 404}, f"{address} {text}"
            assert address != "/" or record.ref not in answer.html, text
    assert digest() == before
    assert db.session.scalar(select(CreditRecord.id).where(CreditRecord.ref == record.ref))


# --- rows 49, 50: what would run in a page --------------------------------------------------------

MARKUP = "<img src=x onerror=alert(1)>{{7*7}}${7*7}<%= 7*7 %>"


@one_store
def test_rows_49_50_cve_2011_2083_cve_2011_5093_words_are_shown_as_they_were_written(as_, world):
    record = make_record(world.firm, world.agency, violation_facts=MARKUP)
    ref = make_case(world, "submitted", record=record).ref
    reviewer = as_(world.reviewer)
    assert reviewer.fill(f"/cases/{ref}/ask_supplement", missing=MARKUP).status_code == 302
    for client in (reviewer, as_(world.subject)):
        page = client.read(f"/cases/{ref}")
        assert MARKUP in page.words
        assert "<img src=x" not in page.html
        assert "<%= 49" not in page.html
        assert ">49<" not in page.html


# --- rows 43, 44: other sites ---------------------------------------------------------------------


@one_store
def test_row_43_cve_2012_4732_another_sites_form_has_no_token(as_, world, digest):
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    sent = form_of(case)
    before = digest()
    for token in ({}, {"csrf_token": ""}, {"csrf_token": as_(world.stranger).token()}):
        answer = client.post(f"/cases/{case.ref}/accept", data=sent | token)
        assert answer.status_code == 400
    good = sent | {"csrf_token": client.token()}
    assert client.get(f"/cases/{case.ref}/accept", query_string=good).status_code == 200
    assert digest() == before


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",  # a frame in a sandbox, or a page that leads on
        "http://localhost.evil.example",
        "http://evil.example/localhost",
        "http://localhost@evil.example",
    ],
)
@one_store
def test_row_43_what_a_browser_says_another_site_sent_is_refused_with_a_good_token(
    as_, world, digest, origin
):
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    sent = form_of(case) | {"csrf_token": client.token()}
    before = digest()
    place = f"/cases/{case.ref}/accept"
    page = client.post(place, data=sent, headers={"Origin": origin})
    assert page.status_code == 400
    assert page.title
    assert digest() == before
    assert client.post(place, data=sent, headers={"Origin": "http://localhost"}).status_code == 302


def form_of(case):
    """Return what the form of a step without questions sends, but for the token."""
    return {"version": str(case.version), "form_token": secrets.token_urlsafe(24)}


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "/%09/evil.example",
        "%2f%2fevil.example",
        "https://evil.example",
    ],
)
@one_store
def test_row_44_cve_2022_25803_signing_in_leads_to_a_page_of_this_site(world, anybody, target):
    page = anybody.get("/login", query_string={"next": target})
    answer = anybody.send(
        page, "/login", email=world.subject.email, password="correct horse battery staple"
    )
    assert answer.status_code in {200, 302}  # 200: not signed in at all
    place = urljoin("https://credit.example/login", answer.location or "")  # as a browser reads it
    assert urlsplit(place).netloc == "credit.example"
    assert urlsplit(place).scheme == "https"
