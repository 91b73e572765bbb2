"""Reports as HTML files: they load nothing, run nothing, and show what hosts said as text."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Final

from tidegate_fleet.harmless import LABEL, harmless
from tidegate_fleet.report import narrative, phrases
from tidegate_fleet.report.plots import adoption, releases, slowest, waves
from tidegate_fleet.standing import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment
    from markupsafe import Markup

    from tidegate_fleet.report.figures import Figures
    from tidegate_fleet.report.overview import Overview

_BAR: Final = (
    (Phase.SUCCEEDED, "good", "succeeded"),
    (Phase.FAILED, "bad", "failed"),
    (Phase.ACTIVATING, "fetch", "activating"),
    (Phase.STAGING, "window", "staging"),
    (Phase.WAITING, "wait", "waiting"),
    (Phase.SKIPPED, "muted", "skipped"),
    (Phase.PENDING, "grid", "pending"),
)


def render(figures: Figures, title: str | None = None) -> str:
    """The page.

    Args:
        figures: what it says.
        title: instead of product, channel and version.
    """
    release = figures.release
    values = {
        "figures": figures,
        "release": release,
        "bar": bar(figures),
        "signed_alike": len({(each.verified, each.signers) for each in figures.timeline.changes}) == 1,
        "longest_wait": max((each.seconds for each in figures.delays if each.reason != "wave"), default=0.0),
        "parts": slowest.PARTS,
        "part_of": slowest.parts_of,
        "told": narrative,
    }
    usual = f"{release.key.product}/{release.key.channel} {release.version}"
    return _fill("report.html", title or usual, _plots(figures), values)


def render_overview(overview: Overview, title: str | None = None) -> str:
    """The page about the last releases of a channel; see render."""
    plots = {"times": releases.lead_times(overview), "shares": releases.failure_shares(overview)}
    usual = f"{overview.product}/{overview.channel}"
    return _fill("overview.html", title or usual, plots, {"overview": overview})


def _fill(template: str, title: str, plots: Mapping[str, str], values: Mapping[str, object]) -> str:
    from markupsafe import Markup  # noqa: PLC0415 -- comes with jinja2, see _environment

    style = resources.files(__package__).joinpath("templates/report.css").read_text("utf-8")
    head = {
        "title": harmless(title, LABEL),
        "style": Markup(style),  # noqa: S704 -- a file of this package
        "policy": policy(style),
        "plots": {name: Markup(plot) for name, plot in plots.items()},  # noqa: S704 -- escaped by ElementTree
    }
    return _environment().get_template(template).render({**values, **head})


def policy(style: str) -> str:
    """The content security policy: nothing but this style sheet, named by its digest (CSP Level 3, 2.3.1)."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def bar(figures: Figures) -> list[tuple[str, str, int, float, float]]:
    """All hosts as one bar: words, role, hosts, and per mille where the part begins and how wide it is."""
    parts, left = [], 0.0
    for phase, role, words in _BAR:
        hosts = figures.phases.get(phase, 0)
        width = 1000 * hosts / figures.release.hosts if hosts else 0.0
        if hosts:
            parts.append((words, role, hosts, left, width))
        left += width
    return parts


def _plots(figures: Figures) -> dict[str, str]:
    plots = {}
    if figures.successes.points or figures.failures.points:
        plots["adoption"] = adoption.adoption(figures)
    if figures.waves:
        plots["waves"] = waves.waves(figures)
    if figures.slowest:
        plots["slowest"] = slowest.slowest(figures.slowest)
    return plots


def _ticked(text: str) -> Markup:
    """A sentence of the registry of codes: what stands between backticks is code."""
    from markupsafe import Markup, escape  # noqa: PLC0415 -- as in render

    parts = [escape(part) for part in text.split("`")]
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 -- an extra: loaded when used

    environment = Environment(
        loader=PackageLoader("tidegate_fleet.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "amount": phrases.amount,
        "awaited": phrases.awaited,
        "moment": phrases.moment,
        "number": phrases.number,
        "ticked": _ticked,
        "wave": phrases.wave_name,
    }
    environment.globals |= {"share": phrases.share}
    return environment
