"""The verifying child: reads one request from stdin, prints one answer to stdout, and ends.

Run by `verifier_child` as `python -I -m tidegate_agent.adapters.verify_child MEMORY_MIB CPU_SECONDS`. With
`serve` behind them it answers one framed request after the other (`frames`), until stdin ends. It is a
process of its own, so that hostile bytes meet certificate and timestamp parsers where there is little to
gain: no secret in memory, no capabilities, no file that grows, no program with more rights, no process (where
the agent is not root: root's processes are not counted), little memory and time.
It costs the agent 0.5 s and 56 MB for a new message, some milliseconds for each that follows at once, and
nothing in between. CPU and memory are for all that it answers together.

It is a bound on accidents and cost, and no sandbox: it uses no network and writes no file, but nothing keeps
code that took it over from both. It runs as the agent's user (docs/threats.md, docs/adr/0004).

A refusal is an answer and exit 0. Any other end (no answer, another exit code, a signal) means that there is
no verdict, which the parent takes as a refusal too.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from tidegate_agent.adapters.confinement import confine, drop_capabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.adapters.verify_messages import Answer


def main() -> int:
    """Confine, read, verify, answer. The exit code is 0 when there is an answer."""
    confine(memory_mib=int(sys.argv[1]), cpu_seconds=int(sys.argv[2]))
    if sys.argv[3:] == ["serve"]:
        return _serve()
    answer = _answer(sys.stdin.buffer.read)
    sys.stdout.write(answer.model_dump_json(by_alias=True) + "\n")
    sys.stdout.flush()
    return 0


def _serve() -> int:
    from tidegate_agent.adapters import frames  # noqa: PLC0415 - under the limits, as all that follows

    while len(header := sys.stdin.buffer.read(frames.HEADER_BYTES)) == frames.HEADER_BYTES:
        nonce, length = frames.read_header(header)
        answer = _answer(io.BytesIO(sys.stdin.buffer.read(length)).read)
        sys.stdout.buffer.write(frames.pack(nonce, answer.model_dump_json(by_alias=True).encode()))
        sys.stdout.buffer.flush()
    return 0


def _answer(read: Callable[[int], bytes]) -> Answer:
    # Imported under the limits, and after them: most of the child's memory and time is these imports.
    from tidegate_agent.adapters.verify_messages import Refused  # noqa: PLC0415
    from tidegate_schemas import limits  # noqa: PLC0415
    from tidegate_schemas.codes import Code, TidegateError  # noqa: PLC0415

    try:
        return _verify(read)
    except TidegateError as error:
        return Refused(code=error.code, reason=error.reason[: limits.TEXT])
    # Whatever else went wrong, a broken installation or too little memory, the parent needs to be told.
    except Exception as error:  # noqa: BLE001
        reason = f"the verifying process broke: {type(error).__name__}: {error}"
        return Refused(code=Code.VERIFY_FAILED, reason=reason[: limits.TEXT])


def _verify(read: Callable[[int], bytes]) -> Answer:
    from tidegate_agent.adapters import verify_messages  # noqa: PLC0415 - see _answer
    from tidegate_agent.adapters.verdicts import judge  # noqa: PLC0415 - see _answer

    raw = read(verify_messages.REQUEST_BYTES + 1)
    if len(raw) > verify_messages.REQUEST_BYTES:
        raise ValueError("the request is too large")
    # The agent's own words. What a stranger sent is base64 in them: closed until capabilities are gone.
    request = verify_messages.VerifyRequest.model_validate_json(raw)
    if not request.about.with_keys:
        from tidegate_wire.trust import keyless  # noqa: F401, PLC0415 - key pairs do without these 0.4 s
    drop_capabilities()
    return judge(request)


if __name__ == "__main__":
    sys.exit(main())
