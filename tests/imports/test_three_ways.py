"""The same file by the page, with its script's requests, and by the shell."""

import pytest

from repair_app.db import db
from repair_app.models import ListedEntry, RecordUpload
from repair_app.services import clients
from repair_app.services.imports import uploads
from tests.imports.rows import file_of, read, records
from tests.imports.test_entries import as_csv

PART_TYPE = "application/partial-upload"  # as the page's script says


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
        headers={"Upload-Offset": str(start), "Content-Type": PART_TYPE, **own(client)},
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


def test_a_file_of_another_kind_is_read_by_the_job_whichever_way_it_comes(as_, world):
    row = {
        "企业名称": world.firm.name,
        "统一社会信用代码": world.firm.uscc,
        "列入原因": "未按期公示年度报告",
        "列入日期": "2026-01-05",
        "作出决定机关(列入)": world.agency.name,
    }
    content = as_csv(row)
    provider = as_(world.provider)
    sent = provider.fill("/work/imports", kind="abnormal_list", file=(content, "名录.csv"))
    ref = sent.location.rsplit("/", 1)[1]
    assert "等待读取" in provider.read(sent.location).words
    read(ref)
    assert db.session.query(ListedEntry).one().kind == "abnormal_list"
    db.session.rollback()
    # In parts: of the same size but of another kind, it is another file.
    first = begin(provider, len(content), kind="abnormal_list").json["ref"]
    other = begin(provider, len(content), kind="discredit_list", ref=first).json["ref"]
    assert other != first
    assert begin(provider, len(content), kind="secrets").status_code == 400
    empty = provider.fill("/work/imports", kind="licences", file=(b"", "空.csv"))
    assert empty.status_code in {400, 413}
    assert "空" in " ".join(empty.mistakes)


def test_only_the_parts_of_files_may_come_as_other_than_forms(as_, world):
    """The door's rule has one exception, and it is no way around the others."""
    provider = as_(world.provider)
    headers = {"Content-Type": PART_TYPE, **own(provider)}
    assert provider.post("/work/imports/begin", data=b"x", headers=headers).status_code == 415
    ref = begin(provider, 10).json["ref"]
    bare = {"Content-Type": PART_TYPE, "Upload-Offset": "0"}
    assert provider.post(f"/work/imports/{ref}/parts", data=b"x", headers=bare).status_code == 400
