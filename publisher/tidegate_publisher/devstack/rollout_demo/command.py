"""`tidegate dev rollout`."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from tidegate_publisher.devstack.demo.command import ended_by_signals
from tidegate_publisher.devstack.demo.programs import Programs as DemoPrograms
from tidegate_publisher.devstack.demo.room import room
from tidegate_publisher.devstack.demo.steps import PlainSteps
from tidegate_publisher.devstack.rollout_demo.runner import Programs
from tidegate_publisher.devstack.rollout_demo.scenario import CHANNEL, FEWEST, PRODUCT, choose
from tidegate_publisher.extras import needs

if TYPE_CHECKING:
    from tidegate_publisher.devstack.rollout_demo.summary import Result
    from tidegate_publisher.devstack.rollout_demo.world import World


@click.command(
    "rollout", short_help="See a release to 10,000 simulated hosts stopped in time, fixed, finished."
)
@click.option(
    "--hosts", type=click.IntRange(FEWEST, 100_000), default=10_000, show_default=True, help="How many."
)
@click.option("--processes", type=click.IntRange(1, 64), help="Of the simulator.  [default: by cores]")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Work here, in a new or empty directory, and leave it.  [default: a temporary one, removed]",
)
@click.option("--keep", is_flag=True, help="Leave everything up for playing on, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Only a summary, as JSON on stdout.")
@click.option("--patience", type=float, default=600.0, hidden=True, help="Seconds to wait for each check.")
@click.pass_context
def rollout_command(  # noqa: PLR0913 -- one argument for each option
    ctx: click.Context,
    *,
    hosts: int,
    processes: int | None,
    directory: Path | None,
    keep: bool,
    as_json: bool,
    patience: float,
) -> None:
    """See a release to 10,000 simulated hosts stopped in time, held, fixed, and finished.

    Starts three nats-servers that are one cluster, `tidegate dev fleet`, and `tidegate collect` into SQLite.
    Version 2.0, with which 3 % of the hosts fail, is promoted past its canaries by `tidegate rollout run` and
    stopped in the second wave, while one broker is killed. Then 2.1 goes to everybody. Nothing but this
    package is needed; all is on loopback.

    \b
    Examples:
      tidegate dev rollout
      tidegate dev rollout --hosts 300 --keep

    Exit code 0 only if all of it was observed and every event is accounted for, 1 otherwise.
    """  # noqa: D301 -- \b is click's mark for a paragraph that keeps its line breaks
    with needs("fleet"):
        from tidegate_publisher.devstack.rollout_demo.summary import document, show  # noqa: PLC0415 -- extras
        from tidegate_publisher.devstack.rollout_demo.world import World  # noqa: PLC0415 -- the same
    console = Console(highlight=False, stderr=as_json, quiet=as_json)
    found = DemoPrograms.find()
    scenario = choose(hosts)
    with ended_by_signals(), room(directory) as places:
        programs = Programs(found.broker, found.tidegate)
        with World(places.root, programs, scenario) as world:
            result = _run(world, console, processes, patience)
            if as_json:
                click.echo(json.dumps(document(result)))
            else:
                show(console, result)
            if keep:
                _stay(world, Console(highlight=False, stderr=as_json))
            if not result.ok:
                # Left within the block: a directory of our own is kept then.
                ctx.exit(result.status)


def _run(world: World, console: Console, processes: int | None, patience_s: float) -> Result:
    """Play the story, on a console or in silence."""
    from tidegate_publisher.devstack.rollout_demo.board import Board  # noqa: PLC0415 -- extras
    from tidegate_publisher.devstack.rollout_demo.checklist import Facts  # noqa: PLC0415 -- the same
    from tidegate_publisher.devstack.rollout_demo.screen import live  # noqa: PLC0415 -- the same
    from tidegate_publisher.devstack.rollout_demo.story import Story  # noqa: PLC0415 -- the same
    from tidegate_publisher.devstack.rollout_demo.summary import Result  # noqa: PLC0415 -- the same

    began = time.monotonic()

    def clock() -> float:
        return time.monotonic() - began

    drawn = console.is_terminal and not console.is_dumb_terminal and not console.quiet
    board = Board(clock, () if drawn or console.quiet else (PlainSteps(),))
    facts = Facts(world.scenario, world.digests)
    with live(console, board, world.scenario) if drawn else contextlib.nullcontext():
        Story(world, board, facts, processes, patience_s).run()
    return Result(clock(), board, world.restarts)


def _stay(world: World, console: Console) -> None:
    """Tell how to go on playing, and wait for Ctrl-C."""
    text = f"""
What was collected is still there, and the brokers are up. In another terminal:

  cd {world.root} && . ./env
  tidegate fleet --help
  tidegate report {PRODUCT}/{CHANNEL} -o report.html

Ctrl-C ends it all."""
    console.print(text, soft_wrap=True, markup=False)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
