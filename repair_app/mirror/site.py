"""The mirror's pages, where it is told of changes, and where it says what it shows."""

import binascii
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, abort, jsonify, render_template_string, request
from standardwebhooks import Webhook, WebhookVerificationError

from repair_app.mirror.shelf import PAGE, BadChange, Shelf, read_change

LARGEST: Final = 1024 * 1024  # bytes of a message
LONGEST_QUERY: Final = 100
REF: Final = re.compile(r"[A-Z]{2}-\d{4}-\d{6,9}-[0-9A-Z]")

HEAD: Final = """<!doctype html>
<html lang="zh-Hans"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif }
body { max-width: 52rem; margin: 0 auto; padding: 1rem }
dl { display: grid; grid-template-columns: minmax(8rem, auto) 1fr; gap: .25rem 1rem }
dd { margin: 0; overflow-wrap: anywhere } li { margin: .5rem 0 }
input { font: inherit; width: 100%; max-width: 24rem } button { font: inherit }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr } dt { font-weight: 600 } }
</style></head><body>"""
LIST: Final = (
    HEAD
    + """<h1>信用信息公示（镜像）</h1>
<form role="search"><label for="q">企业名称或者统一社会信用代码</label><br>
<input id="q" name="q" type="search" value="{{ query }}" maxlength="100">
<button>查询</button></form>
{% if found %}<ul>{% for ref, one in found %}
<li><a href="/records/{{ ref }}">{{ one.subject.name }}</a>
{{ one.decision_no }}{% if one.disputed %}（异议核实中）{% endif %}</li>{% endfor %}</ul>
{% if more %}
<p><a href="/?q={{ query|urlencode }}&amp;after={{ found[-1][0] }}">下一页</a></p>{% endif %}
{% else %}<p role="status">没有查到公示的记录。</p>{% endif %}</body></html>"""
)
RECORD: Final = (
    HEAD
    + """<h1>{{ one.subject.name }}</h1>
{% if one.disputed %}<p role="status">该记录存在异议，正在核实，核实期间不实施惩戒。</p>{% endif %}
{% if one.in_proceeding %}<p role="status">该决定正在行政复议或者行政诉讼中。</p>{% endif %}
<dl>{% for name, value in rows %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
<p><a href="/">查询其他记录</a></p></body></html>"""
)
ROWS: Final = (
    ("统一社会信用代码", "subject.uscc"),
    ("行政处罚决定书文号", "decision_no"),
    ("违法行为类型", "violation_type"),
    ("违法事实", "violation_facts"),
    ("处罚依据", "legal_basis"),
    ("处罚内容", "penalty_content"),
    ("罚款金额（万元）", "fine_10k"),
    ("没收金额（万元）", "confiscation_10k"),
    ("处罚决定日期", "decided_on"),
    ("信息提供单位", "provider.name"),
    ("公示截止期", "max_publication_until"),
    ("记录编号", "ref"),
)


class Refused(Exception):
    """A message is not taken; says why, and with which status."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def make_mirror(folder: Path, secret: str) -> Flask:
    """Return the site of a mirror: its file lies in the folder; secret: `whsec_…` of its sender.

    Without a secret no message is taken: it is then fed by pulling or by files.
    """
    app = Flask("redress_mirror", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST
    shelf = Shelf(folder / "mirror.sqlite3")
    app.extensions["shelf"] = shelf

    @app.post("/hook")
    def take() -> tuple[Response, int]:
        try:
            return jsonify(take_message(shelf, secret)), HTTPStatus.OK
        except Refused as reason:
            return jsonify({"code": reason.code}), reason.status

    @app.get("/state")
    @app.get("/hook/state")
    def state() -> Response:
        first, last = request.args.get("from", ""), request.args.get("to", "")
        said = shelf.state(first, last)
        if request.args.get("list"):
            said["records"] = shelf.listed(first, last)
        return jsonify(said)

    @app.get("/dump")
    def dump() -> Response:
        return Response(shelf.dump(), mimetype="application/x-ndjson")

    @app.get("/")
    def index() -> str:
        query = request.args.get("q", "").strip()[:LONGEST_QUERY]
        found = shelf.find(query, request.args.get("after", ""))
        return render_template_string(
            LIST,
            title="信用信息公示（镜像）",
            query=query,
            found=found[:PAGE],
            more=len(found) > PAGE,
        )

    @app.get("/records/<ref>")
    def show(ref: str) -> str:
        found = shelf.read(ref) if REF.fullmatch(ref) else None
        if found is None:
            abort(HTTPStatus.NOT_FOUND)
        one = found[0]
        rows = [(name, value) for name, path in ROWS if (value := look(one, path))]
        return render_template_string(RECORD, title=one["subject"]["name"], one=one, rows=rows)

    return app


def take_message(shelf: Shelf, secret: str) -> dict[str, Any]:
    """Take the signed message of the request and return the answer. Raises Refused."""
    message = verify(secret, request.get_data(as_text=False))
    if message.get("type") == "ping":
        return {"pong": True}
    if message.get("type") != "record.changed":
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown_type")
    try:
        change = read_change(message.get("data"))
    except BadChange as reason:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(reason)) from reason
    return {"hash": shelf.take(change, request.headers["webhook-id"])}


def verify(secret: str, body: bytes) -> dict[str, Any]:
    """Return the content of a message that its sender has signed. Raises Refused."""
    if not secret:
        raise Refused(HTTPStatus.FORBIDDEN, "no_secret")
    try:
        message = Webhook(secret).verify(body, dict(request.headers))
    except (WebhookVerificationError, ValueError, binascii.Error, RecursionError) as reason:
        raise Refused(HTTPStatus.UNAUTHORIZED, "not_signed") from reason
    if not isinstance(message, dict):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "no_object")
    return message


def look(content: dict[str, Any], path: str) -> Any:
    """Return what stands under a path of names in a content."""
    found: Any = content
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
