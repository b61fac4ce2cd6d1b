"""What was released stays as it was: workflow versions and rule packs alike."""

import importlib
import shutil
from pathlib import Path

import pytest

from config import ROOT, TestConfig
from repair_app import create_app
from repair_app.engine.policy import (
    Policy,
    bound,
    load_policy,
    read_releases,
    unreleased,
    write_releases,
)
from repair_app.engine.rules import RuleError
from repair_app.engine.spec import SpecError
from repair_app.forms import FORMS
from repair_app.models import CreditRecord


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the policy folder in which nothing was released."""
    copy = Path(shutil.copytree(ROOT / "workflows", tmp_path / "workflows"))
    (copy / "releases.toml").unlink(missing_ok=True)
    return copy


@pytest.fixture
def released(folder: Path) -> Path:
    """Give a copy of the policy folder in which everything was released."""
    write_releases(folder / "releases.toml", load(folder))
    return folder


def load(folder: Path) -> Policy:
    return load_policy(folder, "seeds", FORMS)


def edit(path: Path, old: str, new: str) -> None:
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")


def test_a_released_rule_pack_cannot_be_changed(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application does not start: else the pages of every record under it would fail."""
    monkeypatch.setenv("REDRESS_DATA", str(tmp_path / "data"))
    edit(released / "rules" / "sd-seeds.toml", "working_days = 10", "working_days = 11")
    config = TestConfig()
    config.WORKFLOWS = released
    with pytest.raises(
        SpecError, match=r"rules: SD-SEEDS\.2 was released and has changed; .* raise `edition`"
    ):
        create_app(config)


def test_a_rule_pack_that_was_not_released_can(folder: Path) -> None:
    before = load(folder).packs["SD-SEEDS"].sha256
    edit(folder / "rules" / "sd-seeds.toml", "working_days = 10", "working_days = 11")
    assert load(folder).packs["SD-SEEDS"].sha256 != before


def test_a_remark_in_a_released_rule_pack_can(released: Path) -> None:
    edit(released / "rules" / "sd-seeds.toml", "[clocks]", "# remark\n[clocks]")
    assert load(released)


def test_a_released_rule_pack_cannot_be_taken_away(released: Path) -> None:
    (released / "rules" / "released" / "cn-2026-36.1.toml").unlink()
    with pytest.raises(SpecError, match="rules: CN-2026-36 was released and is gone"):
        load(released)


def test_a_released_version_is_kept_when_the_next_is_written(released: Path) -> None:
    """Its cases go on by it: the file moves to released/."""
    path = released / "objection.toml"
    version = load(released).current["objection"].version
    edit(path, f'version = "{version}"', 'version = "2030.1"')
    with pytest.raises(SpecError, match=rf"objection\.toml: version {version} .* is gone"):
        load(released)


def test_everything_is_released_once_and_then_nothing_is_new(folder: Path) -> None:
    path, policy = folder / "releases.toml", load(folder)
    new = write_releases(path, policy)
    assert {one.version for one in new if one.name == "packs"} == {
        one.release for one in policy.editions.values()
    }
    assert {one.name for one in new if one.name != "packs"} == set(policy.current)
    assert read_releases(path)["packs"] == {
        one.release: one.sha256 for one in policy.editions.values()
    }
    assert unreleased(path, policy.current.values(), policy.editions.values()) == []
    content = path.read_bytes()
    assert write_releases(path, policy) == []
    assert path.read_bytes() == content


def test_a_second_version_is_released_beside_the_first(released: Path) -> None:
    """And the file is read again: no table stands in it twice."""
    releases, path = released / "releases.toml", released / "objection.toml"
    first = load(released).current["objection"]
    versions = set(read_releases(releases)["objection"])
    (released / "released").mkdir(exist_ok=True)
    shutil.copy(path, released / "released" / "objection-first.toml")
    edit(path, f'version = "{first.version}"', 'version = "2030.1"')
    new = write_releases(releases, load(released))
    assert [str(one) for one in new] == ["objection 2030.1"]
    assert set(read_releases(releases)["objection"]) == versions | {"2030.1"}
    assert read_releases(releases)["objection"][first.version] == first.sha256
    assert load(released)
    with releases.open("a", encoding="utf-8") as file:
        file.write('objection."2031.1" = "by hand"\n')
    assert set(read_releases(releases)["objection"]) == versions | {"2030.1", "2031.1"}


