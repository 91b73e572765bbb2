"""Progress and patience from the lines that `rpm-ostree rebase` prints.

rpm-ostree has no progress protocol. It says how many layers it needs and how large they are, and then each
layer once it is there (rust/src/sysroot_upgrade.rs in its sources):

    Pulling manifest: ostree-image-signed:docker://quay.io/os@sha256:…
    Importing: … (digest: sha256:…)
    ostree chunk layers already present: 17
    ostree chunk layers needed: 48 (2.4 GB)
    custom layers needed: 2 (576.7 MB)
    [1/50] Fetching ostree chunk sha256:58f61b85c3cd (112.4 MB)... done
    Staging deployment... done

Sizes are rounded to one decimal, in powers of 1000 and in the spelling of the daemon's locale: what is
counted here is near the truth, not the truth.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import EngineError
from tidegate_agent.model import StageProgress
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

_FETCHED: Final = re.compile(r"Fetching (?:ostree chunk|layer) \S+ \(([^()]{1,40})\).*done")
_NEEDED: Final = re.compile(r"layers (?:stored: \d+ )?needed: \d+ \(([^()]{1,40})\)")
_SIZE: Final = re.compile(r"(\d[\d.,\s]*?)\s*(byte|bytes|[kKMGT]B)")
_POWERS: Final = {"byte": 0, "bytes": 0, "kB": 1, "KB": 1, "MB": 2, "GB": 3, "TB": 4}
_FETCHING_PERCENT: Final = 90
"""How much of the whole the layers are; the rest is unpacking the tree, packages and the deployment."""
_MANIFEST_LINES: Final = 1


class Importing:
    """One rebase, as far as its lines tell.

    Args:
        progress: told of every step that raises the percentage.
        cancelled: whether it is wanted no more.
        answer_s: seconds until something must be heard of the image: what comes after the first line.

    Attributes:
        fetched: bytes that came over the wire, nearly.
    """

    def __init__(
        self, progress: Callable[[StageProgress], None], cancelled: Callable[[], bool], answer_s: float
    ) -> None:
        self.fetched = 0
        self._needed = 0
        self._percent = -1
        self._lines = 0
        self._progress = progress
        self._cancelled = cancelled
        self._answer_s = answer_s
        self._began = time.monotonic()
        self._tell(0)

    def on_line(self, line: bytes) -> None:
        """Take a line of stdout."""
        text = line.decode(errors="replace")
        self._lines += 1
        if needed := _NEEDED.search(text):
            self._needed += size_of(needed[1])
        elif fetched := _FETCHED.search(text):
            self.fetched = min(self.fetched + size_of(fetched[1]), self._needed)
            self._tell(self.fetched * _FETCHING_PERCENT // max(1, self._needed))

    def unwanted(self) -> bool:
        """Whether to end it. Raises EngineError(ENGINE_TIMEOUT) while nothing is heard of the image."""
        if self._lines <= _MANIFEST_LINES and time.monotonic() - self._began > self._answer_s:
            raise EngineError(
                Code.ENGINE_TIMEOUT,
                f"rpm-ostree heard nothing of the image for {self._answer_s:g} s; is the registry reachable?",
                retryable=True,
            )
        return self._cancelled()

    def done(self) -> None:
        """It is staged: whatever was rounded, all that was needed is here."""
        self.fetched = self._needed
        self._tell(100)

    def _tell(self, percent: int) -> None:
        if percent > self._percent:
            self._percent = percent
            self._progress(StageProgress(percent, self.fetched, self._needed))


def size_of(text: str) -> int:
    """Bytes of a size as GLib spells it, `2.4 GB` or `2,4 GB`; 0 when it is something else.

    >>> size_of("112,4 MB")
    112400000
    """
    matched = _SIZE.fullmatch(text.strip())
    if matched is None:
        return 0
    number, power = matched[1], _POWERS[matched[2]]
    whole, fraction = number, "0"
    if power and (split := re.fullmatch(r"(.*)[.,](\d)", number)):
        whole, fraction = split[1], split[2]
    digits = re.sub(r"\D", "", whole)
    scale: int = 1000**power
    return (int(digits) * 10 + int(fraction)) * scale // 10
