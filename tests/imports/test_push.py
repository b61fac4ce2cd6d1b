"""Records pushed one by one as JSON: a verdict for each, sent again the same answer."""

import pytest

from repair_app.models import ImportBatch
from repair_app.penalty_format.columns import BY_KEY
from tests.imports.rows import count, records
from tests.services.test_imports import penalty


def by_heading(row):
    return {BY_KEY[key].heading: value for key, value in row.items()}


def by_code(row):
    return {BY_KEY[key].code: value for key, value in row.items()}


def test_rows_are_taken_by_heading_and_by_code_each_with_its_verdict(world, machine):
    provider = machine("provider")
    rows = [
        by_heading(penalty(world, 1)),
        by_code(penalty(world, 2, fine_10k=2.5, confiscated_10k=None)),
        by_code(penalty(world, 1)),
        by_code(penalty(world, 3, uscc="91370112MA000000XX")),
        {**by_code(penalty(world, 4)), "行政相对人名称": "另一公司"},
        {"什么": "不知道"},
    ]
    answer = provider.post("/records", {"records": rows}, key="push-1")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    body = answer.json
    assert [one["verdict"] for one in body["items"]] == [
        "accepted",
        "accepted",
        "duplicate",
        "refused",
        "refused",
        "refused",
    ]
    assert body["verdicts"] == {"accepted": 2, "duplicate": 1, "refused": 3}
    assert [one["line"] for one in body["items"]] == [1, 2, 3, 4, 5, 6]
    assert body["items"][3]["problems"][0]["code"].startswith("uscc_")
    assert body["items"][4]["problems"][0]["code"] == "named_twice"
    assert {one["code"] for one in body["items"][5]["problems"]} == {"required"}
    assert body["unknown_columns"] == ["什么"]
    reads = machine("provider", ["records:read"])
    record = reads.get(f"/records/{body['items'][1]['ref']}").json
    assert float(record["fine_10k"]) == 2.5

    again = provider.post("/records", {"records": rows}, key="push-1")
    assert again.json == body
    assert (records(), count(ImportBatch)) == (2, 1)
    other_key = provider.post("/records", {"records": rows[:2]}).json
    assert [one["verdict"] for one in other_key["items"]] == ["duplicate", "duplicate"]
    assert [one["ref"] for one in other_key["items"]] == [one["ref"] for one in body["items"][:2]]
    assert records() == 2
    assert provider.get(f"/imports/{body['ref']}/verdicts").json["items"] == body["items"]


def test_a_key_is_good_for_one_body(world, machine):
    provider = machine("provider")
    one, two = ({"records": [by_code(penalty(world, number))]} for number in (1, 2))
    assert provider.post("/records", one, key="k").status_code == 200
    refused = provider.post("/records", two, key="k")
    assert (refused.status_code, refused.json["code"]) == (422, "key_reused")
    assert records() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"records": []},
        {"records": [1]},
        {"records": [{"CF_WSH": {"deep": 1}}]},
        {"records": [{}] * 1001},
        [],
    ],
)
def test_what_is_no_list_of_rows_is_refused_whole(machine, body):
    answer = machine("provider").post("/records", body)
    assert (answer.status_code, answer.json["code"]) in {(422, "invalid"), (400, "not_understood")}
    assert records() == 0


def test_a_provider_pushes_its_own_penalties_only(world, machine):
    answer = machine("other_provider").post("/records", {"records": [by_code(penalty(world))]})
    assert answer.json["items"][0]["problems"][0]["code"] == "not_your_agency"
    assert machine("reviewer").post("/records", {"records": [{}]}).status_code == 403
    assert records() == 0
