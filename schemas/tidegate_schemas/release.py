"""The release file: what a person writes for `tidegate sign` and `announce` (YAML, or the same as flags)."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from tidegate_schemas import limits
from tidegate_schemas.base import Form, Labels, Moment, Name, Sequence, Short, Text
from tidegate_schemas.gates import Fraction, Gate
from tidegate_schemas.rollout import RolloutState, Urgency


class ReleaseRequires(Form):
    """What a host must have."""

    arch: Annotated[tuple[Short, ...], Field(max_length=limits.ITEMS)] = ()
    labels: Labels = {}
    minimum_sequence: Sequence | None = None


class ReleaseWave(Form):
    """One wave; see `tidegate_schemas.rollout.Wave`. `gate` stands over the release's and is not signed."""

    name: Name
    fraction: Fraction = 1.0
    labels: Labels = {}
    open: bool = False
    opens_at: Moment | None = None
    gate: Gate = Gate()


class ReleaseRollout(Form):
    """How the release may spread. The seed is drawn for each release when none is given.

    `timeout` is how long `tidegate rollout run` may take over all waves; it is not signed.
    """

    state: RolloutState = RolloutState.ACTIVE
    seed: Short | None = None
    waves: Annotated[tuple[ReleaseWave, ...], Field(max_length=limits.ITEMS)] = ()
    timeout: Annotated[timedelta, Field(gt=timedelta(0))] | None = None


class Release(Form):
    """One release of a product on a channel.

    `image` is `registry/repository@sha256:…` (a tag is resolved to its digest, which is then signed) or
    `oci:/path[@sha256:…]`; `mirrors` are further repositories with the same content, without digest.
    `sequence` is chosen from what is announced when none is given. `expires_in` is how long hosts
    may act on the statement. `gate` is what `tidegate rollout run` waits for between two waves.
    """

    product: Name
    channel: Name
    image: Short
    mirrors: Annotated[tuple[Short, ...], Field(max_length=15)] = ()
    version: Short
    notes: Text = ""
    sequence: Sequence | None = None
    expires_in: timedelta = timedelta(days=14)
    requires: ReleaseRequires = ReleaseRequires()
    rollout: ReleaseRollout = ReleaseRollout()
    gate: Gate = Gate()
    urgency: Urgency = Urgency.ROUTINE
    deadline: Moment | None = None
    floor: Annotated[int, Field(ge=0, le=limits.SEQUENCE)] = 0
