"""Letters on paper: the same bytes for the same input, tagged, fonts inside, nothing executed."""

import hashlib
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from io import BytesIO

import pytest
from pypdf import PdfReader

from config import ROOT
from repair_app import letters

CONTENT = {
    "kind": "notice",
    "template": "letter",
    "title": {"zh": "受理通知书", "en": "Notice of acceptance"},
    "says": {"zh": "已受理。", "en": "Accepted."},
    "from": "虚构市信用中心",
    "from_id": 1,
    "to": "虚构科技有限公司",
    "body": [{"zh": "你单位的异议已受理。", "en": "Your objection was accepted."}] * 3,
    "next": [{"zh": "可以撤回异议。", "en": "You can withdraw."}],
    "facts": [
        {
            "name": {"zh": "依据", "en": "Basis"},
            "value": {"zh": "《山东省社会信用条例》第三十九条", "en": "Regulations, art. 39"},
        }
    ],
}
ISSUED = {
    "number": "WS-2026-000001-C",
    "code": "abcdefghijklmnopqrstuv",
    "address": "https://redress.example/verify/abcdefghijklmnopqrstuv",
    "issued_at": datetime(2026, 11, 20, 17, 30, tzinfo=UTC),
}
IN_ANOTHER_PROCESS = """
import hashlib, json, sys
from datetime import datetime
from repair_app import letters
content, issued = json.load(sys.stdin)
issued["issued_at"] = datetime.fromisoformat(issued["issued_at"])
print(hashlib.sha256(letters.render(content, "zh", **issued)).hexdigest())
"""
TEMPLATES = sorted(letters.list_templates())


def read(content: bytes) -> PdfReader:
    return PdfReader(BytesIO(content))


def text_of(content: bytes) -> str:
    return "".join("".join(one.extract_text() for one in read(content).pages).split())


def test_the_same_bytes_for_the_same_input_in_every_process() -> None:
    page = letters.render(CONTENT, "zh", **ISSUED)
    assert letters.render(CONTENT, "zh", **ISSUED) == page
    given = json.dumps([CONTENT, {**ISSUED, "issued_at": ISSUED["issued_at"].isoformat()}])
    other = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert other.stdout.strip() == hashlib.sha256(page).hexdigest()


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("lang", letters.LANGUAGES)
def test_a_page_is_tagged_titled_in_its_language_with_fonts_inside(template, lang) -> None:
    """PDF/UA-1: readable by a screen reader; no font of the reader's machine is needed."""
    page = read(letters.render({**CONTENT, "template": template}, lang, **ISSUED))
    root = page.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith(lang)
    assert CONTENT["title"][lang] in page.metadata.title
    fonts = [one.get_object() for one in page.pages[0]["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "/FontFile3" in descriptor or "/FontFile2" in descriptor


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_text_can_be_taken_out_and_the_day_is_that_of_the_law(template) -> None:
    said = text_of(letters.render({**CONTENT, "template": template}, "zh", **ISSUED))
    for one in ("受理通知书", "WS-2026-000001-C", "你单位的异议已受理。", ISSUED["code"]):
        assert one in said
    assert "2026年11月21日" in said  # half past five in the evening of the 20th is the 21st there


def test_a_draft_bears_its_mark_and_neither_number_nor_code() -> None:
    said = text_of(letters.render(CONTENT, "zh"))
    assert "草稿" in said
    assert "WS-" not in said
    assert "verify" not in said
    assert "DRAFT" in text_of(letters.render(CONTENT, "en"))


@pytest.mark.parametrize(
    "typed",
    [
        '#panic("x")',
        "*粗* _x_ $y$",
        "{subject}",
        "\\u{41} <b> @x",
        "👩\u200d🔧 \u202eabc𠮷龘",
        "字" * 5000,
    ],
)
def test_what_was_typed_is_text_and_nothing_else(typed) -> None:
    content = {**CONTENT, "body": [{"zh": typed, "en": typed}], "to": typed[:60]}
    page = letters.render(content, "zh", **ISSUED)
    shown = "".join(letters.printable(typed).split())
    read_back = "".join(text_of(page).split())
    if len(read(page).pages) == 1:
        assert shown in read_back
    else:  # something stands between the pages
        assert read_back.count("字") >= len(shown)


def test_what_no_font_shows_is_a_blank_and_what_turns_letters_round_is_gone() -> None:
    assert letters.printable("王\u202e\u200d😀x\n\ufe0f") == "王〓x\n"


def test_another_template_has_another_hash(tmp_path) -> None:
    for name in ("base", "letter"):
        (tmp_path / f"{name}.typ").write_text("#let x = 1\n", encoding="utf-8")
    before = letters.hash_files("letter", tmp_path)
    assert letters.hash_files("letter", tmp_path) == before
    (tmp_path / "base.typ").write_text("#let x = 2\n", encoding="utf-8")
    assert letters.hash_files("letter", tmp_path) != before


def test_the_files_of_a_template_are_read_once_and_not_for_every_letter(monkeypatch) -> None:
    letters.hash_template.cache_clear()
    first = letters.hash_template("letter")
    assert first == letters.hash_files("letter", letters.TEMPLATES)
    monkeypatch.setattr(letters, "hash_files", None)
    assert letters.hash_template("letter") == first


def test_a_letter_is_printed_while_one_waits() -> None:
    """Not a measurement, which `manage.py bench` makes: a page that took seconds would be seen."""
    letters.render(CONTENT, "zh", **ISSUED)
    begun = time.perf_counter()
    letters.render(CONTENT, "zh", **ISSUED)
    assert time.perf_counter() - begun < 2
