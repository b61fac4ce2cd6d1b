"""Controls of rows 69 to 84: a guard of what is told, kept or started is taken away."""

import json
import secrets
from hashlib import sha256
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.debug import DebuggedApplication

import config
from config import Config
from repair_app import access, ledger, masking, refs
from repair_app.db import db
from repair_app.engine import machine as steps
from repair_app.masking import HIDDEN
from repair_app.models import Case, Event, EventText, PlatformKind, Role
from repair_app.models.parties import OrganisationKind
from repair_app.services import complaints, demonstrating, records
from repair_app.services.sync import changes
from repair_app.web import door
from tests.client import make_client
from tests.factories import (
    annul_record,
    get_case,
    make_account,
    make_case,
    make_organisation,
    make_record,
)
from tests.security.test_answers_refused import PERSONAL, SECRETS, TRACES
from tests.sync.platforms import make_platform
from tests.web.test_sign_in import try_to_sign_in

pytestmark = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special

# --- rows 69 to 74: what the public and platforms read --------------------------------------------


@pytest.fixture
def fed(machine, world):
    """Give a function that returns what a platform of the department is told, as it asks."""
    system = machine("officer", ["changes"])

    def ask():
        changes.take_in()
        changes.order_changes()
        db.session.rollback()
        answer = system.get("/changes")
        assert answer.status_code == 200
        return json.dumps(answer.json, ensure_ascii=False)

    return ask


def test_rows_69_70_74_control_without_the_mask_everybody_reads_what_is_personal(
    world, anybody, fed, machine, monkeypatch
):
    """In pages, in the interface and in what platforms fetch: they all ask the one mask."""
    make_platform(organisation_id=world.department.id)
    system = machine("stranger")

    def read_all(record):
        places = (f"/records/{record.ref}", f"/records/{record.ref}?lang=en")
        pages = [anybody.read(one).words for one in places]
        answer = system.get(f"/records/{record.ref}")
        return [*pages, json.dumps(answer.json, ensure_ascii=False), fed()]

    masked = read_all(make_record(world.firm, world.agency, violation_facts=PERSONAL))
    assert not any(one in text for text in masked for one in SECRETS)
    monkeypatch.setattr(masking, "mask_text", lambda text, _names=(): text)
    told = read_all(make_record(world.firm, world.agency, violation_facts=PERSONAL))
    assert [all(one in text for one in SECRETS) for text in told] == [True] * 4


def test_row_69_control_without_a_look_at_whose_it_is_a_source_agency_gets_others_records(
    world, fed, monkeypatch
):
    kind = PlatformKind.SOURCE_AGENCY
    make_platform(kind=kind, organisation_id=world.department.id)
    record = make_record(world.firm, world.agency)
    assert record.ref not in fed()
    monkeypatch.setattr(changes, "provider_of", lambda _: None)
    assert record.ref in fed()


def test_row_74_control_where_one_page_does_not_mask_it_undoes_the_mask_of_the_others(
    world, anybody, monkeypatch
):
    record = make_record(world.firm, world.agency, violation_facts=PERSONAL)
    address = f"/records/{record.ref}"
    assert HIDDEN in anybody.read(address).words
    monkeypatch.setattr(records, "as_read_by", lambda row, _roles: row)
    assert all(one in anybody.read(address).words for one in SECRETS)


def test_row_71_control_without_the_bar_a_natural_persons_record_is_a_public_page(
    world, anybody, monkeypatch
):
    """Lists ask a condition of their own: they still show nothing."""
    person = make_organisation(OrganisationKind.NATURAL_PERSON, "王虚构人")
    record = make_record(person, world.agency)
    assert anybody.get(f"/records/{record.ref}").status_code == 404
    monkeypatch.setattr(records, "bars_publication", lambda *_: False)
    assert "王虚构人" in anybody.read(f"/records/{record.ref}").html
    assert record.ref not in anybody.get("/?q=王虚构人").html


def test_row_72_control_without_a_look_at_its_state_a_removed_record_is_read_on(
    world, anybody, monkeypatch
):
    """Lists ask a condition of their own: they still show nothing."""
    record = make_record(world.firm, world.agency)
    ref = record.ref
    annul_record(world, record)
    for place in (f"/records/{ref}", f"/records/{ref}/qr.svg"):
        assert anybody.get(place).status_code == 404
    monkeypatch.setattr(records, "shown_to_public", lambda _: True)
    for place in (f"/records/{ref}", f"/records/{ref}/qr.svg"):
        assert anybody.get(place).status_code == 200
    assert ref not in anybody.get(f"/?q={world.firm.uscc}").html


# --- row 73: who complained -----------------------------------------------------------------------


@pytest.fixture
def complaint(world):
    """Give the reference of a complaint about a record of the agency."""
    told = complaints.Told("error", "other", "吹哨人说有误。", "吹哨人 13900002222", [])
    complaints.receive(make_record(world.firm, world.agency).ref, told, "form")
    return db.session.scalars(select(Case.ref).where(Case.workflow == "complaint")).one()


