"""The officers' desk: what can be changed, what was changed, how it runs, by which policy.

What is policy (courses, letters, rules) is read here and changed in its files only (docs/adr/0014).
"""

from io import BytesIO

from flask import Blueprint, abort, render_template, send_file
from werkzeug.wrappers import Response

from repair_app.engine.letter_kinds import LetterKind
from repair_app.services import deadlines, history, letter_samples, overview, training
from repair_app.services.offices import Duty
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import PARTS
from repair_app.web.door import entrusted
from repair_app.web.view import language, row_before
from repair_app.web.workings import alarm_words, failure_words, job_words, round_words

pages = Blueprint("admin", __name__, url_prefix="/admin")


@pages.get("")
@entrusted(Duty.LOOK)
def index() -> str:
    """Show what can be administered, and what the system could not do."""
    return render_template(
        "admin/index.html",
        waiting=overview.count_waiting(),
        alarms=alarm_words(deadlines.list_alarms(), language()),
    )


@pages.get("/changes")
@entrusted(Duty.REVIEW)
def changes() -> str:
    """List who changed what in administration, newest first; of matters nothing is told."""
    happenings = history.list_changes(row_before())
    return render_template("admin/changes.html", happenings=happenings, page=history.PAGE)


@pages.get("/running")
@entrusted(Duty.RUN)
def running() -> str:
    """Show how mails and jobs stand."""
    found = overview.read_running()
    rounds = [
        (job_words(name), name, *round_words(cron, last))
        for name, cron, last in (found.jobs.rounds if found.jobs else [])
    ]
    failed = map(failure_words, found.failed)
    return render_template("admin/running.html", found=found, rounds=rounds, failed=list(failed))


@pages.get("/settings")
@entrusted(Duty.LOOK)
def settings() -> str:
    """Show by what the application runs."""
    return render_template("admin/settings.html", found=overview.read_settings(), parts=PARTS)


@pages.get("/courses")
@entrusted(Duty.RUN)
def courses() -> str:
    """List the courses."""
    return render_template("admin/courses.html", found=training.current_courses().values())


@pages.get("/courses/<key>")
@entrusted(Duty.RUN)
def course(key: str) -> str:
    """Show the lessons of a course, its questions with the right answers, and how they did."""
    found = training.current_courses().get(key) or abort(404)
    tests, answered = training.count_answers(found)
    return render_template("admin/course.html", course=found, tests=tests, answered=answered)


@pages.get("/letters")
@entrusted(Duty.RUN)
def letters() -> str:
    """List the kinds of letters."""
    return render_template("admin/letters.html", found=current_policy().letters.kinds.values())


@pages.get("/letters/<kind>")
@entrusted(Duty.RUN)
def letter(kind: str) -> str:
    """Show the texts of a kind of letter, in both languages."""
    return render_template("admin/letter.html", found=find_kind(kind), policy_of=current_policy())


@pages.get("/letters/<kind>/<any(zh, en):lang>.pdf")
@entrusted(Duty.RUN)
def sample(kind: str, lang: str) -> Response:
    """Hand out a kind of letter filled with invented words."""
    page = BytesIO(letter_samples.render(find_kind(kind), lang))
    name = f"{kind}-{lang}.pdf"
    return send_file(page, mimetype="application/pdf", download_name=name, max_age=0)


def find_kind(name: str) -> LetterKind:
    """Return a kind of letter, or answer that there is none."""
    return current_policy().letters.kinds.get(name) or abort(404)
