"""The chain of events: what an attacker who has the database changes is found, and named."""

import hashlib
import json
from collections.abc import Callable
from threading import Thread

import pytest
import rfc8785
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from repair_app import ledger
from repair_app.db import db, now, writing
from repair_app.models import Case, Event, Stream
from repair_app.services.transaction import transaction
from tests import factories
from tests.factories import World


@pytest.fixture
def case(app: Flask, world: World) -> Case:
    """Give a case with a handful of events, a sanction's among them, and texts."""
    record = factories.make_record(world.firm, world.agency)
    factories.make_sanction(record, world.officer)
    factories.make_case(world, "submitted", record=factories.make_record(world.firm, world.agency))
    return factories.make_case(world, "accepted", record=record)


def verify() -> ledger.Flaw | None:
    return ledger.verify(db.session())[1]


def event_of(case: Case, seq: int) -> Event:
    query = select(Event).where(Event.stream == case.ref, Event.seq == seq)
    return db.session.scalars(query).one()


def resealed(payload: str) -> str:
    return hashlib.sha256(payload.encode()).hexdigest()


# --- whole chains ---


def test_every_chain_verifies_and_every_event_is_read(case: Case) -> None:
    count, flaw = ledger.verify(db.session())
    assert flaw is None
    assert count == db.session.query(Event).count() > 6


def test_one_chain_can_be_verified_alone(case: Case) -> None:
    count, flaw = ledger.verify(db.session(), case.ref)
    assert flaw is None
    assert count == db.session.query(Event).filter(Event.stream == case.ref).count()


def test_a_chain_begins_at_one_without_gaps_and_each_event_names_the_one_before(
    case: Case,
) -> None:
    events = db.session.scalars(
        select(Event).where(Event.stream == case.ref).order_by(Event.seq)
    ).all()
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    named = [json.loads(one.payload)["prev"] for one in events]
    assert named == [ledger.GENESIS, *(one.hash for one in events[:-1])]


def test_every_step_of_a_case_is_one_event_and_one_version(case: Case) -> None:
    own = db.session.query(Event).filter(Event.entity == case.ref).count()
    assert own == case.version == 3  # open, submit, accept


# --- what is found ---


def test_a_changed_content_is_found(case: Case, attack: Callable[..., None]) -> None:
    payload = event_of(case, 2).payload.replace("submit", "accept")
    attack(
        "UPDATE event SET payload = :payload WHERE stream = :ref AND seq = 2",
        payload=payload,
        ref=case.ref,
    )
    assert verify() == ledger.Flaw(case.ref, 2, "its content does not match its hash")


def test_a_changed_content_with_its_hash_made_anew_is_found_at_the_next_event(
    case: Case, attack: Callable[..., None]
) -> None:
    changed = json.loads(event_of(case, 2).payload)
    changed["facts"] = {"invented": True}
    payload = rfc8785.dumps(changed).decode()
    attack(
        "UPDATE event SET payload = :payload, hash = :hash WHERE stream = :ref AND seq = 2",
        payload=payload,
        hash=resealed(payload),
        ref=case.ref,
    )
    assert verify() == ledger.Flaw(case.ref, 3, "it does not follow the event before it")


@pytest.mark.parametrize("column", ["entity", "workflow", "transition"])
def test_a_changed_column_is_found(case: Case, attack: Callable[..., None], column: str) -> None:
    attack(f"UPDATE event SET {column} = 'other' WHERE stream = :ref AND seq = 2", ref=case.ref)
    assert verify() == ledger.Flaw(case.ref, 2, "its columns do not repeat its content")


def test_a_changed_time_is_found(case: Case, attack: Callable[..., None]) -> None:
    attack(
        "UPDATE event SET at = '2020-01-01 00:00:00.000000' WHERE stream = :ref AND seq = 2",
        ref=case.ref,
    )
    assert verify() == ledger.Flaw(case.ref, 2, "its time does not repeat its content")


def test_a_removed_event_is_found(case: Case, attack: Callable[..., None]) -> None:
    attack("DELETE FROM event WHERE stream = :ref AND seq = 2", ref=case.ref)
    assert verify() == ledger.Flaw(case.ref, 3, "it does not follow the event before it")


def test_a_removed_event_with_the_rest_renumbered_is_found(
    case: Case, attack: Callable[..., None]
) -> None:
    attack(
        "DELETE FROM event WHERE stream = :ref AND seq = 2",
        "UPDATE event SET seq = seq - 1 WHERE stream = :ref AND seq = 3",
        ref=case.ref,
    )
    flaw = verify()
    assert (flaw.stream, flaw.seq) == (case.ref, 2)


