"""A requirements file: what may stand in it, what we add, and what pip's end means."""

from __future__ import annotations

import re
from pathlib import Path

from kitchens_engine.errors import EnvironmentFailure, InvalidInput, KitchensError

#: What the worker imports, and so every toolchain has.
NEEDS = ("duckdb", "pytest")
#: What it imports beside that for the connections of a cookbook.
FOR_CONNECTIONS = ("sqlalchemy>=2", "psycopg[binary]>=3.2")
#: Classes in pip's log, which are no English: the network, then what no network would mend.
NETWORK = (
    "NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|MaxRetryError|ProxyError"
    "|SSLError|SSLCertVerificationError|ProtocolError|IncompleteRead|NetworkConnectionError"
)
UNRESOLVABLE = (
    "DistributionNotFound|ResolutionImpossible|InvalidRequirement|RequirementsFileParseError|UnsupportedWheel"
    "|HashMismatch|HashMissing|HashUnpinned|UnsupportedPythonVersion|InstallationError|BestVersionAlreadyInstalled"
)
_OTHER_FILE = rb"\s*(?:-r|-c|-e|--requirement|--constraint|--editable)\b|\s*(?:\.{1,2}/|file:)"
_HASH = b"--hash="


def check(requirements: bytes, name: str) -> None:
    """Refuse lines that lead to other files: they would not be part of the toolchain's key."""
    for number, line in enumerate(requirements.splitlines(), start=1):
        if re.match(_OTHER_FILE, line):
            text = line.decode("utf-8", "replace").strip()
            raise InvalidInput(
                f"`{text}` leads to another file, which a toolchain does not get",
                f"write all requirements into `{name}`",
                file=name,
                line=number,
            )


def installs(requirements: bytes | None, file: str, needs: tuple[str, ...] = NEEDS) -> list[list[str]]:
    """The arguments of each `pip install` that it takes, `file` being where the requirements lie.

    One resolution for all; but with hashes pip accepts nothing that has none.
    """
    if requirements is None:
        return [list(needs)]
    if _HASH in requirements:
        return [["-r", file], list(needs)]
    return [["-r", file, *needs]]


def failure(log: str, name: str, kept: Path) -> KitchensError:
    """What a failed pip means, by the classes in its log: a wrong requirement, or the environment."""
    if re.search(rf"\b(?:{NETWORK})\b", log):
        return EnvironmentFailure("pip could not reach its package index", f"what it said: {kept}")
    last = next((line for line in reversed(_errors(log)) if line), "no line that says more")
    if re.search(rf"\b(?:{UNRESOLVABLE})\b", log):
        return InvalidInput(f"pip cannot install this: {last}", f"what it said: {kept}", file=name)
    return EnvironmentFailure(f"pip failed: {last}", f"what it said: {kept}")


def _errors(log: str) -> list[str]:
    return [found[1].strip() for found in re.finditer(r"^(?:[\d\-T:,]+ )?ERROR: (.*)$", log, re.MULTILINE)]
