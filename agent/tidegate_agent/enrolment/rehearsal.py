"""The configuration as it would be, loaded before it is written: by the agent's own loader, elsewhere.

All folders of configuration are laid out anew in a temporary place, because their files count together.
Settings that lead to a file that is to be written lead to a copy of it meanwhile, so that passwords and keys
are looked at, too.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.config import InvalidConfigError, Problem, load, warnings
from tidegate_agent.config.fragments import FILE_NAME, drop_ins, read
from tidegate_agent.config.words import trust_lines
from tidegate_agent.enrolment.entry import RECORD_NAME
from tidegate_agent.enrolment.plan import DROP_INS, Planned
from tidegate_agent.enrolment.references import named_files, with_files
from tidegate_agent.enrolment.toml_text import to_toml
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.client import tls_context

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tidegate_agent.config import Loaded
    from tidegate_wire.mqtt.settings import BusSettings

_MADE_LATER: Final = {"activate.hold_file", "activate.inhibit_directory", "events.device_key"}
"""Settings that name what need not be there, as what stands there by default need not."""


class Rehearsal:
    """A configuration that is not in force yet.

    Args:
        folder: the one that changes.
        places: all folders of configuration, in ascending precedence.
        files: what `folder` is to hold.
        gone: what it is to hold no more.
    """

    def __init__(
        self,
        folder: Path,
        places: Sequence[Path],
        files: Mapping[PurePosixPath, Planned],
        gone: Collection[PurePosixPath],
    ) -> None:
        self._folder = folder
        self._places = places if folder in places else (*places, folder)
        self._files = files
        self._gone = gone
        self._origins: dict[str, str] = {}

    def lines(self) -> tuple[list[str], list[str]]:
        """What would be in force, in words, and warnings.

        Raises:
            TidegateError: with all that is wrong with it, named as the sources are.
        """
        with tempfile.TemporaryDirectory(prefix="tidegate-enrol-") as name:
            stage = Path(name)
            try:
                return self._rehearse(stage)
            except InvalidConfigError as error:
                raise InvalidConfigError([self._named(problem) for problem in error.problems]) from None
            except TidegateError as error:
                raise ConfigError(error.code, self._renamed(error.reason)) from None

    def _rehearse(self, stage: Path) -> tuple[list[str], list[str]]:
        self._origins = {str(stage / "files"): str(self._folder)}
        moved = self._write_files(stage)
        folders = tuple(
            self._lay_out(place, stage / str(index), moved) for index, place in enumerate(self._places)
        )
        loaded = load(folders)
        self._require_files(loaded)
        brokers = ", ".join(one.endpoint.label for one in loaded.settings.bus.each)
        lines = [f"broker: {brokers}", *trust_lines(loaded.settings)]
        doubts = [*warnings(loaded), *_bus_doubts(loaded.settings.bus)]
        return lines, [self._renamed(each) for each in doubts]

    def _write_files(self, stage: Path) -> dict[str, str]:
        """Write what is no configuration; from where each file will be to where it is now."""
        (stage / "files").mkdir()
        moved = {}
        for place, planned in self._files.items():
            if place.suffix != ".toml":
                file = stage / "files" / place
                file.write_bytes(planned.content)
                file.chmod(planned.mode)
                moved[str(self._folder / place)] = str(file)
        return moved

    def _lay_out(self, place: Path, into: Path, moved: Mapping[str, str]) -> Path:
        if place.is_file():
            self._copy(place, into, moved)
            return into
        (into / DROP_INS).mkdir(parents=True)
        self._origins[str(into)] = str(place)
        for name in _configuration(place):
            if place != self._folder or not (name in self._files or name in self._gone):
                self._copy(place / name, into / name, moved)
        if place == self._folder:
            for name, planned in self._files.items():
                if name.suffix == ".toml":
                    self._put(planned, into / name, moved)
        return into

    def _copy(self, file: Path, to: Path, moved: Mapping[str, str]) -> None:
        self._origins[str(to)] = str(file)
        if file.is_symlink() and os.path.realpath(file) == os.devnull:
            to.symlink_to(os.devnull)
            return
        content = read(file)
        if isinstance(content, Problem):
            raise InvalidConfigError([content])
        self._write(content, to, moved)

    def _put(self, planned: Planned, to: Path, moved: Mapping[str, str]) -> None:
        self._origins[str(to)] = planned.origin
        to.write_bytes(planned.content)
        content = read(to)
        if isinstance(content, Problem):
            raise InvalidConfigError([content])
        self._write(content, to, moved)

    def _write(self, content: dict[str, Any], to: Path, moved: Mapping[str, str]) -> None:
        to.write_text(to_toml(with_files(content, moved)), encoding="utf-8")
        to.chmod(0o600)

    def _require_files(self, loaded: Loaded) -> None:
        # A typing error would show only when the agent starts.
        for key, file in named_files(loaded.settings):
            if key not in loaded.origins or key in _MADE_LATER:
                continue
            if not file.is_absolute():
                enrolled = {str(each) for each in self._files if each.suffix != ".toml"} - {RECORD_NAME}
                known = ", ".join(sorted(enrolled))
                reason = f"{key}: {file} is none of the enrolled files ({known or 'there are none'})"
                raise ConfigError(Code.CONFIG_VALUE, reason)
            if file.is_relative_to(self._folder) and not self._will_be(file):
                reason = f"{key}: {file} is neither on this host nor in a source"
                raise ConfigError(Code.CONFIG_MISSING, reason)

    def _will_be(self, file: Path) -> bool:
        return PurePosixPath(file.relative_to(self._folder)) not in self._gone and file.exists()

    def _named(self, problem: Problem) -> Problem:
        file = Path(self._renamed(str(problem.file))) if problem.file else None
        return replace(problem, file=file, text=self._renamed(problem.text))

    def _renamed(self, text: str) -> str:
        for place in sorted(self._origins, key=len, reverse=True):
            text = text.replace(place, self._origins[place])
        return text


def _bus_doubts(bus: BusSettings) -> list[str]:
    """Look at password, certificates and key, unless some are brought later (systemd's credentials).

    Raises:
        TidegateError: CONFIG_VALUE, CONFIG_MISSING, CONFIG_SYNTAX; what is wrong with one of them.
    """
    named = {"ca": bus.ca, "cert": bus.cert, "key": bus.key, "password_file": bus.password_file}
    absent = {key: file for key, file in named.items() if file is not None and not file.exists()}
    if not absent:
        bus.read_password()
        if bus.endpoint.tls:
            tls_context(bus)
    return [f"bus.{key}: {file} is not on this host yet." for key, file in absent.items()]


def _configuration(place: Path) -> list[PurePosixPath]:
    """The files of one folder that the loader would read, or be masked by."""
    names = [PurePosixPath(FILE_NAME)] if os.path.lexists(place / FILE_NAME) else []
    return names + [PurePosixPath(DROP_INS, file.name) for file in drop_ins(place)]
