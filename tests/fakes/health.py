"""Health as a test wants it."""

from __future__ import annotations

from tidegate_agent.model import CheckResult, Health

HEALTHY = Health((CheckResult("fake", passed=True, required=True),))
SICK = Health((CheckResult("fake", passed=False, required=True, output="the fake is sick"),))


class FakeHealth:
    """ports.HealthCheck that gives prepared answers, and the last of them ever after.

    Attributes:
        answers: what the next rounds find.
        rounds: how many there were.
    """

    def __init__(self, *answers: Health) -> None:
        self.answers = list(answers) or [HEALTHY]
        self.rounds = 0

    def run(self) -> Health:
        """The next prepared answer."""
        self.rounds += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
