"""`tidegate dev demo`."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

from tidegate_publisher.devstack.demo.board import Board, Silent
from tidegate_publisher.devstack.demo.checklist import Facts
from tidegate_publisher.devstack.demo.configuration import REPOSITORY
from tidegate_publisher.devstack.demo.places import Places
from tidegate_publisher.devstack.demo.plain import PlainLines
from tidegate_publisher.devstack.demo.samples import sample_images
from tidegate_publisher.devstack.demo.screen import live
from tidegate_publisher.devstack.demo.story import Story
from tidegate_publisher.devstack.demo.summary import Result, document, show
from tidegate_publisher.devstack.demo.watcher import Watcher
from tidegate_publisher.devstack.demo.world import World
from tidegate_publisher.exit_codes import ExitCode
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SOCKET_PATH: Final = 100
"""How long the path of the agent's control socket may be: unix(7) has room for 107 bytes."""


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
@click.pass_context
def demo_command(
    ctx: click.Context, *, directory: Path | None, keep: bool, as_json: bool, flawless: bool
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
    with _ended_by_signals(), _room(directory, console, silent=as_json) as places, World(places) as world:
        result = _run(world, console, as_json=as_json, flawless=flawless)
        if as_json:
            click.echo(json.dumps(document(result)))
        else:
            show(console, result)
        if keep:
            _stay(world, console)
        if not result.ok:
            raise click.exceptions.Exit(ExitCode.FAILED)
    ctx.exit(ExitCode.OK)


def _run(world: World, console: Console, *, as_json: bool, flawless: bool) -> Result:
    began = time.monotonic()

    def clock() -> float:
        return time.monotonic() - began

    images = sample_images(flawless=flawless)
    digests = {version: image.digest for version, image in images.items()}
    versions = {digest: f"v{version}" for version, digest in digests.items()}
    drawn = console.is_terminal and not as_json
    board = Board(clock, Silent() if drawn or as_json else PlainLines())
    with live(console, board, versions) if drawn else contextlib.nullcontext():
        board.do("start the broker (nats-server) and a local Sigstore")
        world.start_services(images)
        with Watcher(world.broker_url, clock, board.hear) as watcher:
            missing = Story(world, watcher, board, Facts(digests)).run()
            return Result(clock(), missing, watcher.seen)


@contextlib.contextmanager
def _room(directory: Path | None, console: Console, *, silent: bool) -> Iterator[Places]:
    """A directory to work in. Our own is removed, unless something failed: then its logs are wanted."""
    if directory is not None:
        yield Places(_empty(directory))
        return
    own = Path(tempfile.mkdtemp(prefix="tidegate-demo-"))
    try:
        yield Places(_usable(own))
    except (TidegateError, click.exceptions.Exit):
        if not silent:
            console.print(f"What the programs said is in {own}", style="yellow", soft_wrap=True)
        raise
    except BaseException:
        shutil.rmtree(own, ignore_errors=True)
        raise
    shutil.rmtree(own, ignore_errors=True)


def _empty(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        full = any(directory.iterdir())
    except OSError as error:
        raise TidegateError(Code.DISK_IO, f"cannot work in {directory}: {error.strerror}") from error
    if full:
        raise TidegateError(Code.CONFIG_VALUE, f"--dir {directory} is not empty; name a new directory")
    return _usable(directory.resolve())


def _usable(directory: Path) -> Path:
    """Refuse a path that an image reference or a socket's address cannot hold."""
    places = Places(directory)
    parse_reference(f"oci:{places.images}:1")
    if len(str(places.runtime / "control.sock").encode()) > _SOCKET_PATH:
        raise TidegateError(
            Code.CONFIG_VALUE, f"{directory} is too long for a socket below it; choose a shorter"
        )
    return directory


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP (a closed terminal) end the demo as Ctrl-C does, children and all."""

    def _interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    kept = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _stay(world: World, console: Console) -> None:
    """Tell how to go on playing, and wait for Ctrl-C."""
    root = world.places.root
    text = f"""
Everything is still up. In another terminal:

  . {world.places.environment}
  cd {root}
  tidegate-agent --config {world.places.host_config} status
  tidegate events &
  tidegate announce release.yaml --image oci:{world.places.images}:2 --version 4 --sequence 4 \\
      --identity-token "$(tidegate dev token --github {REPOSITORY})"
  tidegate hold {world.places.release.name}
  tidegate-agent --config {world.places.host_config} history
  sh {world.places.running / "app" / "hello.sh"}

Ctrl-C ends it all."""
    console.print(text, soft_wrap=True, markup=False)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
