"""The catalogue of measures through the front door: looked at, previewed, put in force."""

import json
import shutil

import pytest
from sqlalchemy import select

from repair_app.db import db
from repair_app.models import Event, EventText, SanctionMeasure
from repair_app.services import catalogue
from tests.factories import make_record, make_sanction

PAGE = "/admin/measures"
FILE = "/admin/measures/measures.toml"
NEW = """
[[measures]]
code = "Z01"
name = {zh = "限制新增事项", en = "Limited in something new"}
kind = "market"
force = "recommended"
basis = "SD-DRC-35 四（十三）"
classes = ["serious"]
"""


@pytest.fixture
def admin(as_, world):
    return as_(world.administrator)


@pytest.fixture
def now_in_force(admin):
    """Give the catalogue as the administrator takes it out."""
    answer = admin.get(FILE)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    return answer.get_data(as_text=True)


def measure(code):
    db.session.rollback()
    return db.session.scalars(select(SanctionMeasure).where(SanctionMeasure.code == code)).one()


def events():
    db.session.rollback()
    found = db.session.scalars(select(Event).where(Event.stream == "measures").order_by(Event.seq))
    return [json.loads(one.payload) for one in found]


def look(admin, **sent):
    """Send a catalogue and return the preview."""
    page = admin.fill(PAGE, source="联席会议通知", button="preview", **sent)
    assert page.status_code == 200, page.mistakes
    return page


def rows_of(page):
    """Return what a preview says, by code."""
    table = page.tree.find(".//main//table")
    rows = [
        [" ".join("".join(cell.itertext()).split()) for cell in row] for row in table.find("tbody")
    ]
    return {row[0]: row[1:] for row in rows}


def test_a_catalogue_is_looked_at_and_then_put_in_force(admin, world, now_in_force, digest, app):
    """No measure outside the list, and every change of the list can be followed (…四（十三）)."""
    record = make_record(world.firm, world.agency)
    sanction = make_sanction(record, world.officer)
    code, former = sanction.measure.code, sanction.measure.name_zh
    heading = f'code    = "{code}"'
    begin = now_in_force.index(heading)
    block = now_in_force[begin : now_in_force.find("[[measures]]", begin)]
    changed = (
        block.replace(former, "限制参加更名后的活动").rstrip() + "\nwithdrawn_on = 2030-01-01\n\n"
    )
    text = now_in_force.replace(block, changed) + NEW
    before = digest()
    page = look(admin, file=(text.encode(), "measures.toml"), text="")
    assert digest() == before
    rows = rows_of(page)
    assert set(rows) == {code, "Z01"}
    assert former in rows[code][1]
    assert "限制参加更名后的活动" in rows[code][1]
    assert "2030-01-01" in rows[code][1]
    assert rows[code][2] == "1"  # runs on this ground
    assert rows["Z01"][2] == "0"
    answer = admin.send(page, PAGE)
    assert answer.status_code == 302
    assert measure(code).name_zh == "限制参加更名后的活动"
    assert str(measure(code).withdrawn_on) == "2030-01-01"
    assert measure("Z01").classes == ["serious"]
    (event,) = events()
    assert event["transition"] == "apply"
    assert event["actor"]["role"] == "administrator"
    told = {one["code"]: one for one in event["facts"]["measures"]}
    assert told["Z01"]["change"] == "added"
    assert told[code]["change"] == "withdrawn"
    assert told[code]["running"] == 1
    assert told[code]["fields"]["name_zh"] == [former, "限制参加更名后的活动"]
    assert "联席会议通知" in " ".join(db.session.scalars(select(EventText.body)))
    assert "联席会议通知" in admin.read(PAGE).words
    assert "Z01" in admin.read("/admin/changes").words
    assert app.test_cli_runner().invoke(args=["verify"]).exit_code == 0


