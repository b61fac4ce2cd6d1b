"""Filing on a phone: what is open is told before, what is missing once, and no field too many."""

from dataclasses import replace

import pytest

from repair_app.services import letters, portal
from repair_app.services.policy import current_policy
from tests import versions
from tests.client import Page, text_of
from tests.factories import make_case, make_record
from tests.journeys.steps import (
    PAPER,
    Cast,
    apply_for_repair,
    case_of,
    dispute,
    ref_in,
    take,
)


@pytest.fixture
def cast(world, as_):
    return Cast(world, as_)


def part(page: Page, name: str) -> str:
    """Return what can be read in the part of a page with this anchor."""
    return text_of(page.tree.find(f".//*[@id='{name}']"))


def folded(page: Page, name: str) -> bool:
    """Say whether a field lies in a fold that is not open."""
    return any(
        fold.get("open") is None and fold.find(f".//*[@name='{name}']") is not None
        for fold in page.tree.iter("details")
    )


# --- the start page ---


def test_what_waits_for_the_enterprise_comes_first_the_most_urgent_before(cast, world):
    theirs = make_case(world, "with_provider")
    draft = make_case(world, "draft")  # thirty days
    asked = make_case(world, "supplement_asked")  # ten
    page = cast.subject.read("/my")
    ours = part(page, "ours")
    assert ours.index(asked.ref) < ours.index(draft.ref)
    assert theirs.ref not in ours
    assert theirs.ref in part(page, "theirs")
    assert page.words.index(draft.ref) < page.words.index(theirs.ref)
    jumps = [one for one in page.links.values() if one.startswith("#")]
    assert {"#ours", "#theirs", "#records", "#letters"} <= set(jumps)
    assert all(page.tree.find(f".//*[@id='{one[1:]}']") is not None for one in jumps)


def test_what_is_over_is_folded_and_still_there(cast, world):
    live = make_record(world.firm, world.agency)
    over = make_case(world, "closed", workflow="repair").record
    page = cast.subject.read("/my")
    (fold,) = [
        one
        for one in page.tree.iter("details")
        if any(link.get("href") == f"/records/{over.ref}" for link in one.iter("a"))
    ]
    assert fold.get("open") is None
    assert not any(link.get("href") == f"/records/{live.ref}" for link in fold.iter("a"))


def test_the_newest_letters_are_shown_and_all_are_a_link_away(cast, world, monkeypatch):
    monkeypatch.setattr(letters, "NEWEST", 1)
    for _ in range(2):
        dispute(cast.subject, make_record(world.firm, world.agency))
    page = cast.subject.read("/my")
    shown = [one for one in page.links.values() if ".pdf" in one]
    assert len(shown) == 1
    assert "/letters" in page.links.values()
    assert len([one for one in cast.subject.read("/letters").links.values() if ".pdf" in one]) > 1


# --- what a draft still needs ---


def test_what_a_repair_lacks_is_said_once_the_next_thing_first(cast, world):
    record = make_record(world.firm, world.agency)
    repair = apply_for_repair(cast.subject, record)
    address = f"/cases/{repair}"
    needs = [one.ref for one in case_of(repair).requirements]

    def steps(page):
        return [one for one in page.links.values() if one.startswith("/requirements/")]

    for page in (cast.subject.read(address), cast.subject.get(f"{address}/submit")):
        for said in ("罚款缴纳凭证等履行处罚的凭证", "信用修复承诺书（加盖公章"):
            assert page.words.count(said) == 1
        assert len(steps(page)) == len(needs)
        assert f"{address}/submit" not in page.links.values()
        (main,) = [one for one in page.having("btn-primary") if one.tag == "a"]
        assert main.get("href") == steps(page)[0]
    assert f"{address}/discard" in cast.subject.read(address).links.values()

    signed = next(one for one in steps(cast.subject.read(address)) if one.endswith("/sign"))
    take(cast.subject, "sign", signed.split("/")[2], "requirements", signatory="张虚构", agree="y")
    page = cast.subject.read(address)
    (main,) = [one for one in page.having("btn-primary") if one.tag == "a"]
    assert main.get("href").endswith("/submit_proof")
    assert steps(page)[0] == main.get("href")  # what is done stands behind

    proof = main.get("href").split("/")[2]
    take(cast.subject, "submit_proof", proof, "requirements", statement="已缴清。", evidence=PAPER)
    assert f"{address}/submit" in cast.subject.read(address).links.values()


def test_a_repair_that_is_sent_too_early_is_told_all_that_is_missing(cast, world):
    """一次性告知: what, what would do instead, and how to get it."""
    repair = apply_for_repair(cast.subject, make_record(world.firm, world.agency))
    page = cast.subject.fill(f"/cases/{repair}/submit")
    assert page.status_code == 409
    told = next(one for one in page.having("lines") if "每行" in "".join(one.itertext()))
    first, *lines = "".join(told.itertext()).strip().splitlines()
    assert first.endswith("：")
    assert len(lines) == 2
    assert all(one.startswith("· ") and "（" in one for one in lines)
    assert "，或者" in lines[1]


# --- what is open already ---


@pytest.mark.parametrize("workflow", ["objection", "repair"])
def test_a_draft_is_told_of_before_the_form_is_filled_in_again(cast, world, workflow):
    draft = make_case(world, "draft", workflow=workflow)
    about = f"/records/{draft.record.ref}"
    for address in (about, f"{about}/{workflow}"):
        page = cast.subject.read(address)
        assert f"/cases/{draft.ref}" in page.links.values(), address
    for client in (cast.stranger, cast.provider):
        assert f"/cases/{draft.ref}" not in client.read(about).links.values()


