"""The dated rule packs: which is in force, what each says, what a change would do."""

from pathlib import Path

import click
from flask.cli import AppGroup

from repair_app.db import today
from repair_app.engine.rules import GRADES, PARTS, RuleError, RulePack
from repair_app.labels import LANGUAGES
from repair_app.services import rules as service
from repair_app.services.policy import current_policy
from repair_app.services.rule_words import value_words

rules = AppGroup("rules", help="The dated rule packs.")


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


@rules.command("show")
@click.argument("pack")
@click.option("--lang", type=click.Choice(LANGUAGES), default="zh", help="Language of the texts.")
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
def diff_rules(before: str, after: str | None, impact: bool) -> None:
    """Compare two rule packs (ids or files); or, with --impact, one edited file with the store.

    A single edited file is compared with the current pack of its id.
    """
    if impact:
        if after is not None:
            raise click.UsageError("--impact takes one edited file")
        _show_impact(Path(before))
        return
    if after is None:
        new = _read(before)
        old = _read(new.id)
    else:
        old, new = _read(before), _read(after)
    _show_changes(service.compare(old, new))


def _read(name: str) -> RulePack:
    try:
        return service.read_pack(name)
    except RuleError as error:
        raise click.ClickException(str(error)) from error


def _show_changes(changes: tuple[service.Change, ...]) -> None:
    for one in changes:
        click.echo(one.key)
        if one.before is not None:
            click.echo(f"  - {one.before}")
        if one.after is not None:
            click.echo(f"  + {one.after}")
    click.echo(f"{len(changes)} values differ." if changes else "No difference.")


def _show_impact(path: Path) -> None:
    try:
        found = service.foresee(path)
    except RuleError as error:
        raise click.ClickException(str(error)) from error
    for one in found:
        _show_one(one)
    if not found:
        click.echo("No difference.")
    click.echo("What is running keeps the edition that it began with. Nothing was written.")


def _show_one(found: service.Impact) -> None:
    click.echo(f"== {found.pack.id}")
    _show_changes(found.changes)
    for name, keys in found.classes.items():
        click.echo(f"Class {name}: {', '.join(keys)}")
    for title, counted in (("Live records", found.records), ("Open cases", found.cases)):
        click.echo(f"{title} that would differ, were they to begin today:")
        for kind, some in counted.items():
            click.echo(f"  {some.count} {kind}: {', '.join(some.first)}{_more(some)}")
        if not counted:
            click.echo("  none")
    begins = ", ".join(found.parts) or "nothing: no part of the profile goes by it today"
    click.echo(f"Once released, what begins from then on goes by it in: {begins}.")
    click.echo("")


def _more(some: service.Counted) -> str:
    return ", …" if some.count > len(some.first) else ""
