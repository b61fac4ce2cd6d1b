"""The commands about platforms, as an operator types them."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from repair_app.db import db
from repair_app.mirror.feed import take_file
from repair_app.mirror.shelf import BadChange, Shelf
from repair_app.models import Delivery, Obligation
from repair_app.services import platforms as office
from repair_app.services.sync import pull
from tests.factories import World, make_record
from tests.sync.platforms import Receiver, make_platform, receivers

pytestmark = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
AGREED = ("--name", "信用示例", "--name-en", "Example", "--kind", "city", "--owner", "o@p.example")


@pytest.fixture
def receiver(app: Flask, tmp_path: Path) -> Iterator[Receiver]:
    """Give one receiver."""
    with receivers(tmp_path) as made:
        yield made[0]


def run(app: Flask, *arguments: object) -> Result:
    """Run a command."""
    db.session.rollback()
    done = app.test_cli_runner().invoke(args=["platforms", *map(str, arguments)])
    db.session.rollback()
    return done


def test_a_platform_is_connected_handed_a_file_and_gives_its_receipt(
    app: Flask, world: World, tmp_path: Path
) -> None:
    make_record(world.firm, world.agency)
    assert run(app, "add", "paper", *AGREED, "--delivery", "file").exit_code == 0
    assert run(app, "deliver").stdout == "0 acknowledged\n"  # orders what there is
    written = run(app, "write-file", "paper", "--folder", tmp_path)
    assert "1 changes" in written.output
    (path,) = tmp_path.glob("paper-*.csv")
    receipt = take_file(Shelf(tmp_path / "mirror.sqlite3"), path)
    assert "1 acknowledged" in run(app, "acknowledge", "paper", receipt).output
    assert "nothing is owed" in run(app, "write-file", "paper", "--folder", tmp_path).output
    assert "shown 1, waiting 0" in run(app, "list").output


def test_silence_of_one_that_cannot_be_asked_is_not_taken_for_agreement(
    app: Flask, world: World, receiver: Receiver
) -> None:
    sent, paper = receiver.join().code, make_platform(delivery=Delivery.FILE)
    code, number = paper.code, paper.id
    make_record(world.firm, world.agency)
    run(app, "deliver")
    done = run(app, "check", code)
    assert done.exit_code == 1
    assert f"{code} is not compared since it was connected" in done.output
    assert "known is nothing" in done.output
    owed = db.session.scalars(select(Obligation).where(Obligation.platform_id == number)).one()
    pull.acknowledge(number, {owed.change.position or 0: owed.change.payload_hash})
    assert "known is what it acknowledged itself, last 20" in run(app, "check", code).output
    lines = {one.split("\t")[0]: one for one in run(app, "list").output.splitlines()}
    assert ("not compared" in lines[code], "not compared" in lines[sent]) == (True, False)


def test_a_mirror_is_sent_to_compared_and_sent_again(
    app: Flask, world: World, receiver: Receiver
) -> None:
    code = receiver.join().code
    ref = make_record(world.firm, world.agency).ref
    assert run(app, "deliver").stdout == "1 acknowledged\n"
    with receiver.shelf.open(writes=True) as store:
        store.execute("DELETE FROM record")
    assert run(app, "check", code).stdout == f"{ref}\n1 different, to be sent again\n"
    assert run(app, "deliver").stdout == "1 acknowledged\n"
    assert run(app, "replay", code, "--to", 5).stdout == "1 to be sent again\n"
    for step in ("park", "resume", "disable", "resume"):
        assert run(app, step, code).exit_code == 0
    assert run(app, "secret", code).stdout != run(app, "secret", code, "--new").stdout


def test_a_mirror_whose_texts_were_altered_is_found_out_and_shows_the_true_ones_again(
    app: Flask, world: World, receiver: Receiver
) -> None:
    """Behind its back, in the file: the hashes that it was told lie there as they were."""
    code = receiver.join().code
    name = world.firm.name
    refs = sorted(make_record(world.firm, world.agency).ref for _ in range(4))
    assert run(app, "deliver").stdout == "4 acknowledged\n"
    reader = receiver.mirror.test_client()
    told, state = reader.get("/dump").data, reader.get("/state").json
    with receiver.shelf.open(writes=True) as store:
        store.execute(
            "UPDATE record SET content = replace(content, ?, ?) WHERE ref <= ?",
            (name, "伪冒公司", refs[2]),
        )
    assert "伪冒公司" in reader.get(f"/records/{refs[0]}").text
    assert reader.get("/state").json["digest"] != state["digest"]
    said = "".join(f"{one}\n" for one in refs[:3])
    assert run(app, "check", code).stdout == f"{said}3 different, to be sent again\n"
    assert run(app, "deliver").stdout == "3 acknowledged\n"
    assert name in reader.get(f"/records/{refs[0]}").text
    assert (reader.get("/dump").data, reader.get("/state").json) == (told, state)
    assert run(app, "check", code).stdout == "0 different, to be sent again\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("park", "nobody"),
        ("check", "nobody"),
        ("secret", "nobody"),
        ("write-file", "nobody", "--folder", "."),
        ("add", "x", *AGREED, "--delivery", "webhook"),
        ("add", "paper", *AGREED, "--delivery", "webhook", "--url", "http://10.0.0.1/"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_line_and_exit_1(app: Flask, arguments: tuple[str, ...]) -> None:
    done = run(app, *arguments)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "REDRESS_POSITION\n1\n", "\x00\n"], ids=range(3))
def test_a_file_of_something_else_feeds_no_mirror(app: Flask, tmp_path: Path, text: str) -> None:
    path, shelf = tmp_path / "file.csv", Shelf(tmp_path / "mirror.sqlite3")
    path.write_text(text)
    limit = csv.field_size_limit()
    with pytest.raises(BadChange):
        take_file(shelf, path)
    assert shelf.dump() == b""
    assert csv.field_size_limit() == limit  # of all that this process reads


@pytest.mark.parametrize("named", ["uscc", "id"])
def test_who_pulls_is_named_by_the_unified_code_or_by_an_id(
    app: Flask, world: World, named: str
) -> None:
    agency, code = world.agency.id, getattr(world.agency, named)
    done = run(app, "add", "puller", *AGREED, "--delivery", "pull", "--organisation", code)
    assert (done.exit_code, done.output) == (0, "puller is connected\n")
    (platform,) = office.list_all()
    assert platform.platform.organisation_id == agency


@pytest.mark.parametrize("code", ["91379900MADEX0000X", "999999", "no code"])
def test_an_organisation_that_is_not_on_file_is_refused_in_one_line(
    app: Flask, world: World, code: str
) -> None:
    done = run(app, "add", "puller", *AGREED, "--delivery", "webhook", "--organisation", code)
    assert (done.exit_code, done.output) == (1, f"Error: {code} is not on file\n")
    assert office.list_all() == []


def test_the_help_says_that_a_code_is_meant(app: Flask) -> None:
    assert "--organisation USCC" in run(app, "add", "--help").output
