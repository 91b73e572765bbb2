"""A fake registry with one image and one large blob, and a source that pulls from it in fake time."""

from __future__ import annotations

from tests.contract.registry.conftest import realm, registry, source, store, time
from tests.e2e.conftest import sigstore

__all__ = ["realm", "registry", "sigstore", "source", "store", "time"]
