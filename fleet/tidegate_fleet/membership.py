"""Who takes part in a release, and in which wave. PURE: all who watch ask here, so their counts agree."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from tidegate_fleet.leading import in_full
from tidegate_schemas.rollout import wave_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate_schemas.statement import ChannelStatement

NO_WAVE: Final = ""
"""Stands for the wave of hosts that none takes in, and of all hosts when a release has no waves."""


def is_fit(statement: ChannelStatement, labels: Mapping[str, str], arch: str | None) -> bool:
    """Whether a host meets a release's requirements, as far as its status tells."""
    return statement.predicate.requires.met_by(labels, arch)


def wave_in(statement: ChannelStatement | None, host: str, labels: Mapping[str, str]) -> str:
    """The name of the wave that a host belongs to, or `NO_WAVE`.

    Hosts that wait for a budget belong to the wave that it widens: see `leading.in_full`.
    """
    wave = None if statement is None else wave_of(in_full(statement.predicate.rollout), host, labels)
    return NO_WAVE if wave is None else wave.name


def membership(statement: ChannelStatement) -> str:
    """What decides who is in which wave, as a short fingerprint: a promotion leaves it as it is."""
    predicate = statement.predicate
    waves = [
        (wave.name, wave.fraction, sorted(wave.labels.items())) for wave in in_full(predicate.rollout).waves
    ]
    wanted = predicate.requires
    content = [predicate.rollout.seed, waves, sorted(wanted.arch), sorted(wanted.labels.items())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