def test_an_open_objection_and_one_that_was_answered_are_told_with_their_ground(cast, world):
    record = make_record(world.firm, world.agency)
    open_one = make_case(world, "accepted", record=record)
    page = cast.subject.read(f"/records/{record.ref}/objection")
    assert f"/cases/{open_one.ref}" in page.links.values()
    assert "信息有错误" in page.alerts[0]
    assert "同一理由" in page.alerts[0]
    # It is the guard's word still, and what was typed is kept.
    again = cast.subject.fill(
        f"/records/{record.ref}/objection", ground=open_one.ground, statement="又一次。"
    )
    assert again.status_code == 409
    assert again.fields["statement"] == "又一次。"

    answered = make_case(world, "rejected")
    page = cast.subject.read(f"/records/{answered.record.ref}/objection")
    assert f"/cases/{answered.ref}" in page.links.values()


def test_of_other_records_and_of_an_agents_limits_nothing_is_told(cast, world):
    repair = make_case(world, "draft", workflow="repair")
    other = make_record(world.firm, world.agency)
    assert repair.ref not in cast.subject.read(f"/records/{other.ref}/repair").words
    seen = cast.agent.read(f"/records/{repair.record.ref}")  # may object, not apply for repair
    assert repair.ref not in seen.links
    assert f"/cases/{repair.ref}" not in seen.links.values()


# --- no field too many ---


def test_an_entry_of_the_record_is_asked_for_when_it_is_opened(cast, world):
    record = make_record(world.firm, world.agency)
    address = f"/records/{record.ref}/objection"
    page = cast.subject.read(address)
    assert folded(page, "value_fine_10k")
    assert not folded(page, "statement")
    assert not folded(page, "evidence")

    back = cast.subject.fill(address, ground="error", statement="", value_fine_10k="9.5")
    assert back.status_code == 400
    assert back.fields["value_fine_10k"] == "9.5"
    assert not folded(back, "value_fine_10k")
    assert folded(back, "value_decided_on")

    wrong = cast.subject.fill(
        address, ground="over_term", statement="期限。", value_decided_on="2026/02/31"
    )
    assert wrong.status_code == 400
    assert not folded(wrong, "value_decided_on")


def test_a_ground_that_asks_for_no_correction_keeps_the_entries_folded(cast, world):
    record = make_record(world.firm, world.agency)
    address = f"/records/{record.ref}/objection"
    for ground, opened in (("over_term", None), ("omission", "")):
        back = cast.subject.fill(address, ground=ground, statement="")
        (entries,) = back.having("entries")
        assert entries.get("open") == opened, ground


def test_which_ground_asks_for_a_correction_is_the_rule_packs_to_say(app, cast, world, monkeypatch):
    """The first edition says it of none: its entries stay folded, and can be filled in."""
    policy = current_policy()
    (first,) = [one for one in policy.editions.values() if one.release == "SD-2020"]
    packs = {**policy.packs, "SD-2020": first}
    begun = dispute(cast.subject, make_record(world.firm, world.agency), fine_10k="1")
    monkeypatch.setitem(app.extensions, versions.EXTENSION, replace(policy, packs=packs))
    address = f"/records/{make_record(world.firm, world.agency).ref}/objection"
    (entries,) = cast.subject.read(address).having("entries")
    assert (entries.get("open"), entries.get("data-corrects")) == (None, "")
    answer = cast.subject.fill(address, ground="error", statement="有误。", value_fine_10k="1")
    earlier = ref_in(answer)
    assert [one.proposed_value for one in case_of(earlier).proposals] == ["1"]
    assert (case_of(begun).rule_pack_hash, case_of(earlier).rule_pack_hash) == (
        policy.packs["SD-2020"].sha256,
        first.sha256,
    )
    monkeypatch.setitem(app.extensions, versions.EXTENSION, policy)
    address = f"/cases/{earlier}/amend"  # goes on by the edition that it began with
    (entries,) = cast.subject.read(address).having("entries")
    assert entries.get("data-corrects") == ""
    (entries,) = cast.subject.read(f"/records/{case_of(begun).record.ref}/objection").having(
        "entries"
    )
    assert entries.get("data-corrects").split() == ["error", "omission", "differs_from_source"]


def test_amending_shows_what_was_proposed_and_folds_the_rest(cast, world):
    record = make_record(world.firm, world.agency)
    answer = cast.subject.fill(
        f"/records/{record.ref}/objection",
        ground="error",
        statement="金额有误。",
        value_fine_10k="9.5",
    )
    page = cast.subject.read(f"/cases/{ref_in(answer)}/amend")
    assert page.fields["value_fine_10k"] == "9.5"
    assert not folded(page, "value_fine_10k")
    assert folded(page, "value_penalty_content")


def test_a_task_for_papers_that_no_requirement_yields_goes_with_the_proof(cast, world):
    """Nothing of the checklist of the rules is left out of the list of what is to be done."""
    for severity in ("general", "serious"):
        record = make_record(world.firm, world.agency, severity=severity, decided_days_ago=300)
        case = case_of(apply_for_repair(cast.subject, record))
        tasks = portal.list_tasks(world.subject, case)
        listed = [paper.group for task in tasks for paper in task.papers]
        asked = [one.group for one in portal.rules.list_materials(case)]
        assert sorted(listed, key=str) == sorted(asked, key=str)
        assert not any(task.done for task in tasks)
