"""Redress from the command line: nothing but Python 3.11-3.13 with pip is needed.

    python3 manage.py up        install, migrate, add demonstration data, serve
    python3 manage.py mirror    serve a small site that shows what a platform is told
    python3 manage.py witness   cosign the checkpoints of a log, for a second office
    python3 manage.py test      install, run the tests (or the pytest arguments given)
    python3 manage.py check     style, types, import directions, workflows, migrations
    python3 manage.py bench     run the benchmarks
    python3 manage.py cluster   several machines on this one: web nodes, workers, a replica
    python3 manage.py serve     serve only, on one machine of several: no migration, no worker
    python3 manage.py lock      pin the libraries of requirements*.in again
    python3 manage.py sbom      write the bill of materials, docs/sbom.json; `--check` compares it
    python3 manage.py audit     ask a register which libraries have known weaknesses (OSV)
    python3 manage.py fuzz      give each parser for minutes what nobody would write
    python3 manage.py mutation  put small faults into engine, access, ledger; do tests notice?
    python3 manage.py asvs      draw docs/asvs.md, the answers to OWASP ASVS 5.0.0 (`--check`)
    python3 manage.py backup    write a backup; `verify-backup` checks one, `restore` puts one back
    python3 manage.py flask …   run a command of the application, e.g. `flask records import FILE`

The pinned libraries go into .venv beside this file, once, and again only when a lock file has
changed. `python3 manage.py COMMAND --help` tells a command's options.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
RUNTIME = ROOT / "requirements.txt"
DEV = ROOT / "requirements-dev.txt"  # holds everything of RUNTIME too
TRANSLATIONS = ROOT / "repair_app" / "translations"

OLDEST, NEWEST = (3, 11), (3, 13)
OLDEST_PIP = (22, 3)  # the first that can install into another environment (--python)
# Nothing is built here but this one, plain Python that its authors publish as source only.
NO_COMPILER = ["--only-binary", ":all:", "--no-binary", "flask-principal"]
UV = "uv==0.13.8"
CPUS = os.cpu_count() or 1
LOOK = 0.2  # seconds between two looks at the processes
HEAD_START = 2  # seconds that the server has for itself before the worker starts
RESTART = 5  # seconds after its start at the earliest, a worker that ended is started again
PATIENCE = 15  # seconds that a process gets to end
EVERYTHING = "--all"  # of the tests: those that take long, too
INTERRUPTED = 130  # what a shell reports after Ctrl-C


class Stop(Exception):
    """Ends the command; its text is the reason, in one plain line."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code; a mistake gets a line, never a stack trace."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without ✓
    parser = build_parser()
    chosen = parser.parse_args(arguments)
    if chosen.command is None:
        parser.print_help()
        return 0
    try:
        refuse_unknown_python()
        return int(chosen.run(chosen) or 0)
    except (Stop, OSError) as reason:
        print(f"manage.py: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("manage.py: interrupted.", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """Describe the commands and their options."""
    parser = argparse.ArgumentParser(
        prog="manage.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    command = commands.add_parser("up", description="Install, migrate, add demo data, serve.")
    command.set_defaults(run=up)
    add_server_options(command)
    command.add_argument("--data", metavar="DIR", help="data folder (REDRESS_DATA, or ./data)")
    command.add_argument("--empty", action="store_true", help="add no demonstration data")
    command.add_argument("--no-worker", action="store_true", help="run no worker for timers here")

    command = commands.add_parser("serve", description="Serve only: no migration, no worker.")
    command.set_defaults(run=serve)
    add_server_options(command)

    for name, run, told in (
        (
            "test",
            test,
            "Run pytest: all tests, or with the arguments given; --all: the long ones too.",
        ),
        ("bench", bench, "Run the benchmarks with the arguments given."),
        ("cluster", cluster, "Start a cluster on this machine, or operate it."),
        ("mirror", mirror, "Serve a mirror; `mirror --help` tells how it is fed."),
        ("sbom", supply, "Write the bill of materials; `sbom --help` tells more."),
        ("audit", audit, "Ask which libraries have known weaknesses; `audit --help` tells more."),
        ("witness", witness, "Cosign the checkpoints of a log; `witness --help` tells more."),
        ("fuzz", fuzz, "Feed every parser for some minutes; `fuzz --help` tells more."),
        ("mutation", mutation, "Count the small faults that tests notice; `--help` tells more."),
        ("asvs", supply, "Draw the answers to OWASP ASVS; `asvs --help` tells more."),
        ("backup", backup, "Write a backup of the store to a new folder or .tar file."),
        ("verify-backup", backup, "Check a backup: files, chains, papers."),
        ("restore", backup, "Put a backup into an empty store, and prove it whole."),
        ("flask", flask, "Run a command of the application; `flask --help` lists them."),
    ):
        # Whatever follows, --help too, is for the program behind the command.
        command = commands.add_parser(name, description=told, add_help=False, prefix_chars="\0")
        command.set_defaults(run=run)
        command.add_argument("rest", nargs=argparse.REMAINDER)

    command = commands.add_parser("check", description="Check style, types, rules, migrations.")
    command.set_defaults(run=check)
    command = commands.add_parser("lock", description="Pin the libraries of requirements*.in.")
    command.set_defaults(run=lock)
    command.add_argument("--upgrade", action="store_true", help="take the newest of each")
    return parser


def add_server_options(command: argparse.ArgumentParser) -> None:
    """Let a command say where it listens, and with how many processes."""
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    command.add_argument("--port", type=port_number, default=8000, help="(%(default)s)")
    command.add_argument(
        "--workers", type=positive, default=min(2 * CPUS, 8), help="processes (%(default)s)"
    )


def port_number(text: str) -> int:
    """Read a TCP port."""
    number = int(text)
    if not 1 <= number <= 65535:  # noqa: PLR2004  # the range of TCP ports
        raise argparse.ArgumentTypeError(f"{text} is not a port (1-65535)")
    return number


def positive(text: str) -> int:
    """Read a number that is at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


# --- The commands ---


def up(chosen: argparse.Namespace) -> int:
    """Serve the application, ready to use, with a worker beside it for what waits for its time."""
    refuse_taken_port(chosen.host, chosen.port)
    make_ready(RUNTIME)
    data = make_data_folder(chosen.data or os.environ.get("REDRESS_DATA") or str(ROOT / "data"))
    env = child_env(REDRESS_DATA=str(data))
    empty = ["--empty"] if chosen.empty else []
    run(flask_command("prepare", *empty), env, f"The data in {data} could not be made ready.")
    print(f"Redress: {address(chosen.host, chosen.port)}  (data: {data}; Ctrl-C stops it)")
    server = server_command(chosen.host, chosen.port, chosen.workers)
    if env.get("REDRESS_METRICS_TOKEN"):
        env["PROMETHEUS_MULTIPROC_DIR"] = make_empty(data / f"metrics-{chosen.port}")
    if chosen.no_worker:
        become(server, env)
    return run_together(server, flask_command("jobs", "work", "--parent", str(os.getpid())), env)


def serve(chosen: argparse.Namespace) -> NoReturn:
    """Serve a store that is ready (`flask prepare`); settings come from the environment alone."""
    refuse_taken_port(chosen.host, chosen.port)
    make_ready(RUNTIME)
    env = child_env()
    if env.get("REDRESS_METRICS_TOKEN"):
        data = make_data_folder(env.get("REDRESS_DATA") or str(ROOT / "data"))
        env["PROMETHEUS_MULTIPROC_DIR"] = make_empty(data / f"metrics-{chosen.port}")
    become(server_command(chosen.host, chosen.port, chosen.workers), env)


def cluster(chosen: argparse.Namespace) -> NoReturn:
    """Run a cluster's command; its database servers come with the test libraries."""
    make_ready(DEV)
    become(module_command("deploy.cluster", *chosen.rest), child_env())


def test(chosen: argparse.Namespace) -> NoReturn:
    """Run pytest; with --all the tests that ask everything as well."""
    make_ready(DEV)
    rest = [one for one in chosen.rest if one != EVERYTHING]
    arguments = absolute_paths(rest) or ["-n", "2", "--dist", "loadgroup"]
    if EVERYTHING in chosen.rest:
        arguments += ["-m", ""]  # no mark is left out
    os.chdir(ROOT)
    become(module_command("pytest", *arguments), child_env())


def bench(chosen: argparse.Namespace) -> NoReturn:
    """Run the benchmarks."""
    make_ready(DEV)
    become(module_command("benchmarks", *chosen.rest), child_env())


def supply(chosen: argparse.Namespace) -> NoReturn:
    """Write or compare the list of what others made, or the answers to a standard."""
    make_ready(DEV)
    module = "deploy.supply" if chosen.command == "sbom" else "deploy.supply.asvs"
    become(module_command(module, *chosen.rest), child_env())


def audit(chosen: argparse.Namespace) -> NoReturn:
    """Ask a register about the libraries of the lock files; nothing else here asks it."""
    make_ready(RUNTIME)
    become(module_command("deploy.supply.weaknesses", *chosen.rest), child_env())


def fuzz(chosen: argparse.Namespace) -> NoReturn:
    """Feed the parsers."""
    make_ready(DEV)
    os.chdir(ROOT)
    become(module_command("tests.fuzz", *chosen.rest), child_env())


def mutation(chosen: argparse.Namespace) -> NoReturn:
    """Put small faults into the code, in memory, and count those that the tests notice."""
    make_ready(DEV)
    os.chdir(ROOT)
    become(module_command("tests.mutation", *chosen.rest), child_env())


def mirror(chosen: argparse.Namespace) -> NoReturn:
    """Serve a mirror."""
    make_ready(RUNTIME)
    become(module_command("repair_app.mirror", *chosen.rest), child_env())


def witness(chosen: argparse.Namespace) -> NoReturn:
    """Cosign checkpoints."""
    make_ready(RUNTIME)
    become(module_command("repair_app.witness", *chosen.rest), child_env())


def backup(chosen: argparse.Namespace) -> NoReturn:
    """Run the command of the application that has this name."""
    make_ready(RUNTIME)
    become(flask_command(chosen.command, *chosen.rest), child_env())


def flask(chosen: argparse.Namespace) -> NoReturn:
    """Run a command of the application in the user's folder, so that file names stay right."""
    make_ready(RUNTIME)
    become(flask_command(*chosen.rest), child_env())


def check(_chosen: argparse.Namespace) -> int:
    """Run every check, even after one has failed."""
    make_ready(DEV)
    with tempfile.TemporaryDirectory(prefix="redress-check-") as folder:
        env = child_env(REDRESS_DATA=folder)
        env.pop("DATABASE_URL", None)  # the checks migrate a store of their own
        results = [passes(name, command, env) for name, command in list_checks()]
    print(f"{sum(results)} of {len(results)} checks passed")
    return 0 if all(results) else 1


def lock(chosen: argparse.Namespace) -> None:
    """Resolve requirements*.in into lock files with hashes, good for every platform."""
    python = find_python_with_pip()
    with tempfile.TemporaryDirectory(prefix="redress-uv-") as folder:
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--target", folder, UV], None, f"{UV} could not be installed.")
        uv = str(Path(folder, "bin", "uv"))
        for target in (RUNTIME, DEV):
            command = lock_command(uv, target, chosen.upgrade)
            run(command, None, f"{target.name} could not be resolved.", folder=ROOT)
            print(f"{target.name} is up to date")


# --- The environment ---


def refuse_unknown_python() -> None:
    """Stop on a Python that the pinned libraries were not tried with."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        raise Stop(f"Python 3.11, 3.12 or 3.13 is needed; this one is {found}.")


def make_ready(lock_file: Path) -> None:
    """Install the libraries of the lock file and compile the translations, if not yet done."""
    if not (has_venv() and is_installed(lock_file)):
        install(lock_file)
    compile_translations()


def has_venv() -> bool:
    """Say whether .venv holds a Python that runs, of the version running now."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return venv_python().exists() and (VENV / "lib" / version).is_dir()


def venv_python() -> Path:
    """Return the Python of .venv."""
    return VENV / "bin" / "python"


def is_installed(lock_file: Path) -> bool:
    """Say whether .venv was filled from the lock file as it is now."""
    stamp = stamp_of(lock_file)
    return stamp.exists() and stamp.read_text() == digest_of(lock_file)


def stamp_of(lock_file: Path) -> Path:
    """Return the file that remembers which version of the lock file was installed."""
    return VENV / f"{lock_file.name}.sha256"


def digest_of(lock_file: Path) -> str:
    """Return the SHA-256 of the lock file."""
    return hashlib.sha256(lock_file.read_bytes()).hexdigest()


def install(lock_file: Path) -> None:
    """Fill .venv from the lock file; the stamps go first, so that half a job is done again."""
    python = find_python_with_pip()
    if not has_venv():
        venv.EnvBuilder(with_pip=False, symlinks=True, clear=True).create(VENV)
    for stamp in (stamp_of(RUNTIME), stamp_of(DEV)):
        stamp.unlink(missing_ok=True)
    print(f"Installing the libraries of {lock_file.name} (once; about half a minute) …", flush=True)
    run(pip_command(python, lock_file), None, f"{lock_file.name} could not be installed.")
    for installed in {RUNTIME, lock_file}:  # the development set holds the runtime set
        stamp_of(installed).write_text(digest_of(installed))


def find_python_with_pip() -> str:
    """Return this Python, or the one its virtual environment was made from, if it has pip."""
    base = getattr(sys, "_base_executable", sys.executable)
    for python in dict.fromkeys((sys.executable, base)):
        version = pip_version(python)
        if version and version < OLDEST_PIP:
            raise Stop(f"pip 22.3 or newer is needed: run `{python} -m pip install -U pip`.")
        if version:
            return str(python)
    raise Stop("This Python has no pip (on Debian: `apt-get install python3-pip`).")


def pip_version(python: str) -> tuple[int, ...] | None:
    """Return the version of that Python's pip, or None without one."""
    command = [python, "-m", "pip", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.match(r"pip (\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else None


def pip_command(python: str, lock_file: Path) -> list[str]:
    """Spell the installation: --python stands before `install`, where pip 22.3 wants it."""
    into = [python, "-m", "pip", "--python", str(venv_python())]
    quietly = ["-qq", "--no-input", "--disable-pip-version-check"]
    pinned = ["--require-hashes", "--no-deps", "-r", str(lock_file)]
    return [*into, "install", *quietly, *NO_COMPILER, *pinned]


def compile_translations() -> None:
    """Compile the message catalogues if one was edited since."""
    if any(is_stale(catalogue) for catalogue in TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")):
        options = ["-d", str(TRANSLATIONS), "-D", "messages"]
        command = module_command("babel.messages.frontend", "--quiet", "compile", *options)
        run(command, child_env(), "The translations could not be compiled.")


def is_stale(catalogue: Path) -> bool:
    """Say whether a catalogue is newer than its compiled form."""
    compiled = catalogue.with_suffix(".mo")
    return not compiled.exists() or compiled.stat().st_mtime < catalogue.stat().st_mtime


def make_data_folder(name: str) -> Path:
    """Make the data folder, readable by its owner only, and return its absolute path."""
    folder = Path(name).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Stop(f"{folder} cannot be the data folder: {error.strerror}.") from error
    return folder


def make_empty(folder: Path) -> str:
    """Make a folder anew, for what the processes of one server count together."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return str(folder)


def refuse_taken_port(host: str, port: int) -> None:
    """Stop if nothing can listen there; a second server would silently share the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Stop(f"Port {port} is taken; choose another with --port.") from error
        raise Stop(f"Cannot listen on {host}, port {port}: {error.strerror}.") from error


def address(host: str, port: int) -> str:
    """Return the URL to open in a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  # only shown
    scheme = "https" if os.environ.get("REDRESS_TLS_CERTIFICATE") else "http"
    return f"{scheme}://{shown}:{port}/"


# --- Child processes ---


def child_env(**changes: str) -> dict[str, str]:
    """Return the environment of a child: the project importable, no .env file read.

    Compiled modules are kept, whatever the shell says: the next start is then twice as quick.
    """
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FLASK_SKIP_DOTENV": "1", **changes}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


def module_command(module: str, *arguments: str) -> list[str]:
    """Run a module with .venv's Python; -P keeps the user's folder from hiding a module."""
    return [str(venv_python()), "-P", "-m", module, *arguments]


def flask_command(*arguments: str) -> list[str]:
    """Run a command of the application; a bare name would be looked for in the user's folder."""
    return module_command("flask", "--app", str(ROOT / "repair_app"), *arguments)


def server_command(host: str, port: int, workers: int) -> list[str]:
    """Run the web server; a worker that hangs is killed five seconds after the stop signal."""
    where = ["--host", host, "--port", str(port), "--working-dir", str(ROOT)]
    threads = "1"  # a second thread in one process was seen to crash it under load
    size = ["--workers", str(workers), "--blocking-threads", threads]
    options = ["--interface", "wsgi", "--factory", "--no-ws", "--workers-kill-timeout", "5"]
    options += ["--respawn-failed-workers", "--respawn-interval", "0.5"]  # one must not end all
    options += tls_options()
    if os.environ.get("REDRESS_LOGS") == "json":
        options += ["--log-config", str(ROOT / "repair_app" / "server_log.json")]
    return module_command("granian", *options, *where, *size, f"{ROOT / 'repair_app'}:create_app")


def tls_options() -> list[str]:
    """Spell how the line from the proxy is enciphered (TLS 1.3); nothing where no file is named."""
    names = ("REDRESS_TLS_CERTIFICATE", "REDRESS_TLS_KEY")
    files = [os.environ.get(one, "") for one in names]
    if not any(files):
        return []
    for name, file in zip(names, files, strict=True):
        if not os.access(file, os.R_OK):
            raise Stop(f"{name} names no file that can be read: {file or 'it is not set'}.")
    return ["--ssl-certificate", files[0], "--ssl-keyfile", files[1]]


def lock_command(uv: str, target: Path, upgrade: bool) -> list[str]:
    """Spell uv's resolution; the development set keeps to the versions of the runtime set."""
    options = ["--quiet", "--universal", "--generate-hashes", "--python-version", "3.11"]
    options += ["--no-emit-index-url", "--custom-compile-command", "python3 manage.py lock"]
    options += ["--upgrade"] if upgrade else []
    options += ["--constraints", RUNTIME.name] if target == DEV else []
    source = target.with_suffix(".in").name
    return [uv, "pip", "compile", *options, source, "--output-file", target.name]


def list_checks() -> list[tuple[str, list[str]]]:
    """Return each check's name and command."""
    lint_imports = [str(venv_python()), "-P", str(VENV / "bin" / "lint-imports"), "--no-cache"]
    return [
        ("format", module_command("ruff", "format", "--check")),
        ("lint", module_command("ruff", "check")),
        ("types", module_command("mypy")),
        ("import directions", lint_imports),
        ("workflows", flask_command("workflows", "check")),
        ("workflow pages", flask_command("workflows", "draw", "--check")),
        ("coverage page", flask_command("workflows", "coverage", "--check")),
        ("data map", flask_command("data-map", "--check")),
        ("libraries and their licences", module_command("deploy.supply", "--check")),
        ("answers to OWASP ASVS", module_command("deploy.supply.asvs", "--check")),
        ("proof", flask_command("workflows", "prove")),
        ("migrations run", flask_command("db", "upgrade")),
        ("migrations match the models", flask_command("db", "check")),
    ]


def passes(name: str, command: list[str], env: dict[str, str]) -> bool:
    """Run one check and print its line; what it said is shown only if it failed."""
    start = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        check=False,
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    mark = "✗" if done.returncode else "✓"
    if done.returncode:
        print(done.stdout.rstrip())
    print(f"{mark} {name} ({time.monotonic() - start:.1f} s)", flush=True)
    return done.returncode == 0


def run(
    command: list[str], env: dict[str, str] | None, failure: str, folder: Path | None = None
) -> None:
    """Run a command to its end; the reason it gives stands above ours."""
    if subprocess.run(command, env=env, cwd=folder, check=False).returncode:
        raise Stop(failure)


def run_together(server: list[str], worker: list[str], env: dict[str, str]) -> int:
    """Run the server until it ends or a signal comes, and the worker as long; return its exit code.

    A worker that ends is started anew: what it left undone it takes up again.
    """
    signals: list[int] = []
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda number, _frame: signals.append(number))
    sys.stdout.flush()
    serving = subprocess.Popen(server, env=env)
    working: subprocess.Popen[bytes] | None = None
    due = time.monotonic() + HEAD_START
    try:
        while serving.poll() is None and not signals:
            time.sleep(LOOK)
            ended = working is None or working.poll() is not None
            if ended and time.monotonic() > due:
                working, due = subprocess.Popen(worker, env=env), time.monotonic() + RESTART
    finally:
        stop(serving, *([working] if working else []))
    return abs(int(serving.returncode))


def stop(*processes: subprocess.Popen[bytes]) -> None:
    """End processes by their ids: ask all, then wait for each, and kill what does not end."""
    for one in processes:
        one.terminate()
    for one in processes:
        try:
            one.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()


def become(command: list[str], env: dict[str, str]) -> NoReturn:
    """Turn into the command: its exit code is ours, and signals reach it directly."""
    sys.stdout.flush()
    os.execve(command[0], command, env)


def absolute_paths(arguments: list[str]) -> list[str]:
    """Spell out the paths among pytest's arguments, because it runs in the project's folder."""
    return [
        str(Path.cwd() / argument)
        if Path.cwd() != ROOT and Path(argument.partition("::")[0]).exists()
        else argument
        for argument in arguments
    ]


if __name__ == "__main__":
    sys.exit(main())
