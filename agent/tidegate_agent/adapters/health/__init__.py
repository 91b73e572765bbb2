"""ports.HealthCheck: what [[health.check]] asks, one file for each kind.

- `rounds`: the port itself: one round of all checks, in order, within its time
- `command`, `http`, `tcp`, `units`, `space`, `greenboot`: the kinds
- `answer`: what a kind answers, and how it is bounded

Every kind takes a timeout in seconds, ends within it, and raises nothing that it could put into words.
"""

from tidegate_agent.adapters.health.rounds import HealthRounds, Places

__all__ = ["HealthRounds", "Places"]
