"""The status document that bootc 1.16 prints, made from a Sysroot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.standins.sysroot import Record, Sysroot


def document(sysroot: Sysroot) -> dict[str, Any]:
    """The whole document. On a host that bootc did not boot, everything in it is null."""
    if sysroot.read("release.json").get("not_booted"):
        return host(None, None, None)
    staged = sysroot.staged
    shown = host(
        entry(sysroot.booted),
        entry(staged) if staged else None,
        entry(sysroot.rollback) if sysroot.rollback else None,
    )
    seen = {one["id"] for one in (sysroot.booted, sysroot.rollback) if one}
    others = [entry(one) for one in sysroot.state["deployments"] if one["id"] not in seen]
    if others:
        # Left out altogether where there is none.
        shown["status"]["otherDeployments"] = others
    shown["status"]["rollbackQueued"] = sysroot.rollback_queued
    source = staged or sysroot.booted
    if not source.get("incompatible"):
        order = "rollback" if sysroot.rollback_queued else "default"
        shown["spec"] = {"image": reference(source), "bootOrder": order}
    return shown


def host(booted: Any, staged: Any, rollback: Any) -> dict[str, Any]:
    image = booted["image"] if booted else None
    return {
        "apiVersion": "org.containers.bootc/v1",
        "kind": "BootcHost",
        "metadata": {"name": "host"},
        "spec": {"bootOrder": "default", "image": None},
        "status": {
            "booted": booted,
            "readOnly": False,
            "rollback": rollback,
            "rollbackQueued": False,
            "staged": staged,
            "type": "bootcHost" if image else None,
            "usrOverlay": None,
        },
    }


def reference(deployment: Record) -> dict[str, Any]:
    """`signature` is left out, a word or an object."""
    found = {"image": deployment["reference"], "transport": deployment.get("transport", "registry")}
    return found | ({"signature": deployment["signature"]} if "signature" in deployment else {})


def entry(deployment: Record) -> dict[str, Any]:
    image = {
        "image": reference(deployment),
        "version": deployment.get("version"),
        "timestamp": "2026-11-02T03:04:05Z",
        "imageDigest": deployment["manifest"],
        "architecture": "amd64",
    }
    incompatible = bool(deployment.get("incompatible"))
    return {
        "image": None if incompatible else image,
        "cachedUpdate": None,
        "incompatible": incompatible,
        "pinned": bool(deployment.get("pinned")),
        "softRebootCapable": bool(deployment.get("soft")),
        "downloadOnly": bool(deployment.get("locked")),
        "store": "ostreeContainer",
        "ostree": {
            "stateroot": "default",
            "checksum": deployment["manifest"].removeprefix("sha256:"),
            "deploySerial": 0,
        },
        "composefs": None,
    }
