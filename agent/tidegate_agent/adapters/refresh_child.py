"""The refreshing child: reads one request from stdin, prints one answer to stdout, and ends.

Run by `root_tuf` as `python -I -m tidegate_agent.adapters.refresh_child MEMORY_MIB SECONDS`. It talks to
the network, so it is a process of its own: whatever a repository sends, it meets parsers without privileges,
with little memory, time and disk, and a hang ends with the process. It writes to the folder that it is given
and nowhere else, and has no HOME.

A failure is an answer and exit 0. Any other end means that nothing was refreshed.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.confinement import confine, drop_capabilities

if TYPE_CHECKING:
    from tidegate_agent.adapters.refresh_messages import Answer

OPEN_FILES: Final = 32
FILE_BYTES: Final = 1024 * 1024
"""The largest file that it can write."""


def main() -> int:
    """Confine, read, refresh, answer. The exit code is 0 when there is an answer."""
    confine(
        memory_mib=int(sys.argv[1]),
        cpu_seconds=int(sys.argv[2]),
        open_files=OPEN_FILES,
        file_bytes=FILE_BYTES,
    )
    # Whoever asked kills it in time, unless he is gone himself.
    signal.alarm(int(sys.argv[2]) + 1)
    sys.stdout.write(_answer().model_dump_json(by_alias=True) + "\n")
    sys.stdout.flush()
    return 0


def _answer() -> Answer:
    # Imported under the limits, and after them: most of the child's memory is these imports.
    from tidegate_agent.adapters.refresh_messages import NotRefreshed  # noqa: PLC0415
    from tidegate_schemas import limits  # noqa: PLC0415
    from tidegate_schemas.codes import TidegateError  # noqa: PLC0415

    try:
        return _refresh()
    except TidegateError as error:
        return NotRefreshed(reason=error.reason[: limits.TEXT])
    # Whatever else went wrong, a broken installation or too little memory, the parent needs to be told.
    except Exception as error:  # noqa: BLE001
        reason = f"the refreshing process broke: {type(error).__name__}: {error}"
        return NotRefreshed(reason=reason[: limits.TEXT])


def _refresh() -> Answer:
    import tempfile  # noqa: PLC0415 - see _answer

    from tidegate_agent.adapters import refresh_messages  # noqa: PLC0415 - see _answer
    from tidegate_agent.adapters.tuf_client import refresh  # noqa: PLC0415 - see _answer
    from tidegate_agent.adapters.tuf_fetcher import DeadlineFetcher  # noqa: PLC0415 - see _answer

    drop_capabilities()
    raw = sys.stdin.buffer.read(refresh_messages.MESSAGE_BYTES + 1)
    if len(raw) > refresh_messages.MESSAGE_BYTES:
        raise ValueError("the request is too large")
    request = refresh_messages.RefreshRequest.model_validate_json(raw)
    tempfile.tempdir = request.folder
    return refresh(request, DeadlineFetcher(request.seconds, request.proxy, request.ca_file))


if __name__ == "__main__":
    sys.exit(main())
