"""The list of operations on the page for integrators, in the reader's language."""

import re

from repair_app.web.operations import OPERATIONS
from tests.client import text_of


def summaries(page):
    """Return what each operation is said to do: method and address -> words."""
    texts = [text_of(one) for one in page.tree.findall(".//main//summary")]
    found = dict(one.split(" · ", 1) for one in texts if "/api/v1/" in one)
    assert len(found) > 50
    return found


def test_each_operation_says_what_it_does_in_the_readers_language(anybody):
    """A new one: its words go into repair_app/web/operations.py and the catalogue."""
    chinese = summaries(anybody.get("/api/v1/docs?lang=zh"))
    english = summaries(anybody.get("/api/v1/docs?lang=en"))
    assert chinese.keys() == english.keys()
    assert not [one for one, says in chinese.items() if not re.search("[一-鿿]", says)]
    assert set(english.values()) == set(OPERATIONS)


def test_what_stays_english_says_so_to_who_has_it_read_aloud(anybody):
    page = anybody.get("/api/v1/docs?lang=zh")
    operations = [
        one for one in page.tree.findall(".//main//details") if "/api/v1/" in text_of(one[0])
    ]
    assert operations
    assert all(one.find("div").get("lang") == "en" for one in operations)
