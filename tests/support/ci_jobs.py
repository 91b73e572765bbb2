"""The jobs of docs/ci/ are run here: their own scripts, line for line, on stand-ins for what only CI has.

Stand-ins are the programs that build, push and sign images, the actions that are used, and the CI's own
tokens, which a job gets only if it asks for the permission. tidegate, broker, registry and host are real.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.documents import DOCS, adapt

_EXPRESSION: Final = re.compile(r"\$\{\{\s*(\S+?)\s*\}\}")

# What builds an image pushes one that is there already; the others are recorded only.
_STAND_IN: Final = """#!/bin/sh
set -eu
printf '%s %s\\n' "${0##*/}" "$*" >>"$CALLS"
case "${0##*/} $1" in
"podman login" | "buildah login" | "cosign login") test -n "$(cat)" ;;
"podman push" | "buildah push")
	test "$2" = --digestfile
	exec skopeo copy --quiet --dest-tls-verify=false --digestfile "$3" "oci:$STAND_IN_IMAGE" "docker://$4"
	;;
esac
"""
STANDING_IN: Final = ("podman", "buildah", "cosign", "pip", "apt-get")


@dataclass
class Runner:
    """A machine that runs jobs.

    Args:
        folder: of the machine; the workspace and the home are below it.
        image: OCI layout and tag of what a build results in.
        environment: what every job finds besides.

    Attributes:
        workspace: where scripts begin; tests put the repository's files there.
    """

    folder: Path
    image: str
    environment: Mapping[str, str]
    workspace: Path = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = self.folder / "workspace"
        for each in ("workspace", "home", "bin", "temp"):
            (self.folder / each).mkdir(parents=True)
        for name in STANDING_IN:
            program = self.folder / "bin" / name
            program.write_text(_STAND_IN)
            program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """The stand-ins' command lines, in order."""
        return (self.folder / "calls").read_text().splitlines()

    def run(self, script: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a script as GitHub and GitLab do: by bash, up to the first command that fails."""
        places = (str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
        return subprocess.run(
            ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.workspace,
            env={
                "PATH": os.pathsep.join(places),
                "HOME": str(self.folder / "home"),
                "CALLS": str(self.folder / "calls"),
                "STAND_IN_IMAGE": self.image,
                **self.environment,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


class FailedJobError(AssertionError):
    """A script of a job ended with another status than 0."""

    def __init__(self, name: str, done: subprocess.CompletedProcess[str]) -> None:
        super().__init__(f"{name}: status {done.returncode}\n{done.stdout}{done.stderr}")
        self.status = done.returncode
        self.printed = done.stdout
        self.words = done.stderr


def pipeline(name: str, changes: dict[str, str]) -> dict[str, Any]:
    """A file of docs/ci/ with the names of the test's own services."""
    document = yaml.safe_load(adapt((DOCS / "ci" / name).read_text(encoding="utf-8"), changes))
    assert isinstance(document, dict)
    return document


@dataclass
class GitHub:
    """Runs jobs of a GitHub workflow.

    Attributes:
        workflow: the parsed file.
        runner: the machine.
        context: what `${{ … }}` may name: secrets and the like. Outputs are added as jobs go by.
        ambient: what a job finds in its environment that may ask for an identity token.
        actions: what stands in for each action that is used, by its name; it is given its inputs.
        variables: what GitHub defines for every job.
    """

    workflow: Mapping[str, Any]
    runner: Runner
    context: dict[str, str]
    ambient: Mapping[str, str]
    actions: Mapping[str, Callable[[Mapping[str, str]], None]]
    variables: Mapping[str, str]

    def run(self, name: str, cancelled_at: str | None = None) -> str:
        """Run a job, and return what it printed.

        Args:
            name: of the job.
            cancelled_at: of the step at which somebody cancels it.

        Raises:
            FailedJobError: a step failed.
        """
        job = self.workflow["jobs"][name]
        permissions = job.get("permissions", self.workflow.get("permissions"))
        ambient = self.ambient if permissions.get("id-token") == "write" else {}
        environment = self._evaluated(self.workflow.get("env", {})) | dict(ambient) | dict(self.variables)
        self.context |= {f"env.{key}": value for key, value in environment.items()}
        own = self._evaluated(job.get("env", {}))
        self.context |= {f"env.{key}": value for key, value in own.items()}
        environment |= own
        printed = self._steps(job["steps"], environment, cancelled_at)
        for key, value in job.get("outputs", {}).items():
            self.context[f"needs.{name}.outputs.{key}"] = self._text(value)
        return printed

    def _steps(
        self, steps: Sequence[Mapping[str, Any]], environment: Mapping[str, str], cancelled_at: str | None
    ) -> str:
        printed, failure, state = "", None, "success()"
        for step in steps:
            if step.get("if", "success()") not in {state, "always()"}:
                continue
            if cancelled_at is not None and step.get("name") == cancelled_at:
                state = "cancelled()"
                continue
            try:
                printed += self._step(step, environment)
            except FailedJobError as error:
                failure, state = failure or error, "failure()"
        if failure is not None:
            raise failure
        return printed

    def _step(self, step: Mapping[str, Any], environment: Mapping[str, str]) -> str:
        if "uses" in step:
            self.actions[step["uses"].partition("@")[0]](self._evaluated(step.get("with", {})))
            return ""
        outputs = self.runner.folder / "outputs"
        outputs.write_text("")
        own = self._evaluated(step.get("env", {})) | {"GITHUB_OUTPUT": str(outputs)}
        done = self.runner.run(step["run"], {**environment, **own})
        if done.returncode:
            raise FailedJobError(step["name"], done)
        for line in outputs.read_text().splitlines():
            key, _, value = line.partition("=")
            self.context[f"steps.{step['id']}.outputs.{key}"] = value
        return done.stdout

    def _evaluated(self, table: Mapping[str, Any]) -> dict[str, str]:
        return {key: self._text(value) for key, value in table.items()}

    def _text(self, value: object) -> str:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _EXPRESSION.sub(lambda match: self.context[match[1]], text)


@dataclass
class GitLab:
    """Runs jobs of a GitLab pipeline.

    Attributes:
        pipeline: the parsed file.
        runner: the machine.
        variables: what GitLab and the project's settings define, and reports of jobs that are done.
        environments: variables of single environments.
        token: an id token for an audience.
    """

    pipeline: Mapping[str, Any]
    runner: Runner
    variables: dict[str, str]
    environments: Mapping[str, Mapping[str, str]]
    token: Callable[[str], str]

    def run(self, name: str, *, cancelled: bool = False) -> str:
        """Run a job, and return what it printed. One that is `cancelled` never comes to its script.

        Raises:
            FailedJobError: a line of its script failed.
        """
        job = self._job(name)
        environment = {
            **self.variables,
            **self._expanded(self.pipeline.get("variables", {})),
            **self._expanded(job.get("variables", {})),
            **self.environments.get(_name(job.get("environment", "")), {}),
            **{key: self.token(value["aud"]) for key, value in job.get("id_tokens", {}).items()},
        }
        script = ["exit 1"] if cancelled else job["script"]
        done = self.runner.run("\n".join([*job.get("before_script", ()), *script]), environment)
        state = "canceled" if cancelled else "failed" if done.returncode else "success"
        after = self.runner.run(
            "\n".join(job.get("after_script", ())), {**environment, "CI_JOB_STATUS": state}
        )
        if after.returncode:
            raise FailedJobError(f"{name}: after_script", after)
        if done.returncode and not cancelled:
            raise FailedJobError(name, done)
        report = job.get("artifacts", {}).get("reports", {}).get("dotenv")
        if report:
            text = (self.runner.workspace / report).read_text()
            self.variables |= dict(line.split("=", 1) for line in text.splitlines())
        return done.stdout

    def _job(self, name: str) -> dict[str, Any]:
        job = self.pipeline[name]
        return {**self.pipeline.get(job.get("extends", ""), {}), **job}

    def _expanded(self, table: Mapping[str, Any]) -> dict[str, str]:
        return {
            key: re.sub(r"\$(\w+)", lambda match: self.variables[match[1]], str(value))
            for key, value in table.items()
        }


def _name(environment: str | Mapping[str, str]) -> str:
    return environment if isinstance(environment, str) else environment["name"]
