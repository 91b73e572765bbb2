from __future__ import annotations

import random
import statistics

from hypothesis import given
from hypothesis import strategies as st

from tidegate_wire.mqtt.backoff import CAP_S, FIRST_S, STABLE_S, Backoff

unit = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)


@given(draws=st.lists(unit, min_size=1, max_size=400))
def test_each_pause_is_a_share_of_a_doubling_ceiling(draws: list[float]) -> None:
    source = iter(draws)
    backoff = Backoff(lambda: next(source))
    for attempt, draw in enumerate(draws):
        ceiling = min(CAP_S, FIRST_S * 2.0 ** min(attempt, 64))
        assert backoff.failed() == draw * ceiling


@given(failures=st.integers(0, 40), connected_s=st.floats(min_value=0, max_value=1e6))
def test_only_a_stable_connection_starts_anew(failures: int, connected_s: float) -> None:
    backoff = Backoff(lambda: 0.5)
    for _ in range(failures):
        backoff.failed()
    expected = FIRST_S if connected_s >= STABLE_S else min(CAP_S, FIRST_S * 2.0**failures)
    assert backoff.failed(connected_s) == expected / 2


@given(failures=st.integers(0, 40), draw=unit)
def test_a_displaced_client_waits_long_and_goes_on_waiting_long(failures: int, draw: float) -> None:
    backoff = Backoff(lambda: draw)
    for _ in range(failures):
        backoff.failed()
    assert CAP_S / 2 <= backoff.displaced() <= CAP_S
    assert backoff.failed() == draw * CAP_S


def test_a_fleet_spreads_evenly_over_the_cap() -> None:
    pauses = []
    for seed in range(20_000):
        backoff = Backoff(random.Random(seed).random)  # noqa: S311 -- jitter is no secret
        for _ in range(9):
            backoff.failed()
        pauses.append(backoff.failed())
    # Uniform on [0, 300): mean 150, deviation 300/sqrt(12) = 86.6; a tenth of the hosts in any tenth.
    assert abs(statistics.fmean(pauses) - CAP_S / 2) < 3
    assert abs(statistics.stdev(pauses) - CAP_S / 12**0.5) < 2
    shares = [sum(start <= pause < start + CAP_S / 10 for pause in pauses) for start in range(0, 300, 30)]
    assert all(abs(share - 2000) < 200 for share in shares)
