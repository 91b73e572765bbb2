"""The page on a million hosts: figures find their way into the arithmetic, and it into the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench.figure import Figure
from tests.bench.scale import page
from tests.bench.scale.given import Broker, Store, Words

if TYPE_CHECKING:
    from pathlib import Path

WORDS = Words(events=8, event_bytes=700.0, statuses=6, status_bytes=840.0, statement_bytes=5500)
MEASURED = {
    "memory of the broker for a host [KiB]": 10.0,
    "processor of the broker for a ping [ms]": 0.01,
    "processor of the broker for an event [ms]": 0.1,
    "processor of the broker for its delivery [ms]": 0.05,
    "hosts come back [1/s]": 900.0,
    "events into PostgreSQL, 1 collector [1/s]": 3000.0,
    "database for an event [bytes]": 1000.0,
}


def figures(broker: str) -> list[Figure]:
    return [Figure(line, "", (value,), line=line, column=broker) for line, value in MEASURED.items()]


def test_a_broker_is_read_out_of_the_grid() -> None:
    ((broker, store),) = page.brokers(figures("NATS, three nodes"))
    assert broker == Broker("NATS, three nodes", 3, 10_240, 0.01 / 1000, 0.1 / 1000, 0.05 / 1000, 900.0)
    assert store == Store(3000.0, 1000.0)


def test_of_a_broker_of_which_something_is_missing_nothing_is_said() -> None:
    told = [*figures("Mosquitto"), *figures("RabbitMQ")[1:]]
    assert [broker.name for broker, _ in page.brokers(told)] == ["Mosquitto"]


def test_the_arithmetic_has_a_column_for_each_broker() -> None:
    text = page.arithmetic([*figures("Mosquitto"), *figures("RabbitMQ")], WORDS)
    assert "| pings | hosts / keepalive | 16,667 /s |" in text
    assert "| | how | Mosquitto | RabbitMQ |" in text
    # A million, in a quarter of an hour, by nodes that take half of 900 a second.
    assert "| nodes by a storm | hosts / its time / 50% of what a node took back | 3 | 3 |" in text


def test_without_figures_there_is_what_depends_on_no_broker() -> None:
    text = page.arithmetic([], WORDS)
    assert "1,000,000 hosts: what they say" in text
    assert "what a broker and its collectors need" not in text


def test_a_block_is_put_in_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "scale.md"
    path.write_text(f"# Before\n\n{page.BEGIN}\nold\n{page.END}\n\nAfter.\n")
    page.replace_block(path, "new\n")
    page.replace_block(path, "newer\n")
    assert path.read_text() == f"# Before\n\n{page.BEGIN}\n\nnewer\n\n{page.END}\n\nAfter.\n"


@pytest.mark.parametrize("text", ["no marks", page.BEGIN, f"{page.END}\n{page.BEGIN}"])
def test_a_page_without_marks_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scale.md"
    path.write_text(text)
    with pytest.raises(ValueError, match="lacks the lines"):
        page.replace_block(path, "new")
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [(100, "100 bytes"), (2048, "2.00 KiB"), (3 << 40, "3.00 TiB"), (1536 << 20, "1.50 GiB")],
)
def test_sizes_are_told_in_units_that_fit(bytes_: float, text: str) -> None:
    assert page.size(bytes_) == text
