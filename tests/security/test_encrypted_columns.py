"""What is encrypted in the database: contacts, identities; their keys, and what happens without."""

import base64
import re
import subprocess
import sys

import pytest
from sqlalchemy import select, text

import manage
from repair_app import sealing
from repair_app.db import db
from repair_app.models import Complaint, ComplaintContact, Identity, Platform
from repair_app.services import field_keys, identities
from repair_app.services.identities import Claimed
from repair_app.services.transaction import transaction
from tests import factories

one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special
WORDS, CONTACT, CARD = "宣传单上的金额与公示不一样。", "电话 13912345678", "110101199003070011"


@pytest.fixture
def kept(world):
    """Put a complaint with its contact and an identity on file; give the row of the identity."""
    record = factories.make_record(world.firm, world.agency)
    case = factories.make_case(world, "submitted", record=record)
    with transaction() as session:
        complaint = Complaint(case_id=case.id, code_digest="d", capacity="other", statement=WORDS)
        complaint.contact = ComplaintContact(contact=CONTACT)
        session.add(complaint)
        row = Identity(user_id=world.subject.id, issuer="https://id.example", subject=CARD)
        session.add(row)
    return row.id


def raw(sql):
    """Return what the database itself holds."""
    db.session.rollback()
    return db.session.execute(text(sql)).scalar_one()


def all_bytes():
    """Return everything that lies in the sealed columns, as the database holds it."""
    return " ".join(
        [
            raw("SELECT statement FROM complaint"),
            raw("SELECT contact FROM complaint_contact"),
            raw("SELECT subject || ' ' || subject_index FROM identity"),
        ]
    )


@pytest.fixture
def other_keys(app, monkeypatch):
    """Give a function that sets the keys of the application."""
    return lambda keys: monkeypatch.setitem(app.config, "FIELD_KEYS", keys)


def find(subject):
    who = Claimed("https://id.example", subject, "", "", is_official=False, claims=())
    return identities.find(db.session(), who)


def test_the_database_holds_no_contact_and_no_number_of_a_person(kept):
    lies = all_bytes()
    assert lies.count("enc1:") == 3
    for plain in (WORDS, CONTACT, CARD, "13912345678"):
        assert plain not in lies
    assert db.session.scalar(select(Complaint.statement)) == WORDS
    assert db.session.scalar(select(ComplaintContact.contact)) == CONTACT
    assert db.session.get(Identity, kept).subject == CARD


def test_an_identity_is_found_by_its_index_alone(kept):
    assert find(CARD).id == kept
    assert find(CARD + "X") is None
    with pytest.raises(TypeError, match="index"):
        select(Identity).where(Identity.subject == CARD)
    with pytest.raises(TypeError, match="index"):
        select(Platform).where(Platform.owner_email.like("%@%"))


@one_store
def test_the_same_text_never_lies_there_twice_alike(app):
    ring = sealing.ring()
    assert len({ring.seal(CONTACT, "a.b") for _ in range(50)}) == 50


@one_store
def test_what_was_changed_or_moved_is_not_read(app):
    ring = sealing.ring()
    sealed = ring.seal(CONTACT, "complaint_contact.contact")
    head, body = sealed.rsplit(":", 1)
    flipped = bytearray(base64.b64decode(body))
    flipped[-1] ^= 1
    for place, value in (
        ("complaint.statement", sealed),
        ("complaint_contact.contact", f"{head}:{base64.b64encode(flipped).decode()}"),
        ("complaint_contact.contact", f"{head}:not base64"),
        ("complaint_contact.contact", f"{head}:"),
    ):
        with pytest.raises(sealing.NotOpened):
            ring.open(value, place)
    assert ring.open("as it was before there were keys", "x.y").startswith("as it was")
    assert ring.open(sealed, "complaint_contact.contact") == CONTACT


def test_values_go_over_to_a_new_key_and_the_old_one_can_go(app, kept, other_keys):
    first = app.config["FIELD_KEYS"]
    before = all_bytes()
    other_keys(f"second, {first}")
    assert find(CARD).id == kept  # while both are there
    assert db.session.get(Identity, kept).subject == CARD
    runner = app.test_cli_runner()
    assert runner.invoke(args=["keys", "rotate-fields"]).output.startswith("✓ 3 values")
    assert runner.invoke(args=["keys", "rotate-fields"]).output.startswith("✓ 0 values")
    assert not set(before.split()) & set(all_bytes().split())
    other_keys("second")
    assert find(CARD).id == kept
    assert db.session.scalar(select(ComplaintContact.contact)) == CONTACT
    assert field_keys.find_missing() is None
    assert "3  (writes)" in runner.invoke(args=["keys", "fields"]).output


def test_rotation_goes_on_in_pieces_and_encrypts_what_was_plain(app, kept, monkeypatch):
    monkeypatch.setattr(field_keys, "AT_ONCE", 1)
    with transaction() as session:
        session.execute(text("UPDATE complaint_contact SET contact = :it"), {"it": CONTACT})
        session.execute(
            text("UPDATE identity SET subject = :it, subject_index = NULL"), {"it": CARD}
        )
    assert find(CARD) is None  # a node of the release before wrote it
    assert field_keys.count_by_key()[field_keys.PLAIN] == 2
    assert field_keys.rotate() == 2
    assert field_keys.count_by_key()[field_keys.PLAIN] == 0
    assert find(CARD).id == kept
    assert CONTACT not in all_bytes()


def test_without_the_key_it_is_said_which_one_and_nothing_is_prepared(app, kept, other_keys):
    name = sealing.ring().first.name
    other_keys("another")
    told = field_keys.find_missing()
    assert name in told.zh
    assert name in told.en
    assert "field_keys" in told.en
    db.session.rollback()
    runner = app.test_cli_runner()
    for command in (["prepare", "--empty"], ["keys", "rotate-fields"], ["keys", "fields"]):
        done = runner.invoke(args=command)
        assert done.exit_code == 1, command
        assert name in done.output
        assert "缺少字段密钥" in done.output
    with pytest.raises(sealing.NotOpened):
        db.session.scalar(select(ComplaintContact.contact))


def test_a_server_does_not_start_without_the_key(store, kept, tmp_path):
    """As granian starts it: one line in each language, and nothing of the store."""
    code = "import repair_app; repair_app.create_app()"
    env = manage.child_env(REDRESS_DATA=str(tmp_path), DATABASE_URL=store.url)
    env.pop("FLASK_RUN_FROM_CLI", None)
    started = [sys.executable, "-c", code]
    done = subprocess.run(started, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search("✗ 缺少字段密钥.*\n✗ the field key", done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    env["REDRESS_FIELD_KEY"] = "of-tests"
    done = subprocess.run(started, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@one_store
def test_a_new_key_is_put_in_front_and_only_its_owner_reads_the_file(app, monkeypatch, tmp_path):
    monkeypatch.setitem(app.config, "DATA_FOLDER", tmp_path)
    path = tmp_path / "field_keys"
    path.write_text("old")
    done = app.test_cli_runner().invoke(args=["keys", "new-field-key"])
    new, old = path.read_text().split()
    assert old == "old"
    assert sealing.derive(new).name in done.output
    assert new not in done.output
    assert path.stat().st_mode & 0o777 == 0o600
    ring = sealing.Keyring(path.read_text())
    assert ring.first.name == sealing.derive(new).name


@one_store
def test_keys_are_not_empty(app):
    with pytest.raises(ValueError, match="no field key"):
        sealing.Keyring(" ,\n")
