"""The caller's CA bundle and folders, as variables that mean something inside a container."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

#: Variables that name a CA bundle as one file, most telling first.
BUNDLES = (
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
)
#: Variables that name folders of the caller's machine, which a container has not.
_FOLDERS = frozenset({"SSL_CERT_DIR", "TMPDIR", "PATH"})
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")
_PIP = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_RETRIES",
    "PIP_PRE",
)


def bundle(environment: Mapping[str, str]) -> Path | None:
    """The CA bundle that the caller's environment names, if it is there."""
    for name in BUNDLES:
        path = Path(environment.get(name) or "/nowhere")
        if path.is_file():
            return path
    return None


def inside(environment: Mapping[str, str], certificates: Path | None) -> dict[str, str]:
    """`environment` for a container in which the CA bundle lies at `certificates` (None: there is none)."""
    return {
        name: str(certificates) if name in BUNDLES else value
        for name, value in environment.items()
        if name not in _FOLDERS and (certificates is not None or name not in BUNDLES)
    }


def for_builds(environment: Mapping[str, str], certificates: str | None) -> dict[str, str]:
    """What a build gets of the caller's environment: proxies, pip's index, and the bundle at `certificates`."""
    proxies = {*_PROXIES, *(name.lower() for name in _PROXIES)}
    wanted = {
        name: value
        for name, value in environment.items()
        if value and (name in proxies or (name in _PIP and "file:" not in value))
    }
    return wanted | (dict.fromkeys(BUNDLES, certificates) if certificates else {})
