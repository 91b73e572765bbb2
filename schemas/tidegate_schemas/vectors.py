"""Golden vectors of the waves, by which an implementation in another language checks itself.

What is asked is written down here, and what is answered is worked out by `rollout`. An implementation that
shares no line with it (tests/support/waves.sh) comes to the same answers in tests/contract/test_waves.py, and
the checked-in copy keeps a change of the rule from going unnoticed: fleets of both kinds would disagree.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tidegate_schemas.base import rfc3339
from tidegate_schemas.rollout import Rollout, Wave, cohort, may_start, wave_of

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
MOMENTS: Final = (NOON - timedelta(microseconds=1), NOON, NOON + timedelta(days=1))
HOSTS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("edge-1", {}),
    ("edge-2", {"site": "kiel"}),
    ("edge-3", {"site": "kiel", "ring": "early"}),
    ("edge-4", {"ring": "early", "site": "lab"}),
    ("edge-5", {"Site": "kiel", "ring": "EARLY"}),
    ("Edge-1", {"site": "kiel "}),
    ("till.example.org", {"straße": "ключ"}),
    ("0", {"site": "0"}),
)

_EDGE: Final = cohort("edges", "edge-1")

ROLLOUTS: Final[tuple[tuple[str, Rollout], ...]] = (
    ("without waves all may start, and none is in a wave", Rollout(seed="2026.03")),
    (
        "shares of the fleet, each counted from zero: the second adds what lies between them",
        Rollout(
            seed="2026.03",
            waves=(
                Wave(name="canary", fraction=0.01, open=True),
                Wave(name="half", fraction=0.5, open=True),
                Wave(name="all"),
            ),
        ),
    ),
    (
        "another seed puts the same hosts elsewhere",
        Rollout(seed="2026.04", waves=(Wave(name="half", fraction=0.5, open=True), Wave(name="all"))),
    ),
    (
        "every label of a wave has to match, letter by letter, whatever their order",
        Rollout(
            seed="labels",
            waves=(
                Wave(name="both", labels={"ring": "early", "site": "kiel"}, open=True),
                Wave(name="one", labels={"site": "kiel"}, open=True),
                Wave(name="other-alphabets", labels={"straße": "ключ"}),
            ),
        ),
    ),
    (
        "a share and labels: a host has to meet both",
        Rollout(
            seed="both",
            waves=(
                Wave(name="some-of-kiel", fraction=0.6, labels={"site": "kiel"}, open=True),
                Wave(name="some", fraction=0.6),
            ),
        ),
    ),
    (
        "the first wave that takes a host in counts, though it is closed and a later one is open",
        Rollout(seed="order", waves=(Wave(name="first", fraction=0.7), Wave(name="second", open=True))),
    ),
    (
        "a time opens a wave at that very moment, and `open` opens it before",
        Rollout(
            seed="times",
            waves=(
                Wave(name="at-noon", fraction=0.4, opens_at=NOON),
                Wave(name="before", fraction=0.7, open=True, opens_at=NOON + timedelta(days=9)),
                Wave(name="elsewhere", opens_at=(NOON + timedelta(hours=2))),
            ),
        ),
    ),
    (
        "the edge of a share lies outside of it: edge-1 is exactly there",
        Rollout(
            seed="edges",
            waves=(Wave(name="up-to-it", fraction=_EDGE, open=True), Wave(name="beyond", open=True)),
        ),
    ),
    (
        "who is in no wave waits for a later statement",
        Rollout(seed="nobody", waves=(Wave(name="elsewhere", labels={"site": "mars"}, open=True),)),
    ),
    (
        "a seed of any letters, as UTF-8",
        Rollout(seed="Frühling/🌱 1", waves=(Wave(name="half", fraction=0.5),)),
    ),
)


def waves() -> dict[str, Any]:
    """Rollouts as statements hold them, and for each host its place, its wave and when it may start."""
    return {
        "about": "docs/protocol.md, Waves. place: numerator over 2**53; mayStart: answers for the moments.",
        "moments": [rfc3339(moment) for moment in MOMENTS],
        "rollouts": [_rollout(about, rollout) for about, rollout in ROLLOUTS],
    }


def _rollout(about: str, rollout: Rollout) -> dict[str, Any]:
    return {
        "about": about,
        "seed": rollout.seed,
        "waves": [wave.model_dump(mode="json", exclude_none=True) for wave in rollout.waves],
        "hosts": [_host(rollout, host, labels) for host, labels in HOSTS],
    }


def _host(rollout: Rollout, host: str, labels: dict[str, str]) -> dict[str, Any]:
    wave = wave_of(rollout, host, labels)
    return {
        "host": host,
        "labels": labels,
        "place": int(cohort(rollout.seed, host) * 2**53),
        "wave": None if wave is None else wave.name,
        "mayStart": [may_start(rollout, host, labels, moment) for moment in MOMENTS],
    }
