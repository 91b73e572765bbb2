"""The parts of addresses. What has another form is not there: it gets no further than this."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from tidegate_schemas.base import DIGEST_PATTERN, HOST_PATTERN, NAME_PATTERN

HostName = Annotated[str, Path(pattern=HOST_PATTERN, description="The host's id.")]
Product = Annotated[str, Path(pattern=NAME_PATTERN)]
ChannelName = Annotated[str, Path(pattern=NAME_PATTERN)]
ImageDigest = Annotated[str, Path(pattern=DIGEST_PATTERN, description="`sha256:` and 64 hexadecimal digits.")]
