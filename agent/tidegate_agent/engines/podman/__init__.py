"""The podman image engine: one container's systemd unit, pinned to a digest by a drop-in that tidegate owns.

- `engine`: the port itself: stage, activate, rollback, discard, status
- `pin`: the drop-in that says which image the unit runs; its rename is the moment of a switch
- `ledger`: what is current, previous, staged, and which images tidegate pulled: one file, replaced at once
- `switch`: pin, restart, proof; and the way back where the unit does not come up
- `unit`: what systemctl is asked for
- `images`: what podman is asked for; `pulling` with progress and patience, `failures` in codes
- `house`: the state directory: the lock, and the place where podman keeps blobs while it pulls
- `session`: as whom podman and systemctl are run: as root, as the agent's own user, or as another one
"""
