"""Deadlines: opened, stopped, prolonged, met by steps; counted anew when the calendar changes."""

import itertools
import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from repair_app import ledger
from repair_app.calendar import Pause
from repair_app.db import at, db, now, today, writing
from repair_app.engine import deadlines as engine
from repair_app.engine.spec import Term, Vocabulary, load_workflow
from repair_app.labels import Label
from repair_app.models import Alarm, Case, Deadline, Event
from repair_app.services import calendar, deadlines
from repair_app.services.calendar_file import CalendarProblem, read_file, read_lines, single_day
from repair_app.services.policy import current_policy
from repair_app.services.transaction import transaction
from tests.factories import act, make_case, make_record
from tests.properties.test_clocks import slowly_due

DAY = timedelta(days=1)
FRIDAY = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # ten o'clock in Shanghai
# 2027-01-01 to 01-03 off, Sunday 01-10 worked: as an announcement would have it.
OFFICIAL = "2027-01-01..2027-01-03 休 元旦\n2027-01-10 班 元旦调休\n"


def running(ref: str) -> Deadline:
    """Return the running term of the state that an entity is in, as it is now."""
    db.session.rollback()
    terms = db.session.scalars(
        select(Deadline).where(Deadline.entity_ref == ref, Deadline.met_at.is_(None))
    )
    return next(one for one in terms if not one.whole)


def rest_on(day: date, note: str = "台风停工") -> calendar.Published:
    return calendar.publish(single_day(day, works=False, note=note), None)


# --- a change of the calendar --------------------------------------------------------------


def test_a_new_holiday_recomputes_open_deadlines(world):
    """Elsewhere a holiday that was entered later left the dates as they were."""
    with at(FRIDAY):
        case = make_case(world, "submitted")
        before = running(case.ref)
        due_on, working_days = before.due_on, before.working_days
        done = rest_on(due_on)
        after = running(case.ref)
        assert after.due_on == slowly_due(today(), working_days, {due_on: False}, [])
        assert [due_on.isoformat(), "declared_rest"] in after.skipped
        assert after.calendar_edition == done.edition
        moves = [one for one in done.moved if one.entity_ref == case.ref and one.before == due_on]
        assert {one.after for one in moves} == {after.due_on}


def test_a_deadline_that_was_met_stays_as_it_was_counted(world):
    with at(FRIDAY):
        case = make_case(world, "accepted")
        met = db.session.scalars(
            select(Deadline).where(Deadline.entity_ref == case.ref, Deadline.met_at.is_not(None))
        ).all()
        days = {one.id: one.due_on for one in met}
        assert days
        for day in sorted(set(days.values())):
            rest_on(day)
    db.session.rollback()
    assert {one: db.session.get_one(Deadline, one).due_on for one in days} == days


def test_a_case_that_is_filed_later_is_counted_by_the_table(world):
    with at(FRIDAY):
        rest_on(date(2026, 11, 23))
        case = make_case(world, "submitted")
        assert ["2026-11-23", "declared_rest"] in running(case.ref).skipped


def test_the_announcement_of_a_year_makes_provisional_dates_firm(world):
    with at(datetime(2026, 12, 28, 2, 0, tzinfo=UTC)):
        case = make_case(world, "submitted")
        with transaction() as session:
            term = session.get_one(Deadline, running(case.ref).id)
            term.working_days = 9
        deadlines.recompute_all(dry=False)
        assert running(case.ref).provisional
        calendar.publish(read_lines(OFFICIAL, "放假通知", 2027), None)
        term = running(case.ref)
        assert not term.provisional
        # 12-29, 30, 31, 01-04 to 01-08 and the Sunday that is worked
        assert term.due_on == date(2027, 1, 10)
        assert term.made_up == ["2027-01-10"]


