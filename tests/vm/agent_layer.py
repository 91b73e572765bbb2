"""The layer with the agent: this work tree's wheel, what it needs, units and all.

The modules are compiled by the guest's own Python, to byte code that is valid whatever the source's time is:
libostree sets every file's time to 0, and without this each start of Python would compile all of them anew.
rootfs.py does the same with the standard library.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PYTHON = "usr/lib/tidegate/python"
COMPILE = ("-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash")
PLACES = ("usr/lib/tidegate", "usr/share/tidegate", "usr/bin/tidegate-agent", "usr/lib/systemd/system")
"""What the layer consists of; nothing else in the base's tree is touched. All below usr/."""

# trixie has Python 3.13 and glibc 2.41.
_TARGET = (
    *("--python-version", "3.13", "--implementation", "cp", "--only-binary", ":all:", "--no-compile"),
    *(word for one in ("2_34", "2_28", "2_17") for word in ("--platform", f"manylinux_{one}_x86_64")),
)
_LAUNCHER = "#!/usr/bin/python3\nimport sys\n\nfrom tidegate_agent.cli import main\n\nsys.exit(main())\n"
_ENABLED = {
    "multi-user.target.wants": "tidegate-agent.service",
    "sysinit.target.wants": "tidegate-boot-guard.service",
}


def make(folder: Path, base: Path) -> Path:
    """The layer as a tar, made below a folder."""
    tree, root, archive = folder / "agent", folder / "base", folder / "agent.tar"
    _install_packages(folder, tree / PYTHON)
    _install_files(tree)
    root.mkdir()
    _run("tar", "-xf", base, "-C", root)
    _compile(root, tree)
    shutil.rmtree(root)
    _run("tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-cf", archive, "-C", tree, "usr")
    return archive


def _install_packages(folder: Path, target: Path) -> None:
    pip = (_python_with_pip(), "-m", "pip")
    _run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, PROJECT)
    (wheel,) = folder.glob("tidegate-*.whl")
    _run(*pip, "install", "--quiet", "--target", target, *_TARGET, wheel)
    shutil.rmtree(target / "bin", ignore_errors=True)


def _python_with_pip() -> str:
    """This Python, or the system's one where this environment has no pip."""
    done = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    return sys.executable if done.returncode == 0 else "/usr/bin/python3"


def _install_files(tree: Path) -> None:
    shutil.copytree(PROJECT / "systemd/usr", tree / "usr", dirs_exist_ok=True)
    units, walls = tree / "usr/lib/systemd/system", tree / "usr/share/tidegate/tool-engines.conf"
    (units / "tidegate-agent.service.d").mkdir()
    shutil.copy(walls, units / "tidegate-agent.service.d")
    for wants, unit in _ENABLED.items():
        (units / wants).mkdir()
        (units / wants / unit).symlink_to(f"../{unit}")
    packages = tree / "usr/lib/python3/dist-packages"
    packages.mkdir(parents=True)
    (packages / "tidegate.pth").write_text(f"/{PYTHON}\n")
    launcher = tree / "usr/bin/tidegate-agent"
    launcher.parent.mkdir()
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)


def _compile(root: Path, tree: Path) -> None:
    """Compile in the guest's own file system."""
    there = root / PYTHON
    there.parent.mkdir(parents=True)
    (tree / PYTHON).rename(there)
    _run("chroot", root, "/usr/bin/python3", *COMPILE, f"/{PYTHON}")
    there.rename(tree / PYTHON)


def _run(*words: str | Path) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.stderr[-2000:]}"