def test_the_hash_of_a_released_pack_is_not_written_anew(released: Path) -> None:
    path = released / "releases.toml"
    before = path.read_bytes()
    policy = load(released)
    edit(path, policy.packs["SD-SEEDS"].sha256, "0" * 64)
    tampered = path.read_bytes()
    with pytest.raises(SpecError, match=r"SD-SEEDS\.2 was released and has changed"):
        write_releases(path, policy)
    assert path.read_bytes() == tampered != before


@pytest.mark.parametrize("content", ["[objection]\n[objection]\n", 'objection = "2026.1"\n', "?"])
def test_a_file_of_releases_that_cannot_be_read_is_named(folder: Path, content: str) -> None:
    (folder / "releases.toml").write_text(content, encoding="utf-8")
    with pytest.raises(SpecError, match=r"^releases\.toml: "):
        load(folder)


def test_a_release_is_named_as_people_name_it(folder: Path) -> None:
    policy = load(folder)
    names = {str(one) for one in write_releases(folder / "releases.toml", policy)}
    assert {"rule pack SD-SEEDS", f"repair {policy.current['repair'].version}"} <= names


# --- rule packs and workflows together -----------------------------------------------------


def test_a_workflow_names_terms_of_its_own_part_only(folder: Path) -> None:
    edit(folder / "repair.toml", 'clock = "repair_acceptance"', 'clock = "objection_acceptance"')
    problem = r"clocks\.objection_acceptance: is missing; repair names it \(part repair\)"
    with pytest.raises(RuleError, match=problem):
        load(folder)


def test_an_earlier_edition_tells_which_terms_of_a_later_workflow_it_lacks(folder: Path) -> None:
    policy = load(folder)
    (first,) = [one for one in policy.editions.values() if one.release == "SD-SEEDS"]
    repair = policy.current["repair"]
    assert "repair_whole" in policy.pack_gaps(first, repair)
    assert policy.pack_gaps(policy.packs["SD-SEEDS"], repair) == ()


def test_a_source_that_is_no_known_document_is_refused(folder: Path) -> None:
    edit(folder / "rules" / "sd-2020.toml", '"SD-REG-2020 第三十九条"', '"SD-REG-2002 第三十九条"')
    with pytest.raises(RuleError, match=r"sd-2020\.toml: .* did you mean 'SD-REG-2020'"):
        load(folder)


def test_a_profile_that_names_no_pack_is_refused_even_if_it_is_not_the_one_in_use(
    folder: Path,
) -> None:
    edit(folder / "rules" / "profiles.toml", '{pack = "TZ-2020"}', '{pack = "TZ-2021"}')
    with pytest.raises(RuleError, match=r"taizhou\.objection\.packs: unknown rule pack 'TZ-2021'"):
        load(folder)


def test_a_record_finds_the_edition_that_it_is_pinned_to(folder: Path) -> None:
    policy = load(folder)
    for pack in policy.editions.values():
        pinned = CreditRecord(ref="CR-1", rule_pack=pack.id, rule_pack_hash=pack.sha256)
        assert policy.pack_of(pinned) is pack
    changed = CreditRecord(ref="CR-1", rule_pack="SD-SEEDS", rule_pack_hash="0" * 64)
    with pytest.raises(SpecError, match="CR-1 is pinned to SD-SEEDS, missing or changed"):
        policy.pack_of(changed)


def test_a_name_that_two_modules_give_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workflow file that says it could mean either."""
    package = tmp_path / "shelves"
    package.mkdir()
    (package / "__init__.py").touch()
    for name in ("books", "papers"):
        (package / f"{name}.py").write_text(
            "def take(step):\n    pass\n\n\ndef _own(step):\n    pass\n", encoding="utf-8"
        )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SpecError, match=r"shelves\.papers: take: another module has this name"):
        bound(importlib.import_module("shelves"))