def test_each_edition_is_an_event_of_the_calendars_own_chain(world):
    done = calendar.publish(single_day(date(2026, 11, 23), works=False, note="x"), None)
    admin = world.administrator
    calendar.publish(read_lines(OFFICIAL, "放假通知", 2027), admin, note="经核对")
    db.session.rollback()
    events = db.session.scalars(
        select(Event).where(Event.stream == calendar.STREAM).order_by(Event.seq)
    ).all()
    first, second = (json.loads(one.payload) for one in events)
    assert (first["to"], first["actor"]["role"]) == (str(done.edition), "system")
    assert second["from"] == first["to"]
    assert second["actor"]["account"] == admin.id
    assert second["facts"]["announces"] == 2027
    assert ["2027-01-10", True] in second["facts"]["days"]
    assert ledger.verify(db.session())[1] is None


def test_an_earlier_edition_stays_readable(world):
    first = rest_on(date(2026, 11, 23), "先")
    calendar.publish(single_day(date(2026, 11, 23), works=True, note="后"), None)
    day = date(2026, 11, 23)
    assert (day, "declared_rest") in calendar.show_year(2026, first.edition).unusual
    assert day not in dict(calendar.show_year(2026).unusual)
    assert [one.note or one.source for one in calendar.list_editions()] == ["后", "先"]
    with pytest.raises(calendar.UnknownEdition):
        calendar.show_year(2026, 99)


def test_a_word_that_is_taken_back_leaves_the_day_as_its_year_says(world):
    day = date(2026, 11, 23)
    rest_on(day)
    calendar.publish(single_day(day, works=None, note="恢复"), None)
    assert day not in dict(calendar.show_year(2026).unusual)


def test_a_corrected_announcement_takes_back_what_it_leaves_out_and_keeps_single_days(world):
    rest_on(date(2027, 3, 1), "本地停工")
    calendar.publish(read_lines(OFFICIAL, "通知", 2027), None)
    corrected = read_lines("2027-01-01..2027-01-03 休\n2027-01-09 班\n", "更正通知", 2027)
    done = calendar.publish(corrected, None)
    assert list(done.taken_back) == [date(2027, 1, 10)]
    assert list(done.kept) == [date(2027, 3, 1)]
    unusual = dict(calendar.show_year(2027).unusual)
    assert unusual == {
        date(2027, 1, 1): "holiday",
        date(2027, 1, 9): None,
        date(2027, 3, 1): "declared_rest",
    }


def test_what_the_calendar_says_already_is_no_edition(world, digest):
    given = read_lines(OFFICIAL, "通知", 2027)
    calendar.publish(given, None)
    before = digest()
    with pytest.raises(CalendarProblem):
        calendar.publish(given, None)
    assert digest() == before


def test_a_day_that_was_guessed_becomes_official_by_the_announcement(world):
    rest_on(date(2027, 1, 1), "预计")
    calendar.publish(read_lines(OFFICIAL, "通知", 2027), None)
    assert dict(calendar.show_year(2027).unusual)[date(2027, 1, 1)] == "holiday"


def test_a_trial_changes_nothing_and_tells_what_would_move(world, digest):
    with at(FRIDAY):
        case = make_case(world, "submitted")
        due_on = running(case.ref).due_on
        before = digest()
        done = calendar.publish(single_day(due_on, works=False, note="x"), None, dry=True)
        assert case.ref in {one.entity_ref for one in done.moved}
        assert digest() == before


def test_if_counting_anew_fails_there_is_no_edition_either(world, digest, monkeypatch):
    """One transaction: a calendar that changed while the deadlines did not would be a lie."""
    before = digest()

    def fail(*_arguments, **_more):
        raise RuntimeError("power cut")

    monkeypatch.setattr(deadlines, "recompute_open", fail)
    with pytest.raises(RuntimeError):
        rest_on(date(2026, 11, 23))
    assert digest() == before


