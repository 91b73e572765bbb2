"""A fake registry with one image and one large blob, and a source that pulls from it in fake time."""

from __future__ import annotations

from tests.contract.registry.conftest import realm, registry, source, store, time

__all__ = ["realm", "registry", "source", "store", "time"]