def test_row_73_control_without_what_is_confidential_a_party_knows_that_somebody_complained(
    as_, world, complaint, monkeypatch
):
    client = as_(world.provider)
    assert client.get(f"/cases/{complaint}").status_code == 404
    monkeypatch.setattr(access, "CONFIDENTIAL", ())
    assert client.get(f"/cases/{complaint}").status_code == 200


def test_row_73_control_without_both_guards_a_party_reads_who_complained(
    as_, world, complaint, monkeypatch
):
    """Two guards: the door lets in reviewers, and the page those who act for no side."""
    client, address = as_(world.provider), f"/work/complaints/{complaint}"
    assert client.get(address).status_code == 403
    monkeypatch.setattr(door, "rule_of", lambda *_: door.SIGNED_IN)
    assert client.get(address).status_code == 404
    monkeypatch.setattr(complaints, "is_reviewer_of", lambda *_: True)
    assert "吹哨人" in client.read(address).html


# --- row 75: numbers and codes --------------------------------------------------------------------


def test_row_75_control_without_the_check_character_the_next_number_is_known(
    world, anybody, monkeypatch
):
    """Who has one number counts on, with the last character of it."""

    def next_one(ref):
        head, number, last = ref.rsplit("-", 2)
        return f"{head}-{int(number) + 1:06d}-{last}"

    first, second = (make_record(world.firm, world.agency).ref for _ in range(2))
    assert anybody.get(f"/records/{second}").status_code == 200
    assert anybody.get(f"/records/{next_one(first)}").status_code == 404
    monkeypatch.setattr(refs, "check_character", lambda _: "0")
    first, second = (make_record(world.firm, world.agency).ref for _ in range(2))
    assert next_one(first) == second
    assert anybody.get(f"/records/{next_one(first)}").status_code == 200


def test_row_75_control_without_our_key_the_code_of_a_complaint_is_reckoned_out(
    world, anybody, monkeypatch
):
    """Who saw the form knows its token, and with the same program what code it leads to."""

    def reckon(token):
        number = int.from_bytes(sha256(token.encode()).digest())
        places = (number // 30**place % 30 for place in range(complaints.CODE_LENGTH))
        return "".join(complaints.ALPHABET[one] for one in places)

    def complain(token):
        told = complaints.Told("error", "other", "有误。", "", [])
        complaints.receive(make_record(world.firm, world.agency).ref, told, token)
        return anybody.get(f"/complaints/{reckon(token)}").status_code

    assert complain("first") == 404
    monkeypatch.setattr(complaints, "code_of", reckon)
    assert complain("second") == 200


# --- rows 79, 81: the book ------------------------------------------------------------------------


def test_row_79_control_where_the_fault_of_the_book_is_swallowed_a_step_has_no_event(
    as_, world, app, monkeypatch
):
    """Two guards: the fault ends the transaction, and letters have to name the event of a step."""
    case = make_case(world, "submitted")
    client = as_(world.reviewer)
    events = select(func.count()).select_from(Event)
    before, flush, append = db.session.scalar(events), Session.flush, ledger.append
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)

    def without_events(session, objects=None):
        if any(isinstance(one, Event) for one in session.new):
            raise RuntimeError("no event")
        return flush(session, objects)

    def accept():
        fields = {"csrf_token": client.token(), "version": "2"}
        fields["form_token"] = secrets.token_urlsafe(24)
        with monkeypatch.context() as patch:
            patch.setattr(Session, "flush", without_events)
            return client.post(f"/cases/{case.ref}/accept", data=fields).status_code

    def append_if_it_can(session, *given, **more):
        try:
            return append(session, *given, **more)
        except RuntimeError:
            (event,) = [one for one in session.new if isinstance(one, Event)]
            session.expunge(event)
            return event

    assert accept() == 500
    assert get_case(case.ref).state == "submitted"
    monkeypatch.setattr(ledger, "append", append_if_it_can)
    assert accept() == 500
    assert get_case(case.ref).state == "submitted"
    monkeypatch.setitem(steps.fire.__kwdefaults__, "told", ())  # no letters, no messages
    assert accept() == 302
    assert get_case(case.ref).state == "accepted"
    assert db.session.scalar(events) == before


WORDS = "此处为个人陈述四七一一。"


def erase_words(app, ref):
    """Erase by the command what was written with the events of a case; return how many."""
    with_words = select(Event.seq).join(EventText).where(Event.stream == ref)
    numbers = db.session.scalars(with_words.where(EventText.body.is_not(None))).all()
    db.session.rollback()
    for seq in numbers:
        asked = ["erase", "words", ref, str(seq), "--reason", "本人要求删除。"]
        done = app.test_cli_runner().invoke(args=asked)
        assert done.exit_code == 0, done.output
    return len(numbers)


@pytest.fixture
def supplement(as_, world):
    """Give a function that asks for a supplement in words, and returns the case and its event."""

    def ask():
        ref = make_case(world, "submitted").ref
        client = as_(world.reviewer)
        assert client.fill(f"/cases/{ref}/ask_supplement", missing=WORDS).status_code == 302
        query = select(Event.payload).where(
            Event.stream == ref, Event.transition == "ask_supplement"
        )
        return ref, db.session.scalars(query).one()

    return ask


