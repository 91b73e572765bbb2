"""The way back that needs no agent: a document for `bootc edit`, written before the reboot.

`bootc rollback` is a toggle. Run twice, as by a boot guard that tries again, it goes back to the image that
failed. A document says what is wanted: with the rollback queued already, nothing happens.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tidegate_agent.engines.bootc.notes import write_durably

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.engines.bootc.status import HostStatus


def write_fallback(path: Path, host: HostStatus) -> None:
    """Write the document that queues the rollback once the staged image runs.

    `spec` of a status shows what is staged. Repeated word for word, only the boot order differs then.

    Raises:
        EngineError: DISK_FULL, DISK_IO or STAGE_FAILED.
    """
    spec = host.document["spec"]
    wanted = {**(spec if isinstance(spec, dict) else {}), "bootOrder": "rollback"}
    # bootc reads YAML, of which JSON is a part (YAML 1.2, section 1.3).
    write_durably(path, json.dumps({**host.document, "spec": wanted}).encode())
