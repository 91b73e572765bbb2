"""From a verifier's verdict to the machine's event: steps 5 to 7 of the order of verification. PURE."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate_agent import admission, machine
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Failure, Verdict
from tidegate_agent.update.events import Admitted, Known, Refused
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import ChannelStatement, parse_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tidegate_agent.admission import HostFacts, Memory, Policy
    from tidegate_agent.model import Follow, ImageStatus
    from tidegate_agent.update.states import State


@dataclass(frozen=True, slots=True)
class Decision:
    """What the machine is told, and what has to be remembered with it."""

    event: Admitted | Known | Refused
    memory: admission.Memory | None = None
    floor: datetime | None = None


class Intake:
    """Decides about one follow's messages."""

    def __init__(self, follow: Follow, facts: HostFacts, policy: Policy, boot_id: str) -> None:
        self._follow = follow
        self._facts = facts
        self._policy = policy
        self._boot_id = boot_id

    def decide(  # noqa: PLR0913 - all that a decision depends on, in plain sight
        self,
        announcement: str,
        verdict: Verdict | TidegateError,
        state: State,
        memory: Memory,
        image: ImageStatus,
        *,
        now: datetime,
        installed: int,
        quarantined: Mapping[str, Failure],
        attempts: Callable[[str], int],
    ) -> Decision:
        """Admit, recognise or refuse a message whose verdict is in. Never raises TidegateError."""
        if isinstance(verdict, TidegateError):
            return Decision(Refused(announcement, Failure(verdict.code, verdict.reason)))
        moment = max(now, verdict.signed_at_least or now)
        try:
            statement = self._read(verdict.payload)
            fingerprint = hashlib.sha256(verdict.payload).hexdigest()
            remembered = admission.admit(
                statement, fingerprint, memory, self._policy, moment, enough=verdict.enough
            )
        except TidegateError as error:
            details = {"signer": verdict.identity, "issuer": verdict.issuer}
            return Decision(Refused(announcement, Failure(error.code, error.reason, details)))
        if fingerprint == memory.accepted and machine.is_about(state, statement.digest):
            return Decision(Known(announcement))
        admitted = Admitted(
            announcement,
            admission.target_of(statement),
            attempt=attempts(statement.digest) + 1,
            image=image,
            boot_id=self._boot_id,
            installed_sequence=installed,
            unfit=self._unfit(statement, installed, quarantined),
        )
        return Decision(admitted, remembered, verdict.signed_at_least)

    def _read(self, payload: bytes) -> ChannelStatement:
        # The child has checked this; but what decides here is read here (step 5).
        statement = parse_statement(payload)
        predicate = statement.predicate
        if (predicate.product, predicate.channel) != (self._follow.product, self._follow.channel):
            reason = (
                f"the statement speaks for {predicate.product}/{predicate.channel}, not {self._follow.key}"
            )
            raise RefusedError(Code.STATEMENT_TARGET, reason)
        return statement

    def _unfit(
        self, statement: ChannelStatement, installed: int, quarantined: Mapping[str, Failure]
    ) -> Failure | None:
        if (failure := quarantined.get(statement.digest)) is not None:
            reason = f"this image was given up on before: {failure.reason}"
            return Failure(Code.IMAGE_QUARANTINED, reason, {"because": failure.code})
        return admission.fitness(statement.predicate, self._facts, installed)
