"""What the live view costs with a large fleet: `python -m tests.bench.watching [HOSTS]`.

Messages are made beforehand; then they are read, taken in and shown as `tidegate watch` does, without a
broker. The app runs headless, at 120 by 40, and is fed from a thread: at a steady pace first, then as fast as
it takes them. `gap` is the longest time for which the app did nothing else: so long a key may wait.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tests.support.fleets import describes, said
from tests.support.watched import CHANNEL, WAY, announced
from tidegate_fleet.watch import overview
from tidegate_fleet.watch.inbox import ConnectionSeen, Inbox, StatusSeen
from tidegate_fleet.watch.model import Watched
from tidegate_fleet.watch.ports import Action, Preparation
from tidegate_fleet.watch.roster import Filter, listed
from tidegate_fleet.watch.screen.app import WatchApp
from tidegate_fleet.words import HostEvent, RefusedEvent, read_host_message
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step, encode
from tidegate_schemas.status import HostStatus
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOSTS: Final = 50_000
BURST: Final = 5_000
TOPICS: Final = Topics()


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def statuses(hosts: int) -> Iterator[Message]:
    """One of each host, as the broker has them in store."""
    for number in range(hosts):
        name = f"edge-{number:05}"
        status = describes(name, labels={"site": f"s{number % 40}", "model": "kiosk"})
        yield Message(TOPICS.status(name), status.to_json(), retained=True)


def events(hosts: int) -> Iterator[Message]:
    """Eight of each host, step by step through the whole fleet; three in a hundred fail."""
    for place, step in enumerate([*WAY, Step.SUCCEEDED]):
        for number in range(hosts):
            name = f"edge-{number:05}"
            failed = step is Step.SUCCEEDED and number % 100 < 3
            data: dict[str, Any] = (
                {"code": Code.HEALTH_FAILED, "reason": "health check `web` failed"} if failed else {}
            )
            event = said(name, Step.ROLLED_BACK if failed else step, place, **data).event
            sent = encode(event, binary=True)
            yield Message(TOPICS.events(name), sent.payload, retained=False, properties=sent.properties)


def read(message: Message) -> HostEvent | StatusSeen:
    """As the listening thread reads it."""
    heard = read_host_message(message, TOPICS)
    assert heard is not None
    assert not isinstance(heard, RefusedEvent)
    return StatusSeen(heard, message.retained) if isinstance(heard, HostStatus) else heard


def took(what: str, job: Callable[[], object], each: int = 1) -> None:
    """Tell how long something takes."""
    began = time.thread_time()
    job()
    spent = time.thread_time() - began
    unit = f"{spent / each * 1e6:8.1f} µs each" if each > 1 else f"{spent * 1e3:8.1f} ms"
    print(f"{what:<58} {unit}")  # noqa: T201 -- a report


def memory() -> None:
    """Tell how much memory is used."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 -- not a file of anybody's
        pages = int(file.read().split()[1])
    print(f"{'resident memory':<58} {pages * resource.getpagesize() / 2**20:8.0f} MiB")  # noqa: T201 -- the same


def model(hosts: int) -> None:
    """The parts one by one."""
    watched = Watched(CHANNEL)
    watched.take(ConnectionSeen(), now())
    watched.take(announced(), now())
    memory()
    for kind, source in (("status", statuses(hosts)), ("event", events(hosts))):
        count = hosts * (1 if kind == "status" else 8)
        raw = source
        spent_read = spent_take = 0.0
        for message in raw:
            began = time.thread_time()
            heard = read(message)
            middle = time.thread_time()
            watched.take(heard, now())
            spent_take += time.thread_time() - middle
            spent_read += middle - began
        print(f"{f'read one {kind}':<58} {spent_read / count * 1e6:8.1f} µs each")  # noqa: T201 -- the same
        print(f"{f'take one {kind} in':<58} {spent_take / count * 1e6:8.1f} µs each")  # noqa: T201 -- the same
        memory()
    picture = watched.picture(now())
    took("make a picture", lambda: watched.picture(now()))
    took("turn it into rows", lambda: (overview.header(picture, 120), overview.body(picture, 119)))
    took("list all hosts", lambda: listed(watched, Filter(), now()))
    took("list all that failed", lambda: listed(watched, Filter(failed="health.failed"), now()))
    took("search for a name", lambda: listed(watched, Filter(text="edge-4999"), now()))
    took("take a promotion in", lambda: watched.take(announced(2), now()))
    took("take another release in", lambda: watched.take(announced(3, letter="b"), now()))


@dataclass
class Nobody:
    """ports.Steering of nobody."""

    def prepare(self) -> Preparation:
        """See ports.Steering."""
        return Preparation("nobody")

    def steer(self, action: Action, sequence: int) -> str:
        """See ports.Steering."""
        return f"{action} {sequence}"


def fed(hosts: int, pace: int | None) -> None:
    """The app, fed with all statuses and events at `pace` messages a second, or as fast as it goes."""
    watched, inbox = Watched(CHANNEL), Inbox()
    messages = [*statuses(hosts), *events(hosts)]
    done = threading.Event()

    def feed() -> None:
        inbox.put(ConnectionSeen())
        inbox.put(announced())
        began = time.monotonic()
        for number, message in enumerate(messages):
            if pace is not None and number % 100 == 0:
                threading.Event().wait(max(0.0, began + number / pace - time.monotonic()))
            inbox.put(read(message))
        done.set()

    async def play() -> tuple[float, float, float]:
        app = WatchApp(watched, inbox, Nobody(), now)
        work = 0.0
        async with app.run_test(size=(120, 40)):
            thread = threading.Thread(target=feed)
            began, last = time.perf_counter(), time.thread_time()
            thread.start()
            while not done.is_set() or len(inbox):
                await asyncio.sleep(0.005)
                seen = time.thread_time()
                work, last = max(work, seen - last), seen
            fed_at = time.perf_counter()
            while app.picture is None or app.picture.ended < hosts:  # noqa: ASYNC110 -- no event tells
                await asyncio.sleep(0.005)
            shown = time.perf_counter()
            thread.join()
        return fed_at - began, shown - fed_at, work

    spent, lag, work = asyncio.run(play())
    name = "as fast as it goes" if pace is None else f"{pace} messages a second"
    rate = len(messages) / spent
    print(  # noqa: T201 -- the same
        f"fed {name}: {len(messages)} in {spent:.1f} s ({rate:.0f}/s), shown {lag:.2f} s after the last, "
        f"most work in one go {work * 1e3:.0f} ms"
    )
    memory()


def main() -> None:
    """Measure."""
    hosts = int(sys.argv[1]) if len(sys.argv) > 1 else HOSTS
    print(f"{hosts} hosts, {hosts * 8} events")  # noqa: T201 -- the same
    model(hosts)
    fed(hosts // 10, BURST)
    fed(hosts, None)


if __name__ == "__main__":
    main()
