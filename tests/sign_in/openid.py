"""A real OpenID provider (npm: oidc-provider), and a browser that signs in at it by its forms."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import html5lib
import httpx

from tests.needs import go_without

HERE = Path(__file__).parent / "provider"
SITE = "http://localhost"  # as the tests' browser calls the application
BACK = f"{SITE}/login/unified/back"
CLIENT, SECRET = "redress", "a secret of the tests"
INSTALL = 180  # seconds
MOST_STEPS = 12  # of one sign-in at the provider


@dataclass
class Provider:
    """A provider that runs."""

    issuer: str
    accounts: Path
    process: subprocess.Popen

    def knows(self, **people: dict) -> None:
        """Let it know these people from now on: login -> claims."""
        self.accounts.write_text(json.dumps(people), encoding="utf-8")

    def stop(self) -> None:
        """Let it go down."""
        self.process.stdin.close()
        self.process.wait(10)


def install() -> Path:
    """Return a folder with the provider's libraries, outside the tree; the tests need it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        go_without("node and npm are not installed: they run the OpenID provider of these tests")
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redress-tests"
    folder = cache / f"provider-{wanted}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=cache))
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, fresh)
        try:
            command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=fresh, check=True, capture_output=True, timeout=INSTALL)
            fresh.rename(folder)
        except (subprocess.SubprocessError, OSError) as problem:
            shutil.rmtree(fresh, ignore_errors=True)
            if not folder.exists():  # else another process was quicker
                go_without(f"the OpenID provider could not be installed by npm: {problem}")
    shutil.copy(HERE / "server.js", folder)
    return folder


@contextmanager
def running_provider(accounts: Path) -> Iterator[Provider]:
    """Run a provider on a free port of this machine."""
    folder = install()
    accounts.write_text("{}", encoding="utf-8")
    with subprocess.Popen(
        ["node", "server.js", str(accounts), BACK, f"{SITE}/"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield Provider(process.stdout.readline().strip(), accounts, process)
        finally:
            process.kill()


class Browser:
    """What a person does at the provider: a browser with its cookies, but no script."""

    def __init__(self) -> None:
        self.line = httpx.Client(timeout=20, trust_env=False)

    def sign_in(self, address: str, login: str, *, refuses: bool = False) -> str:
        """Sign in at the provider by its own forms; return where it then sends the person."""
        answer = self.line.get(address)
        for _ in range(MOST_STEPS):
            if answer.is_redirect:
                address = urljoin(str(answer.url), answer.headers["Location"])
                if address.startswith(SITE):
                    return address
                answer = self.line.get(address)
                continue
            assert answer.status_code == 200, answer.text
            tree = html5lib.parse(answer.text, namespaceHTMLElements=False)
            if refuses:
                way = next(one for one in tree.iter("a") if "abort" in one.get("href", ""))
                answer = self.line.get(urljoin(str(answer.url), way.get("href")))
                continue
            form = next(tree.iter("form"))
            sent = {
                one.get("name"): {"login": login, "password": "any"}.get(
                    one.get("name"), one.get("value", "")
                )
                for one in form.iter("input")
                if one.get("name")
            }
            answer = self.line.post(urljoin(str(answer.url), form.get("action")), data=sent)
        raise AssertionError(f"no way back after {MOST_STEPS} steps")

    def close(self) -> None:
        """Close the line."""
        self.line.close()
