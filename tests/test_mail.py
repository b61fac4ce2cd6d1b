"""Mails, against a real SMTP server: at once and gathered, refused, tried again, given up."""

import logging
import ssl
from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from sqlalchemy import select, update

from repair_app import alarms, mail
from repair_app.db import db, now
from repair_app.models import MailState, Message, Role, User
from repair_app.services import cases, messages, timers
from repair_app.services import mail as mails
from repair_app.services.transaction import transaction
from tests.client import CSRF
from tests.factories import act, make_account, make_case
from tests.journeys.steps import case_of
from tests.operate.test_lines_inside import make_certificate
from tests.smtp_server import PASSWORD, USER, running_server

DAY = "2026-11-16"  # a Monday
MORNING = f"{DAY}T02:00:00+00:00"  # ten o'clock in Shanghai


@pytest.fixture
def box():
    with running_server() as one:
        yield one


@pytest.fixture
def posted(app, box, monkeypatch):
    """Have the application hand its mails to the server of this test."""
    monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
    monkeypatch.setitem(app.config, "SMTP_SENDER", "redress@gov.example")
    monkeypatch.setitem(app.config, "BASE_URL", "https://credit.example")
    return box


def change(user, **columns):
    with transaction() as session:
        session.execute(update(User).where(User.id == user.id).values(**columns))


def only_for(*users):
    """Let nobody else want mails."""
    with transaction() as session:
        ids = [one.id for one in users]
        session.execute(update(User).where(User.id.not_in(ids)).values(mail_mode="none"))


def states():
    db.session.rollback()
    return [one.mail_state for one in all_messages() if one.mail_state != MailState.NONE]


def all_messages():
    return db.session.scalars(select(Message).order_by(Message.id)).all()


def wanted():
    db.session.rollback()
    return db.session.scalars(
        select(Message).where(Message.mail_state != MailState.NONE).order_by(Message.id)
    ).all()


def texts(one):
    return [part.get_content() for part in one.walk() if not part.is_multipart()]


# --- what is sent -----------------------------------------------------------------------------


