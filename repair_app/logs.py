"""Logs: one line for each thing that happened, as JSON or for people, and nothing personal in it.

Our own lines say only what they are given: numbers, names of endpoints, references of matters.
Where a library or a fault speaks, what it says may quote a form, a row or an address: of a fault
only kinds and places are told, of a library's words only those that cannot be anybody's.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, TextIO

import structlog
from structlog.types import EventDict, Processor

OURS: Final = "repair_app"
KINDS: Final = ("plain", "json")
MOST_FRAMES: Final = 40  # of a fault; the innermost are kept
MOST_FAULTS: Final = 8  # in a chain or a group of faults
MOST_LETTERS: Final = 400  # of what a library says
# In what a library says: addresses, codes and numbers of people and enterprises, quoted words.
PERSONAL: Final = re.compile(
    r"(?<![^\s@'\"])[^\s@'\"]+@[^\s@]+"  # an address, looked for from its beginning only
    r"|[0-9A-Z]{15,}"  # a code of an enterprise, a number of a person
    r"|\d{7,}"  # a telephone
    r"|[^\x00-\x7f]+"  # no library writes Chinese of its own
    r"|'[^']*'|\"[^\"]*\""
)
UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
FIRST: Final = ("time", "level", "event")


def set_up(kind: str) -> None:
    """Send the log lines of this process to stderr. kind: one of KINDS. Raises ValueError."""
    if kind not in KINDS:
        raise ValueError(f"REDRESS_LOGS is {kind!r}; it can be {' or '.join(KINDS)}")
    handler = Stderr()
    handler.setFormatter(make_formatter(kind))
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, Stderr)]:
        root.removeHandler(old)
    root.addHandler(handler)
    logging.getLogger(OURS).setLevel(logging.INFO)
    engine = logging.getLogger("dbos")  # finding a handler, it makes none of its own
    engine.handlers, engine.propagate = [handler], False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # where tests set it up anew
    )


def make_formatter(kind: str = "json") -> logging.Formatter:
    """Return what turns log records into lines; also what the web server's own log is given."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*common(), keep_to_itself],
        processors=[
            tell_fault,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            as_json if kind == "json" else as_plain,
        ],
    )


def common() -> list[Processor]:
    """Return what every line gets: what is bound to the request or job, level and time."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]


class Stderr(logging.StreamHandler[TextIO]):
    """Writes to what is stderr at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # set once in the base class
        """Return where lines go."""
        return sys.stderr


# --- what a line says -------------------------------------------------------------------------


def keep_to_itself(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Leave of a library's message what cannot be personal, and say whose it is."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None and record.name.partition(".")[0] != OURS:
        event["logger"] = record.name
        event["event"] = PERSONAL.sub("*", str(event["event"]))[:MOST_LETTERS]
    return event


def tell_fault(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Put kinds and places of a fault in the place of its traceback, which quotes its message."""
    given = event.pop("exc_info", None)
    event.pop("exc_text", None)
    fault = find_fault(given)
    if fault is not None:
        event["faults"] = describe_fault(fault)
    return event


def find_fault(given: Any) -> BaseException | None:
    """Return the exception that a logger was given, in whatever form."""
    if isinstance(given, BaseException):
        return given
    found = (given if isinstance(given, tuple) else sys.exc_info())[1] if given else None
    return found if isinstance(found, BaseException) else None


def describe_fault(fault: BaseException) -> list[dict[str, Any]]:
    """Return kind and places of a fault and of what led to it, the outermost first: no message.

    Of a database: also the number of its fault and the rule that was broken.
    """
    found: list[dict[str, Any]] = []
    waiting: list[BaseException] = [fault]
    seen: set[int] = set()
    while waiting and len(found) < MOST_FAULTS:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        kind = type(one)
        said = {
            "kind": f"{kind.__module__}.{kind.__qualname__}",
            "sqlstate": getattr(one, "sqlstate", None),
            "rule": getattr(getattr(one, "diag", None), "constraint_name", None),
            "sqlite": getattr(one, "sqlite_errorname", None),
            "at": list_places(one.__traceback__),
        }
        found.append({name: value for name, value in said.items() if value is not None})
        inner = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        waiting += [*getattr(one, "exceptions", ()), *([inner] if inner else [])]
    return found


def list_places(trace: TracebackType | None) -> list[str]:
    """Return where a fault passed, the innermost last: file, line and function."""
    frames = traceback.extract_tb(trace)[-MOST_FRAMES:]
    return [f"{one.filename}:{one.lineno} {one.name}" for one in frames]


def as_json(_logger: Any, _method: str, event: EventDict) -> str:
    """Return a line for machines; its first keys are always the same."""
    ordered = {name: event[name] for name in FIRST if name in event} | dict(event)
    return json.dumps(ordered, ensure_ascii=False, default=lambda one: type(one).__name__)


def as_plain(_logger: Any, _method: str, event: EventDict) -> str:
    """Return a line for people; where a fault passed stands below it."""
    rest: MutableMapping[str, Any] = dict(event)
    moment, level, what = (str(rest.pop(name, "")) for name in FIRST)
    faults = rest.pop("faults", [])
    told = " ".join(f"{name}={value}" for name, value in rest.items())
    line = UNPRINTABLE.sub(" ", f"{moment[:19]} {level} {what} {told}".rstrip())
    places = [line for one in faults for line in (f"  {headline(one)}", *indented(one))]
    return "\n".join([line, *places])


def headline(fault: Mapping[str, Any]) -> str:
    """Return the kind of a fault, with the database's number and rule."""
    return " ".join(str(value) for name, value in fault.items() if name != "at")


def indented(fault: Mapping[str, Any]) -> list[str]:
    """Return where a fault passed, as lines."""
    return [f"    {place}" for place in fault["at"]]


# --- jobs -------------------------------------------------------------------------------------


@contextmanager
def job(name: str, ids: Mapping[str, int | str]) -> Iterator[None]:
    """Write a line about a job that ran inside: how long, or which fault. ids: as it was called."""
    log = structlog.get_logger(f"{OURS}.jobs")
    since = time.perf_counter()
    with structlog.contextvars.bound_contextvars(job=name, **ids):
        try:
            yield
        except Exception:
            log.exception("job failed", ms=milliseconds(since))
            raise
        log.info("job done", ms=milliseconds(since))


def milliseconds(since: float) -> float:
    """Return how long ago a moment of `time.perf_counter` was, in milliseconds."""
    return round(1000 * (time.perf_counter() - since), 1)
