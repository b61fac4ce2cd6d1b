"""What the guard of materials lets through and what it stops (信用中国修复指南: 修复材料)."""

import pytest

from repair_app.engine.step import Refused
from tests import factories
from tests.engine.asking import ask
from tests.factories import PDF, World, act, make_record, make_upload, open_repair, requirement_of


def test_materials_are_brought_when_one_of_each_kind_is_there(world: World) -> None:
    """General record: the sealed commitment, and one proof that the penalty was performed."""
    record = make_record(world.firm, world.agency)
    case = open_repair(record, world.subject)
    missing = ask("materials_are_brought", "submit", case)
    signed, proof = missing.values["lines"].zh.strip().splitlines()
    assert signed.startswith("· 信用修复承诺书（")
    assert "，或者罚款缴纳凭证" in proof or proof.startswith("· 罚款缴纳凭证")
    assert "整改情况说明" not in proof  # of a mere warning only
    assert "免费" in signed + proof

    act(world.subject, "sign", requirement_of(case, "commitment"))
    proof = requirement_of(case, "rectification")
    act(world.subject, "submit_proof", proof, uploads=[make_upload()], material="own_statement")
    case = factories.get_case(case.ref)
    assert ask("requirements_are_met", "submit", case) is None
    assert ask("materials_are_brought", "submit", case) is not None
    with pytest.raises(Refused, match="Still missing"):
        act(world.subject, "submit", case)

    receipt = make_upload(PDF + b"receipt\n%%EOF\n")
    act(
        world.subject,
        "add_proof",
        requirement_of(case, "rectification"),
        uploads=[receipt],
        material="agency_certificate",
    )
    case = factories.get_case(case.ref)
    assert ask("materials_are_brought", "submit", case) is None
    act(world.subject, "submit", case)


def test_materials_are_brought_by_an_own_statement_after_a_warning(world: World) -> None:
    record = make_record(world.firm, world.agency, severity="minor")
    case = open_repair(record, world.subject)
    act(world.subject, "sign", requirement_of(case, "commitment"))
    proof = requirement_of(case, "rectification")
    act(world.subject, "submit_proof", proof, uploads=[make_upload()], material="own_statement")
    assert ask("materials_are_brought", "submit", factories.get_case(case.ref)) is None
