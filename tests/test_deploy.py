"""The examples of deploy/: they fit one another, and keep nothing that they should not."""

import os
import re
import shlex
import subprocess
import sys

import click
import pytest

from config import MEGABYTE, ROOT, SHARED_SECRETS, Config
from repair_app.services.backups import PROGRAMS

DEPLOY = ROOT / "deploy"
# What config.py reads and no file of settings gives.
ELSEWHERE = {
    "REDRESS_DATA",  # the units, the image and deploy/redress say where
    "FLASK_RUN_FROM_CLI",  # Flask says it of its own commands
    "FLASK_DEBUG",  # a developer's own; with a public address the start refuses it
}


def read(name):
    return (DEPLOY / name).read_text(encoding="utf-8")


def run_by_hand(tmp_path, settings, *arguments):
    """Run deploy/redress with settings of a file and a release that tells what it was given."""
    (tmp_path / "env").write_text(settings, encoding="utf-8")
    (tmp_path / "manage.py").write_text(
        "import os, sys\n"
        "print(os.environ['DATABASE_URL'], os.environ['REDRESS_DATA'], *sys.argv[1:])\n"
    )
    # `id` says who we are not: the script would hand root's commands to the service's user.
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "REDRESS_SETTINGS": str(tmp_path / "env"),
        "REDRESS_RELEASE": str(tmp_path),
        "REDRESS_PYTHON": sys.executable,
    }
    env |= {name: os.environ[name] for name in ("REDRESS_OWNER",) if name in os.environ}
    command = ["sh", str(DEPLOY / "redress"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_a_command_by_hand_works_on_the_database_of_the_services(tmp_path):
    done = run_by_hand(tmp_path, read("env.example"), "flask", "prepare")
    address, *rest = done.stdout.split()
    assert address.startswith("postgresql://redress:PASSWORD@db-1.example:5432,db-2.example:5432/")
    assert address.endswith("target_session_attrs=read-write&sslmode=verify-full")
    assert rest == ["/var/lib/redress", "flask", "prepare"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("command", "whose"),
    [
        ("flask prepare --empty", "owner"),
        ("backup FILE", "owner"),
        ("verify-backup FILE", "owner"),
        ("restore FILE", "owner"),
        ("flask jobs status", "redress"),
        ("flask history bundle X", "redress"),
    ],
)
def test_what_only_the_owner_may_is_done_as_the_owner(tmp_path, monkeypatch, command, whose):
    (tmp_path / "owner").write_text("DATABASE_URL=postgresql://owner@db/redress\n")
    monkeypatch.setenv("REDRESS_OWNER", str(tmp_path / "owner"))
    done = run_by_hand(tmp_path, read("env.example"), *command.split())
    assert done.stdout.startswith(f"postgresql://{whose}"), done.stderr


def test_a_command_by_hand_never_makes_a_database_of_its_own(tmp_path):
    done = run_by_hand(tmp_path, "SECRET_KEY=x\n", "flask", "prepare")
    assert (done.returncode, done.stdout) == (1, "")
    assert "DATABASE_URL" in done.stderr


def test_a_node_listens_where_the_proxy_sends_to():
    listen = re.search(r"^REDRESS_LISTEN=(\S+)$", read("node.example"), re.MULTILINE)
    unit = read("systemd/redress-web.service")
    assert "EnvironmentFile=/etc/redress/node" in unit
    port = re.search(r"--host \$\{REDRESS_LISTEN\} --port (\d+)", unit)
    assert f"server {listen[1]}:{port[1]} " in read("nginx.conf")


def test_the_proxy_writes_down_no_path_and_hands_its_number_on():
    proxy = read("nginx.conf")
    kept = "".join(re.findall(r"^log_format .*?;", proxy, re.MULTILINE | re.DOTALL))
    assert "$request_id" in kept
    variables = set(re.findall(r"\$(\w+)", kept))
    assert not variables & {"request", "request_uri", "uri", "args", "query_string", "http_referer"}
    assert not variables & {"remote_addr", "remote_user", "http_user_agent", "http_cookie"}
    servers = proxy.split("\nserver {")[1:]
    assert len(servers) == 2
    for one in servers:
        assert re.search(r"access_log (off|\S+ redress);", one)
        assert re.search(r"error_log \S+ crit;", one)
    assert "proxy_set_header X-Request-Id $request_id;" in proxy


def test_the_example_names_every_secret_that_nodes_share():
    named = dict(re.findall(r"^([A-Z_]+)=(.*)$", read("env.example"), re.MULTILINE))
    assert set(SHARED_SECRETS) <= named.keys()
    # An example that could be started as it is would be started so.
    assert {named[one] for one in SHARED_SECRETS} == {""}


def test_the_proxy_asks_a_node_only_when_it_has_the_whole_request():
    _, served = read("nginx.conf").split("\nserver {")[1:]
    said = dict(re.findall(r"^ +(\w+) ([^;{]+);", served.partition("location")[0], re.MULTILINE))
    assert said["proxy_request_buffering"] == "on"
    for name in ("client_header_timeout", "client_body_timeout", "send_timeout"):
        assert 0 < int(said[name].removesuffix("s")) <= 30
    zone, most = said["limit_conn"].split()
    assert f"limit_conn_zone $binary_remote_addr zone={zone}:" in read("nginx.conf")
    assert 0 < int(most) <= 100
    megabytes = int(said["client_max_body_size"].removesuffix("m"))
    assert megabytes * MEGABYTE == Config.MAX_CONTENT_LENGTH
    assert "proxy_request_buffering off" not in served


def test_the_line_from_the_proxy_to_a_node_is_enciphered():
    proxy = read("nginx.conf")
    assert "proxy_pass http:" not in proxy
    assert "proxy_pass https://redress;" in proxy
    said = dict(re.findall(r"^ +(proxy_ssl_\w+) ([^;]+);", proxy, re.MULTILINE))
    assert said["proxy_ssl_verify"] == "on"
    assert said["proxy_ssl_protocols"] == "TLSv1.3"
    assert said["proxy_ssl_trusted_certificate"].endswith(".pem")
    for name in ("REDRESS_TLS_CERTIFICATE", "REDRESS_TLS_KEY"):
        assert re.search(f"^{name}=/", read("env.example"), re.MULTILINE)


def test_http_2_is_spelt_as_the_nginx_of_the_containers_wants_it():
    proxy = read("nginx.conf")
    assert not re.search(r"listen .*http2", proxy)
    assert re.search(r"^ +http2 on;", proxy, re.MULTILINE)
    version = re.search(r"image: nginx:(\d+)\.(\d+)", read("compose.yaml"))
    assert tuple(map(int, version.groups())) >= (1, 26)  # 1.25.1 brought it


def test_the_example_names_every_setting_that_there_is():
    source = (ROOT / "config.py").read_text(encoding="utf-8")
    read_there = set(re.findall(r"\"((?:REDRESS|FLASK)_[A-Z_]+|DATABASE_URL|SECRET_KEY)\"", source))
    assert len(read_there) > 20
    assert read_there >= ELSEWHERE
    named = re.findall(r"^([A-Z_]+)=", read("env.example"), re.MULTILINE)
    assert len(set(named)) == len(named)
    assert read_there - ELSEWHERE <= set(named)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in named if name not in readme] == []


def test_the_example_can_be_served_with_once_its_secrets_are_filled_in(tmp_path):
    given = re.sub(
        r"^([A-Z_]+_(?:KEY|SALT|TOKEN|ID))=$",
        r"\1=" + "x" * 40,
        read("env.example"),
        flags=re.MULTILINE,
    )
    env = dict(re.findall(r"^([A-Z_]+)='?([^'\n]*)'?$", given, re.MULTILINE))
    env |= {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "REDRESS_DATA": str(tmp_path)}
    code = "import config; print(config.Config().SMTP_URL)"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("smtp://")
    assert list(tmp_path.iterdir()) == [], "a secret was made that nodes would not share"


def test_no_image_holds_what_the_repository_does_not():
    """The build's context is the working tree: data, keys and history lie in it."""
    assert re.search(r"^ +context: \.\.$", read("compose.yaml"), re.MULTILINE)
    kept_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for pattern in [".git", *ignored]:
        if not pattern or pattern.startswith("#"):
            continue
        here = pattern.startswith("/") or pattern == ".git"
        spelt = pattern.strip("/") if here else f"**/{pattern.strip('/')}"
        assert spelt in kept_out, pattern
    assert not [line for line in kept_out if line.startswith("!")]
    assert not list(DEPLOY.glob("*.dockerignore")), "Docker would read that one instead"


def test_what_compose_keeps_beside_itself_is_neither_committed_nor_copied():
    compose = read("compose.yaml")
    settings = {*re.findall(r"env_file: (?:&\w+ )?\[?(\w+)", compose)}
    settings |= {*re.findall(r"path: (\S+),", compose)}
    beside = settings | {*re.findall(r"\./([\w-]+)[:/]", compose)}
    assert beside == {"env", "env.web", "env.owner", "tls", "backups"}
    for name in (".dockerignore", ".gitignore"):
        lines = {one.strip("/") for one in (ROOT / name).read_text(encoding="utf-8").splitlines()}
        assert {f"deploy/{one}" for one in beside} <= lines


def test_a_container_can_make_a_backup():
    """It has the programs for it, of a version that can be chosen, and a place to write to."""
    image, compose = read("Dockerfile"), read("compose.yaml")
    version = re.search(r"^ARG POSTGRESQL=(\d+)$", image, re.MULTILINE)[1]
    assert f'args: {{ POSTGRESQL: "{version}" }}' in compose
    assert '"postgresql-client-$POSTGRESQL"' in image
    assert f"ENV {PROGRAMS}=/usr/lib/postgresql/$POSTGRESQL/bin" in image
    by_hand = compose.partition("\n  by-hand:\n")[2].partition("\n\n")[0]
    place = re.search(r'volumes: \["\./backups:(/\w+)"\]', by_hand)[1]
    assert f"TMPDIR: {place} " in by_hand
    for command in ("backup", "verify-backup", "flask position"):
        assert re.search(rf"run --rm by-hand {command} {place}/\S", compose)


@pytest.mark.parametrize("stage", ["sqlite"], indirect=True)
def test_every_command_of_the_runbook_is_there_with_its_options(app):
    text = " ".join(read("runbook.md").split())
    named = {one.removeprefix("redress ").removeprefix("flask ") for one in quoted(text)}
    assert len(named) > 10
    for line in sorted(named):
        command, words = app.cli, shlex.split(line.partition("|")[0])
        while isinstance(command, click.Group):
            name = words.pop(0)
            assert name in command.list_commands(None), line
            command = command.get_command(None, name)
        options = {one for parameter in command.params for one in parameter.opts}
        assert {one for one in words if one.startswith("--")} <= options, line


def quoted(text):
    """Return the commands that the runbook quotes, other than `redress …` itself."""
    return [one for one in re.findall(r"`(redress [^`]+)`", text) if "…" not in one]


def test_the_runbook_of_a_lost_primary_asks_for_what_there_is():
    lost = read("runbook.md").partition("## The primary is lost")[2].partition("\n## ")[0]
    assert "`redress flask verify --all --expect POSITION`" in lost
    assert "signed checkpoint" not in read("runbook.md")
