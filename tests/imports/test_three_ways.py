"""The same file by the page, with its script's requests, and by the shell."""

import threading

import pytest
from werkzeug.serving import make_server

from repair_app.db import db
from repair_app.models import RecordUpload
from repair_app.services import clients
from repair_app.services.imports import uploads
from tests.imports.rows import file_of, read, records


@pytest.fixture
def site(app):
    """Serve the application on loopback; give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


def begin(client, size, **more):
    fields = {"filename": "处罚.csv", "size": size, **more}
    return client.post("/work/imports/begin", data=fields, headers=own(client))


def own(client):
    """Return the header by which the script shows that it is the page's."""
    return {"X-CSRFToken": client.token()}


def close(client, ref):
    return client.post(f"/work/imports/{ref}/close", headers=own(client))


def send(client, ref, start, piece):
    return client.post(
        f"/work/imports/{ref}/parts",
        data=piece,
        headers={"Upload-Offset": str(start), **own(client)},
    )


def test_the_page_sends_a_large_file_in_parts_and_shows_how_far_it_is(as_, world):
    content = file_of(world, 5)
    provider = as_(world.provider)
    ref = begin(provider, len(content)).json["ref"]
    assert send(provider, ref, 0, content[:900]).json == {"received": 900}
    db.session.rollback()
    page = provider.read(f"/work/imports/{ref}")
    assert page.tree.find(".//main//progress").get("value") == "900"
    # Chosen again after a reload it goes on; one of another size is another file.
    assert begin(provider, len(content), ref=ref).json["received"] == 900
    assert begin(provider, len(content) + 1, ref=ref).json["ref"] != ref
    early = send(provider, ref, 1000, content[1000:])
    assert (early.status_code, early.json) == (409, {"received": 900})
    assert close(provider, ref).status_code == 409
    send(provider, ref, 900, content[900:])
    closed = close(provider, ref)
    assert closed.json == {"page": f"/work/imports/{ref}"}
    waiting = provider.get(f"/work/imports/{ref}")
    assert waiting.headers["Refresh"]
    assert ref in provider.read("/work/imports").words
    read(ref)
    done = provider.get(f"/work/imports/{ref}")
    assert "Refresh" not in done.headers
    assert records() == 5
    table = provider.get(f"/work/imports/{ref}/verdicts.csv").get_data()
    assert table.decode("utf-8-sig").count("accepted") == 5


def test_another_offices_file_is_not_there_and_a_file_too_large_is_told_so(as_, world):
    ref = begin(as_(world.provider), 10).json["ref"]
    other = as_(world.other_provider)
    assert other.get(f"/work/imports/{ref}").status_code == 404
    assert send(other, ref, 0, b"x").status_code == 404
    assert close(other, ref).status_code == 404
    assert begin(as_(world.provider), (1 << 30) + 1).status_code == 413


@pytest.fixture
def keys(world):
    """Give identifier and secret of a system of the provider."""
    seat = world.provider.current_appointments[0]
    issued = clients.register(None, seat, "Push", ["records:push"])
    found = issued.client.client_id, issued.secret
    db.session.rollback()
    return found


def test_the_shell_pushes_a_file_and_goes_on_with_one_that_was_interrupted(
    app, world, site, keys, tmp_path, monkeypatch
):
    content = file_of(world, 5)
    file = tmp_path / "penalties.csv"
    file.write_bytes(content)
    monkeypatch.setattr(uploads, "PART", 1000)
    options = ["--to", site, "--client", keys[0], "--secret", keys[1], "--no-wait"]
    run = app.test_cli_runner().invoke

    take = uploads.put
    given = []

    def once_too_often(ref, user, start, piece):
        given.append(start)
        if len(given) == 3:
            raise uploads.NotReceiving
        return take(ref, user, start, piece)

    with monkeypatch.context() as patch:
        patch.setattr(uploads, "put", once_too_often)
        broken = run(args=["records", "push", str(file), *options])
    assert broken.exit_code == 1, broken.output
    db.session.rollback()
    upload = db.session.query(RecordUpload).one()
    assert (upload.received, upload.standing) == (2000, "receiving")
    ref = upload.ref
    db.session.rollback()
    done = run(args=["records", "push", str(file), *options, "--resume", ref])
    assert done.exit_code == 0, done.output
    read(ref)
    assert records() == 5


def test_the_shell_says_what_the_site_refuses(app, site, keys, tmp_path):
    file = tmp_path / "penalties.csv"
    file.write_bytes(b"x")
    options = ["--to", site, "--client", keys[0], "--secret", "wrong"]
    failed = app.test_cli_runner().invoke(args=["records", "push", str(file), *options])
    assert failed.exit_code == 1
    assert "invalid_client" in failed.output + failed.stderr
