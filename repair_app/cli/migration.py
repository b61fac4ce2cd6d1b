"""Moving running matters to another version of their workflow."""

import sys
from collections.abc import Collection

import click

from repair_app.cli.calendar import administrator
from repair_app.engine.moving import Moved, Turn, name_pack
from repair_app.engine.spec import SpecError
from repair_app.engine.step import SYSTEM, Actor
from repair_app.models import Role
from repair_app.services import migration

NOTHING = "—"


@click.command("migrate")
@click.argument("workflow", required=False)
@click.option("--to", "version", help="The present version of the workflow.")
@click.option("--dry-run", "dry", is_flag=True, help="Change nothing; print what each becomes.")
@click.option("--only", multiple=True, metavar="REF", help="Only this one; may be repeated.")
@click.option("--pack", "pin_pack", is_flag=True, help="Pin the rule pack in force where needed.")
@click.option("--undo", "run", metavar="RUN", help="Move back what a run moved.")
@click.option("--by", metavar="EMAIL", help="The administrator who does it, for the ledger.")
def migrate(  # noqa: PLR0917  # one parameter for each option
    workflow: str | None,
    version: str | None,
    dry: bool,
    only: tuple[str, ...],
    pin_pack: bool,
    run: str | None,
    by: str | None,
) -> None:
    """Move what runs under earlier versions of WORKFLOW to the present one, or move it back.

    What each state becomes stands in workflows/migrations.toml; what is not named there keeps its
    name. One transaction and one event each: broken off, it goes on when it is called again.
    --undo moves back where nothing happened since. Exit 1 when something could not be moved.
    """
    actor = actor_of(by)
    try:
        if run:
            undo(run, actor)
        elif workflow and version:
            move(migration.plan(workflow, version, only), actor, dry=dry, pin_pack=pin_pack)
        else:
            raise click.UsageError("give WORKFLOW --to VERSION, or --undo RUN")
    except (migration.CannotMove, SpecError) as problem:
        raise click.ClickException(str(problem)) from problem
    except ExceptionGroup as failures:
        for one in failures.exceptions:
            click.echo(f"✗ {type(one).__name__}: {one}", err=True)
        sys.exit(1)


def actor_of(email: str | None) -> Actor:
    """Return who moves. Raises click.BadParameter for somebody who is no administrator."""
    if email is None:
        return SYSTEM
    user = administrator(email)
    return Actor(Role.ADMINISTRATOR, account_id=user.id, person_id=user.person_id)


def move(plan: migration.Plan, actor: Actor, *, dry: bool, pin_pack: bool) -> None:
    """Move everything of a plan, and print what each became, or would become."""
    for lack in plan.lacks:
        clocks = ", ".join(lack.clocks)
        click.echo(f"! {lack.pack.id} {lack.pack.sha256[:12]} does not give: {clocks}")
    if plan.lacks and not pin_pack:
        click.echo("  --pack pins what goes by it to the rule pack in force")
    moved: list[str] = []
    unknown = {name_pack(one.pack.id, one.pack.sha256): one.clocks for one in plan.lacks}

    def tell(one: Moved) -> None:
        moved.append(one.ref)
        echo_moved(one, unknown.get(one.to_pack, ()))

    run = migration.migrate(plan, pin_pack=pin_pack, actor=actor, dry=dry, tell=tell)
    name = f"{plan.target.name} {plan.target.version}"
    if dry:
        click.echo(f"nothing was changed; {len(moved)} would move to {name}")
    elif run:
        click.echo(f"{run}: {len(moved)} moved to {name} (--undo {run} moves them back)")
    else:
        click.echo(f"nothing runs under an earlier version than {name}")


def undo(run: str, actor: Actor) -> None:
    """Move back what a run moved, and print what stays."""
    done = migration.undo(run, actor=actor)
    for ref in done.stay:
        click.echo(f"! {ref} stays: something happened to it since")
    click.echo(f"{run}: {len(done.back)} moved back")


def echo_moved(one: Moved, unknown: Collection[str]) -> None:
    """Print what one entity became: state, terms, rule pack, and who gains or loses a step.

    unknown: clocks that its rule pack does not give, so that there is no last day to tell.
    """
    states = [
        f"{workflow.states[state].label.zh} {state}"
        for workflow, state in ((one.source, one.from_state), (one.target, one.to_state))
    ]
    click.echo(f"{one.ref} {one.source.version}: {' -> '.join(states)}")
    for turn in one.turns:
        click.echo(f"  term: {tell_turn(turn, unknown)}")
    if one.from_pack != one.to_pack:
        click.echo(f"  rule pack: {one.from_pack} -> {one.to_pack}")
    for role, gained, lost in one.buttons():
        signs = [*(f"+{name}" for name in gained), *(f"-{name}" for name in lost)]
        click.echo(f"  {role}: {' '.join(signs)}")


def tell_turn(turn: Turn, unknown: Collection[str]) -> str:
    """Return a term before and after: clock and last day, or a dash for none."""
    return " -> ".join(
        f"{clock} {'?' if clock in unknown else day}" if day else NOTHING
        for clock, day in (turn.before, turn.after)
    )
