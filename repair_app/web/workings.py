"""Words for what runs by itself: jobs, when they come round, and what could not be done."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from repair_app.alarms import KINDS
from repair_app.models import Alarm
from repair_app.services import exports, timers
from repair_app.services.imports import uploads
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import clock_names
from repair_app.services.sync.standing import PROBLEMS, list_all
from repair_app.services.tree.log import CHECKPOINT

JOBS: Final[dict[str, Any]] = {
    "expire_records": _l("Take records off whose term of publication is over"),
    "lapse_sanctions": _l("End measures whose term is over"),
    "count_terms_anew": _l("Count terms anew by the calendar in force"),
    "mark_overdue": _l("Mark terms that are over"),
    "remind": _l("Remind of terms that end soon"),
    "escalate": _l("Tell the superior unit of what is late"),
    "send_mail": _l("Send mails"),
    "print_letters": _l("Print letters"),
    "forget_uploads": _l("Delete uploads that were never finished"),
    "stop_uploads": _l("Mark files whose reading was stopped"),
    "open_quarantines": _l("Open a matter for each row that was quarantined"),
    "scan_records": _l("Look through our own records for flaws"),
    "apply_retention": _l("Delete what has been kept long enough"),
    "forget_counts": _l("Forget counts of tries"),
    "deliver_changes": _l("Send changes to platforms"),
    "complete_matters": _l("Close matters that all platforms show"),
    "watch_platforms": _l("Look for platforms that are late, and tell their owners"),
    "watch_clock": _l("Compare the clocks of this server and of the database"),
    "check_platforms": _l("Compare what platforms show with what they should"),
    "sequence_history": _l("Sign how far the history is"),
    "ask_witnesses": _l("Have witnesses sign the history"),
    "draw_inspection": _l("Draw the inspection list of the week"),
    "forget": _l("Forget jobs that were done long ago"),
    exports.JOB: _l("Write a list as a file"),
    uploads.JOB: _l("Read a file of records"),
}
TIMES: Final[dict[str, Any]] = {
    timers.WHEN_THE_DAY_TURNS: _l("daily at 00:05"),
    timers.WHEN_THE_NIGHT_IS_QUIET: _l("daily at 01:35"),
    "30 3 * * *": _l("daily at 03:30"),
    timers.WHEN_THE_WEEK_BEGINS: _l("Mondays at 06:10"),
    timers.EVERY_FEW_MINUTES: _l("every five minutes"),
    timers.EVERY_HALF_MINUTE: _l("every half minute"),
    timers.EVERY_TEN_SECONDS: _l("every 10 seconds"),
}


class Raised(NamedTuple):
    """An alarm as a person reads it; `code`: as whoever mends it looks for it."""

    at: datetime
    kind: str
    of_what: str
    said: str
    code: str


def alarm_words(alarms: Iterable[Alarm], lang: str) -> list[Raised]:
    """Return alarms in a language: of a platform its name, of a term what it is called."""
    named = {one.code: one for one in list_all()} if (alarms := list(alarms)) else {}
    clocks = clock_names(current_policy())
    told = []
    for one in alarms:
        platform, clock = named.get(one.entity_ref), clocks.get(one.about)
        said, code = "", one.text
        if one.kind == "sync":
            said, code = problem_words(one.text, lang)
        elif one.kind == "deadline":
            said = gettext("%(term)s: cannot be counted", term=clock.text(lang) if clock else "—")
        elif one.kind == "clock":
            said = gettext("The clocks of this server and of the database differ.")
        elif one.kind == "history" and one.about == CHECKPOINT:
            said = gettext("No checkpoint has been signed for more than a minute.")
        elif one.kind == "history":
            said = gettext(
                "The witness %(name)s has not signed for more than a minute.", name=one.about
            )
        elif one.about == "server":
            said = gettext("The mail server cannot be used; it is tried again by itself.")
        elif one.kind == "mail":
            said = gettext("A mail to this account was given up.")
        name = one.entity_ref
        if platform:
            name = platform.name_zh if lang.startswith("zh") else platform.name_en
        told.append(Raised(one.raised_at, KINDS[one.kind].text(lang), name, said, code))
    return told


def problem_words(text: str, lang: str) -> tuple[str, str]:
    """Return what a problem of a platform is in a language, and the rest: a reference or code."""
    for problem in PROBLEMS.values():
        if text.startswith(problem.en):
            return problem.text(lang), text.removeprefix(problem.en).removeprefix(": ")
    return "", text


def job_words(name: str) -> str:
    """Return what a job is called; one of a former release keeps its name."""
    return str(JOBS.get(name, name))


def failure_words(failure: str) -> tuple[str, str]:
    """Return what a job that failed is called, and the kind of failure."""
    name, _, kind = failure.partition(": ")
    return job_words(name), kind


def round_words(cron: str, last: str | None) -> tuple[str, datetime | None]:
    """Return when a job comes round, and when it was last due."""
    return str(TIMES.get(cron, cron)), datetime.fromisoformat(last) if last else None
