"""The line from the proxy to a node: enciphered, and the node shows who it is."""

import socket
import ssl
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import manage

HOST, NAME = "127.0.0.1", "redress.inside"
PATIENCE = 60  # seconds: who waits longer has failed


def make_certificate(folder, host=NAME):
    """Write a certificate for a host that signs itself, and its key; return both files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    certificate, private = folder / "node.pem", folder / "node-key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Serve the application as a node; give its port and its certificate."""
    certificate, private = make_certificate(tmp_path / "tls")
    monkeypatch.setenv("REDRESS_TLS_CERTIFICATE", str(certificate))
    monkeypatch.setenv("REDRESS_TLS_KEY", str(private))
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    env = manage.child_env(REDRESS_DATA=str(tmp_path / "data"))
    env.pop("DATABASE_URL", None)
    with subprocess.Popen(manage.server_command(HOST, port, 1), env=env) as process:
        try:
            wait_until_it_listens(port)
            yield port, certificate
        finally:
            process.terminate()
            process.wait(PATIENCE)


def wait_until_it_listens(port):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(OSError):
            return socket.create_connection((HOST, port), timeout=5).close()
        time.sleep(0.05)
    raise AssertionError(f"nothing listens after {PATIENCE} s")


def ask(port, trusted, name=NAME, newest=ssl.TLSVersion.TLSv1_3):
    """Ask whether it is well, as the proxy would; return the status line."""
    context = ssl.create_default_context(cafile=str(trusted))
    context.maximum_version = newest
    with (
        socket.create_connection((HOST, port), timeout=PATIENCE) as line,
        context.wrap_socket(line, server_hostname=name) as enciphered,
    ):
        enciphered.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return enciphered.recv(100).split(b"\r\n")[0]


def test_a_node_shows_who_it_is_and_speaks_to_nobody_in_the_clear(node, tmp_path):
    port, certificate = node
    assert ask(port, certificate) == b"HTTP/1.1 200 OK"
    other, _key = make_certificate(tmp_path / "another")
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(port, other)  # somebody else's
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(port, certificate, name="another.inside")
    with pytest.raises(ssl.SSLError):
        ask(port, certificate, newest=ssl.TLSVersion.TLSv1_2)
    with pytest.raises(requests.RequestException):
        requests.get(f"http://{HOST}:{port}/healthz", timeout=PATIENCE)


@pytest.mark.parametrize("missing", ["REDRESS_TLS_CERTIFICATE", "REDRESS_TLS_KEY"])
def test_half_of_the_pair_is_refused_by_name(missing, tmp_path, monkeypatch):
    """Else a slip of the pen would put what was enciphered on the line in the clear."""
    for name, file in zip(
        ("REDRESS_TLS_CERTIFICATE", "REDRESS_TLS_KEY"),
        make_certificate(tmp_path / "tls"),
        strict=True,
    ):
        monkeypatch.setenv(name, "" if name == missing else str(file))
    with pytest.raises(manage.Stop, match=missing):
        manage.server_command(HOST, 8000, 1)
    monkeypatch.setenv(missing, str(tmp_path / "nowhere.pem"))
    with pytest.raises(manage.Stop, match=missing):
        manage.server_command(HOST, 8000, 1)
