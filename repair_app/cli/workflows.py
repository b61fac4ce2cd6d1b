"""The policy as data: check, release, draw."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from config import ROOT
from repair_app.engine import moving
from repair_app.engine.drawing import draw_page
from repair_app.engine.policy import Policy, unreleased, write_releases
from repair_app.engine.spec import SpecError
from repair_app.proving.prove import Found, prove, report
from repair_app.proving.scenarios import Scenario
from repair_app.proving.worlds import SCENARIOS
from repair_app.services import catalogue_file
from repair_app.services.policy import current_policy

PAGES = ROOT / "docs" / "workflows"

workflows = AppGroup("workflows", help="The policy as data.")


@workflows.command("check")
def check_workflows() -> None:
    """Load the policy; a released version must not have changed."""
    policy = current_policy()  # loading it checked everything else
    for one in policy.current.values():
        click.echo(f"✓ {one.name} {one.version}: {len(one.states)} states")
    click.echo(f"✓ letters: {len(policy.letters.kinds)} kinds")
    check_measures()
    check_maps(policy)
    new = unreleased(releases_file(), policy.workflows.values(), policy.editions.values())
    if new:
        names = ", ".join(f"{one.name} {one.version}" for one in new)
        raise click.ClickException(f"not in releases.toml: {names} (`workflows release`)")


def check_measures() -> None:
    """Say that the catalogue of measures is whole. Raises click.ClickException."""
    try:
        measures = catalogue_file.read_file(releases_file().parent / "measures.toml")
    except SpecError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"✓ measures: {len(measures)}")


def check_maps(policy: Policy) -> None:
    """Say that what runs under each earlier version can be moved. Raises click.ClickException."""
    maps = releases_file().parent / moving.FILE
    for earlier in policy.workflows.values():
        target = policy.current.get(earlier.name)
        if target is None or target.version == earlier.version:
            continue
        try:
            moving.load_map(maps, earlier, target)
        except SpecError as problem:
            raise click.ClickException(str(problem)) from problem


@workflows.command("release")
def release_workflows() -> None:
    """Write the content hash of every new version and rule pack into releases.toml."""
    for one in write_releases(releases_file(), current_policy()):
        click.echo(f"released {one.name} {one.version}")


def releases_file() -> Path:
    """Return the file that says what was released."""
    folder: Path = current_app.config["WORKFLOWS"]
    return folder / "releases.toml"


@workflows.command("draw")
@click.option("--check", is_flag=True, help="Write nothing; fail when a page is out of date.")
def draw_workflows(check: bool) -> None:
    """Write docs/workflows/*.md."""
    PAGES.mkdir(parents=True, exist_ok=True)
    policy = current_policy()
    packs = sorted(policy.packs.values(), key=lambda pack: pack.id)
    for one in policy.current.values():
        path, page = PAGES / f"{one.name}.md", draw_page(one, packs)
        if check and (not path.exists() or path.read_text(encoding="utf-8") != page):
            raise click.ClickException(f"{path.name} is out of date (`workflows draw`)")
        if not check:
            path.write_text(page, encoding="utf-8")


@workflows.command("prove")
@click.option("--mutants/--no-mutants", default=True, help="Try wrong policies too.")
@click.option("--replay-all", is_flag=True, help="Take every step on a real store (minutes).")
@click.option("--only", multiple=True, help="Only these worlds, by name.")
@click.option("--verbose", is_flag=True, help="List the mutants that make no difference.")
def prove_workflows(mutants: bool, replay_all: bool, only: tuple[str, ...], verbose: bool) -> None:
    """Look at every state of the small worlds of docs/proving.md; fail on a broken promise."""
    chosen = choose_worlds(only)
    replays = "all" if replay_all else "classes"
    proof = prove(current_policy(), chosen, mutants=mutants, replays=replays, tell=tell_of)
    for line in report(proof, verbose=verbose):
        click.echo(line)
    if not proof.is_good:
        raise SystemExit(1)


def choose_worlds(names: tuple[str, ...]) -> list[Scenario]:
    """Return the worlds of these names, all without one. Raises click.BadParameter (exit 2)."""
    known = {one.name: one for one in SCENARIOS}
    if unknown := [name for name in names if name not in known]:
        raise click.BadParameter(
            f"there is no world {', '.join(map(repr, unknown))}; there are: {', '.join(known)}",
            param_hint="--only",
        )
    return [known[name] for name in dict.fromkeys(names)] or list(SCENARIOS)


def tell_of(found: Found) -> None:
    """Say what one world showed."""
    click.echo(
        f"{'✗' if found.broken else '✓'} {found.scenario}: {found.states} states, "
        f"{found.edges} edges, {found.seconds:.1f} s"
    )
