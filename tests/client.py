"""An HTTP client that signs in, checks every page, and fills in forms as they stand on the page."""

import contextvars
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from repair_app.db import db
from tests.factories import PASSWORD

TITLE = re.compile(r"<title>\s*(\S.*?)\s*</title>", re.DOTALL)
FORM = re.compile(r"<form\b.*?</form>", re.DOTALL)
CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
TEXT_INPUTS = {"text", "email", "password", "hidden", "date", "number", "search"}


class Page(Response):
    """An answer of the application, with what a person sees of it."""

    @property
    def html(self) -> str:
        """Return the source."""
        return self.get_data(as_text=True)

    @property
    def tree(self) -> Element:
        """Return the page as a tree of elements without namespaces."""
        return html5lib.parse(self.html, namespaceHTMLElements=False)

    @property
    def title(self) -> str:
        """Return what stands in the browser's tab, without the name of the application."""
        return TITLE.search(self.html)[1].split(" · ")[0]

    @property
    def words(self) -> str:
        """Return what can be read in the main part, with single spaces."""
        return text_of(self.tree.find(".//main"))

    @property
    def alerts(self) -> list[str]:
        """Return the messages at the top."""
        return [text_of(one) for one in self.having("alert")]

    @property
    def links(self) -> dict[str, str]:
        """Return the links of the main part: text -> address."""
        return {text_of(one): one.get("href", "") for one in self.tree.findall(".//main//a")}

    @property
    def form(self) -> Element:
        """Return the one form of the main part."""
        forms = self.tree.findall(".//main//form[@method='post']")
        assert len(forms) == 1, f"{len(forms)} forms on {self.title!r}"
        return forms[0]

    @property
    def fields(self) -> MultiDict:
        """Return what the browser would send of the form if nothing were filled in."""
        return MultiDict(fields_of(self.form))

    @property
    def mistakes(self) -> list[str]:
        """Return what the form says is wrong with what was filled in."""
        return [text_of(one) for one in self.having("invalid-feedback") if text_of(one)]

    def having(self, name: str) -> list[Element]:
        """Return the elements of a class."""
        return [one for one in self.tree.iter() if name in (one.get("class") or "").split()]


def text_of(element: Element | None) -> str:
    """Return the text inside an element, with single spaces."""
    return " ".join(" ".join(element.itertext()).split()) if element is not None else ""


def fields_of(form: Element) -> Iterator[tuple[str, str]]:
    """Yield the fields of a form with the values they show."""
    for field in form.iter():
        name = field.get("name")
        if not name:
            continue
        if field.tag == "textarea":
            yield name, (field.text or "").removeprefix("\n")
        elif field.tag == "select":
            yield name, chosen_of(field)
        elif field.tag == "input":
            kind = field.get("type", "text")
            if kind in TEXT_INPUTS or field.get("checked") is not None:
                yield name, field.get("value", "")


def chosen_of(field: Element) -> str:
    """Return the value of a list that is chosen, or else its first."""
    options = list(field.iter("option"))
    chosen = [one for one in options if one.get("selected") is not None] or options
    return chosen[0].get("value", "") if chosen else ""


def names_of(form: Element) -> set[str]:
    """Return the names of everything that a form can send."""
    return {one.get("name", "") for one in form.iter()} - {""}


class Client(FlaskClient):
    """A browser of one person, or of nobody.

    Each request runs in a context of its own, whatever context the test has open: nothing of
    the test, and nothing of the request before, reaches it. Afterwards the test's session reads
    anew.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request and check the page that comes back."""
        kwargs.setdefault("buffered", True)  # or a file that is sent stays open
        answer = contextvars.Context().run(super().open, *args, **kwargs)
        db.session.rollback()
        check_headers(answer)
        check_page(answer)
        return answer

    def token(self) -> str:
        """Return a csrf token of this session, for posts that no page offers."""
        return CSRF.search(self.get("/").html)[1]

    def fill(self, url: str, *, button: str = "", **fields: Any) -> Any:
        """Open a page, fill in its form, send it, and return the answer.

        Fields that are not named keep what the page shows. A file is `(bytes, name)`, several
        are a list of these. button: the name of the button that is pressed, if it has one.
        Raises AssertionError for a field that the page does not ask for.
        """
        page = self.get(url)
        assert page.status_code == 200, f"{url} answers {page.status_code}: {page.title}"
        return self.send(page, url, button=button, **fields)

    def send(self, page: Page, url: str, *, button: str = "", **fields: Any) -> Any:
        """Send the form of a page that was opened before."""
        form = page.form
        asked = names_of(form)
        assert set(fields) <= asked, f"{url} does not ask for {sorted(set(fields) - asked)}"
        assert not button or button in asked, f"{url} has no button {button!r}"
        sent: dict[str, Any] = page.fields.to_dict(flat=False)
        for name, value in fields.items():
            sent[name] = files_of(value) if is_file(value) else value
        if button:
            sent[button] = "y"
        return self.post(form.get("action") or url, data=sent, content_type="multipart/form-data")

    def read(self, url: str) -> Any:
        """Open a page that has to be there."""
        page = self.get(url)
        assert page.status_code == 200, f"{url} answers {page.status_code}"
        return page

    def follow(self, answer: Any) -> Any:
        """Open the page that an answer sends to."""
        assert answer.status_code in {302, 303}, (
            f"{answer.status_code} instead of a redirect: {answer.title}: "
            f"{answer.mistakes or answer.alerts}"
        )
        return self.get(answer.location)


def is_file(value: Any) -> bool:
    """Say whether a value is a file, or several."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, tuple)


def files_of(value: Any) -> list[tuple[BytesIO, str]]:
    """Return files as werkzeug sends them."""
    files = value if isinstance(value, list) else [value]
    return [(BytesIO(content), name) for content, name in files]


def check_headers(answer: Any) -> None:
    """Check that every header can be sent: only a server notices one that cannot (RFC 9110 5.5)."""
    for name, value in answer.headers:
        assert value.isascii(), f"{answer.request.path} answers with {name}: {value}"


def check_page(answer: Any) -> None:
    """Check what every page has: a title, and a csrf token in every form that is posted."""
    if answer.mimetype != "text/html" or answer.status_code in {301, 302, 303, 308}:
        return
    html = answer.get_data(as_text=True)
    assert TITLE.search(html), f"{answer.request.path} has no title"
    for form in FORM.findall(html):
        if 'method="post"' in form:
            assert CSRF.search(form), f"{answer.request.path} has a form without csrf_token"


def make_client(app: Flask) -> Client:
    """Return the browser of nobody."""
    return Client(app, Page, use_cookies=True)


def sign_in(client: Client, email: str) -> None:
    """Sign in as a person does."""
    page = client.get("/login")
    answer = client.send(page, "/login", email=email, password=PASSWORD)
    assert answer.status_code == 302, f"{email} cannot sign in: {answer.words}"
