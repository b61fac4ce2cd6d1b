"""Any one part may be lost: what was confirmed is there, nothing is done twice."""

import os
import signal
import threading
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
import requests
from sqlalchemy import func, select, text, true

from deploy.cluster.plan import WEB
from repair_app import jobs, ledger
from repair_app.db import at, db, now
from repair_app.engine import machine
from repair_app.models import Event, Letter
from repair_app.services import history, timers
from repair_app.services.transaction import aside
from tests.cluster.conftest import PATIENCE, TOGETHER, until
from tests.cluster.failing import POINTS
from tests.cluster.workers import active_worker, ask_for
from tests.factories import get_case, make_case

REVIEWER = "reviewer@example.com"
SECOND = "second_reviewer@example.com"
CASES = 16  # that two reviewers accept while the primary is lost
LOCK = text("SELECT FROM credit_record WHERE id = :id FOR UPDATE")
LATE = 5  # cases that are late when a worker is lost
pytestmark = TOGETHER


def events_of(ref, transition):
    """Return the events of one kind of a case."""
    db.session.rollback()
    wanted = select(Event.id).where(Event.entity == ref, Event.transition == transition)
    return db.session.scalars(wanted).all()


def said_by(running, name):
    """Return what a node has said last, for whoever has to find out."""
    return (running.folder / f"{name}.log").read_text(encoding="utf-8")[-6000:]


def count_letters(ref):
    return db.session.scalar(select(func.count()).where(Letter.case_id == get_case(ref).id))


def assert_accepted_once(ref):
    """Check that a case was accepted once and wholly."""
    assert len(events_of(ref, "accept")) == 1
    assert get_case(ref).state == "accepted"
    assert ledger.verify(db.session(), ref)[1] is None


# --- a web node -------------------------------------------------------------------------------


@pytest.mark.parametrize("point", POINTS)
def test_a_node_that_dies_within_a_step_loses_nothing_and_does_nothing_twice(
    running, app, world, browse, point
):
    case = make_case(world, "submitted")
    plain = make_case(world, "accepted")  # what acceptance leaves, where nothing fails
    page = f"/cases/{case.ref}/accept"
    reviewer = browse(REVIEWER)
    form = reviewer.form(page)
    running.next_to_fail(point)
    with pytest.raises(requests.ConnectionError):
        reviewer.send(page, form)
    assert not running.fail_file.exists(), "it did not fail where it should"
    done = point == "after_commit"
    assert len(events_of(case.ref, "accept")) == done  # wholly, or not at all
    assert get_case(case.ref).state == ("accepted" if done else "submitted")
    answer = reviewer.send(page, form)  # at once, by way of the other node
    assert answer.status_code == 302
    assert_accepted_once(case.ref)
    assert get_case(case.ref).version == get_case(plain.ref).version
    assert count_letters(case.ref) == count_letters(plain.ref)
    again = reviewer.send(page, form)
    assert (again.status_code, again.headers["Location"]) == (302, answer.headers["Location"])
    assert_accepted_once(case.ref)


def test_without_the_token_of_the_form_a_repetition_would_be_refused_or_done_twice(
    running, app, world, browse
):
    """The negative control: what makes the test above pass is the form's token."""
    case = make_case(world, "submitted")
    page = f"/cases/{case.ref}/accept"
    reviewer = browse(REVIEWER)
    form = reviewer.form(page)
    running.next_to_fail("after_commit")
    with pytest.raises(requests.ConnectionError):
        reviewer.send(page, form)
    running.next_to_fail("careless")
    assert reviewer.send(page, form).status_code == 409  # who acted is told that it failed
    draft = make_case(world, "draft")
    page = f"/cases/{draft.ref}/amend"
    subject = browse("subject@example.com")
    first = subject.form(page)
    assert subject.send(page, first).status_code == 302
    assert subject.send(page, first).status_code == 302
    assert len(events_of(draft.ref, "amend")) == 1
    assert subject.send(page, subject.form(page)).status_code == 302  # a new form, a new token
    assert len(events_of(draft.ref, "amend")) == 2


def test_a_node_that_is_stopped_first_ends_what_it_has_begun(running, app, world, browse):
    case = make_case(world, "submitted")
    page = f"/cases/{case.ref}/accept"
    reviewer = browse(REVIEWER)
    form = reviewer.form(page)
    answers = []
    sending = threading.Thread(target=lambda: answers.append(reviewer.send(page, form)))
    with aside() as holder:  # the request waits in the middle of its transaction
        holder.execute(LOCK, {"id": case.record_id})
        sending.start()
        wait_for_a_waiter(holder)
        pids = running.pids()
        for name in WEB:
            os.kill(pids[name], signal.SIGTERM)
    sending.join(PATIENCE)
    assert [one.status_code for one in answers] == [302]
    assert_accepted_once(case.ref)
    until(
        "both nodes are new", lambda: all(running.pids()[n] != pids[n] for n in ("web-1", "web-2"))
    )


def wait_for_a_waiter(holder):
    """Wait until somebody waits for what is locked on this connection.

    For a moment others wait for each other, too: the jobs of a worker that has just begun.
    """
    own = holder.scalar(text("SELECT pg_backend_pid()"))
    question = text("SELECT count(*) FROM pg_stat_activity WHERE :own = ANY(pg_blocking_pids(pid))")

    def waits():
        with db.engine.connect() as connection:
            return connection.scalar(question, {"own": own})

    until("somebody waits for the lock", waits)


# --- a worker ---------------------------------------------------------------------------------


