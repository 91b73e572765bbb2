"""Registry credentials: where bootc reads them, and how the configured file gets there.

bootc takes no option and no variable for them. As root it reads the first that is there of
/etc/ostree/auth.json, /run/ostree/auth.json and /usr/lib/ostree/auth.json (ostree-container-auth(5)), each in
the form of containers-auth.json(5). A configured file is linked at the second of these, which is gone at boot
and takes nothing from the host's owner; where the first is there, it has to be that file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tidegate_agent.engines.images.space import disk_errors
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

_NAME: Final = "ostree/auth.json"


def in_force(root: Path = Path("/")) -> Path | None:
    """The file of credentials that bootc and rpm-ostree go by, as root; None where there is none.

    For whoever asks the same registries for something else, such as an image's signatures.
    """
    places = (root / folder / _NAME for folder in ("etc", "run", "usr/lib"))
    return next((place for place in places if place.is_file()), None)


class Credentials:
    """A configured file of credentials.

    Args:
        file: the file, or None where the host's owner sees to bootc's credentials.
        etc: where the host's own configuration is.
        run: what is gone at boot.
    """

    def __init__(self, file: Path | None, etc: Path = Path("/etc"), run: Path = Path("/run")) -> None:
        self._file = file
        self._own = etc / _NAME
        self._link = run / _NAME

    def provide(self) -> None:
        """See to it that bootc reads the configured file. A no-op when it does, or none is configured.

        Raises:
            EngineError: IMAGE_UNAUTHORIZED when there is no such file, or when bootc would read another;
                STAGE_FAILED, DISK_FULL or DISK_IO when it cannot be linked.
        """
        if self._file is None:
            return
        if not self._file.is_file():
            raise EngineError(
                Code.IMAGE_UNAUTHORIZED, f"there is no file {self._file} with credentials", retryable=True
            )
        # Even a link that leads nowhere is what bootc goes by.
        if _is_there(self._own):
            self._require_same(self._own)
        elif _is_there(self._link) and not self._link.is_symlink():
            self._require_same(self._link)
        elif not self._link.exists() or not self._link.samefile(self._file):
            self._put()

    def _require_same(self, read: Path) -> None:
        if self._file is None or (read.exists() and read.samefile(self._file)):
            return
        raise EngineError(
            Code.IMAGE_UNAUTHORIZED,
            f"bootc reads {read} and not {self._file}: leave out follow.bootc.auth_file, or link the one to "
            "the other",
            retryable=True,
        )

    def _put(self) -> None:
        with disk_errors(Code.STAGE_FAILED, "linking credentials", self._link):
            self._link.parent.mkdir(parents=True, exist_ok=True)
            beside = self._link.with_name("auth.json.tidegate")
            beside.unlink(missing_ok=True)
            beside.symlink_to(self._file or "")
            beside.replace(self._link)


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()
