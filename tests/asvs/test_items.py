"""Items of the verification standard that no other test shows (docs/asvs.toml names this file)."""

import ast
import re
from collections.abc import Iterator

import pytest

from config import ROOT
from repair_app.engine import letters
from repair_app.services import feed, own_reports
from tests.client import make_client
from tests.web.test_sign_in import make_app

__all__ = ["make_app"]  # a fixture

MODULES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for path in [*sorted((ROOT / "repair_app").rglob("*.py")), ROOT / "config.py"]
}
SCRIPTS = {path.name: path.read_text() for path in (ROOT / "repair_app/static").glob("*.js")}
one_store = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)  # no query is special


def calls_of(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of a module with the last word of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name):
                    yield name, node
                case ast.Attribute(value=ast.Name(id=owner), attr=name):
                    yield f"{owner}.{name}", node


def imports_of(tree: ast.AST) -> set[str]:
    """Return what a module imports, as module or module.name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{one.name}" for one in node.names}
    return found


# --- what the code must not do ---


def test_nothing_is_evaluated() -> None:
    forbidden = {"eval", "exec", "compile", "__import__"}
    found = [(path, name) for path, tree in MODULES.items() for name, _ in calls_of(tree)]
    assert [one for one in found if one[1] in forbidden] == []
    unsafe = {"pickle", "marshal", "shelve", "yaml", "dill", "jsonpickle"}
    assert {path for path, tree in MODULES.items() if imports_of(tree) & unsafe} == set()


def test_no_web_process_starts_a_program() -> None:
    starters = {"subprocess", "os.system", "os.popen", "pty", "shlex"}
    starting = {path for path, tree in MODULES.items() if imports_of(tree) & starters}
    # Pictures of workflows by a program that is given a drawing, backups by PostgreSQL's own.
    assert starting <= {"repair_app/services/pictures.py", "repair_app/services/backups.py"}
    for tree in MODULES.values():
        for name, call in calls_of(tree):
            assert name not in {"os.system", "os.popen"}
            assert not [one for one in call.keywords if one.arg == "shell"], name


def test_no_secret_comes_from_a_guessable_generator() -> None:
    using = {path for path, tree in MODULES.items() if "random" in imports_of(tree)}
    assert using <= {"repair_app/engine/courses.py"}  # the order of questions of a test


def test_what_opens_something_has_128_bits_or_more() -> None:
    """What is shorter is a name: it tells things apart and opens none."""
    names_only = {
        ("repair_app/sealing.py", "NONCE"),  # of GCM, 96 bits (NIST SP 800-38D 8.2.1)
        ("repair_app/services/clients.py", 8),  # a client's number, and its account's address
        ("repair_app/services/backups.py", 4),  # a database that is looked at and dropped
        ("repair_app/services/gate.py", 8),  # the number of a request
    }
    drawn = {
        (path, ast.literal_eval(size) if isinstance(size, ast.Constant) else size.id)
        for path, tree in MODULES.items()
        for name, node in calls_of(tree)
        if name.startswith("secrets.token_")
        for size in node.args or [ast.Constant(0)]
    }
    sizes = {"TOKEN_BYTES": feed.TOKEN_BYTES, "CODE_BYTES": letters.CODE_BYTES, "NONCE": 12}
    assert own_reports.CODE_BYTES == letters.CODE_BYTES
    assert {one for one in drawn if sizes.get(one[1], one[1]) < 16} == names_only


def test_no_weak_hash_is_used() -> None:
    """By whatever library, and whether it is named by a word or by a text."""
    weak = re.compile(r"(?:md[245]|sha_?1|ripemd)", re.IGNORECASE)
    for path, tree in MODULES.items():
        assert not [one for one in words_of(tree) if weak.fullmatch(one)], path
        assert "hashlib.new" not in {name for name, _ in calls_of(tree)}, path


def words_of(tree: ast.AST) -> Iterator[str]:
    """Yield each name, attribute, import and short text of a module."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.alias(name=word):
                yield word.rpartition(".")[2]
            case ast.Constant(value=str(word)):
                yield word


def test_cryptography_comes_from_libraries_only() -> None:
    used = {
        name
        for tree in MODULES.values()
        for name in imports_of(tree)
        if name.startswith(("cryptography.", "Crypto", "nacl", "OpenSSL"))
    }
    ours = ("cryptography.exceptions", "cryptography.fernet", "cryptography.hazmat.primitives")
    assert all(name.startswith(ours) for name in used)
    primitives = {name.rpartition("primitives.")[2] for name in used if "primitives." in name}
    allowed = (
        "asymmetric.ed25519",
        "serialization",
        "hashes",
        "ciphers.aead",
        "kdf.hkdf",
        "hmac",
    )
    assert all(name.startswith(allowed) for name in primitives), primitives


# --- what the browser is given ---


def test_no_script_listens_to_messages_of_other_pages() -> None:
    assert SCRIPTS
    for name, text in SCRIPTS.items():
        assert not re.search(r"""postMessage|onmessage|addEventListener\(\s*["']message""", text), (
            name
        )