def test_what_a_killed_worker_left_the_other_one_does_once(running, app, world):
    # A worker that has just begun does what was missed: it would be done before it is asked for.
    until("nothing waits", lambda: jobs.read_status(db.engine).waiting == 0)
    with at(now() - timedelta(days=60)):
        refs = [make_case(world, "submitted").ref for _ in range(LATE)]
    middle = get_case(refs[LATE // 2])
    first = until("a worker is active", lambda: active_worker(running))
    with aside() as holder:  # the worker stops at this one, in the middle of its work
        holder.execute(LOCK, {"id": middle.record_id})
        ask_for("escalate")
        wait_for_a_waiter(holder)
        assert 0 < sum(len(events_of(ref, "escalate")) for ref in refs) < LATE
        running.kill(first)
    until("the other takes over", lambda: active_worker(running) not in {first, None})
    until("all are passed on", lambda: all(events_of(ref, "escalate") for ref in refs))
    ask_for("escalate")
    ask_for("mark_overdue")
    until("nothing waits", lambda: jobs.read_status(db.engine).waiting == 0)
    assert [len(events_of(ref, "escalate")) for ref in refs] == [1] * LATE
    assert history.verify_all()[1] is None


def test_who_does_not_look_again_acts_twice(running, app, world, monkeypatch):
    """The negative control: it is the second look, under the lock, that makes it once."""
    with at(now() - timedelta(days=60)):
        ref = make_case(world, "submitted").ref
    ask_for("escalate")
    until("it is passed on", lambda: events_of(ref, "escalate"))
    assert not timers.pass_on("cases", ref)
    assert len(events_of(ref, "escalate")) == 1
    monkeypatch.setattr(timers, "to_pass_on", true)
    monkeypatch.setattr(machine, "reasons_against", lambda _step: ())
    assert timers.pass_on("cases", ref)
    assert len(events_of(ref, "escalate")) == 2


# --- a database server ------------------------------------------------------------------------


def test_the_primary_is_lost_the_replica_takes_its_place_and_nothing_confirmed_is_gone(
    running, app, world, browse
):
    refs = [make_case(world, "submitted").ref for _ in range(CASES)]
    writers = [
        Writer(browse(REVIEWER), refs[0::2]),
        Writer(browse("second_reviewer@example.com"), refs[1::2]),
    ]
    nodes = {name: pid for name, pid in running.pids().items() if name.startswith("web")}
    for one in writers:
        one.start()
    until("some are confirmed", lambda: sum(len(one.confirmed) for one in writers) > CASES // 4)
    running.kill(running.plan.primary)
    lost_at = time.monotonic()
    kept = [ref for one in writers for ref in one.confirmed]
    promoted = running.run("promote")
    assert promoted.returncode == 0, promoted.stderr
    for one in writers:
        one.join(PATIENCE)
        assert not one.is_alive()
    took = time.monotonic() - lost_at
    db.session().invalidate()  # of the test's own: it was connected to what is gone
    assert sorted(ref for one in writers for ref in one.confirmed) == sorted(refs)
    assert set(kept) < set(refs), "the primary was lost too late"
    for ref in refs:
        assert_accepted_once(ref)
    others = {other for one in writers for other in one.others}
    assert others <= {409, 503}, [said_by(running, name) for name in WEB]
    assert history.verify_all()[1] is None
    assert nodes == {name: running.pids()[name] for name in WEB}  # none was started again
    assert took < PATIENCE


class Writer(threading.Thread):
    """A reviewer who accepts case after case, sending a form until it is taken."""

    def __init__(self, browser, refs):
        super().__init__(daemon=True)
        self.browser = browser
        self.refs = refs
        self.confirmed = []
        self.others = set()  # answers that were neither a yes nor a page

    def run(self):
        for ref in self.refs:
            page = f"/cases/{ref}/accept"
            form = until(
                f"a form for {ref}", lambda page=page: self.try_to(self.browser.form, page)
            )
            until(f"{ref} is confirmed", lambda page=page, form=form: self.confirm(page, form))
            self.confirmed.append(ref)

    def confirm(self, page, form):
        answer = self.try_to(self.browser.send, page, form)
        if answer is not None and answer.status_code != 302:
            self.others.add(answer.status_code)
        return answer is not None and answer.status_code == 302

    @staticmethod
    def try_to(act, *given):
        try:
            return act(*given)
        except (requests.RequestException, AssertionError):
            time.sleep(0.1)
            return None


def test_the_replica_is_lost_and_work_goes_on_but_it_cannot_be_promoted(
    running, app, world, browse
):
    case = make_case(world, "submitted")
    reviewer = browse(REVIEWER)
    primary, replica = running.plan.servers
    page = f"/cases/{case.ref}/accept"
    form = reviewer.form(page)
    with kept_away(running, replica):
        running.kill(replica)
        assert reviewer.send(page, form).status_code == 302
        assert browse().get("/").status_code == 200  # a page that is read from the replica
        assert_accepted_once(case.ref)
        assert_promote_is_refused(running, "was not in step")
        assert_promote_is_refused(running, "does not answer", "--force")
        assert reviewer.get(f"/cases/{case.ref}").status_code == 200  # and the primary goes on
    assert running.plan.primary == primary


@contextmanager
def kept_away(running, replica):
    """Have a lost replica stay away: nobody starts a server again that is no replica."""
    signal_file = running.plan.servers[replica].folder / "standby.signal"
    aside = signal_file.with_suffix(".aside")
    signal_file.rename(aside)
    try:
        yield
    finally:
        aside.rename(signal_file)


def assert_promote_is_refused(running, why, *more):
    refused = running.run("promote", *more)
    assert refused.returncode == 1, refused
    assert why in refused.stderr