def test_a_term_that_was_counted_by_an_earlier_edition_is_caught_up_with(world):
    """A step that runs while an edition is made cannot see it: the next look does."""
    with at(FRIDAY):
        case = make_case(world, "submitted")
        other = make_case(world, "submitted", record=make_record(world.firm, world.agency))
        term = running(case.ref)
        rest_on(term.due_on)
        right = running(case.ref).due_on
        with transaction() as session:
            late = session.get_one(Deadline, term.id)
            late.calendar_edition, late.due_on = None, date(2026, 11, 21)
        moved = deadlines.catch_up()
        assert [one.entity_ref for one in moved] == [case.ref]
        assert running(case.ref).due_on == right
        assert running(other.ref).calendar_edition is not None
        assert deadlines.catch_up() == []


def test_an_edition_does_not_wait_for_a_step_that_runs_and_catches_up_afterwards(world, store):
    """Or the two could wait for each other for ever. SQLite lets one write at a time."""
    if store.name == "sqlite":
        return
    with at(FRIDAY):
        case = make_case(world, "submitted")
        term = running(case.ref)
        due_on = term.due_on
        mine = select(Deadline.id).where(Deadline.id == term.id)
        with writing(), db.engine.connect() as step:
            step.execute(mine.with_for_update())
            done = rest_on(due_on)
            assert case.ref not in {one.entity_ref for one in done.moved if one.before == due_on}
        assert case.ref in {one.entity_ref for one in deadlines.catch_up()}
        assert running(case.ref).due_on > due_on


def test_marks_of_a_day_that_is_not_over_any_more_fall_away(world):
    with at(FRIDAY):
        case = make_case(world, "submitted")
        due_on = running(case.ref).due_on
        with transaction() as session:
            session.get_one(Deadline, running(case.ref).id).reminded_at = now()
        rest_on(due_on)
        assert running(case.ref).reminded_at is None


# --- lists that cannot be used ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "year", "line", "word"),
    [
        ("2027-02-30 休", None, 1, "no day"),
        ("2027-1-1 休", None, 1, "no day"),
        ("\n# 说明\n2027-01-01 假", None, 3, "neither"),
        ("2027-01-01", None, 1, "neither"),
        ("2027-01-01 休\n2027-01-01 班", None, 2, "twice"),
        ("2027-01-01..2027-01-03 休\n2027-01-02 休", None, 2, "twice"),
        ("2027-01-03..2027-01-01 休", None, 1, "run"),
        ("2027-01-01..2027-12-31 休", None, 1, "run"),
        ("1999-01-01 休", None, 1, "within"),
        ("", None, None, "no day in it"),
        ("# nothing\n\n", None, None, "no day in it"),
        ("2028-01-01 休", 2027, None, "not in the year"),
        ("2026-11-30 休\n2027-01-01 休", 2027, None, "not in the year"),
        ("2027-01-10 班", 2027, None, "no day off"),
        ("2027-01-01 休", 1990, None, "lie within"),
    ],
)
def test_a_mistake_in_a_list_is_told_with_its_line(text, year, line, word):
    with pytest.raises(CalendarProblem) as caught:
        read_lines(text, "通知", year)
    assert caught.value.line == line
    assert word in caught.value.text("en")
    assert caught.value.text("en").replace("假", "").isascii()
    assert not caught.value.text("zh").isascii()