def test_row_81_control_where_words_are_part_of_the_chain_none_can_be_erased(
    app, attack, supplement, monkeypatch
):
    """The guard is that the chain commits to words and does not hold them."""
    ref, payload = supplement()
    assert WORDS not in payload
    assert erase_words(app, ref)
    assert ledger.verify(db.session(), ref)[1] is None
    seal = ledger.seal

    def seal_all(content, stream, seq, prev, texts):
        return seal({**content, "texts": dict(texts)}, stream, seq, prev, texts)

    monkeypatch.setattr(ledger, "seal", seal_all)
    ref, payload = supplement()
    assert WORDS in payload
    assert erase_words(app, ref)
    query = select(Event.payload).where(Event.stream == ref, Event.transition == "ask_supplement")
    assert WORDS in db.session.scalars(query).one()  # it is still there; and when it is taken out:
    attack(
        "UPDATE event SET payload = :payload WHERE stream = :ref AND payload = :former",
        payload=payload.replace(WORDS, ""),
        former=payload,
        ref=ref,
    )
    assert ledger.verify(db.session(), ref)[1].stream == ref


def test_row_81_control_without_salt_who_guesses_an_erased_text_is_told_so(
    app, supplement, monkeypatch
):
    guess = ledger.canonical({"missing": WORDS})

    def is_confirmed():
        ref, payload = supplement()
        assert erase_words(app, ref)
        return json.loads(payload)["body"] == ledger.commit_to(b"", guess)

    assert not is_confirmed()
    monkeypatch.setattr(ledger, "secrets", SimpleNamespace(token_bytes=lambda _: b""))
    assert is_confirmed()


# --- row 82: a start for the public ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"), [("FLASK_DEBUG", "1"), ("SECRET_KEY", "secret")], ids=["debug", "secret"]
)
def test_row_82_control_without_a_look_at_the_settings_a_public_site_is_unsafe(
    app, tmp_path, monkeypatch, name, value
):
    with monkeypatch.context() as patch:
        patch.setenv("REDRESS_DATA", str(tmp_path))
        patch.setenv("REDRESS_BASE_URL", "https://credit.example")
        patch.setenv(name, value)
        with pytest.raises(config.ConfigError, match=name):
            Config()
        patch.setattr(config, "refuse_to_be_public_unsafely", lambda _: None)
        assert Config().IS_PUBLIC


def test_row_82_control_without_a_look_at_its_accounts_anybody_signs_in_to_the_demonstration(
    app, world, anybody, monkeypatch
):
    account = make_account(world.firm, Role.SUBJECT, email=f"tang@{demonstrating.DOMAIN}")
    monkeypatch.setitem(app.config, "IS_PUBLIC", True)
    with pytest.raises(SystemExit):
        demonstrating.refuse(app)
    monkeypatch.setattr(demonstrating, "count_accounts", lambda: 0)
    demonstrating.refuse(app)
    assert try_to_sign_in(anybody, account.email).status_code == 302


def test_row_82_control_without_a_look_at_the_address_a_public_site_gets_the_demonstration(
    app, monkeypatch
):
    added = []
    monkeypatch.setattr("repair_app.demo.add_demo", lambda: added.append(True))
    prepare = app.test_cli_runner()
    with monkeypatch.context() as patch:
        patch.setitem(app.config, "IS_PUBLIC", True)
        assert prepare.invoke(args=["prepare"]).exit_code == 1
        assert added == []
    done = prepare.invoke(args=["prepare"])
    assert done.exit_code == 0, done.output
    assert added == [True]


# --- rows 83, 84: faults --------------------------------------------------------------------------


def fail(*_args, **_kwargs):
    """Fail as nobody thought of, and tell a secret."""
    raise ZeroDivisionError("secret 4711 in /srv/redress at SELECT * FROM account")


def test_row_83_control_without_pages_of_our_own_a_fault_tells_all(app, anybody, monkeypatch):
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr("repair_app.web.door.rule_of", fail)
    text = anybody.get("/").get_data(as_text=True)
    assert "4711" not in text
    assert not TRACES.search(text)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", True)
    monkeypatch.setattr(app, "wsgi_app", DebuggedApplication(app.wsgi_app))
    answer = make_client(app).get("/")
    assert answer.status_code == 500
    assert "secret 4711" in answer.get_data(as_text=True)
    assert TRACES.search(answer.get_data(as_text=True))


def test_row_84_control_where_a_fault_at_the_door_is_passed_over_anybody_is_let_in(
    app, as_, world, monkeypatch
):
    client = as_(world.subject)
    assert client.get("/admin/settings").status_code == 403
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(door, "lacks_second_factor", fail)
    assert client.get("/admin/settings").status_code == 500
    asked = app.before_request_funcs[None]

    def admit():
        try:
            return door.admit()
        except ZeroDivisionError:
            return None

    passed_over = [admit if one is door.admit else one for one in asked]
    monkeypatch.setitem(app.before_request_funcs, None, passed_over)
    assert client.get("/admin/settings").status_code == 200