def test_a_mail_is_sent_at_once_in_the_readers_language(world, posted):
    only_for(world.provider, world.second_provider)
    change(world.second_provider, language="en")
    case = make_case(world, "with_provider")
    assert timers.send_mail(now()) == 2
    assert timers.send_mail(now()) == 0
    chinese, english = posted.mails
    assert posted.recipients == [["provider@example.com"], ["second_provider@example.com"]]
    assert "异议" in chinese["Subject"]
    assert case.ref in chinese["Subject"]
    assert case.ref in english["Subject"]
    assert "Objection" in english["Subject"]
    assert "it is your turn" in english["Subject"]
    assert "Please act by" in texts(english)[0]
    assert [part.get_content_type() for part in english.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    for text in texts(english):
        assert f"https://credit.example/messages/{wanted()[1].id}" in text
    assert english["From"] == "redress@gov.example"
    assert english["Auto-Submitted"] == "auto-generated"
    assert english["Message-ID"] != chinese["Message-ID"]
    assert states() == [MailState.SENT, MailState.SENT]
    assert all(one.mailed_at for one in wanted())


def test_no_mail_names_a_person_or_says_what_anybody_wrote(world, posted):
    with transaction() as session:
        firm = session.get_one(type(world.firm), world.firm.id)
        firm.name = "注入\r\nBcc: thief@example.com"
        person = session.get_one(User, world.reviewer.id).person
        person.name = "王\r\nBcc: thief@example.com"
    make_case(world, "with_provider")
    timers.send_mail(now())
    assert posted.mails
    for one, to in zip(posted.mails, posted.recipients, strict=True):
        assert set(one.keys()) == {
            "From",
            "To",
            "Subject",
            "Message-ID",
            "Auto-Submitted",
            "Content-Language",
            "MIME-Version",
            "Content-Type",
        }
        assert [one["To"]] == to
        for text in (str(one), *texts(one)):
            for word in ("thief", "注入", "王", "虚构人员", "张虚构", "金额有误", world.firm.uscc):
                assert word not in text


def test_a_line_break_in_an_address_gets_into_no_header(world, posted):
    only_for(world.provider)
    change(world.provider, email="a@example.com\r\nBcc: thief@example.com")
    make_case(world, "with_provider")
    assert timers.send_mail(now()) == 0
    assert posted.mails == []
    assert states() == [MailState.FAILED]
    assert "thief" not in wanted()[0].mail_problem
    text = "x\r\nBcc: thief@example.com"
    server = mail.read_server("smtp://h:1", "a@example.com")
    with pytest.raises(ValueError, match=r"linefeed|newline|header"):
        mail.compose(server, "b@example.com", "s", "p", "h", name=text, language="en")
    sent = mail.compose(server, "b@example.com", text, "p", "h", name="m", language="en")
    assert sent["Bcc"] is None
    assert "\nBcc" not in sent.as_string().replace("\r", "")


def test_a_digest_gathers_the_messages_of_a_day(world, posted):
    only_for(world.provider, world.second_provider)
    change(world.provider, mail_mode="digest", language="en")
    change(world.second_provider, mail_mode="digest")
    with time_machine.travel(MORNING):
        first, second = make_case(world, "with_provider"), make_case(world, "with_provider")
        assert states() == [MailState.GATHERED] * 4
        assert timers.send_mail(now()) == 0
        assert timers.send_mail(now() + timedelta(hours=21, minutes=59)) == 0
        assert timers.send_mail(now() + timedelta(hours=22)) == 2  # eight o'clock
        assert timers.send_mail(now() + timedelta(hours=23)) == 0
    english = posted.mails[0]
    assert english["Subject"] == "Redress: 2 messages"
    assert first.ref in texts(english)[0]
    assert second.ref in texts(english)[0]
    assert second.ref in texts(english)[1]
    assert states() == [MailState.SENT] * 4


def test_who_wants_no_mails_gets_none_and_finds_the_message_all_the_same(world, posted):
    only_for()
    make_case(world, "with_provider")
    assert timers.send_mail(now()) == 0
    assert posted.mails == []
    assert states() == []
    assert messages.count_unread(world.provider) == 1


def test_an_account_that_was_closed_meanwhile_gets_no_mail(world, posted):
    only_for(world.provider)
    make_case(world, "with_provider")
    change(world.provider, active=False)
    assert timers.send_mail(now()) == 0
    assert posted.mails == []


# --- what fails -------------------------------------------------------------------------------


def test_a_mail_refused_for_now_is_tried_again_and_given_up_after_five_tries(world, posted):
    only_for(world.provider)
    make_case(world, "with_provider")
    moment = now()
    posted.refusals += ["451 try again, provider@example.com"] * 5
    for expected, after in enumerate((0, 5, 35, 155, 635), start=1):
        then = moment + timedelta(minutes=after + 1)
        assert timers.send_mail(then) == 0
        assert timers.send_mail(then) == 0  # not before the pause is over
        assert wanted()[0].mail_tries == expected
    one = wanted()[0]
    assert one.mail_state == MailState.FAILED
    assert one.mail_problem == "SMTPRecipientsRefused 451"  # nothing that the server wrote
    alarm = alarms.find_open(db.session(), "mail", f"account:{world.provider.id}", "mail")
    assert alarm
    assert "@" not in alarm.text
    assert timers.send_mail(moment + timedelta(days=9)) == 0
    assert posted.mails == []


def test_a_mail_goes_out_at_a_later_try_and_the_alarm_is_cleared(world, posted):
    only_for(world.provider)
    make_case(world, "with_provider")
    posted.refusals += ["451 busy"]
    assert timers.send_mail(now()) == 0
    assert timers.send_mail(now() + timedelta(minutes=6)) == 1
    assert states() == [MailState.SENT]
    assert wanted()[0].mail_tries == 2
    assert wanted()[0].mail_problem is None


def test_a_mail_refused_for_good_is_not_tried_again(cast_admin, world, posted):
    only_for(world.provider)
    make_case(world, "with_provider")
    posted.refusals += ["550 no such user"]
    assert timers.send_mail(now()) == 0
    assert states() == [MailState.FAILED]
    assert "SMTPRecipientsRefused 550" in cast_admin.read("/admin").words


@pytest.fixture
def cast_admin(as_, world):
    return as_(world.administrator)


def test_one_that_is_refused_does_not_keep_the_others_waiting(world, posted):
    only_for(world.provider, world.second_provider)
    make_case(world, "with_provider")
    posted.refusals += ["451 busy"]
    assert timers.send_mail(now()) == 1
    assert sorted(states()) == [MailState.SENT, MailState.WAITING]


def test_a_server_that_is_down_is_told_and_what_waits_goes_out_later(app, world, box, monkeypatch):
    only_for(world.provider)
    make_case(world, "with_provider")
    monkeypatch.setitem(app.config, "SMTP_URL", "smtp://127.0.0.1:1")
    assert timers.send_mail(now()) == 0
    assert wanted()[0].mail_tries == 0
    assert wanted()[0].mail_problem == "ConnectionRefusedError"
    assert alarms.find_open(db.session(), "mail", "smtp", "server")
    monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
    assert timers.send_mail(now() + timedelta(minutes=6)) == 1
    db.session.rollback()
    assert alarms.find_open(db.session(), "mail", "smtp", "server") is None


def test_after_three_days_without_a_server_every_mail_goes_out(
    app, world, box, monkeypatch, cast_admin
):
    """No try of a mail is made where nobody listens: none is lost, and one alarm tells of it."""
    only_for(world.provider, world.second_provider)
    change(world.second_provider, mail_mode="digest")
    monkeypatch.setitem(app.config, "SMTP_URL", "smtp://127.0.0.1:1")
    make_case(world, "with_provider")
    start = now()
    for hours in range(76):
        assert timers.send_mail(start + timedelta(hours=hours)) == 0
    assert sorted(states()) == [MailState.GATHERED, MailState.WAITING]
    assert [one.mail_tries for one in wanted()] == [0, 0]
    assert [one.entity_ref for one in alarms.list_open(db.session())] == ["smtp"]
    page = cast_admin.read("/admin")
    assert "ConnectionRefusedError" in page.words
    monkeypatch.setitem(app.config, "SMTP_URL", f"smtp://127.0.0.1:{box.port}")
    assert timers.send_mail(start + timedelta(hours=76)) == 2
    assert states() == [MailState.SENT] * 2
    assert [one.mail_problem for one in wanted()] == [None, None]
    assert "ConnectionRefusedError" not in cast_admin.read("/admin").words


def test_a_mail_whose_senders_were_all_killed_is_given_up_aloud(
    world, posted, monkeypatch, cast_admin
):
    only_for(world.provider)
    make_case(world, "with_provider")

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(mail, "send", die)
    moment = now()
    for day in range(mails.TRIES):
        with pytest.raises(KeyboardInterrupt):
            timers.send_mail(moment + timedelta(days=day))
    assert states() == [MailState.WAITING]
    assert timers.send_mail(moment + timedelta(days=mails.TRIES)) == 0
    assert states() == [MailState.FAILED]
    assert wanted()[0].mail_problem == mails.STOPPED
    assert mails.STOPPED in cast_admin.read("/admin").words


def test_a_sender_killed_after_the_server_took_the_mail_sends_it_once_more_only(
    world, posted, monkeypatch
):
    """The gap that SMTP leaves: the second one bears the same Message-ID."""
    only_for(world.provider)
    make_case(world, "with_provider")
    note, moment = mails.note_sent, now()

    def die(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(mails, "note_sent", die)
    with pytest.raises(KeyboardInterrupt):
        timers.send_mail(moment)
    monkeypatch.setattr(mails, "note_sent", note)
    assert timers.send_mail(moment + timedelta(minutes=1)) == 0  # another sender, meanwhile
    assert timers.send_mail(moment + timedelta(minutes=6)) == 1
    assert timers.send_mail(moment + timedelta(days=1)) == 0
    assert len(posted.mails) == 2
    assert posted.mails[0]["Message-ID"] == posted.mails[1]["Message-ID"]


def test_a_sender_killed_before_the_server_took_the_mail_loses_nothing(world, posted, monkeypatch):
    only_for(world.provider)
    make_case(world, "with_provider")

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(mail, "send", die)
        with pytest.raises(KeyboardInterrupt):
            timers.send_mail(now())
    assert timers.send_mail(now() + timedelta(minutes=6)) == 1
    assert len(posted.mails) == 1


def test_two_senders_do_not_send_the_same_mail(world, posted, monkeypatch):
    only_for(world.provider)
    make_case(world, "with_provider")
    send, second = mail.send, []

    def send_while_another_looks(line, one):
        monkeypatch.setattr(mail, "send", send)
        second.append(mails.send_due())
        send(line, one)

    monkeypatch.setattr(mail, "send", send_while_another_looks)
    assert timers.send_mail(now()) == 1
    assert second == [0]
    assert len(posted.mails) == 1


def test_a_step_that_fails_at_its_end_tells_nobody(world, posted, monkeypatch):
    """The words to others are written before: they are undone with the step."""
    case = make_case(world, "accepted")
    timers.send_mail(now())
    before, sent = len(all_messages()), len(posted.mails)
    written = []

    def fail(session, *_):
        written.extend(session.scalars(select(Message.id)).all()[before:])
        raise RuntimeError("in the middle")

    monkeypatch.setattr(cases, "remember", fail)
    with pytest.raises(RuntimeError):
        act(world.reviewer, "ask_provider", case)
    assert written
    db.session.rollback()
    timers.send_mail(now())
    assert len(all_messages()) == before
    assert len(posted.mails) == sent
    assert case_of(case.ref).state == "accepted"


# --- the settings -----------------------------------------------------------------------------


def test_without_a_mail_server_messages_stay_in_the_application(app, world, cast_admin, as_):
    assert app.config["SMTP_URL"] == ""
    make_case(world, "with_provider")
    assert timers.send_mail(now()) == 0
    assert states() == []
    for client, url in ((cast_admin, "/admin"), (as_(world.provider), "/settings")):
        page = client.get(url, headers={"Accept-Language": "en"})
        assert "No mail server is set up" in page.words


def test_the_password_is_used_and_told_nowhere(app, world, monkeypatch, caplog):
    only_for(world.provider)
    make_case(world, "with_provider")
    caplog.set_level(logging.DEBUG)
    with running_server(auth=True) as box:
        right = f"smtp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{box.port}"
        monkeypatch.setitem(app.config, "SMTP_URL", right.replace("1@127", "2@127"))
        assert timers.send_mail(now()) == 0
        assert wanted()[0].mail_problem
        assert wanted()[0].mail_tries == 0
        assert box.mails == []
        monkeypatch.setitem(app.config, "SMTP_URL", right)
        assert timers.send_mail(now() + timedelta(minutes=6)) == 1
        assert box.signed_in == 1
        runner = app.test_cli_runner()
        told = runner.invoke(args=["messages", "status"]).output
    assert f"127.0.0.1:{box.port}" in told
    for text in (told, caplog.text, repr(mail.read_server(right))):
        assert PASSWORD not in text
        assert quote(PASSWORD, safe="") not in text


def test_where_tls_is_asked_for_nothing_is_said_without_it(app, world, box, monkeypatch):
    only_for(world.provider)
    make_case(world, "with_provider")
    url = f"smtp://user:secret@127.0.0.1:{box.port}?starttls=1"
    monkeypatch.setitem(app.config, "SMTP_URL", url)
    assert timers.send_mail(now()) == 0
    assert wanted()[0].mail_problem == "SMTPNotSupportedError"
    assert box.mails == []
    assert box.signed_in == 0


@pytest.mark.parametrize("way", ["smtp://{}?starttls=1", "smtps://{}"])
@pytest.mark.parametrize("fault", ["unknown", "of another host", ""])
def test_a_mail_server_is_spoken_to_only_if_its_certificate_is_good(
    app, world, monkeypatch, tmp_path, way, fault
):
    """ASVS 12.3.2: the certificate is of an authority that is trusted, and of this host."""
    only_for(world.provider)
    make_case(world, "with_provider")
    host = "elsewhere.example" if fault == "of another host" else "localhost"
    certificate, key = make_certificate(tmp_path / "mail", host)
    if fault != "unknown":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(certificate, key)
    at_once = way.startswith("smtps")
    with running_server(auth=True, tls=own, from_the_start=at_once) as box:
        account = f"{USER}:{quote(PASSWORD, safe='')}@localhost:{box.port}"
        monkeypatch.setitem(app.config, "SMTP_URL", way.format(account))
        assert timers.send_mail(now()) == (0 if fault else 1)
        assert wanted()[0].mail_problem == ("SSLCertVerificationError" if fault else None)
        assert len(box.mails) == box.signed_in == (0 if fault else 1)


@pytest.mark.parametrize("url", ["nonsense", "http://h", "smtp://h:port", "smtp://", "smtp://:25"])
def test_an_address_of_a_mail_server_that_is_none_is_refused(url):
    with pytest.raises(mail.BadAddress):
        mail.read_server(url)


@pytest.mark.parametrize("url", ["smtp://[::1]:25", "smtp://h..example"])
def test_a_server_without_a_name_to_send_from_needs_a_sender(url):
    with pytest.raises(mail.BadAddress, match="REDRESS_SMTP_SENDER"):
        mail.read_server(url)
    assert mail.read_server(url, "redress@gov.example")


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("smtp://a:p@mail.example", False),
        ("smtp://a:p@mail.example:25?starttls=", False),
        ("smtp://a:p@mail.example?starttls=yes", False),
        ("smtp://a:p@10.0.0.1", False),
        ("smtp://a:p@mail.example?starttls=1", True),
        ("smtp://a:p@mail.example?starttls=0", True),
        ("smtps://a:p@mail.example", True),
        ("smtp://mail.example", True),
        ("smtp://a:p@127.0.0.1", True),
        ("smtp://a:p@[::1]:25", True),
        ("smtp://a:p@localhost", True),
    ],
)
def test_a_password_goes_over_the_net_encrypted_unless_somebody_says_otherwise(url, is_good):
    if is_good:
        assert mail.read_server(url, "redress@gov.example")
    else:
        with pytest.raises(mail.BadAddress) as told:
            mail.read_server(url)
        assert "starttls=1" in str(told.value)
        assert ":p@" not in str(told.value)