def test_a_cut_tail_is_found(case: Case, attack: Callable[..., None]) -> None:
    last = db.session.get_one(Stream, case.ref).length
    attack("DELETE FROM event WHERE stream = :ref AND seq = :last", ref=case.ref, last=last)
    assert verify() == ledger.Flaw(case.ref, last, "the end of the chain does not match its head")


def test_a_cut_tail_is_told_although_other_chains_come_after_it(
    case: Case, attack: Callable[..., None]
) -> None:
    longer = select(Stream.ref, Stream.length).where(Stream.length > 1).order_by(Stream.ref)
    ref, length = db.session.execute(longer.limit(1)).one()
    assert db.session.scalar(select(Stream.ref).where(Stream.ref > ref).limit(1))
    before = db.session.query(Event).filter(Event.stream < ref).count()
    attack("DELETE FROM event WHERE stream = :ref AND seq = :last", ref=ref, last=length)
    end = ledger.Flaw(ref, length, "the end of the chain does not match its head")
    assert ledger.verify(db.session()) == (before + length - 1, end)


def test_a_last_event_written_anew_does_not_match_the_head(
    case: Case, attack: Callable[..., None]
) -> None:
    last = db.session.get_one(Stream, case.ref).length
    content = {**json.loads(event_of(case, last).payload), "basis": ["REDRESS 1"]}
    payload = ledger.canonical(content)
    attack(
        "UPDATE event SET payload = :payload, hash = :hash WHERE stream = :ref AND seq = :last",
        payload=payload,
        hash=resealed(payload),
        ref=case.ref,
        last=last,
    )
    end = "the end of the chain does not match its head"
    assert verify() == ledger.Flaw(case.ref, last + 1, end)


def test_a_chain_that_should_be_longer_is_found(case: Case, attack: Callable[..., None]) -> None:
    last = db.session.get_one(Stream, case.ref).length
    attack("UPDATE stream SET length = length + 1 WHERE ref = :ref", ref=case.ref)
    end = "the end of the chain does not match its head"
    assert verify() == ledger.Flaw(case.ref, last + 1, end)


def test_an_event_added_at_the_end_is_found(case: Case, attack: Callable[..., None]) -> None:
    last = db.session.get_one(Stream, case.ref)
    content = {**json.loads(event_of(case, last.length).payload), "transition": "withdraw"}
    payload, digest, _ = ledger.seal(content, case.ref, last.length + 1, last.head, {})
    attack(
        "INSERT INTO event (stream, seq, entity, workflow, transition, at, payload, hash)"
        " SELECT stream, seq + 1, entity, workflow, 'withdraw', at, :payload, :hash FROM event"
        " WHERE stream = :ref AND seq = :last",
        payload=payload,
        hash=digest,
        ref=case.ref,
        last=last.length,
    )
    assert verify().problem == "the end of the chain does not match its head"


def test_a_removed_chain_is_found(case: Case, attack: Callable[..., None]) -> None:
    attack(
        "DELETE FROM event_text WHERE event_id IN (SELECT id FROM event WHERE stream = :ref)",
        "DELETE FROM event WHERE stream = :ref",
        ref=case.ref,
    )
    assert verify() == ledger.Flaw(case.ref, 1, "the whole chain is missing")


def test_a_chain_that_nobody_began_is_found(case: Case, attack: Callable[..., None]) -> None:
    attack("DELETE FROM stream WHERE ref = :ref", ref=case.ref)
    assert verify() == ledger.Flaw(case.ref, 1, "a chain that was never begun")


def test_swapped_events_are_found(case: Case, attack: Callable[..., None]) -> None:
    attack(
        "UPDATE event SET seq = -2 WHERE stream = :ref AND seq = 2",
        "UPDATE event SET seq = 2 WHERE stream = :ref AND seq = 3",
        "UPDATE event SET seq = 3 WHERE stream = :ref AND seq = -2",
        ref=case.ref,
    )
    assert verify() == ledger.Flaw(case.ref, 2, "it does not follow the event before it")


TEXT_OF_FIRST = (
    "WHERE event_id = (SELECT id FROM event WHERE stream = :ref AND seq = 1)"  # the opening
)


def test_a_changed_text_is_found(case: Case, attack: Callable[..., None]) -> None:
    attack(
        f"""UPDATE event_text SET body = '{{"statement":"other"}}' {TEXT_OF_FIRST}""", ref=case.ref
    )
    assert verify() == ledger.Flaw(case.ref, 1, "its text is not what was written")


@pytest.mark.parametrize("column", ["salt", "body"])
def test_a_text_erased_by_half_is_found(
    case: Case, attack: Callable[..., None], column: str
) -> None:
    attack(f"UPDATE event_text SET {column} = NULL {TEXT_OF_FIRST}", ref=case.ref)
    assert verify() == ledger.Flaw(case.ref, 1, "its text is not what was written")


