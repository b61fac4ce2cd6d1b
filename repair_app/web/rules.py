"""The rules in words: every pack, every value, what it rests on and how well that is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, abort, render_template
from flask_babel import gettext

from repair_app.db import today
from repair_app.engine.rules import RuleError, RulePack, Stated
from repair_app.labels import Label
from repair_app.services import rules
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import (
    CHOSEN_BY,
    GRADES,
    KEYS,
    PARTS,
    clock_names,
    value_words,
)
from repair_app.web.door import public
from repair_app.web.lagging import may_lag
from repair_app.web.view import language

pages = Blueprint("rules", __name__, url_prefix="/rules")


@dataclass(frozen=True)
class Row:
    """One value: what it is called, what it says, what it rests on."""

    name: str
    text: str
    source: str
    grade: str
    stated_in: str | None  # another pack, where the value is taken over


@dataclass(frozen=True)
class Section:
    """Some values under a heading."""

    title: str
    rows: tuple[Row, ...]


pages.add_app_template_global(rules.list_materials)


@pages.get("")
@public
@may_lag
def index() -> str:
    """List the rule packs, and which of them each part goes by today."""
    policy = current_policy()
    return render_template(
        "rules/index.html",
        profile=policy.profile,
        in_force=rules.parts_in_force(policy, today()),
        packs=rules.list_packs(),
        parts=PARTS,
        grades=GRADES,
        chosen_by=CHOSEN_BY,
    )


@pages.get("/<name>")
@public
@may_lag
def show(name: str) -> str:
    """Show every value of a rule pack, and where sources differ."""
    try:
        pack = rules.find_pack(name)
    except RuleError:
        abort(HTTPStatus.NOT_FOUND)
    policy = current_policy()
    return render_template(
        "rules/show.html",
        pack=pack,
        in_force=[
            one for one, is_it in rules.parts_in_force(policy, today()).items() if is_it is pack
        ],
        is_current=policy.packs.get(pack.id) is pack,
        sections=[one for one in list_sections(pack) if one.rows],
        conflicts=pack.conflicts,
        counted=rules.count_grades(pack),
        parts=PARTS,
        grades=GRADES,
        citation=cite_all,
    )


def list_sections(pack: RulePack) -> Iterator[Section]:
    """Yield the values of a pack under their headings."""
    for severity in pack.classes.values():
        title = gettext("Class: %(name)s", name=severity.label.text(language()))
        yield Section(title, _rows(pack, f"classes.{severity.name}."))
    yield Section(gettext("Longest disclosure by statute"), _rows(pack, "limit"))
    yield Section(
        gettext("How a record is classed: the first line that fits"), _labelled(pack, "class_rules")
    )
    yield Section(gettext("Repair"), _rows(pack, "repair."))
    yield Section(gettext("Objection"), _rows(pack, "objection."))
    yield Section(gettext("Terms"), _clocks(pack))
    yield Section(gettext("Materials"), _labelled(pack, "materials"))
    yield Section(gettext("Grounds of objection"), _labelled(pack, "grounds"))
    yield Section(gettext("Outcomes of an objection"), _labelled(pack, "outcomes"))
    yield Section(gettext("Reasons for refusing"), _labelled(pack, "refusals"))


def _rows(pack: RulePack, prefix: str) -> tuple[Row, ...]:
    """Return the values whose place begins so, named by the last part of it."""
    return tuple(
        _row(pack, one, _key_name(one), value_words(pack, one.key, one.body, language()))
        for one in pack.stated
        if one.key.startswith(prefix)
    )


def _clocks(pack: RulePack) -> tuple[Row, ...]:
    names = clock_names(current_policy())
    rows: list[Row] = []
    for one in pack.stated:
        table, _, clock = one.key.partition(".")
        if table == "clocks":
            name = names.get(clock, Label(clock, clock)).text(language())
            rows.append(_row(pack, one, name, value_words(pack, one.key, one.body, language())))
    return tuple(rows)


def _labelled(pack: RulePack, table: str) -> tuple[Row, ...]:
    """Return the values of a table that name themselves: the label, and what goes with it."""
    lang = language()
    return tuple(
        _row(pack, one, one.body["label"][lang], _beside(pack, table, one))
        for one in pack.stated
        if one.key.startswith(f"{table}.")
    )


def _beside(pack: RulePack, table: str, one: Stated) -> str:
    """Return what stands beside the label of a value."""
    lang, code = language(), one.key.rpartition(".")[2]
    if table == "class_rules":
        return pack.classes[str(one.body["class"])].label.text(lang)
    if table == "materials":
        return pack.materials[code].how_to_get.text(lang)
    if table == "grounds":
        proof = pack.grounds[code].proof.text(lang)
        if not pack.grounds[code].corrects:
            return proof
        return str(gettext("%(proof)s (and what the record should say)", proof=proof))
    if table == "outcomes":
        return str(gettext("Upheld") if pack.outcomes[code].upheld else gettext("Not upheld"))
    workflows = current_policy().current
    return str(gettext(", ")).join(
        workflows[name].label.text(lang) for name in pack.refusals[code].of if name in workflows
    )


def _row(pack: RulePack, one: Stated, name: str, text: str) -> Row:
    stated_in = None if one.stated_in == pack.id else one.stated_in
    return Row(name, text, cite_all(one.source), one.grade, stated_in)


def _key_name(one: Stated) -> str:
    key = one.key.rpartition(".")[2]
    return KEYS.get(key, Label(key, key)).text(language())


def cite_all(source: str) -> str:
    """Return the clauses of a source as people cite them: one, or several joined by ；."""
    cited = (current_policy().cite(one) for one in source.split("；"))
    return str(gettext("; ")).join(one.text(language()) for one in cited)
