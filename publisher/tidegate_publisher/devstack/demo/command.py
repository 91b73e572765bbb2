"""`tidegate dev demo`."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

from tidegate_publisher.devstack.demo.board import Board, Silent
from tidegate_publisher.devstack.demo.checklist import Facts
from tidegate_publisher.devstack.demo.configuration import REPOSITORY
from tidegate_publisher.devstack.demo.plain import PlainLines
from tidegate_publisher.devstack.demo.programs import Programs
from tidegate_publisher.devstack.demo.room import room
from tidegate_publisher.devstack.demo.samples import CHANNEL, PRODUCT, sample_images
from tidegate_publisher.devstack.demo.screen import live
from tidegate_publisher.devstack.demo.story import PATIENCE_S, Story
from tidegate_publisher.devstack.demo.summary import Result, document, show
from tidegate_publisher.devstack.demo.watcher import Watcher
from tidegate_publisher.devstack.demo.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("demo")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Work here, in a new or empty directory, and leave it.  [default: a temporary one, removed]",
)
@click.option("--keep", is_flag=True, help="Leave everything up for playing on, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Only a summary, as JSON on stdout.")
@click.option("--flawless", is_flag=True, hidden=True, help="Pack v3 properly: the demo has to fail.")
@click.option(
    "--patience", type=float, default=PATIENCE_S, hidden=True, help="Seconds to wait for each event."
)
@click.pass_context
def demo_command(
    ctx: click.Context, *, directory: Path | None, keep: bool, as_json: bool, flawless: bool, patience: float
) -> None:
    """See the whole chain at work on this machine, in less than a minute.

    Starts a broker (nats-server), a local Sigstore and an agent, all on loopback and without root, and
    releases three versions of a tiny application: the first runs, the second waits for its maintenance
    window, the third is unhealthy and is rolled back. Meanwhile an attacker writes to the channel.

    \b
    Examples:
      tidegate dev demo
      tidegate dev demo --keep

    Exit code 0 only if the broker passed on each event that tells of this, 1 otherwise.
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its line breaks
    console = Console(highlight=False)
    programs = Programs.find()
    with ended_by_signals(), room(directory) as places, World(places, programs) as world:
        result = _run(world, None if as_json else console, flawless=flawless, patience_s=patience)
        if as_json:
            click.echo(json.dumps(document(result)))
        else:
            show(console, result)
        if keep:
            _stay(world, Console(highlight=False, stderr=as_json))
        if not result.ok:
            # Left within the block: a directory of our own is kept then.
            ctx.exit(result.status)


def _run(world: World, console: Console | None, *, flawless: bool, patience_s: float) -> Result:
    """Play the story, on a console or in silence."""
    began = time.monotonic()

    def clock() -> float:
        return time.monotonic() - began

    images = sample_images(flawless=flawless)
    digests = {version: image.digest for version, image in images.items()}
    versions = {digest: f"v{version}" for version, digest in digests.items()}
    drawn = console is not None and console.is_terminal and not console.is_dumb_terminal
    board = Board(clock, Silent() if drawn or console is None else PlainLines())
    with live(console, board, versions) if console and drawn else contextlib.nullcontext():
        board.do("start the broker (nats-server) and a local Sigstore")
        world.start_services(images)
        with Watcher(world.broker_url, clock, board.hear) as watcher:
            missing = Story(world, watcher, board, Facts(digests), patience_s).run()
            return Result(clock(), missing, watcher.seen)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP (a closed terminal) end the demo, children and all.

    The first one counts: an impatient second Ctrl-C must not cut the ending of the children short.
    """

    def _interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    kept = {number: signal.signal(number, _interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _stay(world: World, console: Console) -> None:
    """Tell how to go on playing, and wait for Ctrl-C."""
    agent = f"tidegate-agent --config {world.places.host_config.relative_to(world.places.root)}"
    text = f"""
Everything is still up. In another terminal:

  cd {world.places.root} && . ./{world.places.environment.name}
  {agent} status
  {agent} history
  {agent} windows --next 3

  tidegate events &
  export SIGSTORE_ID_TOKEN="$(tidegate dev token --github {REPOSITORY})"
  tidegate announce {world.places.release.name} --image oci:$PWD/{world.places.images.name}:1 --version 4
  sh {(world.places.running / "app" / "hello.sh").relative_to(world.places.root)}
  tidegate hold {PRODUCT}/{CHANNEL}

Ctrl-C ends it all."""
    console.print(text, soft_wrap=True, markup=False)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