def test_the_parts_of_an_address_are_read():
    one = mail.read_server("smtps://a%40b:p%3Aq@mail.example")
    assert (one.host, one.port, one.user, one.password) == ("mail.example", 465, "a@b", "p:q")
    assert one.tls
    assert not one.starttls
    assert one.sender == "redress@mail.example"
    assert mail.read_server("smtp://h?starttls=1")[-2] is True
    assert mail.read_server("") is None


def test_a_person_chooses_how_mails_come_and_what_waits_follows(world, posted, as_):
    only_for(world.provider, world.second_provider)
    make_case(world, "with_provider")
    client = as_(world.provider)

    def choose(**fields):
        page = client.read("/settings")
        return client.post("/settings", data={"csrf_token": CSRF.search(page.html)[1], **fields})

    assert choose(mail_mode="digest", language="en").status_code == 302
    db.session.rollback()
    assert (world.provider.mail_mode, world.provider.language) == ("digest", "en")
    assert world.second_provider.mail_mode == "at_once"
    assert sorted(states()) == [MailState.GATHERED, MailState.WAITING]
    assert choose(mail_mode="none", language="en").status_code == 302
    assert states() == [MailState.WAITING]
    assert choose(mail_mode="hourly", language="en").status_code == 400
    assert choose(mail_mode="none", language="fr").status_code == 400
    db.session.rollback()
    assert world.provider.mail_mode == "none"


def test_what_waits_is_sent_and_counted_by_command(app, world, posted):
    only_for(world.provider)
    make_case(world, "with_provider")
    runner = app.test_cli_runner()
    told = runner.invoke(args=["messages", "status"]).output
    assert "waiting: 1" in told
    assert runner.invoke(args=["messages", "send"]).output == "sent: 1\n"
    told = runner.invoke(args=["messages", "status"]).output
    assert "waiting: 0" in told
    assert "sent: 1" in told


def test_the_next_step_of_a_case_is_another_mail(world, posted):
    only_for(world.subject)
    case = make_case(world, "submitted")
    act(world.reviewer, "accept", case)
    act(world.reviewer, "ask_provider", case_of(case.ref))
    assert timers.send_mail(now()) == len(wanted())
    assert len({one["Message-ID"] for one in posted.mails}) == len(posted.mails) >= 2


def test_a_new_account_gets_chinese_mails_at_once(world, posted):
    only_for()
    make_account(world.agency, Role.PROVIDER)
    make_case(world, "with_provider")
    assert timers.send_mail(now()) == 1
    assert posted.mails[0]["Content-Language"] == "zh"
