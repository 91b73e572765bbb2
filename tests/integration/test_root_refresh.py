"""The trusted root out of a real TUF repository: what gets through, what does not, and what is left then.

Every failure asserts that the root in force is the one before. NOW is the system's clock: python-tuf asks
no other. Longer than the habit: one host and one repository, and all that can be wrong with them.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tuf.api.exceptions import SlowRetrievalError

from tests.support.bundles import PERSON, SIGNER, a_message
from tests.support.faketime import python_in
from tests.support.pki import Authority
from tests.support.tuf_repository import TufRepository, drip, drip_headers, flood, hang, reply
from tidegate_agent.adapters.root_tuf import METADATA, PREVIOUS, RECORD, ROOT, Repository, TufRoot
from tidegate_agent.adapters.tuf_fetcher import DeadlineFetcher
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.adapters.verifier_rooted import RootedVerifier
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Follow
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.policy import SignerPolicy
from tidegate_wire.trust.root import ROOT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FOLLOW = Follow("os", "stable")
TIMEOUT_S = 20.0


def policy() -> SignerPolicy:
    return SignerPolicy((SIGNER,))


@pytest.fixture(scope="module")
def first() -> LocalSigstore:
    return LocalSigstore.create(NOW)


@pytest.fixture(scope="module")
def second() -> LocalSigstore:
    return LocalSigstore.create(NOW)


class Host:
    """A host that trusts a repository, which has published one root; it was refreshed once."""

    def __init__(self, folder: Path, repository: TufRepository, root: str) -> None:
        self.repository = repository
        self.folder = folder / "trust"
        self.first_root = folder / "root.json"
        self.first_root.write_bytes(repository.first_root)
        self.root = root
        repository.publish(root.encode())
        self.keeper().refresh(NOW)

    @property
    def metadata(self) -> Path:
        return self.folder / METADATA

    @property
    def in_force(self) -> str:
        return (self.folder / ROOT).read_text()

    def keeper(self, timeout_s: float = TIMEOUT_S, memory_mib: int = 512) -> TufRoot:
        """The keeper, as after a restart of the agent."""
        source = Repository(self.repository.url, self.first_root, timeout_s=timeout_s)
        return TufRoot(self.folder, source, memory_mib)

    def refusal(self, now: datetime = NOW, timeout_s: float = TIMEOUT_S) -> str:
        """Why a refresh fails; the root in force stays."""
        before = self.in_force
        with pytest.raises(TidegateError) as caught:
            self.keeper(timeout_s).refresh(now)
        assert caught.value.code is Code.TRUST_REFRESH_FAILED
        assert self.in_force == before
        return caught.value.reason


@pytest.fixture
def host(tmp_path: Path, first: LocalSigstore) -> Iterator[Host]:
    with TufRepository.serving() as repository:
        yield Host(tmp_path, repository, first.trusted_root_json())


# What gets through


def test_the_root_and_what_is_known_of_it(host: Host) -> None:
    found = host.keeper().look(NOW)
    assert host.in_force == host.root
    assert found.refreshed_at == NOW
    assert {end.what: end.at for end in found.ends} == {
        "the repository's root.json": host.repository.now + 330 * DAY,
        "the repository's timestamp.json": host.repository.now + 30 * DAY,
        "the repository's snapshot.json": host.repository.now + 30 * DAY,
        "the repository's targets.json": host.repository.now + 30 * DAY,
    }


def test_removing_a_key_revokes_it(host: Host, first: LocalSigstore, second: LocalSigstore) -> None:
    child = VerifyingChild(host.folder / ROOT)
    verifier = ChildVerifier(child, {FOLLOW.key: policy()})
    assert verifier.verify(FOLLOW, a_message(first, now=NOW)).identity == PERSON
    host.repository.publish(second.trusted_root_json().encode())
    host.keeper().refresh(NOW)
    with pytest.raises(RefusedError) as caught:
        verifier.verify(FOLLOW, a_message(first, now=NOW))
    assert caught.value.code is Code.SIGNATURE_ROOT
    assert verifier.verify(FOLLOW, a_message(second, now=NOW)).identity == PERSON
    assert (host.folder / PREVIOUS).read_text() == host.root


def test_the_same_root_again_changes_no_file(host: Host) -> None:
    before = (host.folder / ROOT).stat()
    host.repository.renew()
    host.keeper().refresh(NOW + HOUR)
    assert (host.folder / ROOT).stat().st_ino == before.st_ino
    assert not (host.folder / PREVIOUS).exists()
    assert host.keeper().look(NOW).refreshed_at == NOW + HOUR


def test_the_repositorys_root_keys_may_change(host: Host, second: LocalSigstore) -> None:
    for _ in range(3):
        host.repository.rotate("root")
    host.repository.rotate("root", "timestamp", "snapshot", "targets")
    host.repository.publish(second.trusted_root_json().encode())
    host.keeper().refresh(NOW)
    assert host.in_force == second.trusted_root_json()


def test_lost_online_keys_may_begin_anew(host: Host, second: LocalSigstore) -> None:
    host.repository.publish(host.root.encode())
    host.keeper().refresh(NOW)
    host.repository.rotate("timestamp", "snapshot", "targets")
    host.repository.renumber()
    host.repository.publish(second.trusted_root_json().encode())
    host.keeper().refresh(NOW)
    assert host.in_force == second.trusted_root_json()


def test_no_home_is_touched_and_no_other_place(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.chdir(home)
    host.repository.publish(host.root.encode() + b"\n")
    host.keeper().refresh(NOW)
    monkeypatch.setenv("HOME", "/nonexistent")
    host.repository.publish(host.root.encode())
    host.keeper().refresh(NOW)
    assert list(home.iterdir()) == []
    assert not os.path.lexists("/nonexistent")
    assert sorted(each.name for each in host.folder.iterdir()) == sorted([METADATA, RECORD, ROOT, PREVIOUS])


def test_the_memory_and_the_time_that_it_takes(host: Host) -> None:
    host.repository.renew()
    begun = time.monotonic()
    host.keeper(memory_mib=128).refresh(NOW)
    assert time.monotonic() - begun < TIMEOUT_S


# What does not


def _wrong_content(host: Host) -> None:
    host.repository.files[host.repository.path_of_target()] = host.root.encode().replace(b"P256", b"P257")


def _oversized(host: Host) -> None:
    host.repository.publish(b" " * (ROOT_BYTES + 1))


def _not_a_root(host: Host) -> None:
    host.repository.publish(b'{"signed": "by the right keys"}')


def _without_a_log(host: Host) -> None:
    content = json.loads(host.root)
    content["tlogs"] = []
    host.repository.publish(json.dumps(content).encode())


def _with_an_authority_that_ended(host: Host) -> None:
    content = json.loads(host.root)
    content["certificateAuthorities"][0]["validFor"]["end"] = (NOW - DAY).isoformat()
    host.repository.publish(json.dumps(content).encode())


def _with_a_damaged_key(host: Host) -> None:
    host.repository.publish(host.root.replace('"rawBytes": "', '"rawBytes": "AAAA').encode())


def _of_another_name(host: Host) -> None:
    host.repository.publish(host.root.encode(), name="other.json")


def _expired_root(host: Host) -> None:
    host.repository.expire_root()


def _expired_timestamp(host: Host) -> None:
    host.repository.publish(host.root.encode(), timestamp_life=-DAY)


def _expired_targets(host: Host) -> None:
    host.repository.publish(host.root.encode(), life=-DAY, timestamp_life=DAY)


def _unsigned(host: Host) -> None:
    metadata = json.loads(host.repository.files["/timestamp.json"])
    metadata["signed"]["version"] += 1
    host.repository.files["/timestamp.json"] = json.dumps(metadata).encode()


def _foreign(host: Host) -> None:
    other = TufRepository()
    other.publish(host.root.encode())
    other.renew()
    host.repository.files = {**other.files}


def _redirect(host: Host) -> None:
    def elsewhere(request: BaseHTTPRequestHandler, _: threading.Event) -> None:
        request.send_response(302)
        request.send_header("Location", "/elsewhere.json")
        request.end_headers()

    host.repository.files["/elsewhere.json"] = host.repository.files["/timestamp.json"]
    host.repository.answers["/timestamp.json"] = elsewhere


def _broken_server(host: Host) -> None:
    host.repository.answers["/timestamp.json"] = lambda request, _: reply(request, b"", 500)


def _endless(host: Host) -> None:
    host.repository.answers["/timestamp.json"] = flood


def _endless_root(host: Host) -> None:
    host.repository.answers["/2.root.json"] = flood


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_wrong_content, "does not match"),
        (_oversized, f"has more than {ROOT_BYTES} bytes"),
        (_not_a_root, "is not a trusted root"),
        (_without_a_log, "names no transparency log that is valid at"),
        (_with_an_authority_that_ended, "names no certificate authority that is valid at"),
        (_with_a_damaged_key, "cannot be used as trusted root"),
        (_of_another_name, "it has no target trusted_root.json"),
        (_expired_root, "root.json is expired"),
        (_expired_timestamp, "timestamp.json is expired"),
        (_expired_targets, "is expired"),
        (_unsigned, "signed by 0/1 keys"),
        (_foreign, "signed by 0/1 keys"),
        (_redirect, "HTTP status 302"),
        (_broken_server, "HTTP status 500"),
        (_endless, "exceeding the maximum"),
        (_endless_root, "exceeding the maximum"),
    ],
)
def test_a_repository_that_is_wrong(host: Host, spoil: Callable[[Host], None], words: str) -> None:
    spoil(host)
    assert words in host.refusal()


def test_a_repository_that_goes_back_in_time(host: Host, second: LocalSigstore) -> None:
    old = host.repository.freeze()
    host.repository.publish(second.trusted_root_json().encode())
    host.keeper().refresh(NOW)
    host.repository.files = old
    assert "version" in host.refusal()
    assert host.in_force == second.trusted_root_json()


def test_a_repository_that_stands_still_until_it_expires(host: Host) -> None:
    # The system's clock would still believe it: the agent's floor does not.
    assert "timestamp.json expired at" in host.refusal(now=NOW + 31 * DAY)


@pytest.mark.real("faketime")
def test_a_clock_without_a_battery_hides_no_expiry(host: Host, second: LocalSigstore, tmp_path: Path) -> None:
    host.repository.publish(second.trusted_root_json().encode())
    source = Repository(host.repository.url, host.first_root)
    keeper = TufRoot(host.folder, source, python=python_in("1970", tmp_path))
    with pytest.raises(TidegateError, match=r"timestamp\.json expired at"):
        keeper.refresh(NOW + 31 * DAY)
    assert host.in_force == host.root
    keeper.refresh(NOW)
    assert host.in_force == second.trusted_root_json()


@pytest.mark.real("faketime")
def test_a_clock_far_ahead_keeps_the_root_before(host: Host, second: LocalSigstore, tmp_path: Path) -> None:
    host.repository.publish(second.trusted_root_json().encode())
    source = Repository(host.repository.url, host.first_root)
    with pytest.raises(TidegateError, match="is expired"):
        TufRoot(host.folder, source, python=python_in("2100", tmp_path)).refresh(NOW)
    assert host.in_force == host.root


def test_a_download_is_cut_off_between_two_bytes(host: Host) -> None:
    host.repository.answers["/timestamp.json"] = drip
    fetcher = DeadlineFetcher(1)
    begun = time.monotonic()
    with pytest.raises(SlowRetrievalError, match="took too long"):
        fetcher.download_bytes(f"{host.repository.url}/timestamp.json", 50)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("misbehave", "path"),
    [(hang, "/2.root.json"), (drip, "/timestamp.json"), (drip_headers, "/timestamp.json")],
)
def test_a_repository_that_takes_its_time(
    host: Host, first: LocalSigstore, misbehave: Callable[..., None], path: str
) -> None:
    host.repository.answers[path] = misbehave
    failure: list[str] = []
    begun = time.monotonic()
    refreshing = threading.Thread(target=lambda: failure.append(host.refusal(timeout_s=4)))
    refreshing.start()
    verifier = ChildVerifier(VerifyingChild(host.folder / ROOT), {FOLLOW.key: policy()})
    assert verifier.verify(FOLLOW, a_message(first, now=NOW)).identity == PERSON
    refreshing.join()
    assert "took" in failure[0]
    assert time.monotonic() - begun < 15


def test_a_repository_that_cannot_be_reached(host: Host) -> None:
    source = Repository("http://127.0.0.1:1", host.first_root)
    with pytest.raises(TidegateError, match="Connection refused") as caught:
        TufRoot(host.folder, source).refresh(NOW)
    assert "0x" not in caught.value.reason, "the same failure has the same words"
    assert host.in_force == host.root


def test_a_repository_over_tls_and_one_that_nobody_vouches_for(tmp_path: Path, first: LocalSigstore) -> None:
    authority = Authority(tmp_path)
    with TufRepository.serving(authority.issue("repository")) as repository:
        repository.publish(first.trusted_root_json().encode())
        first_root = tmp_path / "root.json"
        first_root.write_bytes(repository.first_root)
        source = Repository(repository.url, first_root, ca_file=str(authority.ca))
        TufRoot(tmp_path / "trust", source).refresh(NOW)
        assert (tmp_path / "trust" / ROOT).read_text() == first.trusted_root_json()
        with pytest.raises(TidegateError) as caught:
            TufRoot(tmp_path / "other", Repository(repository.url, first_root)).refresh(NOW)
    assert "its certificate is not trusted: unable to get local issuer certificate" in caught.value.reason
    assert not (tmp_path / "other" / ROOT).exists()


# What is on the disk


def test_a_damaged_root_is_replaced_and_not_kept(host: Host, second: LocalSigstore) -> None:
    host.repository.publish(second.trusted_root_json().encode())
    host.keeper().refresh(NOW)
    (host.folder / ROOT).write_text("scribble")
    with pytest.raises(TidegateError, match="is not a trusted root"):
        host.keeper().look(NOW)
    host.keeper().refresh(NOW)
    assert host.in_force == second.trusted_root_json()
    assert (host.folder / PREVIOUS).read_text() == host.root


def _scribble(path: Path) -> None:
    path.write_bytes(b"\0" * 100)


def _nest(path: Path) -> None:
    path.write_text("[" * 100_000)


def _swell(path: Path) -> None:
    path.write_bytes(b" " * 2_000_000)


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def _link_away(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (_scribble, "timestamp.json"),
        (_nest, "snapshot.json"),
        (_swell, "timestamp.json"),
        (_make_folder, "timestamp.json"),
        (_make_folder, "root_history/1.root.json"),
        (_link_away, "snapshot.json"),
        (_link_away, "root_history/1.root.json"),
        (_link_away, "root.json"),
    ],
)
def test_a_poisoned_cache_neither_bricks_nor_opens_a_way_back(
    host: Host, second: LocalSigstore, damage: Callable[[Path], None], name: str
) -> None:
    old = host.repository.freeze()
    host.repository.publish(second.trusted_root_json().encode())
    host.keeper().refresh(NOW)
    damage(host.metadata / name)
    newest, host.repository.files = host.repository.files, old
    host.refusal()
    host.repository.files = newest
    damage_again = host.metadata / name
    if damage_again.is_file() and not damage_again.is_symlink():
        damage(damage_again)
    host.keeper().refresh(NOW)
    assert host.in_force == second.trusted_root_json()


def test_a_lost_cache_opens_no_way_back(host: Host, second: LocalSigstore) -> None:
    old = host.repository.freeze()
    host.repository.publish(second.trusted_root_json().encode())
    host.keeper().refresh(NOW)
    shutil.rmtree(host.metadata)
    host.repository.files = old
    assert "timestamp.json has version 1, and 2 was accepted before" in host.refusal()


def test_a_lost_record_opens_no_way_back_either(host: Host, second: LocalSigstore) -> None:
    old = host.repository.freeze()
    host.repository.publish(second.trusted_root_json().encode())
    host.keeper().refresh(NOW)
    (host.folder / RECORD).write_text("scribble")
    host.repository.files = old
    assert "version" in host.refusal()


def test_a_cache_that_is_no_folder_is_replaced(host: Host) -> None:
    shutil.rmtree(host.metadata)
    host.metadata.write_text("a file")
    host.keeper().refresh(NOW)
    assert host.metadata.is_dir()


def test_what_killed_downloads_leave_behind_is_cleared_away(host: Host) -> None:
    (host.metadata / "tmpabc").touch()
    host.keeper().refresh(NOW)
    assert not (host.metadata / "tmpabc").exists()


def test_a_cache_that_cannot_be_written(host: Host) -> None:
    if os.geteuid() != 0:
        host.metadata.chmod(0o500)
        assert "cannot be used" in host.refusal()
        host.metadata.chmod(0o700)
    else:
        # The child has no capabilities, but it is still root, to whom the folder belongs: give it away.
        os.chown(host.metadata, 65534, 65534)
        assert "cannot be used: Permission denied" in host.refusal()
        os.chown(host.metadata, 0, 0)
    host.keeper().refresh(NOW)


def test_a_first_root_that_is_not_there(host: Host) -> None:
    host.first_root.unlink()
    assert f"{host.first_root} cannot be used: No such file or directory" in host.refusal()


def test_until_the_first_refresh_it_is_said_why_there_is_no_root(
    tmp_path: Path, first: LocalSigstore
) -> None:
    keeper = TufRoot(tmp_path / "trust", Repository("http://127.0.0.1:1", tmp_path / "root.json"))
    child = VerifyingChild(tmp_path / "trust" / ROOT)
    verifier = RootedVerifier(ChildVerifier(child, {FOLLOW.key: policy()}), keeper.why_missing)

    def refusal() -> str:
        with pytest.raises(RefusedError) as caught:
            verifier.verify(FOLLOW, a_message(first, now=NOW))
        assert caught.value.code is Code.TRUST_ROOT_MISSING
        return caught.value.reason

    assert "its first refresh from http://127.0.0.1:1 is under way" in refusal()
    with pytest.raises(TidegateError):
        keeper.refresh(NOW)
    assert "failed: " in refusal()
    assert "root.json cannot be used" in refusal()


def test_too_little_memory_changes_nothing(host: Host) -> None:
    for memory in (30, 60, 75):
        with pytest.raises(TidegateError) as caught:
            host.keeper(memory_mib=memory).refresh(NOW)
        assert caught.value.code is Code.TRUST_REFRESH_FAILED
    assert host.in_force == host.root
