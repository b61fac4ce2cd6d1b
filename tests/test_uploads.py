"""What a file is found to be by its content."""

import io
import time
import zipfile

import pytest

from repair_app.uploads import WrongType, check_upload
from tests.factories import PDF


def make_ofd() -> bytes:
    """Return the smallest zip that is an OFD document."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("OFD.xml", "<OFD/>")
    return content.getvalue()


def with_byte(content: bytes, place: int, byte: int) -> bytes:
    """Return the content with another byte at a place of the zip's directory."""
    start = content.index(b"PK\x01\x02") + place
    return content[:start] + bytes([byte]) + content[start + 1 :]


def test_an_ofd_document_is_taken() -> None:
    assert check_upload("决定书.ofd", make_ofd()).media_type == "application/ofd"


def test_the_directory_of_an_ofd_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    content, real, read = make_ofd(), zipfile.ZipFile, []
    monkeypatch.setattr(zipfile, "ZipFile", lambda file: read.append(file) or real(file))
    check_upload("决定书.ofd", content)
    assert len(read) == 1


@pytest.mark.parametrize(
    "content",
    [
        with_byte(make_ofd(), 6, 99),  # needs version 9.9: NotImplementedError
        with_byte(with_byte(make_ofd(), 9, 8), 46, 255),  # a name that is no UTF-8: ValueError
        with_byte(make_ofd(), 0, 0),
        make_ofd()[:-4],
        make_ofd()[:40],
    ],
    ids=["version 9.9", "name", "no directory", "cut off", "half"],
)
def test_a_zip_that_cannot_be_read_is_no_document(content: bytes) -> None:
    with pytest.raises(WrongType):
        check_upload("决定书.ofd", content)


# --- files that cannot be opened, and those that can --------------------------------------------


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n\r\n", b"\0" * 4096, b" " * 3000])
def test_a_pdf_is_taken_whatever_stands_behind_its_end(ending: bytes) -> None:
    """Scanners and mail programs fill files up; every reader opens them."""
    assert check_upload("处罚决定书.pdf", PDF + ending).media_type == "application/pdf"


def test_a_pdf_may_say_who_made_it_before_its_end() -> None:
    commented = PDF.replace(b"%%EOF", b"% made by a scanner\n%%EOF")
    assert check_upload("a.pdf", commented).media_type == "application/pdf"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b"%PDF-1.7\n" + b"1" * 5_000_000 + b"\nstartxref\n9\n%%EOF"),
        ("a.pdf", b"%PDF-1.7\n" + b"1 1 " * 1_000_000 + b"\nstartxref\n9\n%%EOF"),
        ("a.pdf", b"%PDF-1.7\n" + b"startxref " * 500_000),
        ("a.jpg", b"\xff\xd8" + b"\xff" * 5_000_000),
    ],
)
def test_no_file_takes_long_to_be_refused(name: str, content: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(WrongType):
        check_upload(name, content)
    assert time.process_time() - begun < 2