def test_no_script_keeps_anything_in_the_browser() -> None:
    """But where somebody was in a list, and the number of a file that is on its way."""
    for name, text in SCRIPTS.items():
        assert "indexedDB" not in text, name
        assert "document.cookie" not in text, name
        if "sessionStorage" in text:
            assert name == "desk.js"
        if "localStorage" in text:
            assert name == "parts.js"


def test_no_script_takes_its_keys_from_data() -> None:
    for name, text in SCRIPTS.items():
        assert not re.search(r"\w\[[^\]\d\"']+\]\s*=[^=>]", text), name
        assert "__proto__" not in text, name
        assert not re.search(r"\beval\(|new Function\(|document\.write", text), name


# --- what answers say ---


@one_store
def test_behind_tls_every_answer_insists_on_it(world, make_app) -> None:
    client = make_client(make_app("https://redress.example"))
    addresses = ["/", "/login", "/nowhere", "/static/redress.css", "/api/v1/openapi.json", "/work"]
    for address in addresses:
        answer = client.get(address, base_url="https://redress.example")
        said = answer.headers.get("Strict-Transport-Security", "")
        assert int(re.search(r"max-age=(\d+)", said)[1]) >= 365 * 24 * 3600, address
        assert "includeSubDomains" in said, address


@one_store
def test_no_answer_lets_another_site_read_it(app) -> None:
    client = app.test_client()
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for address in ("/", "/my", "/api/v1/openapi.json", "/api/v1/token", "/static/desk.js"):
        for method in ("GET", "OPTIONS"):
            answer = client.open(address, method=method, headers=headers)
            named = [name for name, _ in answer.headers if name.startswith("Access-Control-")]
            answer.close()
            assert named == [], (method, address)


@one_store
def test_every_text_says_its_charset(world, as_, anybody) -> None:
    addresses = ["/", "/login", "/nowhere", "/trust", "/healthz", "/static/redress.css"]
    addresses += ["/static/desk.js", "/exports/measures.csv", "/how/objection.zh.svg"]
    for address in addresses:
        answer = anybody.get(address)
        kind = answer.headers["Content-Type"]
        # JSON is UTF-8 by its own definition, and a picture says so in its first line.
        text = kind.startswith("text/")
        assert not text or "charset=utf-8" in kind.lower(), (address, kind)
        assert text or kind.startswith(("application/", "image/")), (address, kind)


@one_store
def test_folders_are_not_listed(anybody) -> None:
    for address in ("/static/", "/static", "/bootstrap/static/", "/bootstrap/static/css/"):
        assert anybody.get(address).status_code == 404, address


@one_store
def test_error_pages_tell_nothing_of_the_inside(app, world, as_, monkeypatch) -> None:
    client = as_(world.subject)

    def break_down() -> str:
        raise RuntimeError("SELECT secret FROM account")

    monkeypatch.setitem(app.view_functions, "rules.index", break_down)
    break_down.access = "public"
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(app, "testing", False)
    page = client.get("/rules")
    assert page.status_code == 500
    for word in ("SELECT", "secret", "RuntimeError", "Traceback", "repair_app", ".py", "Werkzeug"):
        assert word not in page.html, word
    assert client.get("/rules/SD-SEEDS").status_code == 200  # the process goes on
    named = {name.lower() for name, _ in page.headers}
    assert not named & {"x-powered-by", "x-aspnet-version"}


@one_store
def test_signing_out_clears_what_the_browser_kept(world, as_) -> None:
    client = as_(world.subject)
    assert "Clear-Site-Data" not in client.get("/my").headers
    answer = client.post("/logout", data={"csrf_token": client.token()})
    assert answer.status_code == 302
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'


# --- how it is begun ---


def test_the_proxy_speaks_no_old_tls() -> None:
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    said = re.findall(r"^\s*ssl_protocols (.+);", text, re.MULTILINE)
    assert said == ["TLSv1.2 TLSv1.3"]
    assert "ssl_ciphers" not in text  # those that nginx and OpenSSL recommend


def test_the_proxy_leads_pages_to_https_and_refuses_machines() -> None:
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    plain, _, _ = text[text.index("    listen 80;") :].partition("\n}\n")
    assert re.search(r"location /api/ \{\s+return 400;", plain)
    assert re.search(r"location / \{\s+return 301 https:", plain)
    assert "proxy_pass" not in plain


def test_accounts_are_made_by_commands_services_and_the_demonstration_only() -> None:
    """So a store that begins without the demonstration has none that somebody could know."""
    making = {
        path
        for path, tree in MODULES.items()
        if any(name in {"User", "models.User", "people.add_account"} for name, _ in calls_of(tree))
    }
    assert making == {
        "repair_app/demo/__init__.py",
        "repair_app/services/administration.py",
        "repair_app/services/clients.py",
        "repair_app/services/people.py",
    }
    for path in sorted((ROOT / "migrations" / "versions").glob("*.py")):
        inserted = re.findall(r"INSERT INTO (\w+)", path.read_text(encoding="utf-8"), re.IGNORECASE)
        assert "account" not in inserted, path.name
