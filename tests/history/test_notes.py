"""Notes as others write and read them: vectors of others, and nothing that could be read twice."""

import base64

import pytest

from repair_app import notes
from repair_app.notes import Checkpoint, Malformed, Signer, Untrusted, Verifier

# The example of golang.org/x/mod/sumdb/note, which c2sp.org/signed-note was written down from.
SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)
ROOT = bytes(range(32))


def test_a_note_is_signed_byte_for_byte_as_others_sign_it() -> None:
    signer = Signer.read(SECRET)
    assert str(signer.verifier) == PUBLIC
    assert signer.sign(TEXT) == LINE
    assert signer.write() == SECRET


def test_a_note_of_others_is_read() -> None:
    text, by = notes.open_note(f"{TEXT}\n{LINE}", [Verifier.read(PUBLIC)])
    assert (text, [one.name for one in by]) == (TEXT, ["PeterNeumann"])


def test_every_byte_of_a_note_counts() -> None:
    note = f"{TEXT}\n{LINE}".encode()
    key = Verifier.read(PUBLIC)
    for place in range(len(note)):
        changed = bytearray(note)
        changed[place] ^= 1
        try:
            notes.open_note(changed.decode(), [key])
        except (UnicodeDecodeError, Malformed, Untrusted):
            continue
        pytest.fail(f"byte {place} does not count")


def test_a_signature_has_one_spelling() -> None:
    """The last digits before the padding hold bits that are not read: they have to be nought."""
    assert LINE.endswith("AM=\n")
    other = LINE.replace("AM=\n", "AN=\n")
    with pytest.raises(Malformed):
        notes.open_note(f"{TEXT}\n{other}", [Verifier.read(PUBLIC)])


def test_signatures_of_strangers_do_not_count_and_do_not_harm() -> None:
    stranger = Signer.make("example.org/stranger")
    note = f"{TEXT}\n{stranger.sign(TEXT)}{LINE}"
    assert [one.name for one in notes.open_note(note, [Verifier.read(PUBLIC)])[1]] == [
        "PeterNeumann"
    ]
    with pytest.raises(Untrusted):
        notes.open_note(f"{TEXT}\n{stranger.sign(TEXT)}", [Verifier.read(PUBLIC)])


def test_a_witness_signs_its_time_with_the_checkpoint() -> None:
    """The bytes of c2sp.org/tlog-cosignature, put together by hand."""
    witness = Signer.make("witness.example/w1", notes.WITNESS)
    said = Checkpoint("example.com/behind-the-sofa", 20852163, ROOT).text
    line = witness.sign(said, 1679315147)
    content = base64.b64decode(line.split(" ")[2])
    assert content[:4] == witness.verifier.key_id
    assert int.from_bytes(content[4:12], "big") == 1679315147
    signed = f"cosignature/v1\ntime 1679315147\n{said}".encode()
    witness.private.public_key().verify(content[12:], signed)
    assert notes.open_note(f"{said}\n{line}", [witness.verifier])[1] == [witness.verifier]
    later = line.replace(" ", " ", 1).split(" ")
    content = content[:4] + (1679315148).to_bytes(8, "big") + content[12:]
    later[2] = base64.b64encode(content).decode()
    with pytest.raises(Untrusted):
        notes.open_note(f"{said}\n{' '.join(later)}\n", [witness.verifier])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "name+00000000+AAAA",
        PUBLIC.replace("c74f20a3", "c74f20a4"),
        PUBLIC.replace("PeterNeumann", "Peter Neumann"),
        PUBLIC.replace("PeterNeumann", "Somebody"),
        PUBLIC[:-4],
        PUBLIC + "AAAA",
        PUBLIC.replace("+AR", "+Ax"),
    ],
)
def test_what_is_no_key_is_refused(line: str) -> None:
    with pytest.raises(Malformed):
        Verifier.read(line)
    with pytest.raises(Malformed):
        Signer.read(line)
    with pytest.raises(Malformed):
        Signer.read(f"{notes.PRIVATE}{line}")


def test_a_name_that_could_be_read_twice_names_no_key() -> None:
    for name in ("", "a b", "a+b", "a\nb"):
        with pytest.raises(Malformed):
            Signer.make(name)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        f"{TEXT}\n{LINE}"[:-1],
        f"{TEXT}\n{LINE}\n",
        f"{TEXT}\n— PeterNeumann AAAA\n",
        f"{TEXT}\n- PeterNeumann x08go/ZJ\n",
        f"{TEXT}\t\n{LINE}",
        f"{TEXT}\n" + LINE * 65,
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(Malformed):
        notes.open_note(note, [Verifier.read(PUBLIC)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n",
        "o\n1\n",
        "\n1\n" + base64.b64encode(ROOT).decode() + "\n",
        "o\n01\n" + base64.b64encode(ROOT).decode() + "\n",
        "o\n-1\n" + base64.b64encode(ROOT).decode() + "\n",
        "o\n1\n" + base64.b64encode(ROOT[:-1]).decode() + "\n",
        "o\n1\n" + base64.b64encode(ROOT).decode()[:-1] + "\n",
        "o\n1\n" + base64.b64encode(ROOT).decode(),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Checkpoint.read(text)


def test_a_checkpoint_reads_as_it_was_written() -> None:
    one = Checkpoint("example.com/log", 7, ROOT)
    assert one.text == f"example.com/log\n7\n{base64.b64encode(ROOT).decode()}\n"
    assert Checkpoint.read(one.text) == one


def test_a_proof_reads_as_it_was_written() -> None:
    note = f"{TEXT}\n{LINE}"
    text = notes.write_proof(5, [ROOT, ROOT[::-1]], note)
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 5\n")
    assert notes.parse_proof(text) == (5, [ROOT, ROOT[::-1]], note)
    for bad in (text.replace("index 5", "index 05"), text.replace("@v1", "@v2"), text[:40], ""):
        with pytest.raises(Malformed):
            notes.parse_proof(bad)
