"""Which hosts `tidegate fleet` lists, as options. Words that do not exist are refused, with those that do."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

import click

from tidegate_fleet.listing.choice import Choice, Sort
from tidegate_fleet.listing.drift import Drift
from tidegate_fleet.standing import Phase
from tidegate_publisher.options.declare import group
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.topics import check_host

if TYPE_CHECKING:
    from enum import StrEnum

FAILED: Final = frozenset({Step.FAILED.value, Step.ROLLED_BACK.value, Step.REJECTED.value})
"""What `--state failed` stands for: each way for an update to fail."""

STATES: Final = (
    "idle",
    "verifying",
    *(step.value for step in Step if step not in {Step.STALE, Step.ANSWERED, Step.DAMAGED, Step.ACCEPTED}),
)
"""The states of a status, docs/protocol.md."""

WAITS: Final = (
    *("statement", "hold", "wave", "turn", "metered", "budget", "approval", "snooze", "window", "clock"),
    *("inhibitor", "sessions", "lock", "retry"),
)
"""What an update can wait for, docs/protocol.md."""


def _read_labels(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    labels = {}
    for value in values:
        key, sign, wanted = value.partition("=")
        if not (key and sign and wanted):
            raise click.BadParameter(f"{value[:80]!r} is not KEY=VALUE, such as site=kiel", ctx, param)
        labels[key] = wanted
    return labels


def _read_hosts(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    try:
        return frozenset(map(check_host, values))
    except TidegateError as error:
        raise click.BadParameter(f"{error.reason}; {error.remedy}", ctx, param) from error


def _read_codes(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    known = [code.value for code in Code]
    for value in values:
        if value not in known:
            near = difflib.get_close_matches(value, known, 3, 0.5) or [
                code for code in known if code.partition(".")[0] == value
            ]
            hint = f"did you mean {', '.join(near)}?" if near else "`tidegate schema codes` lists them"
            raise click.BadParameter(f"{value[:80]!r} is no code: {hint}", ctx, param)
    return frozenset(values)


def _read_states(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    del ctx, param
    states = frozenset(values)
    return states | FAILED if Step.FAILED.value in states else states


def _read_set(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    del ctx, param
    return frozenset(values)


def _read_phases(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> frozenset[Phase]:
    del ctx, param
    return frozenset(map(Phase, values))


def _read_drifts(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> frozenset[Drift]:
    del ctx, param
    return frozenset(map(Drift, values))


def _read_sort(ctx: click.Context, param: click.Parameter, value: str) -> Sort:
    del ctx, param
    return Sort(value)


def _words(words: type[StrEnum]) -> click.Choice[str]:
    return click.Choice([word.value for word in words])


choice_options = group(
    "choice",
    Choice,
    (
        click.option("--product", metavar="NAME", help="Only channels of this product."),
        click.option("--channel", metavar="NAME", help="Only channels of this name."),
        click.option(
            "--host", "hosts", multiple=True, callback=_read_hosts, metavar="ID", help="Only this host."
        ),
        click.option(
            "--label",
            "labels",
            multiple=True,
            callback=_read_labels,
            metavar="KEY=VALUE",
            help="Only hosts with this label; of several, with all. --labels lists them.",
        ),
        click.option(
            "--online/--offline", default=None, help="Only hosts that are connected; only those that are not."
        ),
        click.option(
            "--phase",
            "phases",
            multiple=True,
            type=_words(Phase),
            callback=_read_phases,
            help="Only hosts that are so far with the release.",
        ),
        click.option(
            "--code",
            "codes",
            multiple=True,
            callback=_read_codes,
            metavar="CODE",
            help="Only updates that failed with this code: health.failed.",
        ),
        click.option(
            "--version",
            "versions",
            multiple=True,
            callback=_read_set,
            metavar="VERSION",
            help="Only hosts that run this version.",
        ),
        click.option(
            "--wave",
            "waves",
            multiple=True,
            callback=_read_set,
            metavar="NAME",
            help="Only hosts that belong to this wave of what is announced.",
        ),
        click.option(
            "--waits-for",
            "waits",
            multiple=True,
            type=click.Choice(WAITS),
            callback=_read_set,
            help="Only updates that wait for this.",
        ),
        click.option(
            "--state",
            "states",
            multiple=True,
            type=click.Choice(STATES),
            callback=_read_states,
            help="Only updates in this state; `failed` takes rejected and rolled-back in.",
        ),
        click.option(
            "--drift",
            "drifts",
            multiple=True,
            type=_words(Drift),
            callback=_read_drifts,
            help="Only hosts that stand so to what their channel holds.",
        ),
        click.option("--drifting", is_flag=True, help="Only hosts that should run something else."),
        click.option(
            "--troubled",
            is_flag=True,
            help="Only hosts with faults, trust warnings, lost events, stale channels.",
        ),
        click.option(
            "--sort",
            type=_words(Sort),
            default=Sort.DRIFT.value,
            show_default=True,
            callback=_read_sort,
            help="The worst first, or by this.",
        ),
    ),
    (
        *("product", "channel", "hosts", "labels", "online", "phases", "codes", "versions", "waves", "waits"),
        *("states", "drifts", "drifting", "troubled", "sort"),
    ),
)
