"""Each promise of the trust page names a command that there is, and tests that there are."""

import pytest

import manage
from config import ROOT
from repair_app.services import trust
from repair_app.services.trust import Promise
from tests.client import Client
from tests.node_ids import is_there

PROMISES = trust.list_promises()
each = pytest.mark.parametrize("promise", PROMISES, ids=lambda one: one.title.en)


def exists(shown_by: str) -> bool:
    """Say whether a folder holds tests, or whether there is such a test."""
    folder = ROOT / shown_by
    return any(folder.glob("test_*.py")) if folder.is_dir() else is_there(shown_by)


@each
def test_what_shows_a_promise_is_there(promise: Promise) -> None:
    assert promise.shown_by
    assert [one for one in promise.shown_by if not exists(one)] == []
    assert promise.document is None or (ROOT / promise.document).is_file()


@each
def test_the_command_of_a_promise_is_one(promise: Promise) -> None:
    program, command, *rest = promise.command.removeprefix("python3 ").split()
    commands = manage.build_parser()._subparsers._group_actions[0].choices
    assert program == "manage.py"
    assert command in commands
    if command == "test":
        paths = [one for one in rest if not one.startswith("-")]
        assert [one for one in paths if not exists(one)] == []
        run = [one for one in promise.shown_by if one.startswith(tuple(paths) or "tests")]
        assert run == list(promise.shown_by)  # the command runs what is said to show it


def test_the_commands_of_the_application_are_there(app) -> None:
    for promise in PROMISES:
        words = promise.command.split()
        if words[2] != "flask":
            continue
        found = app.cli
        for word in [one for one in words[3:] if not one.startswith("-")]:
            found = found.commands[word]
        options = {one for parameter in found.params for one in parameter.opts}
        assert {one for one in words[3:] if one.startswith("-")} <= options


@pytest.mark.parametrize(("lang", "heading"), [("zh", "本站的承诺"), ("en", "What this site")])
def test_everybody_reads_each_promise_with_its_command(
    anybody: Client, lang: str, heading: str
) -> None:
    page = anybody.get("/trust", headers={"Accept-Language": lang})
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert heading in text
    for promise in PROMISES:
        assert str(promise.title.text(lang)) in text
        assert promise.command in text
    assert 'href="/trust"' in anybody.get("/").get_data(as_text=True)


def test_a_promise_that_is_none_is_refused() -> None:
    whole = {
        "title": {"zh": "一", "en": "one"},
        "text": {"zh": "一", "en": "one"},
        "command": "python3 manage.py check",
        "shown_by": [],
    }
    assert trust.read_promise(whole).command == "python3 manage.py check"
    with pytest.raises(ValueError, match="lacks its command"):
        trust.read_promise({name: whole[name] for name in whole if name != "command"})
    with pytest.raises(ValueError, match="no 'proof'"):
        trust.read_promise(whole | {"proof": "we say so"})
    with pytest.raises(ValueError, match="without a text"):
        trust.read_promise(whole | {"title": {"en": "one"}})
