"""Case 40: what a host keeps of a repository of roots is poisoned or unwritable, or the refresh hangs.

The repository is a real one, on loopback. The refresh runs in its real child process; verification reads the
root in force anew for each message, as its child does.
"""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import pytest_socket
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier
from sigstore.verify.policy import UnsafeNoOp

from tests.support.tuf_repository import TufRepository, hang
from tests.trust.beliefs import trusting
from tests.trust.checks import Start, hears_and_refuses, takes_up
from tests.trust.releases import SIGNED, the_truth
from tests.trust.verifying import FOLLOW, InProcessVerifier
from tests.trust.world import Host
from tidegate_agent.adapters.root_tuf import METADATA, PREVIOUS, ROOT, Repository, TufRoot
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.root import PUBLIC_GOOD, load_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler

    from tests.trust.forge import Forge

LIFE: Final = timedelta(days=3650)
"""Of the repository's metadata: python-tuf goes by the system's clock, and this host by another."""

SOON_S: Final = 2.0
DEADLINE_S: Final = 30.0


@pytest.fixture(autouse=True)
def _network_off() -> None:
    """Loopback is open here, and nothing else."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@dataclass(frozen=True)
class Refreshed:
    """A host whose root came from a repository, and what is beside it."""

    host: Host
    repository: TufRepository
    folder: Path
    source: Repository

    @property
    def keeper(self) -> TufRoot:
        """As after a restart of the agent."""
        return TufRoot(self.folder, self.source)


@pytest.fixture
def refreshed(forge: Forge, start: Start, tmp_path: Path) -> Iterator[Refreshed]:
    with TufRepository.serving() as repository:
        repository.publish(forge.sigstore.trusted_root_json().encode(), life=LIFE)
        first, folder = tmp_path / "first_root.json", tmp_path / "trust"
        first.write_bytes(repository.first_root)
        source = Repository(repository.url, first, timeout_s=DEADLINE_S)
        TufRoot(folder, source).refresh(SIGNED)
        host = start(forge.beliefs, verifier=InProcessVerifier(lambda: load_root(folder / ROOT), trusting()))
        yield Refreshed(host, repository, folder, source)


def _stands(refreshed: Refreshed, forge: Forge) -> None:
    """The root in force is the one before: a stranger is refused, and the truth gets in."""
    stranger = forge.signing("v1", by=forge.stranger).message()
    hears_and_refuses(refreshed.host, stranger, Code.SIGNATURE_ROOT)
    takes_up(refreshed.host, forge.signing("v2", the_truth()).message())


def _strangers_repository(forge: Forge, folder: Path) -> None:
    """Fill a folder as a refresh from a stranger's repository, with a stranger's root, would."""
    with TufRepository.serving() as repository:
        repository.publish(forge.stranger.trusted_root_json().encode(), life=LIFE)
        first = folder.parent / "strangers_root.json"
        first.write_bytes(repository.first_root)
        TufRoot(folder, Repository(repository.url, first)).refresh(SIGNED)


def test_case_40b_poisoned_trust_cache(refreshed: Refreshed, forge: Forge, tmp_path: Path) -> None:
    """Another repository's metadata, perfect but for who signed it, lies where the host keeps its own."""
    strangers = tmp_path / "strangers"
    _strangers_repository(forge, strangers)
    shutil.rmtree(refreshed.folder / METADATA)
    shutil.copytree(strangers / METADATA, refreshed.folder / METADATA, symlinks=True)
    before = (refreshed.folder / ROOT).read_bytes()
    refreshed.keeper.refresh(SIGNED)
    assert (refreshed.folder / ROOT).read_bytes() == before
    _stands(refreshed, forge)


def test_case_40c_poisoned_trust_cache_and_no_repository(
    refreshed: Refreshed, forge: Forge, tmp_path: Path
) -> None:
    """The same while the repository serves nothing: what lies there is not taken for want of better."""
    strangers = tmp_path / "strangers"
    _strangers_repository(forge, strangers)
    shutil.rmtree(refreshed.folder / METADATA)
    shutil.copytree(strangers / METADATA, refreshed.folder / METADATA, symlinks=True)
    refreshed.repository.files.clear()
    _fails(refreshed)
    _stands(refreshed, forge)


def test_case_40d_repository_of_a_stranger(refreshed: Refreshed, forge: Forge) -> None:
    """The repository's address answers with a stranger's root, in a target of the right name."""
    strangers = TufRepository()
    strangers.publish(forge.stranger.trusted_root_json().encode(), life=LIFE)
    refreshed.repository.files.clear()
    refreshed.repository.files.update(strangers.files)
    _fails(refreshed)
    _stands(refreshed, forge)


def _fails(refreshed: Refreshed) -> None:
    before = (refreshed.folder / ROOT).read_bytes()
    with pytest.raises(TidegateError) as caught:
        refreshed.keeper.refresh(SIGNED)
    assert caught.value.code is Code.TRUST_REFRESH_FAILED
    assert (refreshed.folder / ROOT).read_bytes() == before


@pytest.mark.parametrize("place", [PREVIOUS, f".{ROOT}.new"])
def test_case_40e_unwritable_trust_cache(refreshed: Refreshed, forge: Forge, place: str) -> None:
    """A new root is there, and a folder that is not empty stands where it has to be written.

    Rights would not stop a test that runs as root; this stops everybody.
    """
    (refreshed.folder / place / "in the way").mkdir(parents=True)
    refreshed.repository.publish(forge.stranger.trusted_root_json().encode(), life=LIFE)
    _fails(refreshed)
    _stands(refreshed, forge)


def test_case_40f_refresh_that_hangs(refreshed: Refreshed, forge: Forge) -> None:
    """The repository takes the question and never answers: messages are judged meanwhile, and it ends."""
    asked = threading.Event()

    def never(request: BaseHTTPRequestHandler, ended: threading.Event) -> None:
        asked.set()
        hang(request, ended)

    refreshed.repository.answers["/timestamp.json"] = never
    patience = replace(refreshed.source, timeout_s=SOON_S)
    with ThreadPoolExecutor(1) as pool:
        refresh = pool.submit(TufRoot(refreshed.folder, patience).refresh, SIGNED)
        assert asked.wait(DEADLINE_S)
        _stands(refreshed, forge)
        error = refresh.exception(DEADLINE_S)
    assert isinstance(error, TidegateError)
    assert error.code is Code.TRUST_REFRESH_FAILED


def test_case_40g_poisoned_home(forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sigstore-python keeps a cache under HOME, which it believes unverified; in it lies a stranger's root.

    Who asks for the public-good root gets the one that was shipped: the child knows no home.
    """
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    message = forge.signing("v1", by=forge.stranger).message()
    ClientTrustConfig.production(offline=True)
    (cached,) = tmp_path.rglob("trusted_root.json")
    cached.write_text(forge.stranger.trusted_root_json())
    library = Verifier(trusted_root=ClientTrustConfig.production(offline=True).trusted_root)
    assert library.verify_dsse(Bundle.from_json(message), UnsafeNoOp())
    verifier = ChildVerifier(VerifyingChild(PUBLIC_GOOD), {FOLLOW.key: trusting()})
    with pytest.raises(RefusedError) as caught:
        verifier.verify(FOLLOW, message)
    assert caught.value.code is Code.SIGNATURE_ROOT
