"""What is shown of a rule says whether anything switches on it."""

import re
from dataclasses import fields

import pytest

from config import ROOT
from repair_app.engine.rules.pack import Extension, ObjectionRules, RepairRules
from repair_app.engine.rules.reader import REFUSING
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import ONLY_TOLD, TOLD, value_words

PROGRAM = ROOT / "repair_app"
NO_READERS = {"rules", "proving"}  # folders that read or check a pack, and run nothing by it


def running_code() -> str:
    """Return the program text that a case can go by."""
    files = (
        path
        for folder in ("engine", "services")
        for path in (PROGRAM / folder).rglob("*.py")
        if not NO_READERS & set(path.relative_to(PROGRAM).parts)
        and path.name not in {"rule_words.py", "rules.py"}
    )
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize(
    ("part", "rules"), [("repair", RepairRules), ("objection", ObjectionRules)]
)
def test_a_value_on_which_nothing_switches_is_only_told(part, rules):
    """Who edits a value is not fooled: it does something, or its page says that it does not."""
    code = running_code()
    names = {one.name for one in fields(rules)} - {"sources", "extension"}
    idle = {f"{part}.{name}" for name in names if not re.search(rf"\.{name}\b", code)}
    assert idle == {one for one in ONLY_TOLD if one.startswith(part)} - {f"{part}.extension"}
    said = {one.name for one in fields(Extension)} - {"source", "grade"}
    assert not [name for name in said if re.search(rf"\.{name}\b", code)]
    assert f"{part}.extension" in ONLY_TOLD


@pytest.mark.usefixtures("world")
def test_what_is_only_told_says_so_wherever_it_is_shown():
    pack = current_policy().packs["SD-SEEDS"]
    stated = {one.key: one for one in pack.stated}
    fee = value_words(pack, "repair.fee", stated["repair.fee"].body, "zh")
    assert fee.endswith(f"（{TOLD.zh}）")
    decider = value_words(pack, "repair.decider", stated["repair.decider"].body, "en")
    assert TOLD.en not in decider


@pytest.mark.usefixtures("world")
def test_every_code_for_refusing_is_of_a_workflow_that_refuses_by_it():
    """A code of a matter that asks for none could never be given."""
    policy = current_policy()
    refusing = {
        workflow.name
        for workflow in policy.current.values()
        if any(one.form == "RefusalForm" for one in workflow.transitions.values())
    }
    assert refusing == REFUSING
    for pack in policy.packs.values():
        for code, one in pack.refusals.items():
            assert set(one.of) <= refusing, f"{pack.id}: {code}"
