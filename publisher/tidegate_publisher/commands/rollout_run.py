"""`tidegate rollout run`."""

from __future__ import annotations

import contextlib
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tidegate_publisher import wiring
from tidegate_publisher.adapters.interruption import TooLongError, at_most, sigterm_as_ctrl_c
from tidegate_publisher.atomic_file import write_whole
from tidegate_publisher.exit_codes import epilog
from tidegate_publisher.options.broker import Broker, broker_options
from tidegate_publisher.options.device_keys import DeviceKeys, device_key_options
from tidegate_publisher.options.given import given_options, given_words
from tidegate_publisher.options.identity import Identity, identity_options
from tidegate_publisher.options.release import ReleaseInput, release_options
from tidegate_publisher.options.run import RunInput, allowed_hosts, hosts_file_option, run_options
from tidegate_publisher.options.speech import output_options
from tidegate_publisher.options.trust import Trust, trust_options
from tidegate_publisher.rollout.decisions import Finished, Outcome
from tidegate_publisher.rollout.endings import EXITS, MEANINGS, exit_for
from tidegate_publisher.rollout.farewell import end_rows
from tidegate_publisher.rollout.papers import junit, markdown
from tidegate_publisher.rollout.parts import Audience, Parts
from tidegate_publisher.rollout.plan import make_plan, with_waves
from tidegate_publisher.rollout.prompts import Prompts
from tidegate_publisher.rollout.run import Run
from tidegate_publisher.rollout.telling import Telling
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tidegate_publisher.output import Output
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_publisher.rollout.steering import Steering
    from tidegate_schemas.release import Release

_LEAVE_S: Final = 8.0
"""How long giving the claim back may take, in seconds: to sign with Sigstore takes three or four."""

_FILE = click.Path(dir_okay=False, path_type=Path)
_EPILOG: Final = epilog(MEANINGS.items())


@click.command(short_help="Lead a release from its first wave to its last.", epilog=_EPILOG)
@release_options
@run_options
@hosts_file_option
@device_key_options
@click.option("--junit", "junit_file", type=_FILE, help="Write a JUnit report: a test case for each wave.")
@click.option(
    "--summary", "summary_file", type=_FILE, help="Append a summary in Markdown: $GITHUB_STEP_SUMMARY."
)
@identity_options
@trust_options
@broker_options
@output_options
@click.pass_context
def run(
    ctx: click.Context,
    *,
    release: ReleaseInput,
    run: RunInput,
    hosts_file: Path | None,
    device_keys: DeviceKeys,
    junit_file: Path | None,
    summary_file: Path | None,
    identity: Identity,
    trust: Trust,
    broker: Broker,
    output: Output,
) -> None:
    """Lead a release from its first wave to its last.

    Announces the release with its first wave open, listens to the hosts, and opens the next wave when the one
    before has met its gate and has soaked (`gate` in the release file). Holds or revokes the release when too
    many hosts fail, fall silent or drop out. A wave with a budget is opened step by step.

    It may be killed at any moment: started again with the same run id it goes on where it was, for all that
    it remembers is on the broker. A second run on the same channel is refused. A hold by anybody ends it.
    Told to end (Ctrl-C, SIGTERM) it gives its claim back; what is open stays open.

    \b
    Examples:
      tidegate rollout run release.yaml --signers signers.toml --broker mqtts://broker.example
      tidegate rollout run release.yaml --until canary --junit waves.xml --summary "$GITHUB_STEP_SUMMARY"
      tidegate rollout run release.yaml --run-id run-6f0c22ab      # go on, after a crash
      tidegate rollout run release.yaml --device-keys keys/ --json | jq -r .reason

    Refuses what `announce` refuses; a channel that another run leads (`rollout.claimed`); and a release whose
    waves are not those that the channel holds (`rollout.differs`).
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    if release.file is None and not release.overrides:
        raise click.UsageError("name a release file")
    trust = trust.to_sign(identity).require_policy()
    plan, wanted = _planned(release, run)
    identity.check()
    prompts = _prompts(ctx, plan)
    telling = Telling(plan, output, prompts)
    desk = _desk(wanted, release, trust, identity, broker, output)
    audience = Audience(broker.settings.topics, device_keys.check(), allowed_hosts(hosts_file, device_keys))
    try:
        ended = _lead(plan, wanted.version, desk, audience, broker, telling)
    except TidegateError as error:
        output.error(error)
        _write(telling.story.broken(error), junit_file, summary_file)
        ctx.exit(int(exit_for(error.code)))
    document = telling.story.document(ended)
    _write(document, junit_file, summary_file)
    output.result(end_rows(ended, telling.story, prompts), document)
    ctx.exit(int(EXITS[ended.outcome]))


def _planned(release: ReleaseInput, run: RunInput) -> tuple[Plan, Release]:
    wanted = with_waves(release.load())
    name = run.name(os.environ, f"run-{wiring.new_run()}")
    plan = make_plan(wanted, name, wiring.new_run(), until=run.until)
    return replace(plan, lease=run.claim_for, take_over=run.take_over), wanted


def _desk(
    wanted: Release, release: ReleaseInput, trust: Trust, identity: Identity, broker: Broker, output: Output
) -> Steering:
    # What every single statement would tell is told by the run itself.
    quiet = replace(output, quiet=True)
    signatures = wiring.image_signatures(trust.image_policy(), trust) if release.signed_image else None
    desk = wiring.signing_desk(trust, identity, quiet)
    releases = wiring.release_signing(release.resolver(), desk, quiet, signatures)
    return wiring.steering(wanted, releases, broker, trust, identity, quiet)


def _lead(
    plan: Plan, version: str, desk: Steering, audience: Audience, broker: Broker, telling: Telling
) -> Finished:
    from tidegate_publisher.adapters.broker_ear import BrokerEar  # noqa: PLC0415 -- paho, only for who connects

    channel = audience.topics.channel(plan.product, plan.channel)
    filters = channel, *audience.topics.all_presence, audience.topics.all_events
    with sigterm_as_ctrl_c(), contextlib.closing(BrokerEar(broker.settings, filters)) as ear:
        parts = Parts(ear, desk, wiring.clock, telling, random.random)
        run = Run(plan, version, parts, audience)
        try:
            return run.lead()
        except KeyboardInterrupt:
            return _leave(run, telling)


def _leave(run: Run, telling: Telling) -> Finished:
    telling.note("told to end; giving the claim back")
    try:
        with at_most(_LEAVE_S):
            return run.leave()
    except (TidegateError, TooLongError, KeyboardInterrupt) as error:
        why = error.reason if isinstance(error, TidegateError) else "there was no time for it"
        reason = f"the run was told to end before its end; its claim could not be given back: {why}"
        return Finished(Outcome.INTERRUPTED, reason)


def _prompts(ctx: click.Context, plan: Plan) -> Prompts:
    name, words = f"{plan.product}/{plan.channel}", given_words(ctx)
    return Prompts(name, plan.run, given_options(ctx), words) if words else Prompts(name, plan.run)


def _write(document: dict[str, Any], junit_file: Path | None, summary_file: Path | None) -> None:
    if junit_file is not None:
        write_whole(junit_file, junit(document))
    if summary_file is not None:
        _append(summary_file, markdown(document))


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise TidegateError(Code.DISK_IO, f"{path} cannot be written: {error.strerror}") from error