@pytest.mark.parametrize(
    "text",
    [
        "2027-01-01..2027-01-03 休 元旦\n2027-01-10 班 元旦调休",
        "day,works,note\n2027-01-01..2027-01-03,休,元旦\n2027-01-10,班,元旦调休\n",
        "日期，班休，说明\r\n2027-01-01..2027-01-03，放假，元旦\r\n\r\n2027-01-10\t上班\t元旦调休",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_lines_tables_and_pasted_text_say_the_same(text, encoding):
    given = read_file("2027.csv", text.encode(encoding))
    assert [(one.day.isoformat(), one.works, one.note) for one in given.words] == [
        ("2027-01-01", False, "元旦"),
        ("2027-01-02", False, "元旦"),
        ("2027-01-03", False, "元旦"),
        ("2027-01-10", True, "元旦调休"),
    ]


def test_a_list_may_be_written_in_english():
    given = read_lines("2027-01-01 rest New Year\n2027-01-10 works", "notice")
    assert [(one.works, one.note) for one in given.words] == [(False, "New Year"), (True, "")]


def test_a_toml_file_says_the_year_and_the_source_itself():
    content = 'announces = 2027\nsource = "放假通知"\ndays = [\n  "2027-01-01 休 元旦",\n]\n'
    given = read_file("a.TOML", content.encode())
    assert (given.announces, given.source, len(given.words)) == (2027, "放假通知", 1)


@pytest.mark.parametrize(
    ("content", "line", "word"),
    [
        ("days = [", None, "TOML"),
        ("year = 2027\ndays = []", None, "year"),
        ('announces = "2027"\ndays = ["2027-01-01 休"]', None, "year"),
        ("announces = 2027", None, "days is missing"),
        ("days = [2027-01-01]", None, "days is missing"),
        ('source = 3\ndays = ["2027-01-01 休"]', None, "texts"),
        ('days = [\n  "2027-01-01 休",\n  "2027-13-01 休",\n]', 3, "no day"),
    ],
)
def test_a_mistake_in_a_toml_file_is_told(content, line, word):
    with pytest.raises(CalendarProblem) as caught:
        read_file("a.toml", content.encode())
    assert caught.value.line == line
    assert word in caught.value.text("en")


@pytest.mark.parametrize(
    "line", ["，" * 50_000 + "x", "x" + "，" * 50_000 + "\n休", "休 " * 25_000]
)
def test_a_hostile_line_is_refused_at_once(line):
    begun = time.process_time()
    with pytest.raises(CalendarProblem):
        read_lines(line, "通知")
    assert time.process_time() - begun < 2  # some milliseconds; going back and forth takes minutes


def test_a_file_that_is_no_text_is_told():
    with pytest.raises(CalendarProblem, match="no text"):
        read_file("a.csv", b"\xff\xff\x00\x81")


# --- a term that cannot be computed ---------------------------------------------------------


def test_a_deadline_that_cannot_be_computed_is_an_alarm_and_no_crash(world, monkeypatch, caplog):
    case = make_case(world, "submitted")
    with monkeypatch.context() as patch:
        patch.setattr(engine, "add_working_days", overflow)
        act(world.reviewer, "accept", case)
    term = running(case.ref)
    assert (term.due_on, term.working_days, term.provisional) == (today(), 0, True)
    alarm = next(one for one in deadlines.list_alarms() if one.about == term.clock)
    assert (alarm.kind, alarm.entity_ref) == ("deadline", case.ref)
    assert case.ref in caplog.text
    told = next(one for one in deadlines.explain(case.ref) if one.term.id == term.id)
    assert "could not be computed" in told.sentence("en")
    assert "could not be computed" in told.lines("en", current_policy())[0]

    deadlines.recompute_all(dry=False)
    term = running(case.ref)
    assert term.working_days > 0
    assert term.due_on > today()
    db.session.rollback()
    assert db.session.get_one(Alarm, alarm.id).cleared_at is not None
    assert not [one for one in deadlines.list_alarms() if one.entity_ref == case.ref]


def test_the_alarm_about_a_term_ends_with_the_term(world, monkeypatch):
    case = make_case(world, "submitted")
    with monkeypatch.context() as patch:
        patch.setattr(engine, "add_working_days", overflow)
        act(world.reviewer, "accept", case)
    about = running(case.ref).clock
    act(world.subject, "withdraw", case)
    assert about not in {one.about for one in deadlines.list_alarms()}


def overflow(*_arguments, **_more):
    raise OverflowError("date value out of range")


# --- the term of a whole matter --------------------------------------------------------------

WORKFLOW = """
name = "matter"
version = "1"
entity = "case"
prefix = "XX"
initial = "new"
label = {zh = "事项", en = "Matter"}
basis = ["REDRESS 试"]
term = {clock = "whole", starts = "filed"}

[states]
new = {label = {zh = "新", en = "New"}}
filed = {label = {zh = "已提交", en = "Filed"}, owner = "reviewer", clock = "work"}
checked = {label = {zh = "核实", en = "Checked"}, owner = "provider", clock = "work"}
supplement = {label = {zh = "补正", en = "Supplement"}, owner = "subject", clock = "wait", pauses = true}
appraisal = {label = {zh = "鉴定", en = "Appraisal"}, owner = "department", clock = "wait", pauses = true}
done = {label = {zh = "已决定", en = "Done"}, owner = "reviewer", clock = "work", decided = true}
closed = {label = {zh = "办结", en = "Closed"}, final = true}
"""  # noqa: E501  # one state a line
WHOLE = 10
NUMBERS = itertools.count(1)
STATES = ("filed", "checked", "supplement", "appraisal", "done", "closed")


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    """Give a small workflow in which every state leads to every other."""
    steps = "".join(
        f'[[transitions]]\nname = "to_{name}"\nlabel = {{zh = "至", en = "Go"}}\n'
        f"from = {json.dumps([one for one in ('new', *STATES[:-1]) if one != name])}\n"
        f'to = "{name}"\nby = ["reviewer"]\nbasis = ["REDRESS 试"]\n'
        for name in STATES
    )
    path = tmp_path_factory.mktemp("policy") / "matter.toml"
    path.write_text(WORKFLOW + steps, encoding="utf-8")
    roles = {"reviewer", "provider", "subject", "department"}
    return load_workflow(
        path,
        Vocabulary(
            roles=roles,
            guards=(),
            effects=(),
            forms={"ConfirmForm"},
            clocks={"whole", "work", "wait"},
            documents={"REDRESS": Label("REDRESS", "REDRESS")},
        ),
    )


class Matter:
    """A matter that goes by the small workflow: events in the ledger, terms in the store."""

    def __init__(self, workflow, case: Case) -> None:
        self.workflow, self.case = workflow, case
        self.ref = f"XX-2026-{next(NUMBERS):06d}-{db.engine.dialect.name}"
        self.state = "new"

    def enter(self, name: str, moment: datetime):
        """Go to a state at a moment, as a step of the machine does; give the step."""
        step = SimpleNamespace(
            store=SimpleNamespace(session=db.session()),
            entity=SimpleNamespace(ref=self.ref),
            workflow=self.workflow,
            case=self.case,
            record=self.case.record,
            rules=SimpleNamespace(
                clocks={
                    "whole": SimpleNamespace(working_days=WHOLE),
                    "work": SimpleNamespace(working_days=3),
                    "wait": SimpleNamespace(working_days=5),
                }
            ),
            at=moment,
            today=engine.local_date(moment),
        )
        ledger.append(
            db.session(),
            self.ref,
            ledger.describe(
                entity=self.ref,
                workflow="matter",
                workflow_version="1",
                transition=f"to_{name}",
                source=self.state,
                target=name,
                actor={"role": "reviewer", "account": None, "organisation": None},
                at=moment,
                basis=[],
                rule_pack="",
                facts={},
                evidence=[],
            ),
            {},
            at=moment,
        )
        left, self.state = self.state, name
        engine.follow(step, self.workflow.states[left], self.workflow.states[name])
        db.session.flush()
        return step

    @property
    def terms(self) -> list[Deadline]:
        return list(
            db.session.scalars(
                select(Deadline).where(Deadline.entity_ref == self.ref).order_by(Deadline.id)
            )
        )

    @property
    def whole(self) -> Deadline | None:
        return next((one for one in self.terms if one.whole), None)

    @property
    def pauses_told(self) -> tuple[Pause, ...]:
        events = engine.list_events(db.session(), [self.ref])[self.ref]
        return engine.pauses_in_log({("matter", "1"): self.workflow}, events)


@pytest.fixture
def matter(world, workflow):
    """Give a new matter, in a transaction that is not committed."""
    with at(FRIDAY - 10 * DAY):
        case = make_case(world, "submitted")
    with transaction() as session:
        yield Matter(workflow, session.get_one(Case, case.id))


def test_a_pause_of_the_matter_moves_its_date(matter):
    """Filed on a Friday, 10 working days: 12-04. Stopped from Wednesday to the Wednesday after."""
    matter.enter("filed", FRIDAY)
    assert matter.whole.due_on == date(2026, 12, 4)
    matter.enter("supplement", FRIDAY + 5 * DAY)
    assert matter.whole.paused_on == date(2026, 11, 25)
    assert matter.whole.due_on == date(2026, 12, 4)
    matter.enter("checked", FRIDAY + 12 * DAY)
    assert matter.whole.paused_on is None
    assert matter.whole.due_on == date(2026, 12, 11)  # five working days were not counted
    assert matter.whole.pauses == [["2026-11-25", "2026-12-02", "supplement"]]
    assert matter.whole.met_at is None


def test_the_term_of_the_matter_is_for_whoever_has_it(matter):
    matter.enter("filed", FRIDAY)
    assert (matter.whole.owner, matter.whole.organisation_id) == (
        "reviewer",
        matter.case.centre_id,
    )
    matter.enter("checked", FRIDAY)
    assert (matter.whole.owner, matter.whole.organisation_id) == (
        "provider",
        matter.case.provider_id,
    )


@pytest.mark.parametrize("end", ["done", "closed"])
def test_the_term_of_the_matter_is_met_where_it_is_decided_or_ends(matter, end):
    matter.enter("filed", FRIDAY)
    matter.enter("supplement", FRIDAY)
    matter.enter(end, FRIDAY + DAY)
    assert matter.whole.met_at == FRIDAY + DAY
    assert matter.whole.paused_on is None
    assert [one.clock for one in matter.terms if one.met_at is None] == (
        ["work"] if end == "done" else []
    )


def test_what_stands_still_after_the_decision_does_not_prolong_the_term(matter):
    matter.enter("filed", FRIDAY)
    matter.enter("done", FRIDAY + 3 * DAY)
    matter.enter("appraisal", FRIDAY + 4 * DAY)
    matter.enter("filed", FRIDAY + 12 * DAY)
    assert matter.pauses_told == matter.whole.due.pauses == ()
    assert matter.whole.due_on == date(2026, 12, 4)


def test_a_matter_has_one_whole_term_however_often_it_is_filed(matter):
    for state in ("filed", "done", "filed"):
        matter.enter(state, FRIDAY)
    assert len([one for one in matter.terms if one.whole]) == 1
    assert matter.whole.met_at == FRIDAY


def test_a_matter_that_begins_in_a_later_state_has_its_whole_term_from_there(matter):
    """As an objection that is begun anew: it is accepted at once."""
    matter.workflow = replace(matter.workflow, term=Term("whole", ("filed", "checked")))
    matter.enter("checked", FRIDAY)
    assert (matter.whole.clock, matter.whole.due_on) == ("whole", date(2026, 12, 4))
    matter.enter("supplement", FRIDAY + 5 * DAY)
    matter.enter("filed", FRIDAY + 12 * DAY)
    assert len([one for one in matter.terms if one.whole]) == 1
    assert matter.whole.due.pauses == matter.pauses_told
    assert matter.whole.due_on == date(2026, 12, 11)


def test_an_extension_prolongs_the_term_and_is_named(matter):
    step = matter.enter("filed", FRIDAY)
    engine.extend(step, "whole", 5, "需要鉴定")
    assert (matter.whole.extended_by, matter.whole.due_on) == (5, date(2026, 12, 11))
    assert matter.whole.working_days == WHOLE
    assert "延长5个工作日" in matter.whole.due.explain("zh")


@pytest.mark.parametrize(
    ("clock", "days", "reason"),
    [("whole", 5, " "), ("whole", 0, "需要鉴定"), ("wait", 5, "需要鉴定")],
)
def test_an_extension_without_reason_days_or_running_term_is_refused(matter, clock, days, reason):
    step = matter.enter("filed", FRIDAY)
    with pytest.raises(ValueError, match=r"extension|running"):
        engine.extend(step, clock, days, reason)
    assert matter.whole.extended_by == 0


def test_what_stands_still_is_not_overdue_unless_it_was_before(matter):
    matter.enter("filed", FRIDAY)
    matter.enter("supplement", FRIDAY + 5 * DAY)
    much_later = date(2027, 3, 1)
    late = engine.is_overdue(much_later)
    stopped = matter.whole
    assert not stopped.is_over(much_later)
    assert not db.session.scalar(select(Deadline.id).where(Deadline.id == stopped.id, late))
    own = next(one for one in matter.terms if one.clock == "wait")
    assert own.is_over(much_later)
    assert db.session.scalar(select(Deadline.id).where(Deadline.id == own.id, late))
    stopped.paused_on = date(2026, 12, 7)  # after its last day
    db.session.flush()
    assert stopped.is_over(much_later)
    assert db.session.scalar(select(Deadline.id).where(Deadline.id == stopped.id, late))


STEPS = st.lists(st.tuples(st.sampled_from(STATES[1:5]), st.integers(0, 9)), max_size=8)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS)
def test_the_ledger_gives_the_same_pauses_and_date_as_the_steps_did(matter, steps):
    """Whatever way a matter takes: what was stored step by step is what its events tell."""
    matter = Matter(matter.workflow, matter.case)
    moment = FRIDAY
    matter.enter("filed", moment)
    still: list[tuple[date, date]] = []  # by a pencil of its own
    since, over = None, False
    for state, days in steps:
        moment += days * DAY
        if state == matter.state or over:
            continue
        matter.enter(state, moment)
        if since:
            still.append((since, moment.date()))
        since = moment.date() if state in ("supplement", "appraisal") else None
        over = state == "done"
    whole = matter.whole
    assert whole.due.pauses == matter.pauses_told
    assert [(one.since, one.until) for one in whole.due.pauses if one.until] == still
    assert whole.paused_on == since
    assert whole.due_on == slowly_due(FRIDAY.date(), WHOLE, {}, still)
    assert (whole.met_at is not None) == over


# --- explanation ------------------------------------------------------------------------------


def test_each_term_tells_how_it_was_counted_and_by_which_clause(world):
    with at(FRIDAY):
        case = make_case(world, "accepted")
    found = deadlines.explain(case.ref)
    assert [one.term.met_at is None for one in found] == sorted(
        (one.term.met_at is None for one in found), reverse=True
    )
    for one in found:
        clock = current_policy().pack_of(case).clocks[one.term.clock]
        assert one.clock == clock
        assert one.lines("zh", current_policy())[-1].startswith("依据：")
        assert one.lines("en", current_policy())[-1].startswith("basis: ")
        assert one.sentence("en").startswith(f"{clock.working_days} working day")


def test_what_has_no_term_cannot_be_explained(world):
    with pytest.raises(deadlines.NoTerm):
        deadlines.explain("YY-2026-999999-X")


def test_overdue_terms_come_the_longest_overdue_first(world):
    with at(FRIDAY):
        first = make_case(world, "submitted")
    with at(FRIDAY + 10 * DAY):
        make_case(world, "submitted", record=make_record(world.firm, world.agency))
    with at(FRIDAY + 60 * DAY):
        late = deadlines.list_overdue(100)
        assert late[0].entity_ref == first.ref
        assert [one.due_on for one in late] == sorted(one.due_on for one in late)
    with at(FRIDAY):
        assert deadlines.list_overdue(100) == []
        assert deadlines.list_running(1)[0].entity_ref == first.ref
