"""What else can go wrong on a host, and for how long. Each begins in a given kind of state, and passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from tests.faults.kills.acts import CHANNEL
from tests.faults.kills.checks import Told, lacking, told, whole
from tests.faults.kills.host import Host
from tests.faults.kills.tap import PowerCut
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER, OLD
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.faults.kills.play import Played, Result

HOUR: Final = timedelta(hours=1)
MOMENT: Final = timedelta(0)
YEARS: Final = timedelta(days=3652)


class Tells(Enum):
    """What of the steps of a life without the fault has to be told, too."""

    EVERYTHING = auto()
    """All, in their order."""
    EACH = auto()
    """Each at least once: what failed because of the fault counts as a failed attempt."""
    NOTHING = auto()
    """The host has forgotten them."""


def _never(_: Result, __: Result) -> bool:
    return False


def _by_that_boot(model: Result, result: Result) -> bool:
    """A boot brings what the host could not get by itself: the way back, or what it was refused."""
    if model.code is Code.ROLLBACK_FAILED:
        return (result.state, result.code, result.running) == (model.state, model.code, OLD)
    return model.code is Code.ACTIVATE_REFUSED and (result.state, result.running) == ("succeeded", NEW)


def _nothing(_: Host) -> None:
    """It passes by itself."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        name: what it is called in reports.
        begin: what happens.
        end: what makes it pass.
        lasts: how long it takes.
        forgives: what of the result may be another than without the fault.
        tells: what the fleet has to be told of what it is told without the fault.
        forgets: whether the host forgets what it was, so that sequences and ids begin anew.
        explains: whether a life without the fault, given first, may end as the second did because of it.
    """

    name: str
    begin: Callable[[Host], None]
    end: Callable[[Host], None] = _nothing
    lasts: timedelta = MOMENT
    forgives: frozenset[str] = frozenset()
    tells: Tells = Tells.EVERYTHING
    forgets: bool = False
    explains: Callable[..., bool] = _never

    def check(self, played: Played, models: Sequence[Played]) -> list[str]:
        """What is wrong with a run in which it came and went."""
        if played.endless:
            return ["the agent was killed without end"]
        ended = [model for model in models if self._same(model.result, played.result)]
        problems = list(whole(played, forgets=self.forgets))
        if not ended:
            problems.append(f"it ends in {played.result}, not in {models[0].result}")
        elif missing := min((self._untold(played, model) for model in ended), key=len):
            problems.append(f"the broker was not told {missing}, only {told(played)}")
        return problems

    def _untold(self, played: Played, model: Played) -> list[Told]:
        if self.explains(model.result, played.result):
            return []
        match self.tells:
            case Tells.EVERYTHING:
                return lacking(told(played), told(model))
            case Tells.EACH:
                # Which attempt fails, and why, is another matter when some fail because of the fault.
                return [each for each in told(model) if each not in told(played) and "retry" not in each]
            case Tells.NOTHING:
                return []

    def _same(self, one: Result, other: Result) -> bool:
        return self.explains(one, other) or all(
            getattr(one, each.name) == getattr(other, each.name)
            for each in fields(one)
            if each.name not in self.forgives
        )


# The disk


def _fill_once(host: Host) -> None:
    host.rig.book.failing = 1


def _fill(host: Host) -> None:
    host.rig.book.broken = True


def _clear(host: Host) -> None:
    host.rig.book.broken = False


def _lose_journal(host: Host) -> None:
    host.rig.lose_journal()
    raise PowerCut


# The broker


def _part(host: Host) -> None:
    host.rig.broker.sever()


def _join(host: Host) -> None:
    host.rig.broker.up()
    host.rig.settle()


def _replace_broker(host: Host) -> None:
    host.rig.broker.down()
    host.said = host.rig.broker.retained.get(CHANNEL)
    host.rig.broker.wipe()
    _join(host)


def _say_again(host: Host) -> None:
    """What a publisher's schedule does: it says the same again."""
    if host.said is not None and CHANNEL not in host.rig.broker.retained:
        host.rig.say(host.said)