def test_a_removed_text_is_found(case: Case, attack: Callable[..., None]) -> None:
    attack(f"DELETE FROM event_text {TEXT_OF_FIRST}", ref=case.ref)
    assert verify() == ledger.Flaw(case.ref, 1, "its text is missing")


def test_a_text_put_to_an_event_that_had_none_is_found(
    case: Case, attack: Callable[..., None]
) -> None:
    attack(
        "INSERT INTO event_text (event_id, salt, body)"
        " SELECT id, NULL, 'invented' FROM event WHERE stream = :ref AND seq = 2",
        ref=case.ref,
    )
    assert verify() == ledger.Flaw(case.ref, 2, "its text is not what was written")


def test_the_first_of_several_flaws_is_named(case: Case, attack: Callable[..., None]) -> None:
    attack("UPDATE event SET payload = '{}' WHERE stream = :ref AND seq > 1", ref=case.ref)
    assert (verify().stream, verify().seq) == (case.ref, 2)


def test_an_erased_text_still_verifies(case: Case) -> None:
    """Erasing what a person wrote must not look like forgery."""
    with writing(), db.engine.begin() as connection:
        connection.execute(text("UPDATE event_text SET body = NULL, salt = NULL"))
    db.session.rollback()
    assert verify() is None


# --- the command ---


def test_the_command_says_that_all_is_whole(app: Flask, case: Case) -> None:
    done = app.test_cli_runner().invoke(args=["verify", "--all"])
    assert done.exit_code == 0
    assert done.output.startswith("✓ ")


@pytest.mark.parametrize("option", ["--all", "--stream"])
def test_the_command_names_the_first_bad_event_and_fails(
    app: Flask, case: Case, attack: Callable[..., None], option: str
) -> None:
    attack("UPDATE event SET payload = '{}' WHERE stream = :ref AND seq = 2", ref=case.ref)
    args = ["verify", option, *([case.ref] if option == "--stream" else [])]
    done = app.test_cli_runner().invoke(args=args)
    assert done.exit_code == 1
    assert f"{case.ref}, event 2" in done.output


# --- canonical form ---

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES, max_size=6))
def test_the_same_content_in_another_order_has_the_same_hash(content: dict) -> None:
    backwards = dict(reversed(content.items()))
    here = ledger.seal(content, "YY-2026-000001-A", 1, ledger.GENESIS, {})
    there = ledger.seal(backwards, "YY-2026-000001-A", 1, ledger.GENESIS, {})
    assert here == there


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_commitment_fits_one_text_only(here: str, there: str) -> None:
    salt = b"0" * 16
    same = ledger.commit_to(salt, here) == ledger.commit_to(salt, there)
    assert same == (here == there)


def test_the_same_text_is_committed_to_differently_each_time() -> None:
    """Or a short text could be guessed from its hash after it was erased."""
    first = ledger.seal({}, "A", 1, ledger.GENESIS, {"note": "yes"})
    second = ledger.seal({}, "A", 1, ledger.GENESIS, {"note": "yes"})
    assert json.loads(first[0])["body"] != json.loads(second[0])["body"]


WORDS = st.dictionaries(st.text("abc_:", max_size=8), st.none() | st.booleans() | st.text())


@given(
    st.dictionaries(
        st.text("abc_:", max_size=8), WORDS | st.lists(st.text()) | st.integers(-9, 9**9)
    )
)
def test_an_event_is_hashed_in_the_canonical_form_of_the_rfc(content: dict) -> None:
    """RFC 8785, by an implementation that is not ours; keys are ASCII, as in every event."""
    assert ledger.canonical(content).encode() == rfc8785.dumps(content)


def test_chains_and_their_first_contents_are_as_many(app: Flask) -> None:
    """None is left out in silence."""
    with pytest.raises(ValueError, match="zip"):
        ledger.first_entries(["A-1", "A-2"], [], now())


def test_two_who_write_to_one_chain_at_once_write_one_after_the_other(
    app: Flask, case: Case
) -> None:
    """Whatever else they lock: the chain itself lets in one at a time."""
    ref, last = case.ref, event_of(case, 1)
    content, at = json.loads(last.payload), last.at
    db.session.rollback()
    before, done = ledger.verify(db.session())[0], []

    def append() -> None:
        with app.app_context(), transaction() as session:
            if db.engine.dialect.name == "postgresql":
                session.execute(text("SET LOCAL lock_timeout = 0"))  # however slow the machine
            done.append(ledger.append(session, ref, content, {}, at=at).seq)

    other = Thread(target=append)
    with transaction() as session:
        first = ledger.append(session, ref, content, {}, at=at).seq
        other.start()
        other.join(0.5)  # it comes to the chain, and waits there
        assert done == []
    other.join()
    db.session.rollback()
    assert done == [first + 1]
    assert ledger.verify(db.session()) == (before + 2, None)
