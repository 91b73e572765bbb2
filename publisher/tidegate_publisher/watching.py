"""What `tidegate watch` is given by the publisher: who reads statements, and who signs when a key is pressed.

The watching side itself signs nothing and knows no policy (tidegate_fleet.watch.ports).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from tidegate_fleet.announced import Announced
from tidegate_fleet.watch.ports import Action, Preparation
from tidegate_publisher import wiring
from tidegate_publisher.operations import Conditions, Operation
from tidegate_publisher.options.broker import Broker
from tidegate_publisher.options.identity import Identity
from tidegate_publisher.options.target import Target
from tidegate_publisher.options.trust import Trust
from tidegate_publisher.output import Output
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_publisher.ports import Verifier

_OPERATIONS: Final = {Action.HOLD: Operation.HOLD, Action.RESUME: Operation.RESUME}
_DONE: Final = {Action.HOLD: "held", Action.RESUME: "let go on"}


def statement_reader(trust: Trust, target: Target) -> Callable[[bytes], Announced]:
    """Reads what the channel holds: verified, where anything says against what; else at its word.

    Raises:
        TidegateError: the policy or the root cannot be read.
    """
    verify = verified_reader(trust)
    return claimed if verify is None else partial(verify, target)


def verified_reader(trust: Trust) -> Callable[[tuple[str, str], bytes], Announced] | None:
    """Reads what a channel holds, verified; None when nothing says against what.

    Raises:
        TidegateError: the policy or the root cannot be read.
    """
    verifier = trust.verifier()
    if verifier.policy is None and trust.trust_config is None and trust.trusted_root is None:
        return None
    return partial(_verified, verifier)


def claimed(message: bytes) -> Announced:
    """What a message says, by whomever."""
    from tidegate_wire.trust.describe import UnverifiedKey, describe_message  # noqa: PLC0415 -- 0.1 s

    try:
        claims = describe_message(message)
    except TidegateError as error:
        return Announced(None, fault=error)
    first = claims[0]
    if first.statement is None:
        return Announced(None, fault=TidegateError(Code.STATEMENT_SCHEMA, first.fault or "not a statement"))
    signers = tuple(
        f"a key pair ({one.hint})" if isinstance(one, UnverifiedKey) else one.identity for one in claims
    )
    return Announced(first.statement, signers=signers)


def _verified(verifier: Verifier, channel: tuple[str, str], message: bytes) -> Announced:
    try:
        found = verifier.verify(message, channel)
    except TidegateError as error:
        return Announced(None, fault=error)
    return Announced(
        found.statement,
        verified=True,
        compared=verifier.policy is not None,
        signers=tuple(map(str, found.signers)),
    )


@dataclass(frozen=True, slots=True)
class ChannelSteering:
    """See tidegate_fleet.watch.ports.Steering: the use cases behind `tidegate hold` and `tidegate resume`.

    Each time over a connection of its own: the one that listens is busy, and may be a watcher's, who may
    write nothing.
    """

    target: Target
    broker: Broker
    trust: Trust
    identity: Identity

    def prepare(self) -> Preparation:
        """See Steering.prepare."""
        self._policy()
        needs_person = self.identity.needs_person()
        self.identity.check()
        if self.identity.key is not None:
            return Preparation(f"the key {self.identity.key}", needs_person)
        who = self.identity.signer(self.trust.trust_config).identity()
        return Preparation("you, after you signed in" if who is None else str(who), needs_person)

    def steer(self, action: Action, sequence: int) -> str:
        """See Steering.steer."""
        trust, silent = self._policy(), Output(quiet=True)
        with self.broker.open(silent) as session:
            operating = wiring.operating(session, self.broker, trust, self.identity, silent)
            outcome = operating.run(_OPERATIONS[action], *self.target, Conditions(sequence))
        said = outcome.signed.verified
        head = _DONE[action] if outcome.changed else "unchanged: it was so already"
        return f"{head}, #{said.statement.predicate.sequence}, signed by {said.signed_by}"

    def _policy(self) -> Trust:
        try:
            return self.trust.to_sign(self.identity).require_policy()
        except click.UsageError as error:
            raise TidegateError(Code.TRUST_POLICY_EMPTY, error.message) from error