def _repeat(host: Host) -> None:
    said = host.rig.broker.retained.get(CHANNEL)
    for _ in range(3 if said is not None else 0):
        host.rig.broker.publish(CHANNEL, said or b"")


def _replay(host: Host) -> None:
    """Somebody who may write to the broker brings an old statement back, and it stays."""
    host.said = host.rig.broker.retained.get(CHANNEL)
    old = a_statement(NEWER, sequence=1, issued_at=host.rig.clock.now())
    if host.said is not None:
        host.rig.say(host.rig.verifier.sign(old.to_json()), settle=False)


def _reorder(host: Host) -> None:
    _replay(host)
    _restore(host)


def _restore(host: Host) -> None:
    if host.said is not None:
        host.rig.say(host.said, settle=False)


def _take_over(host: Host) -> None:
    for _ in range(3):
        host.rig.broker.cut()


# The registry, the time, the host


def _hold_acknowledgements(host: Host) -> None:
    host.rig.broker.hold_acks = True


def _lose_acknowledgements(host: Host) -> None:
    host.rig.broker.hold_acks = False
    host.rig.broker.cut()


def _close_registry(host: Host) -> None:
    host.rig.truth.registry_away = True


def _open_registry(host: Host) -> None:
    host.rig.truth.registry_away = False


def _set_clock(by: timedelta) -> Callable[[Host], None]:
    def begin(host: Host) -> None:
        host.clock_wrong_by += by
        host.rig.clock.set(host.rig.clock.now() + by)

    return begin


def _correct_clock(host: Host) -> None:
    wrong, host.clock_wrong_by = host.clock_wrong_by, timedelta(0)
    host.rig.clock.set(host.rig.clock.now() - wrong)
    host.rig.settle()


def _suspend(host: Host) -> None:
    host.rig.broker.sever()
    host.rig.clock.advance(timedelta(days=3))
    host.rig.broker.up()


def _cut_power(host: Host) -> None:
    host.revive = lambda: host.reboot_unasked(power_cut=True)
    raise PowerCut


def _reboot(host: Host) -> None:
    host.revive = lambda: host.reboot_unasked(power_cut=False)
    raise PowerCut


BOOTED: Final = frozenset({"boots", "ran"})
FORGOTTEN: Final = frozenset({"state", "target", "code", "running", "quarantined", "ran", "boots"})

FAULTS: Final = (
    Fault("disk full once", _fill_once),
    Fault("disk full for an hour", _fill, _clear, HOUR),
    Fault("journal lost", _lose_journal, forgives=FORGOTTEN, tells=Tells.NOTHING, forgets=True),
    Fault("broker away for an hour", _part, _join, HOUR),
    Fault("broker empty", _replace_broker, _say_again, HOUR),
    Fault("statement three times", _repeat),
    Fault("old statement retained", _replay, _restore, HOUR),
    Fault("statements out of order", _reorder),
    Fault("taken over thrice", _take_over),
    Fault("acknowledgements lost", _hold_acknowledgements, _lose_acknowledgements, HOUR),
    Fault("registry away for an hour", _close_registry, _open_registry, HOUR, tells=Tells.EACH),
    Fault("clock an hour ahead", _set_clock(HOUR), _correct_clock, HOUR),
    Fault("clock an hour behind", _set_clock(-HOUR), _correct_clock, HOUR),
    Fault("clock ten years ahead", _set_clock(YEARS), _correct_clock, HOUR),
    Fault("clock ten years behind", _set_clock(-YEARS), _correct_clock, HOUR),
    Fault("suspended for three days", _suspend, forgives=BOOTED),
    Fault("power cut", _cut_power, forgives=BOOTED, tells=Tells.EACH, explains=_by_that_boot),
    Fault("rebooted by somebody", _reboot, forgives=BOOTED, tells=Tells.EACH, explains=_by_that_boot),
)
"""Every other fault."""
