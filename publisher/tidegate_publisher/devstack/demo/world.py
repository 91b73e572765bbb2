"""The machine of the demo: broker, local Sigstore, a host with the agent, and the release job's commands."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from tidegate_publisher.devstack.demo import configuration
from tidegate_publisher.devstack.demo.processes import Child, free_port, listens
from tidegate_publisher.devstack.demo.programs import FOLDER, clean_environment
from tidegate_publisher.devstack.image import write_layout
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tidegate_publisher.devstack.demo.places import Places
    from tidegate_publisher.devstack.demo.programs import Programs
    from tidegate_publisher.devstack.image import Image

_PORT_TRIES: Final = 5
_COMMAND_S: Final = 60.0


class World:
    """Everything that runs. A context manager: leaving it ends every child, the agent first."""

    def __init__(self, places: Places, programs: Programs) -> None:
        self.places = places
        self.broker_url = ""
        self._programs = programs
        self._agent: Child | None = None
        self._children = ExitStack()

    def __enter__(self) -> Self:
        self._children.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_agent()
        self._children.close()

    def start_services(self, images: Mapping[str, Image]) -> None:
        """Bring up broker and Sigstore, and lay out all that the release job and the host need.

        Raises:
            TidegateError: one of them does not come up, CONFIG_* or DISK_IO.
        """
        places = self.places
        sigstore = self._start_sigstore()
        self._start_broker()
        write_layout(places.images, images)
        places.release.write_text(configuration.release_file(places))
        places.host_config.mkdir(parents=True)
        (places.host_config / "agent.toml").write_text(configuration.agent_config(places, self.broker_url))
        environment = configuration.shell_environment(places, self.broker_url, FOLDER)
        places.environment.write_text(environment)
        sigstore.wait_until(places.sigstore_ready.exists)
        self.mint_token("release", configuration.REPOSITORY)

    def start_agent(self) -> None:
        """Start the host's agent; whether it works shows at the broker."""
        command = [self._programs.agent, "--config", str(self.places.host_config), "run"]
        self._agent = Child("tidegate-agent", Code.CONTROL_UNREACHABLE, self.places.log("agent"), command)

    def stop_agent(self) -> None:
        """End the agent in order."""
        if self._agent is not None:
            self._agent.stop()

    def require_agent(self) -> None:
        """Raise TidegateError if the agent is gone."""
        if self._agent is not None:
            self._agent.require_alive()

    def give_window(self, opens: datetime) -> None:
        """Give the host a maintenance window. The agent reads it at its next start."""
        self.places.window.parent.mkdir(exist_ok=True)
        self.places.window.write_text(configuration.window_config(opens))

    def mint_token(self, name: str, repository: str) -> None:
        """Let the local Sigstore's identity provider say that we are a release job of this repository."""
        words = ["dev", "token", "--dir", str(self.places.sigstore), "--github", repository]
        self.places.token(name).write_text(self._run(words))

    def announce(self, version: str) -> dict[str, Any]:
        """Announce a version as a release job does; what the command printed.

        Raises:
            TidegateError: the code and the reason of the command.
        """
        return self._command("announce", version, version, "release")

    def sign_as_fork(self, version: str, claims: str, sequence: str) -> bytes:
        """A bundle for an image of ours under the attacker's version, signed by a fork of the repository."""
        self.places.attacker.mkdir(exist_ok=True)
        self.mint_token("fork", configuration.FORK)
        bundle = self.places.attacker / "forged.json"
        self._command("sign", version, claims, "fork", "--sequence", sequence, "--output", str(bundle))
        return bundle.read_bytes()

    def _command(self, command: str, tag: str, version: str, token: str, *more: str) -> dict[str, Any]:
        places = self.places
        words = [command, str(places.release), "--json", "--version", version]
        words += ["--image", configuration.image_reference(places, tag)]
        words += [
            "--identity-token-file",
            str(places.token(token)),
            "--trust-config",
            str(places.trust_config),
        ]
        if command == "announce":
            words += ["--sequence", version, "--broker", self.broker_url]
        document: dict[str, Any] = json.loads(self._run([*words, *more]))
        return document

    def _run(self, words: list[str]) -> str:
        """Run `tidegate` to its end; its standard output."""
        with self.places.log("commands").open("ab") as log:
            log.write(f"$ tidegate {' '.join(words)}\n".encode())
            log.flush()
            done = subprocess.run(
                [self._programs.tidegate, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=clean_environment(os.environ),
                timeout=_COMMAND_S,
                check=False,
                text=True,
            )
            log.write(done.stdout.encode())
        if done.returncode != 0:
            raise self._refused(words[0], done.stdout)
        return done.stdout

    def _refused(self, command: str, said: str) -> TidegateError:
        try:
            document = json.loads(said)
            return TidegateError(Code(document["code"]), f"tidegate {command}: {document['reason']}")
        except (ValueError, KeyError, TypeError):
            reason = f"tidegate {command} failed; see {self.places.log('commands')}"
            return TidegateError(Code.INTERNAL_ERROR, reason)

    def _start_sigstore(self) -> Child:
        places = self.places
        command = [self._programs.tidegate, "dev", "sigstore", "--port", "0", "--dir", str(places.sigstore)]
        command += ["--ready-file", str(places.sigstore_ready)]
        child = Child("the local Sigstore", Code.SIGN_FAILED, places.log("sigstore"), command)
        self._children.callback(child.stop)
        return child

    def _start_broker(self) -> None:
        """Start nats-server; another program may take a free port before it does, hence the tries."""
        places = self.places
        for left in reversed(range(_PORT_TRIES)):
            port = free_port()
            places.broker_config.write_text(configuration.broker_config(places, free_port(), port))
            command = [self._programs.broker, "-c", str(places.broker_config)]
            child = Child("nats-server", Code.BUS_UNREACHABLE, places.log("broker"), command)
            self._children.callback(child.stop)
            try:
                child.wait_until(partial(listens, port))
            except TidegateError:
                if left:
                    continue
                raise
            self.broker_url = f"mqtt://127.0.0.1:{port}"
            return


def current_digest(places: Places, digests: Mapping[str, str]) -> str | None:
    """Which of these images the host's `current` link leads to; None when to none of them."""
    generation = (places.store / "current").resolve().name
    return next((digest for digest in digests.values() if digest.endswith(f":{generation}")), None)
