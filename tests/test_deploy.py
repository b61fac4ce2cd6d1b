"""The examples of deploy/: they fit one another, and keep nothing that they should not."""

import os
import re
import subprocess
import sys

from config import ROOT, SHARED_SECRETS

DEPLOY = ROOT / "deploy"


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
    command = ["sh", str(DEPLOY / "redress"), *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_a_command_by_hand_works_on_the_database_of_the_services(tmp_path):
    done = run_by_hand(tmp_path, read("env.example"), "flask", "prepare")
    address, *rest = done.stdout.split()
    assert address.startswith("postgresql://redress:PASSWORD@db-1.example:5432,db-2.example:5432/")
    assert address.endswith("target_session_attrs=read-write&sslmode=verify-full")
    assert rest == ["/var/lib/redress", "flask", "prepare"]
    assert done.stderr == ""


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
    named = re.findall(r"^([A-Z_]+)=", read("env.example"), re.MULTILINE)
    assert set(SHARED_SECRETS) <= set(named)
