"""What goes out of a collector to others: numbers for Prometheus, results to a webhook and to OpenTelemetry.

| module       | holds                                                                 |
|--------------|-----------------------------------------------------------------------|
| `metrics`    | what a collector counts as it works; the answer to a scrape           |
| `fleet`      | the fleet in numbers, out of the store when somebody asks             |
| `courier`    | brings events to one target, in order, each at least once             |
| `assembly`   | from what an operator sets to couriers that run                       |
| `cursor`     | how far a courier is, on disk                                         |
| `targets`    | what a courier needs of a target, and how one can fail                |
| `posting`    | one request over HTTP, with all its bounds                            |
| `signatures` | Standard Webhooks                                                     |
| `webhook`    | a target: CloudEvents over HTTP                                       |
| `otlp`       | a target: OpenTelemetry events and traces over OTLP/HTTP              |
| `otlp_messages` | what is sent there                                                 |

The queue of a courier is the store itself: nothing is kept in memory for a target that is away, and
collecting never waits for one.
"""

from __future__ import annotations
