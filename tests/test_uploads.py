"""What a file is found to be by its content."""

import io
import zipfile

import pytest

from repair_app.uploads import WrongType, check_upload


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
