"""BuildKit, through the `docker buildx` of the caller, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from tempfile import TemporaryFile

from kitchens.containers.engine import BuildFailed

#: Longer than any client that works takes to say its version.
_PATIENCE = 10


def find_buildx(environment: Mapping[str, str]) -> str | None:
    """The `docker` program that has `buildx`, or None."""
    program = shutil.which("docker", path=environment.get("PATH"))
    if program is None:
        return None
    try:
        asked = subprocess.run(
            [program, "buildx", "version"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return program if asked.returncode == 0 else None


def build(
    program: str,
    address: str,
    context: bytes,
    dockerfile: str,
    tag: str,
    arguments: Mapping[str, str],
    environment: Mapping[str, str],
) -> Iterator[str]:
    """Build `tag` on the engine at `address` from a tar of the context, yielding what is said; BuildFailed if it fails.

    It is the engine's own BuildKit (`default`), which sees the images that are there; values of `arguments` travel
    in the environment, not among the words of a command line.
    """
    variables = {key: value for key, value in environment.items() if key != "DOCKER_CONTEXT"}
    variables |= {"DOCKER_HOST": address, "BUILDX_BUILDER": "default", **arguments}
    words = [program, "buildx", "build", "--progress=plain", "--load", "--provenance=false"]
    words += [f"--build-arg={name}" for name in arguments]
    # A file, not a pipe: who writes to a program that is busy writing waits for ever.
    with TemporaryFile() as archive:
        archive.write(context)
        archive.seek(0)
        with subprocess.Popen(
            [*words, f"--file={dockerfile}", f"--tag={tag}", "-"],
            env=variables,
            stdin=archive,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout is not None
            last = ""
            for line in process.stdout:
                last = line.decode("utf-8", "replace").strip() or last
                yield last
    if process.returncode:
        raise BuildFailed(last or f"`docker buildx build` ended with {process.returncode}")
