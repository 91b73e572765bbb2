"""State and pin of the podman engine: what each moment between two writes means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_agent.engines.podman.ledger import Kept, Ledger, Pointers, State
from tidegate_agent.engines.podman.pin import Pin
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

A, B, C, D = (f"sha256:{digit * 64}" for digit in "abcd")
IMAGES = {digest: Kept(name=f"registry.example/app@{digest}", image_id=digest[7:]) for digest in (A, B, C)}
BEFORE, AFTER = Pointers(current=A, previous=C, staged=B), Pointers(current=B, previous=A)


def test_before_the_pin_moves_it_is_the_old_state_and_afterwards_the_new_one() -> None:
    meant = State(pointers=BEFORE, switch=AFTER, images=IMAGES)
    assert meant.seen_with(A) == BEFORE
    assert meant.seen_with(B) == AFTER


def test_the_first_image_has_no_pin_before_it() -> None:
    meant = State(pointers=Pointers(staged=B), switch=Pointers(current=B), images=IMAGES)
    assert meant.seen_with(None) == Pointers(staged=B)
    assert meant.seen_with(B) == Pointers(current=B)


def test_a_pin_that_somebody_moved_decides_what_is_current() -> None:
    state = State(pointers=Pointers(current=A, previous=B), images=IMAGES)
    assert state.seen_with(B) == Pointers(current=B)
    assert state.seen_with(D) == Pointers(previous=B)
    assert state.seen_with(None) == Pointers(previous=B)


digests = st.none() | st.sampled_from([A, B, C])
pointers = st.builds(Pointers, current=digests, previous=digests, staged=digests)


@given(pointers, st.none() | pointers, digests)
def test_nothing_that_any_reading_points_to_is_unneeded(
    before: Pointers, switch: Pointers | None, pinned: str | None
) -> None:
    state = State(pointers=before, switch=switch, images=IMAGES)
    # An image that somebody pinned by hand, and that nothing here knows of, is the one exception.
    known = before.named() | (switch.named() if switch else set())
    assert not (state.seen_with(pinned).named() & known) & state.unneeded()
    assert state.unneeded() | known == set(IMAGES) | known


@given(pointers, st.none() | pointers, digests, digests)
def test_staging_changes_only_what_is_staged(
    before: Pointers, switch: Pointers | None, pinned: str | None, staged: str | None
) -> None:
    state = State(pointers=before, switch=switch, images=IMAGES)
    seen, after = state.seen_with(pinned), state.staging(staged).seen_with(pinned)
    assert after == seen.model_copy(update={"staged": staged})


def test_a_state_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    state = State(pointers=BEFORE, switch=AFTER, images=IMAGES)
    ledger = Ledger(tmp_path / "state.json")
    assert ledger.read() == State()
    ledger.write(state)
    assert ledger.read() == state
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 2}', b'{"pointers": {"current": "latest"}}'])
def test_a_damaged_state_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    with pytest.raises(TidegateError) as caught:
        Ledger(tmp_path / "state.json").read()
    assert caught.value.code is Code.DISK_IO
    assert "state.json" in caught.value.reason


def test_a_pin_is_a_drop_in_that_systemd_reads(tmp_path: Path) -> None:
    pin = Pin(tmp_path / "system", "app.service")
    assert pin.digest() is None
    pin.point(f"registry.example:5000/app@{A}")
    assert pin.digest() == A
    path = tmp_path / "system/app.service.d/50-tidegate.conf"
    assert path.read_text().splitlines()[1:] == [
        "[Service]",
        f'Environment="TIDEGATE_IMAGE=registry.example:5000/app@{A}"',
    ]
    assert path.stat().st_mode & 0o777 == 0o644
    pin.point(f"registry.example/app@{B}")
    assert pin.digest() == B
    for _ in range(2):
        pin.point(None)
        assert pin.digest() is None


@pytest.mark.parametrize("text", ["", "[Service]\nEnvironment=TIDEGATE_IMAGE=app:latest\n", "\0" * 10_000])
def test_a_pin_of_another_form_is_none(tmp_path: Path, text: str) -> None:
    pin = Pin(tmp_path, "app.service")
    pin.path.parent.mkdir()
    pin.path.write_text(text)
    assert pin.digest() is None
