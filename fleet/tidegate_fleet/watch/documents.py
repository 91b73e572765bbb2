"""A picture for machines: one JSON document. PURE. Documented in docs/watching.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate_fleet.standing import Phase
from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_fleet.watch.picture import Counts, Picture, Release, WaveLine


def picture_document(picture: Picture) -> dict[str, Any]:
    """All of a picture but the single hosts."""
    speed = picture.speed
    return {
        "channel": picture.channel,
        "at": rfc3339(picture.now),
        "connected": picture.connected,
        "loading": picture.loading,
        "hosts": {"known": picture.hosts, "online": picture.online, "meant": picture.counted},
        "release": None if picture.release is None else release_document(picture.release),
        "phases": _counts(picture.totals),
        "ended": picture.ended,
        "silent": picture.silent_hosts,
        "speed": None
        if speed is None
        else {
            "hostsPerMinute": round(speed.per_minute, 2),
            "remaining": speed.remaining,
            "end": _moment(speed.end),
        },
        "waves": [_wave(wave) for wave in picture.waves],
        "failures": [
            {
                "code": None if failure.code is None else failure.code.value,
                "hosts": failure.hosts,
                "newest": _moment(failure.newest),
                "reason": failure.reason,
            }
            for failure in picture.failures
        ],
        "notices": list(picture.notices),
    }


def release_document(release: Release) -> dict[str, Any]:
    """What the channel holds, and how far that is believed."""
    return {
        "version": release.version,
        "digest": release.digest,
        "sequence": release.sequence,
        "state": release.state.value,
        "trust": release.trust.name.lower(),
        "signers": list(release.signers),
        "expires": rfc3339(release.expires),
        "runner": None
        if release.runner is None
        else release.runner.model_dump(mode="json", exclude_none=True),
        "led": release.leads,
        "approval": None
        if release.asks is None
        else {
            "wave": release.asks.wave,
            "since": rfc3339(release.asks.since),
            "command": release.command,
        },
    }


def wave_place(wave: WaveLine) -> dict[str, Any]:
    """Which wave, and whether its hosts may start."""
    document = {
        "name": wave.name or None,
        "share": wave.share,
        "open": wave.open,
        "opensAt": _moment(wave.opens_at),
        "fraction": wave.fraction,
    }
    return document if wave.whole == wave.fraction else {**document, "whole": wave.whole}


def _wave(wave: WaveLine) -> dict[str, Any]:
    return {**wave_place(wave), "phases": _counts(wave.counts), "silent": wave.silent}


def _counts(counts: Counts) -> dict[str, int]:
    return {phase.value: counts.get(phase, 0) for phase in Phase}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
