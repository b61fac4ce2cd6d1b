"""Signatures and histories that somebody made up or sends again: rows 68, 77, 78."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from repair_app import ledger
from repair_app.db import db, now
from repair_app.models import Stream
from repair_app.notes import Signer
from repair_app.services.sync.secrets import secret_of
from repair_app.services.tree import log
from repair_app.witness import office
from repair_app.witness.office import Witness
from tests.factories import act, make_case, make_record
from tests.history.test_tampering import EARLY, events_of, rehash
from tests.history.test_witness import ORIGIN, OTHERS, request
from tests.sync.platforms import deliver, receivers

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special

# --- row 68: signed messages ----------------------------------------------------------------------

LEEWAY = timedelta(minutes=5)  # Standard Webhooks: how far the clocks of two sites may differ


class Platform:
    """A platform that was told of a record once, and whoever sends it messages."""

    def __init__(self, receiver, secret, ref):
        self.receiver, self.ref = receiver, ref
        self.signer = Webhook(secret)
        self.content = next(
            content for _, content in receiver.seen if content["type"] == "record.changed"
        )

    def send(self, name, *, moment=None, signer=None, **changes):
        """Send a message as somebody does who has, or has not, the secret; return the status."""
        moment = moment or datetime.now(UTC)
        body = json.dumps(self.content)
        headers = {
            "webhook-id": name,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": (signer or self.signer).sign(name, moment, body),
        }
        body = changes.pop("body", body)
        answer = self.receiver.mirror.test_client().post(
            "/hook", data=body, headers={**headers, **changes.pop("headers", {})}
        )
        return answer.status_code

    @property
    def times(self):
        """Return how often the record was changed there."""
        return self.receiver.shelf.read(self.ref)[2]


@pytest.fixture
def platform(app, world, tmp_path):
    """Give a platform that was told of a record."""
    with receivers(tmp_path) as made:
        secret = secret_of(made[0].join())
        ref = make_record(world.firm, world.agency).ref
        assert deliver() == 1
        yield Platform(made[0], secret, ref)


@one_store
def test_row_68_pypi_2026_1_a_signature_that_is_wrong_old_or_for_something_else_is_refused(
    platform,
):
    later = datetime.now(UTC) + LEEWAY
    other = json.dumps(platform.content | {"type": "ping"})
    assert platform.send("m1", signer=Webhook("whsec_" + "A" * 43 + "=")) == 401
    assert platform.send("m1", body=other) == 401
    assert platform.send("m1", headers={"webhook-id": "m2"}) == 401
    assert platform.send("m1", headers={"webhook-timestamp": str(int(later.timestamp()))}) == 401
    for signature in ("", "v1", "v1,", "v1,###", "v1a,AAAA", "v0,AAAA"):
        assert platform.send("m1", headers={"webhook-signature": signature}) == 401
    for off in (-2 * LEEWAY, 2 * LEEWAY):  # rightly signed, and kept back or made ahead
        assert platform.send("m1", moment=datetime.now(UTC) + off) == 401
    assert platform.times == 1
    assert platform.send("m1") == 200


@one_store
def test_row_68_cve_2021_31866_signatures_are_compared_in_the_same_time(platform, monkeypatch):
    """By `hmac.compare_digest`: every signature goes through it, right or wrong."""
    compared = []

    def compare(one, other):
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("standardwebhooks.webhooks.hmac.compare_digest", compare)
    assert platform.send("m1", signer=Webhook("whsec_" + "A" * 43 + "=")) == 401
    assert platform.send("m1") == 200
    assert [one == other for one, other in compared] == [False, True]


@one_store
def test_row_68_pypi_2026_2_what_is_sent_again_within_the_leeway_or_at_once_counts_once(platform):
    assert platform.send("m1") == 200
    before = platform.times
    assert platform.send("m1") == 200  # the sender may not have heard the answer
    with ThreadPoolExecutor(6) as crowd:
        assert set(crowd.map(platform.send, ["m1"] * 12)) == {200}
    assert platform.times == before


@one_store
def test_row_68_control_without_a_look_at_its_time_an_old_message_is_taken(platform, monkeypatch):
    old = datetime.now(UTC) - 10 * LEEWAY
    assert platform.send("m1", moment=old) == 401
    monkeypatch.setattr(Webhook, "_Webhook__verify_timestamp", lambda _, _sent: old)
    assert platform.send("m1", moment=old) == 200


# --- row 77: who owns the database ----------------------------------------------------------------


@pytest.fixture
def case(world, key_file):
    """Give a case whose events have their places in the tree, with two checkpoints."""
    case = make_case(world, "submitted")
    log.sequence(now())
    act(world.reviewer, "accept", case)
    log.sequence(now())
    return case.ref


def edit(ref, attack):
    attack("UPDATE event SET payload = '{}' WHERE stream = :ref AND seq = 2", ref=ref)
    return f"{ref}, event 2"


def edit_and_hash_anew(ref, attack):
    rehash(ref, attack, 2, {"actor": "somebody else"})
    return f"{ref}, event 2"


def backdate(ref, attack):
    rehash(ref, attack, 2, {"at": "2020-01-01T00:00:00.000000Z"})
    attack("UPDATE event SET at = :at WHERE stream = :ref AND seq = 2", at=EARLY(), ref=ref)
    return f"{ref}, event 2"


def swap(ref, attack):
    attack(
        "UPDATE event SET seq = -2 WHERE stream = :ref AND seq = 2",
        "UPDATE event SET seq = 2 WHERE stream = :ref AND seq = 3",
        "UPDATE event SET seq = 3 WHERE stream = :ref AND seq = -2",
        ref=ref,
    )
    return f"{ref}, event 2"


def cut(ref, attack):
    """Take away the last event with its place, and put the chain back to before."""
    before, last = events_of(ref)[-2:]
    number, head, length = last.id, before.hash, before.seq
    attack("delete FROM event WHERE id = :id", id=number)  # and no text, of any event
    attack("DELETE FROM tree_leaf WHERE event_id = :id", id=number)
    attack(
        "UPDATE stream SET head = :head, length = :length WHERE ref = :ref",
        head=head,
        length=length,
        ref=ref,
    )
    return f"{ref}, event {length}"  # what it led to is not what is on file


@pytest.mark.parametrize("way", [edit, edit_and_hash_anew, backdate, swap, cut])
def test_row_77_what_is_changed_behind_the_programs_back_is_named(app, case, attack, way):
    named = way(case, attack)
    done = app.test_cli_runner().invoke(args=["verify", "--all"])
    assert done.exit_code == 1
    assert named in done.output


@one_store
def test_row_77_control_a_chain_alone_does_not_tell_what_was_hashed_anew(case, attack):
    """What finds it is the tree, whose checkpoints were signed."""
    rehash(case, attack, 2, {"actor": "somebody else"})
    assert ledger.verify(db.session())[1] is None
    assert db.session.scalar(select(Stream.length).where(Stream.ref == case)) >= 3


# --- row 78: two histories ------------------------------------------------------------------------


@pytest.fixture
def signer():
    """Give the key of an operator who shows different histories to different people."""
    return Signer.make(ORIGIN)


@pytest.fixture
def witness(tmp_path, signer):
    """Give a witness that has signed the first twenty events of one of them."""
    made = Witness(tmp_path, office.find_key(tmp_path, "province.example/w1"), [signer.verifier])
    assert made.add_checkpoint(request(signer, 0, 20)).status == 200
    return made


def test_row_78_c2sp_tlog_witness_of_two_histories_one_is_signed(witness, signer):
    """The other is not, as large, larger or smaller, though the operator's signature is right."""
    for old, size, status in ((20, 30, 422), (20, 20, 422), (0, 30, 409), (20, 10, 400)):
        answer = witness.add_checkpoint(request(signer, old, size, OTHERS))
        assert answer.status == status, (old, size)
        assert signer.name not in answer.text
    assert witness.read_last(ORIGIN).size == 20
    assert witness.add_checkpoint(request(signer, 20, 30)).status == 200


def test_row_78_control_a_witness_that_asks_for_no_proof_signs_both(witness, signer, monkeypatch):
    assert witness.add_checkpoint(request(signer, 20, 30, OTHERS)).status == 422
    monkeypatch.setattr(office, "follows", lambda *_: True)
    assert witness.add_checkpoint(request(signer, 20, 30, OTHERS)).status == 200
