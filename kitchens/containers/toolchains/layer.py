"""Our layer over a cookbook's image: the worker, and a virtual environment with the requirements."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kitchens.containers import hardening
from kitchens.containers.engine import Engine, Image
from kitchens.containers.toolchains import certificates
from kitchens.containers.toolchains import requirements as pip
from kitchens.containers.toolchains.source import REPOSITORY, ImageSource
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

HOME = "/opt/kitchens"
BINARIES = f"{HOME}/venv/bin"
LABEL = "org.kitchens."
#: Where the build's files lie inside: mounted over memory, so nothing of it stays in the image.
_INSIDE = "/run/kitchens"
_PIP_LOG = "/run/pip.log"
_NO_PYTHON, _NO_VENV, _PIP_FAILED = 20, 21, 22
_NO_APT, _NO_PACKAGE, _APT_FAILED = 23, 24, 25
_UNKNOWN = "kitchens: no such package: "
#: What unpacking Debian's packages takes beside reading: their files have owners, their scripts change users.
_FOR_PACKAGES = ["CHOWN", "FOWNER", "FSETID", "SETGID", "SETUID"]
_BUILDER = {"user": "0:0", "stdin_open": True}

# Runs as root in the building container. An image may have no PATH, no python3, or Debian's
# python3 without `venv`.
SCRIPT = f"""
set -u
mkdir -p {HOME} || exit 1
cp {_INSIDE}/worker/* {HOME}/ || exit 1
chmod -R a+rX {HOME}
if [ -s {_INSIDE}/packages ]; then
    command -v apt-get >/dev/null || exit {_NO_APT}
    export DEBIAN_FRONTEND=noninteractive
    apt() {{
        apt-get -q -y -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any -o Acquire::Retries=2 \\
            ${{SSL_CERT_FILE:+-o}} ${{SSL_CERT_FILE:+Acquire::https::CAInfo=$SSL_CERT_FILE}} "$@" </dev/null 2>&1
    }}
    apt update || exit {_APT_FAILED}
    wanted=$(cat {_INSIDE}/packages)
    if ! apt --simulate --no-install-recommends install $wanted; then
        for package in $wanted; do
            apt --simulate --no-install-recommends install "$package" >/dev/null || echo "{_UNKNOWN}$package"
        done
        exit {_NO_PACKAGE}
    fi
    apt --no-install-recommends install $wanted || exit {_APT_FAILED}
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
fi
command -v python3 >/dev/null || exit {_NO_PYTHON}
if ! python3 -m venv --system-site-packages {HOME}/venv; then
    rm -rf {HOME}/venv
    python3 -m venv --without-pip --system-site-packages {HOME}/venv || exit {_NO_VENV}
    {BINARIES}/python -m pip --version || exit {_NO_VENV}
fi
while read -r arguments; do
    {BINARIES}/python -m pip install --no-cache-dir --no-input --disable-pip-version-check \\
        --log {_PIP_LOG} $arguments </dev/null || {{ cat {_PIP_LOG}; exit {_PIP_FAILED}; }}
done <{_INSIDE}/installs
chmod -R a+rX {HOME}
"""


def add_layer(
    engine: Engine,
    base: Image,
    source: ImageSource,
    tag: str,
    cache: Path,
    environment: Mapping[str, str],
    hear: Callable[[str], object],
) -> None:
    """One more layer over `base`: packages, our worker, and a virtual environment with the requirements. `hear` gets
    the lines that are said on the way.

    A container is built in and committed, instead of a Dockerfile: variables of one
    `exec`, and files in memory, are the only ones that no layer and no history keep.
    """
    log = cache / "toolchains" / f"image-{tag}.log"
    log.unlink(missing_ok=True)
    with TemporaryDirectory(prefix="build-", dir=log.parent) as folder:
        variables = _lay_out(Path(folder), source, environment)
        container = engine.create(
            base.name,
            ["/bin/sh", "-c", "read -r end"],
            _BUILDER,
            _builder_limits(folder, engine, source.packages),
        )
        try:
            # Held for its end only: a builder whose owner dies reads the end of its input, and is removed.
            with closing(engine.start_attached(container)), log.open("ab", buffering=0) as file:

                def said(data: bytes) -> None:
                    file.write(data)
                    hear(data.decode("utf-8", "replace").strip().rpartition("\n")[2])

                status = engine.execute(container, ["/bin/sh", "-c", SCRIPT], variables, said)
                _judge(status, base, source, log)
                changes = {"key": source.key, "base": base.id, "from": source.image or source.dockerfile}
                labels = [f'LABEL {LABEL}{name}="{value}"' for name, value in changes.items()]
                engine.commit(container, REPOSITORY, tag, ["ENTRYPOINT []", 'CMD ["/bin/sh"]', *labels])
        finally:
            engine.remove(container)


def _lay_out(folder: Path, source: ImageSource, environment: Mapping[str, str]) -> dict[str, str]:
    """Write what the build reads into `folder`; the variables that it gets."""
    (folder / "worker").mkdir()
    for name, content in source.worker.items():
        (folder / "worker" / name).write_bytes(content)
    if source.requirements is not None:
        (folder / "requirements.txt").write_bytes(source.requirements)
    lines = (
        " ".join(arguments)
        for arguments in pip.installs(source.requirements, f"{_INSIDE}/requirements.txt", source.needs)
    )
    (folder / "packages").write_text("".join(f"{name}\n" for name in source.packages), encoding="utf-8")
    (folder / "installs").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    bundle = certificates.bundle(environment)
    if bundle is not None:
        shutil.copyfile(bundle, folder / "ca.crt")
    return {
        "HOME": hardening.TEMPORARY,
        **certificates.for_builds(environment, f"{_INSIDE}/ca.crt" if bundle else None),
    }


def _builder_limits(folder: str, engine: Engine, packages: Sequence[str]) -> dict[str, Any]:
    return {
        "cap_drop": ["ALL"],
        # Root, which installs, reads the caller's private folder.
        "cap_add": ["DAC_OVERRIDE", *(_FOR_PACKAGES if packages else ())],
        "security_opt": ["no-new-privileges:true"],
        "tmpfs": {"/run": "rw,nosuid,nodev,mode=0755", hardening.TEMPORARY: "rw,exec,nosuid,nodev,mode=1777"},
        "mounts": [hardening.bind(Path(folder), _INSIDE, read_only=True)],
        "userns_mode": "host" if engine.remaps_users else None,
        "init": True,
        "auto_remove": True,
    }


def _judge(status: int, base: Image, source: ImageSource, log: Path) -> None:
    """Raise for a layer that was not made. Without requirements an image without Python serves `run` nodes."""
    if status == 0 or (status == _NO_PYTHON and source.requirements is None):
        return
    name = source.requirements_name
    if status == _NO_APT:
        raise InvalidInput(
            f"the image `{base.name}` has no apt-get, so `packages` in `[runtime]` cannot be installed in it",
            "take an image of Debian or Ubuntu, or `build` one that has them",
        )
    if status == _NO_PACKAGE:
        unknown = [line for line in _lines(log) if line.startswith(_UNKNOWN)]
        what = f"`{unknown[0].removeprefix(_UNKNOWN)}`" if unknown else "all of `packages` together"
        raise InvalidInput(
            f"apt-get cannot install {what} in the image `{base.name}`",
            f"what it said: {log}",
            file="kitchens.toml",
        )
    if status == _APT_FAILED:
        raise EnvironmentFailure(
            "apt-get could not reach its mirror, or could not install what it fetched", f"what it said: {log}"
        )
    if status == _NO_PYTHON:
        raise InvalidInput(f"the image `{base.name}` has no python3, so `{name}` cannot be installed in it")
    if status == _NO_VENV:
        raise InvalidInput(
            f"the image `{base.name}` has a python3 without venv and pip",
            "on Debian and Ubuntu: add the packages python3-venv and python3-pip to the image",
        )
    if status == _PIP_FAILED:
        raise pip.failure("\n".join(_lines(log)), name, log)
    raise EnvironmentFailure(
        f"the toolchain's image could not be made (status {status})", f"what it said: {log}"
    )


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()