def test_a_mistake_is_told_with_its_line_and_what_was_sent_stays(admin, now_in_force, digest):
    before = digest()
    wrong = now_in_force + NEW.replace("market", "markets")
    line = wrong[: wrong.index('"markets"')].count("\n") + 1
    answer = admin.fill(
        PAGE, file=(wrong.encode(), "measures.toml"), source="通知", button="preview"
    )
    assert answer.status_code == 400
    assert any(f"第{line}行：Z01 kind" in one for one in answer.mistakes)
    assert answer.fields["text"].strip() == wrong.strip()
    assert answer.fields["source"] == "通知"
    mended = admin.send(
        answer, PAGE, text=answer.fields["text"].replace("markets", "market"), button="preview"
    )
    assert set(rows_of(mended)) == {"Z01"}
    assert digest() == before


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"text": ""}, "请"),
        ({"file": (b"\xff\xfe\x00", "a.toml")}, "UTF-8"),
        ({"text": NEW}, "不得删除"),
        ({"text": "x" * 200_001}, ""),
    ],
    ids=["nothing", "no text", "left out", "long"],
)
def test_what_is_no_catalogue_is_refused(admin, digest, sent, told):
    before = digest()
    answer = admin.fill(PAGE, source="通知", button="preview", **sent)
    assert answer.status_code == 400
    assert any(told in one for one in answer.mistakes)
    assert digest() == before


def test_what_is_in_force_already_is_not_put_in_force_again(admin, now_in_force, digest):
    before = digest()
    answer = admin.fill(PAGE, text=now_in_force, source="通知", button="preview")
    assert answer.status_code == 400
    assert any("完全一致" in one for one in answer.mistakes)
    assert digest() == before


def test_nothing_is_put_in_force_that_was_not_looked_at(admin, now_in_force, digest):
    before = digest()
    page = admin.fill(PAGE, text=now_in_force + NEW, source="通知")  # the button is not there yet
    assert page.status_code == 200
    other = admin.send(page, PAGE, text=now_in_force + NEW.replace("market", "industry"))
    assert other.status_code == 200  # shown once more
    assert digest() == before
    other_admin = admin.send(other, PAGE)
    assert other_admin.status_code == 302
    # The one who looked before that is shown what would change now.
    late = admin.send(page, PAGE)
    assert late.status_code == 200
    assert set(rows_of(late)) == {"Z01"}
    assert measure("Z01").kind == "industry"


def test_a_measure_is_listed_again(admin, now_in_force):
    first = now_in_force.replace("classes =", "withdrawn_on = 2030-01-01\nclasses =", 1)
    admin.send(look(admin, text=first), PAGE)
    page = look(admin, text=now_in_force)
    assert len(rows_of(page)) == 1
    admin.send(page, PAGE)
    assert [one["facts"]["measures"][0]["change"] for one in events()] == ["withdrawn", "restored"]


def test_the_next_start_does_not_undo_what_an_administrator_put_in_force(
    admin, app, now_in_force, tmp_path, monkeypatch
):
    admin.send(look(admin, text=now_in_force.replace("限制", "严格限制", 1)), PAGE)
    name = measure("A01").name_zh
    assert name.startswith("严格限制")
    db.session.remove()  # tables are made: nobody else may be reading
    runner = app.test_cli_runner()
    result = runner.invoke(args=["prepare", "--empty"])
    assert result.exit_code == 0, result.output
    assert "the store's own" in result.output
    assert measure("A01").name_zh == name
    # By command the file of the program is taken up again.
    path = app.config["WORKFLOWS"] / "measures.toml"
    command = ["measures", "load", str(path), "--source", "恢复"]
    assert "A01 changed: name_zh" in runner.invoke(args=[*command, "--dry-run"]).output
    assert measure("A01").name_zh == name
    assert runner.invoke(args=command).exit_code == 0
    assert measure("A01").name_zh != name
    assert runner.invoke(args=command).exit_code == 2  # nothing to change
    assert [one["actor"]["role"] for one in events()] == ["administrator", "system"]


def test_until_then_the_file_of_the_program_is_followed(app, tmp_path, monkeypatch):
    folder = tmp_path / "workflows"
    shutil.copytree(app.config["WORKFLOWS"], folder)
    path = folder / "measures.toml"
    path.write_text(path.read_text("utf-8").replace("限制", "从严限制", 1), "utf-8")
    assert catalogue.load_measures(path)
    assert measure("A01").name_zh.startswith("从严限制")
    (event,) = events()
    assert (event["transition"], event["actor"]["role"]) == ("follow", "system")


def test_only_administrators_see_it(as_, world):
    for one in (world.reviewer, world.auditor, world.subject):
        for address in (PAGE, FILE):
            assert as_(one).get(address).status_code == 403
