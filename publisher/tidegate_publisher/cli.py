"""The `tidegate` command: its table of commands, and how errors become words and exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from tidegate_publisher.exit_codes import MEANINGS, ExitCode, epilog, exit_code
from tidegate_publisher.lazy import Entry, LazyGroup
from tidegate_publisher.leaving import INTERRUPTED
from tidegate_publisher.output import Output
from tidegate_schemas import __version__
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE: Final = "tidegate_publisher.commands"
_RELEASE, _STEER, _LOOK, _LEARN = "Release", "Steer a release", "Look", "Learn and try out"

COMMANDS: Final = {
    "sign": Entry(f"{_HERE}.sign:sign", "Sign a release into a bundle file.", _RELEASE),
    "announce": Entry(
        f"{_HERE}.announce:announce", "Sign a release and announce it on its channel.", _RELEASE
    ),
    "countersign": Entry(f"{_HERE}.countersign:countersign", "Add a signature to a statement.", _RELEASE),
    "keygen": Entry(f"{_HERE}.keygen:keygen", "Make a key pair for signing without Sigstore.", _RELEASE),
    "hold": Entry(f"{_HERE}.operate:hold", "Stop a release from spreading, for now.", _STEER),
    "resume": Entry(f"{_HERE}.operate:resume", "Let a held release go on.", _STEER),
    "promote": Entry(f"{_HERE}.operate:promote", "Open the next wave of a release.", _STEER),
    "revoke": Entry(f"{_HERE}.operate:revoke", "Withdraw a release for good.", _STEER),
    "rollout": Entry(f"{_HERE}.rollout:rollout", "Lead a release from wave to wave, watched.", _STEER),
    "heartbeat": Entry(f"{_HERE}.operate:heartbeat", "Make a channel's statement fresh again.", _STEER),
    "request": Entry(f"{_HERE}.request:request", "Ask single hosts to do something, signed.", _STEER),
    "verify": Entry(f"{_HERE}.verify:verify", "Check a signed statement as hosts do.", _LOOK),
    "verify-image": Entry(
        f"{_HERE}.verify_image:verify_image", "Check an image's own signature as hosts do.", _LOOK
    ),
    "inspect": Entry(f"{_HERE}.inspect:inspect", "Show what a bundle claims, unverified.", _LOOK),
    "events": Entry(f"{_HERE}.events:events", "Follow what hosts report.", _LOOK),
    "watch": Entry(f"{_HERE}.watch:watch", "Watch a release spread, live.", _LOOK),
    "report": Entry(f"{_HERE}.report:report", "Report on a release: one HTML file.", _LOOK),
    "page": Entry(f"{_HERE}.page:page", "Show what was collected as a web page.", _LOOK),
    "collect": Entry(f"{_HERE}.collect:collect", "Collect what a fleet says into a database.", _LOOK),
    "fleet": Entry(f"{_HERE}.fleet:fleet", "List hosts: presence, versions, drift.", _LOOK),
    "trust": Entry(f"{_HERE}.trust:trust", "Print the trusted root in use.", _LOOK),
    "schema": Entry(
        f"{_HERE}.schema:schema", "Print the contract: schemas, AsyncAPI, codes, vectors.", _LEARN
    ),
    "explain": Entry(f"{_HERE}.explain:explain", "Say what a code means and what to do.", _LEARN),
    "completion": Entry(f"{_HERE}.completion:completion", "Print a shell's completion script.", _LEARN),
    "dev": Entry(f"{_HERE}.dev:dev", "Local services for trying out; protect nothing.", _LEARN),
}

_EPILOG: Final = epilog([*MEANINGS.items(), (INTERRUPTED, "interrupted: Ctrl-C")])


class TidegateGroup(LazyGroup):
    """The top-level group. Whatever happens below ends here as words, code and exit status."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 -- click's signature
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002 -- the same
        **extra: Any,  # noqa: ANN401 -- the same
    ) -> NoReturn:
        """Run a command line and exit."""
        del standalone_mode
        given = list(sys.argv[1:] if args is None else args)
        # A usage error leaves no parsed options behind, so the words themselves are asked.
        output = Output(as_json="--json" in given)
        # For commands that tell a person what to give next.
        extra.setdefault("obj", given)
        try:
            status: object = super().main(
                given,
                prog_name or "tidegate",
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except (TidegateError, click.ClickException, click.Abort) as error:
            status = _report(output, error)
        except Exception as error:  # noqa: BLE001 -- a person never sees a traceback
            status = _report(output, _internal(error))
        sys.exit(status if isinstance(status, int) else ExitCode.OK)


def _report(output: Output, error: Exception) -> int:
    if os.environ.get("TIDEGATE_DEBUG") == "1":
        raise error
    match error:
        case TidegateError():
            output.error(error)
            return exit_code(error.code)
        case click.Abort():
            output.fault("interrupted", "Interrupted", "Repeat the command: it is safe to do so.")
            return INTERRUPTED
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "tidegate"
            # click spreads choices over lines, with tabs.
            output.fault("usage", " ".join(error.format_message().split()), f"See `{path} --help`.")
        case click.ClickException():
            output.fault("usage", error.format_message(), "Check the path and your right to it.")
    return ExitCode.USAGE


def _internal(error: Exception) -> TidegateError:
    words = " ".join(str(error).split())[:300]
    reason = f"A fault of tidegate's own: {type(error).__name__}: {words} (TIDEGATE_DEBUG=1 shows where)"
    return TidegateError(Code.INTERNAL_ERROR, reason)


@click.group(
    name="tidegate",
    cls=TidegateGroup,
    entries=COMMANDS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="tidegate")
def cli() -> None:
    """Announce signed operating system updates to a fleet, over the MQTT broker you have.

    A release is a container image's digest and how it may spread. tidegate signs that with Sigstore and
    leaves it on the broker, one retained message for each channel; hosts verify it and decide for themselves.

    \b
    A first release:
      export TIDEGATE_BROKER=mqtts://broker.example:8883
      tidegate announce release.yaml           # prints the sequence, say 7
      tidegate verify --bus os/stable
      tidegate events --product os --channel stable --sequence 7 \\
        --until succeeded --hosts 10

    \b
    The same wave by wave, watched, and held when too many hosts fail:
      tidegate rollout run release.yaml --signers signers.toml
      tidegate watch os/stable --signers signers.toml
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
