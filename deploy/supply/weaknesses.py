"""Which libraries have known weaknesses, asked of a public register.

python3 manage.py audit                  ask about every library of the lock files
python3 manage.py audit --print          print what would be sent, and send nothing
python3 manage.py audit --register URL   ask another server that speaks the same (OSV, /v1)

The register is OSV (https://osv.dev, kept by Google; the advisories of PyPI and GitHub are in it).
It is told names and versions of libraries, and sees from which address it was asked; of the site,
its data and its people it is told nothing. Not asked: Python, PostgreSQL, the proxy, the system
beneath. The lock files are all it needs: any machine with a copy of them and a network will do.

Ends with 0 when nothing is known, 1 when something is, 2 when there was no answer.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.supply.bill import PROVIDER, ROOT, read_table
from deploy.supply.lock import Pin, read_npm, read_pins

REGISTER = "https://api.osv.dev"
BATCH = 500  # questions in one request; it takes 1,000
TIMEOUT = 30.0  # seconds
PAGES = 20  # requests in which a batch must have been answered
ECOSYSTEMS = {"pypi": "PyPI", "npm": "npm"}
NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")  # of a weakness
LONGEST = 160  # characters that are shown of what it says
NONE_KNOWN, SOME_KNOWN, NO_ANSWER = 0, 1, 2
NOT_SAID = "not said"
# How grave -> within what time it is mended, from the day on which it was published: SECURITY.md.
WITHIN = {
    "critical": "2 working days",
    "high": "7 days",
    NOT_SAID: "2 working days to say how grave",
    "moderate": "30 days",
    "low": "90 days",
}
AS_SAID = {one: one for one in WITHIN} | {"medium": "moderate"}
LONGEST_JUDGEMENT = datetime.timedelta(days=90)

Record = dict[str, Any]


class NoAnswer(Exception):
    """The register did not answer, or not as it should; its text says how."""


@dataclass(frozen=True)
class Weakness:
    """A known weakness of a library that is pinned; one that has several numbers is one."""

    pin: Pin
    place: str  # "served with" or "tests only"
    numbers: tuple[str, ...]
    severity: str  # a key of WITHIN
    published: str  # a day
    mended_in: tuple[str, ...]
    summary: str


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="manage.py audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--print", action="store_true", dest="shown", help="send nothing")
    parser.add_argument("--register", metavar="URL", default=REGISTER, help="(%(default)s)")
    chosen = parser.parse_args(arguments)
    places = list_pins()
    if chosen.shown:
        print(json.dumps({"queries": [ask_about(pin) for pin in places]}, indent=1))
        return NONE_KNOWN
    try:
        judged = read_judged()
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as flaw:
        print(f"✗ deploy/supply/judged.toml: {flaw}. Nothing was asked.", file=sys.stderr)
        return NO_ANSWER
    try:
        found = find(places, chosen.register.rstrip("/"))
    except (NoAnswer, AttributeError, KeyError, TypeError) as reason:
        if not isinstance(reason, NoAnswer):
            reason = NoAnswer("the answer is not as the interface describes it")
        print(f"✗ {chosen.register}: {reason}. Nothing is known of any library.", file=sys.stderr)
        return NO_ANSWER
    return tell(found, judged, len(places))


def list_pins() -> dict[Pin, str]:
    """Return every library of the lock files, and what it is there for."""
    served = dict.fromkeys(read_pins(ROOT / "requirements.txt"), "served with")
    names = {pin.address for pin in served}
    tools = [*read_pins(ROOT / "requirements-dev.txt"), *read_npm(PROVIDER)]
    return served | {pin: "tests only" for pin in tools if pin.address not in names}


def ask_about(pin: Pin) -> dict[str, Any]:
    """Return the question about a library."""
    package = {"ecosystem": ECOSYSTEMS[pin.registry], "name": pin.name}
    return {"package": package, "version": pin.version}


def find(places: dict[Pin, str], register: str) -> list[Weakness]:
    """Return what the register knows of libraries, the gravest first. Raises NoAnswer."""
    pins, found = list(places), list[Weakness]()
    with httpx.Client(timeout=TIMEOUT) as line:
        records: dict[str, Record] = {}
        for at in range(0, len(pins), BATCH):
            batch = pins[at : at + BATCH]
            for pin, numbers in zip(batch, ask(line, register, batch), strict=True):
                for number in numbers - set(records):
                    records[number] = fetch(line, register, number)
                known = [records[one] for one in sorted(numbers)]
                found += weigh(pin, places[pin], known)
    return sorted(found, key=lambda one: (list(WITHIN).index(one.severity), one.pin.address))


def ask(line: httpx.Client, register: str, pins: list[Pin]) -> list[set[str]]:
    """Return the numbers of what is known of each library. Raises NoAnswer."""
    known: list[set[str]] = [set() for _ in pins]
    open_questions = {place: ask_about(pin) for place, pin in enumerate(pins)}
    for _ in range(PAGES):
        sent = {"queries": list(open_questions.values())}
        told = request(line, "POST", f"{register}/v1/querybatch", json=sent).get("results")
        if not isinstance(told, list) or len(told) != len(open_questions):
            raise NoAnswer("the answer is not one for each library")
        more = {}
        for (place, question), one in zip(open_questions.items(), told, strict=True):
            known[place] |= {read_number(each) for each in (one or {}).get("vulns") or ()}
            if token := (one or {}).get("next_page_token"):
                more[place] = question | {"page_token": token}
        if not more:
            return known
        open_questions = more
    raise NoAnswer(f"the answer has not ended after {PAGES} pages")


def read_number(told: Any) -> str:
    """Return the number of a weakness; it becomes part of an address. Raises NoAnswer."""
    number = told.get("id") if isinstance(told, dict) else None
    if not isinstance(number, str) or not NUMBER.fullmatch(number):
        raise NoAnswer("the answer names a weakness in a way that cannot be read")
    return number


def fetch(line: httpx.Client, register: str, number: str) -> Record:
    """Return what is known of a weakness. Raises NoAnswer."""
    return request(line, "GET", f"{register}/v1/vulns/{number}")


def request(line: httpx.Client, method: str, address: str, **more: Any) -> Record:
    """Return an answer of the register. Raises NoAnswer."""
    try:
        answer = line.request(method, address, **more)
        told = answer.json() if answer.status_code == httpx.codes.OK else None
    except (httpx.HTTPError, httpx.InvalidURL) as reason:
        raise NoAnswer(f"no answer ({type(reason).__name__})") from None
    except ValueError:
        raise NoAnswer("the answer is no JSON") from None
    if told is None:
        raise NoAnswer(f"it answers {answer.status_code}")
    if not isinstance(told, dict):
        raise NoAnswer("the answer is no object")
    return told


def weigh(pin: Pin, place: str, records: list[Record]) -> Iterator[Weakness]:
    """Yield the weaknesses of a library; what other numbers mean is one with them."""
    groups: list[tuple[set[str], list[Record]]] = []
    for record in records:
        if record.get("withdrawn"):
            continue
        names, together = {str(record.get("id")), *map(str, record.get("aliases") or ())}, [record]
        for group in [one for one in groups if one[0] & names]:
            groups.remove(group)
            names, together = names | group[0], group[1] + together
        groups.append((names, together))
    for names, together in groups:
        yield Weakness(
            pin,
            place,
            # As it is called everywhere first.
            tuple(sorted(map(plain, names), key=lambda one: (not one.startswith("CVE-"), one))),
            gravest(map(severity_of, together)),
            min(plain(one.get("published") or "?")[:10] for one in together),
            tuple(dict.fromkeys(each for one in together for each in mends(one, pin))),
            next((plain(one["summary"]) for one in together if one.get("summary")), ""),
        )


def gravest(said: Iterable[str]) -> str:
    """Return the gravest of what several records of one weakness say, those that say something."""
    known = set(said) - {NOT_SAID}
    return min(known, key=list(WITHIN).index, default=NOT_SAID)


def severity_of(record: Record) -> str:
    """Return how grave a weakness is, as its register says in a word."""
    said = (record.get("database_specific") or {}).get("severity")
    return AS_SAID.get(str(said).lower(), NOT_SAID)


def mends(record: Record, pin: Pin) -> Iterator[str]:
    """Yield the versions of a library in which a weakness is mended."""
    for one in record.get("affected") or ():
        package = one.get("package") or {}
        name = str(package.get("name"))
        if pin.registry == "pypi":
            name = re.sub(r"[-_.]+", "-", name).lower()
        if name != pin.name or package.get("ecosystem") != ECOSYSTEMS[pin.registry]:
            continue
        for span in one.get("ranges") or ():
            if span.get("type") != "GIT":  # there they are commits
                yield from (plain(at["fixed"]) for at in span.get("events") or () if "fixed" in at)


def plain(told: Any) -> str:
    """Return what another server said as one short line, without what a terminal would obey."""
    line = " ".join(str(told).split())
    return "".join(sign for sign in line if sign.isprintable())[:LONGEST]


def tell(found: list[Weakness], judged: list[dict[str, Any]], asked: int) -> int:
    """Print what was found; 1 when something of it has to be done."""
    open_ones = [one for one in found if not is_judged(one, judged)]
    for one in open_ones:
        print(f"✗ {one.pin.name} {one.pin.version} ({one.place}): {', '.join(one.numbers)}")
        if one.summary:
            print(f"  {one.summary}")
        mended = ", ".join(one.mended_in) or "no version yet"
        print(f"  {one.severity}, published {one.published}, mended in: {mended}")
        print(f"  to be mended within: {WITHIN[one.severity]} (SECURITY.md)")
    for one in found:
        if one not in open_ones:
            print(f"- {one.pin.name} {one.pin.version}: {one.numbers[0]} was judged")
    print(f"{asked} libraries, {len(open_ones)} known weaknesses")
    return SOME_KNOWN if open_ones else NONE_KNOWN


def read_judged() -> list[dict[str, Any]]:
    """Return what was judged to be no weakness here: deploy/supply/judged.toml.

    Raises TOMLDecodeError, KeyError, TypeError or ValueError where that is not whole.
    """
    judged: list[dict[str, Any]] = read_table("judged").get("judged", [])
    for one in judged:
        if missing := {"number", "library", "why", "judged_on", "until"} - set(one):
            raise ValueError(f"an entry has no {', '.join(sorted(missing))}")
        if not one["judged_on"] <= one["until"] <= one["judged_on"] + LONGEST_JUDGEMENT:
            raise ValueError(f"{one['number']}: judged until {one['until']}")
    return judged


def is_judged(weakness: Weakness, judged: list[dict[str, Any]]) -> bool:
    """Say whether somebody has judged, and the judgement still counts."""
    today = datetime.datetime.now(datetime.UTC).date()
    return any(
        one["library"] == weakness.pin.name
        and one["number"] in weakness.numbers
        and one["judged_on"] <= today <= min(one["until"], one["judged_on"] + LONGEST_JUDGEMENT)
        for one in judged
    )


if __name__ == "__main__":
    sys.exit(main())
