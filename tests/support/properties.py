"""Settings that property tests share."""

from __future__ import annotations

from hypothesis import settings

SLOW_MACHINES = settings(deadline=None)
"""No limit on a single case: on a shared machine it would measure the neighbours."""
