"""The dated rule packs: which is in force, what each says, what a change would do."""

from pathlib import Path

import click
from flask.cli import AppGroup

from repair_app.db import today
from repair_app.engine.rules import GRADES, RuleError, RulePack
from repair_app.labels import LANGUAGES, Label
from repair_app.services import rule_impact
from repair_app.services import rules as service
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import COMMA, ONLY_TOLD, PARTS, value_words

rules = AppGroup("rules", help="The dated rule packs.")

LANG = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="zh", help="Language of the texts."
)

DIFFER = Label("%s处不同。", "%s values differ.")
SAME = Label("没有不同。", "No difference.")
NONE = Label("无", "none")
MORE = Label("……另有%s件（--limit、--csv）", "… and %s more (--limit, --csv)")
KEEPS = Label("（仍适用%s）", "(keeps %s)")
LINES = Label("%s：%s行", "%s: %s lines")
OF_RECORDS = Label(
    "在档记录：类别和最后一日不变。发布后报来的同样记录，或者届时对其申请修复的，将有：",
    "Live records: each keeps its class and its last day. One that comes in like it after the "
    "release, or its own repair applied for then, would have:",
)
OF_CASES = Label(
    "办理中的事项：仍适用原版本，没有变化。发布后开始的同样事项，将有：",
    "Open cases: each keeps its edition, nothing changes for it. One that begins like it after "
    "the release would have:",
)
OF_MEASURES = Label(
    "执行中的措施：仍适用原版本，没有变化。发布后发起的同样措施，将有：",
    "Measures that run: each keeps its edition, nothing changes for it. One that is initiated "
    "like it after the release would have:",
)
BEGINS = Label("发布后新开始的%s适用本规则。", "Once released, what begins goes by it in: %s.")
BEGINS_NOTHING = Label(
    "当前方案的各部分今天都不适用本规则。", "No part of the profile goes by it today."
)
NOTHING_WRITTEN = Label(
    "已开始的仍适用原版本。没有写入任何数据。",
    "What is running keeps the edition that it began with. Nothing was written.",
)


@rules.command("check")
def check_rules() -> None:
    """List the rule packs: their parts, how well they are known, which is in force today."""
    policy = current_policy()
    for one in service.list_packs():
        pack = one.pack
        mark = "*" if one.in_force else " "
        parts = ",".join(sorted(pack.parts))
        grades = ", ".join(f"{count} {grade}" for grade, count in one.grades.items())
        state = "" if one.is_current else "  (running cases only)"
        click.echo(f"{mark} {pack.id}.{pack.edition} {pack.sha256[:12]} {parts}: {grades}{state}")
    click.echo(f"Profile {policy.profile.name} on {today()}:")
    in_force = service.parts_in_force(policy, today())
    for part in sorted(PARTS):
        by = policy.profile.parts[part].by
        name = in_force[part].id if part in in_force else "none"
        click.echo(f"  {part}: {name} ({by})")
    click.echo("Values that no step asks for, whatever they say:")
    for key, says in ONLY_TOLD.items():
        click.echo(f"  {key}: {says.en}")


@rules.command("show")
@click.argument("pack")
@LANG
def show_rules(pack: str, lang: str) -> None:
    """Show every value of a rule PACK (an id, an id with its edition, or a file)."""
    found = _read(pack)
    click.echo(f"{found.id}.{found.edition} {found.title.text(lang)}")
    click.echo(f"{found.file} {found.sha256}")
    for one in found.stated:
        inherited = "" if one.stated_in == found.id else f" <- {one.stated_in}"
        words = value_words(found, one.key, one.body, lang)
        click.echo(f"{one.key}: {words} [{one.source}; {one.grade}]{inherited}")
    counted = service.count_grades(found)
    click.echo(", ".join(f"{counted[grade]} {grade}" for grade in GRADES if grade in counted))


@rules.command("diff")
@click.argument("before")
@click.argument("after", required=False)
@click.option("--impact", is_flag=True, help="Of one edited FILE: what it would change for whom.")
@click.option("--limit", type=click.IntRange(0), default=20, help="Lines of each list of --impact.")
@click.option(
    "--csv",
    "table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the whole of --impact to this file.",
)
@LANG
def diff_rules(
    before: str, after: str | None, impact: bool, limit: int, table: Path | None, lang: str
) -> None:
    """Compare two rule packs (ids or files); or, with --impact, one edited file with the store.

    A single edited file is compared with the current pack of its id.
    """
    if impact:
        if after is not None:
            raise click.UsageError("--impact takes one edited file")
        _show_impact(Path(before), limit, table, lang)
        return
    if table is not None:
        raise click.UsageError("--csv goes with --impact")
    if after is None:
        new = _read(before)
        old = _read(new.id)
    else:
        old, new = _read(before), _read(after)
    _show_changes(service.compare(old, new, lang), lang)


def _read(name: str) -> RulePack:
    try:
        return service.read_pack(name)
    except RuleError as error:
        raise click.ClickException(str(error)) from error


def _show_changes(changes: tuple[service.Change, ...], lang: str) -> None:
    for one in changes:
        click.echo(one.key)
        if one.before is not None:
            click.echo(f"  - {one.before}")
        if one.after is not None:
            click.echo(f"  + {one.after}")
    number = len(changes)
    click.echo((DIFFER.text(lang) % number) if changes else SAME.text(lang))


def _show_impact(path: Path, limit: int, table: Path | None, lang: str) -> None:
    try:
        found = rule_impact.foresee(path, lang)
    except RuleError as error:
        raise click.ClickException(str(error)) from error
    for one in found:
        _show_one(one, limit, lang)
    if not found:
        click.echo(SAME.text(lang))
    if table is not None:
        try:
            lines = rule_impact.write_impact(table, found, lang)
        except OSError as error:
            raise click.ClickException(f"{table}: {error.strerror}") from error
        click.echo(LINES.text(lang) % (table, lines))
    click.echo(NOTHING_WRITTEN.text(lang))


def _show_one(found: rule_impact.Impact, limit: int, lang: str) -> None:
    click.echo(f"== {found.pack.id} {found.pack.title.text(lang)}")
    _show_changes(found.changes, lang)
    for title, touched in (
        (OF_RECORDS, found.records),
        (OF_CASES, found.cases),
        (OF_MEASURES, found.measures),
    ):
        click.echo("")
        click.echo(title.text(lang))
        _show_touched(touched, limit, lang)
    click.echo("")
    begins = COMMA.text(lang).join(PARTS[one].text(lang) for one in found.parts)
    click.echo(BEGINS.text(lang) % begins if begins else BEGINS_NOTHING.text(lang))
    click.echo("")


def _show_touched(touched: tuple[rule_impact.Touched, ...], limit: int, lang: str) -> None:
    """Print how many would differ in what, then each of the first ones."""
    for kind, number in rule_impact.count(touched).items():
        click.echo(f"  {number} {kind.text(lang)}")
    if not touched:
        click.echo(f"  {NONE.text(lang)}")
    for one in touched[:limit]:
        keeps = KEEPS.text(lang) % one.edition
        click.echo(f"  - {one.ref} {one.title.text(lang)} {one.firm} {keeps}")
        for shift in one.shifts:
            click.echo(f"      {_shift_words(shift, lang)}")
    if len(touched) > limit:
        click.echo(f"  {MORE.text(lang) % (len(touched) - limit)}")


def _shift_words(shift: rule_impact.Shift, lang: str) -> str:
    """Return what would be otherwise, with both days, or classes, where there are two."""
    words = shift.kind.text(lang)
    if shift.before and shift.after:
        return f"{words}: {shift.before} -> {shift.after}"
    return words
