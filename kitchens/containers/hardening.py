"""What a container of ours may do, as the SDK's options. Pure: nothing here asks an engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kitchens.containers.place import Limits, Place

#: Inside a container, where nobody else can get at it.
TEMPORARY = "/tmp"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MEGABYTE = 1 << 20


def container_settings(place: Place, labels: Mapping[str, str], user: str, path: str) -> dict[str, Any]:
    """The container's own options: who runs in it, and an open stdin that ends with its holder."""
    return {
        "user": user,
        "labels": dict(labels),
        "environment": {"PATH": path},
        "hostname": "kitchen",
        "working_dir": str(place.checkout),
        "network_disabled": place.network != "open" and _inside(place) is None,
        "stdin_open": True,
        "tty": False,
        "healthcheck": {"test": ["NONE"]},
    }


def container_limits(place: Place, remaps_users: bool) -> dict[str, Any]:
    """The host's side: no capability, no new privilege, a read-only root, and the limits."""
    limits = place.limits
    return {
        "network_mode": "bridge" if place.network == "open" else _inside(place) or "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "read_only": True,
        "tmpfs": _temporary(place, limits),
        "mounts": mounts(place),
        "mem_limit": limits.memory,
        "memswap_limit": limits.memory,
        "nano_cpus": int(limits.cpus * 1e9),
        "pids_limit": limits.pids,
        "ipc_mode": "private",
        "userns_mode": "host" if remaps_users else None,
        "init": True,
        "auto_remove": True,
        "log_config": {"Type": "none", "Config": {}},
    }


def _inside(place: Place) -> str | None:
    """The network of the kitchen's services, where nodes may reach it."""
    return None if place.network == "none" else place.inside


def mounts(place: Place) -> list[dict[str, Any]]:
    """The run's folders at their own paths. The checkout's `.git` stays as it is.

    A `.git` file that could be rewritten would point git, which the user runs outside, to
    a repository of the recipe's choosing, with hooks of its own.
    """
    bound = [bind(folder) for folder in sorted({place.checkout, place.data})]
    if place.lodge is None:
        # Where its run began in a warm container it is a link.
        bound.append(bind(Path(os.path.realpath(place.folder)), str(place.folder)))
    else:
        bound.append(bind(place.lodge, str(place.folder.parent)))
    link = place.checkout / ".git"
    return [*bound, bind(link, read_only=True)] if link.is_file() else bound


def _temporary(place: Place, limits: Limits) -> dict[str, str]:
    half = max(limits.memory // 2, 16 * _MEGABYTE)
    folders = {
        TEMPORARY: f"rw,exec,nosuid,nodev,mode=1777,size={half}",
        "/run": f"rw,noexec,nosuid,nodev,mode=1777,size={16 * _MEGABYTE}",
    }
    # A whole repository inside the checkout holds other branches, and hooks that git runs outside.
    repository = place.checkout / ".git"
    if repository.is_dir():
        folders[str(repository)] = f"rw,noexec,nosuid,nodev,mode=0755,size={_MEGABYTE}"
    return folders


def bind(path: Path, target: str | None = None, read_only: bool = False) -> dict[str, Any]:
    """A folder or file of this machine, at the same path inside where `target` names no other."""
    return {
        "Type": "bind",
        "Source": str(path),
        "Target": target or str(path),
        "ReadOnly": read_only,
        "BindOptions": {"Propagation": "rprivate"},
    }
