"""The toolchain of the docker runtime: an image, made once per content, shared by all kitchens with the same."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kitchens.containers import certificates, hardening
from kitchens.containers import requirements as pip
from kitchens.containers.engine import Engine, Image, ImageMissing
from kitchens.containers.lock import alone
from kitchens_engine.errors import EnvironmentFailure, InvalidInput

REPOSITORY = "kitchens/toolchain"
HOME = "/opt/kitchens"
_BINARIES = f"{HOME}/venv/bin"
_FORMAT = 1
_LABEL = "org.kitchens."
_REMEMBER_SECONDS = 600
#: Where the build's files lie inside: memory of the building container, so nothing of it stays in the image.
_INSIDE = "/run/kitchens"
_PIP_LOG = "/run/pip.log"
_NO_PYTHON, _NO_VENV, _PIP_FAILED = 20, 21, 22
_BUILDER = {"user": "0:0", "stdin_open": True}

# Runs as root in the building container. An image may have no PATH, no python3, or Debian's
# python3 without `venv`.
_MAKE = f"""
set -u
mkdir -p {HOME} || exit 1
cp {_INSIDE}/worker/* {HOME}/ || exit 1
chmod -R a+rX {HOME}
command -v python3 >/dev/null || exit {_NO_PYTHON}
if ! python3 -m venv --system-site-packages {HOME}/venv; then
    rm -rf {HOME}/venv
    python3 -m venv --without-pip --system-site-packages {HOME}/venv || exit {_NO_VENV}
    {_BINARIES}/python -m pip --version || exit {_NO_VENV}
fi
while read -r arguments; do
    {_BINARIES}/python -m pip install --no-cache-dir --no-input --disable-pip-version-check \\
        --log {_PIP_LOG} $arguments || exit {_PIP_FAILED}
done <{_INSIDE}/installs
chmod -R a+rX {HOME}
"""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """What the cookbook asks for. `key` is the toolchain key (`kitchens.model.toolchain`).

    Either `image`, or `context` (a folder) with the `dockerfile` in it. `worker` maps
    file names to the content of our own scripts, the one to call first.
    `requirements_name` is the file's name in messages.
    """

    key: str
    worker: Mapping[str, bytes]
    image: str | None = None
    context: Path | None = None
    dockerfile: str = "Dockerfile"
    requirements: bytes | None = None
    requirements_name: str = "requirements.txt"


@dataclass(frozen=True, slots=True)
class ImageToolchain:
    """An image that is ready to run nodes. `id` (`sha256:…`) is the evidence; `path` is PATH inside."""

    name: str
    id: str
    python: str
    worker: str
    path: str


def make_image(
    engine: Engine,
    source: ImageSource,
    cache: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> ImageToolchain:
    """The toolchain image of `source`, building it where the engine has none.

    The caller's proxies, pip's index and CA bundle in `environment` reach the build and
    do not stay in the image. ImageMissing when the base image cannot be had (remembered
    for ten minutes); InvalidInput for a Dockerfile or requirements that cannot be built.
    Two processes at once build one.
    """
    if source.requirements is not None:
        pip.check(source.requirements, source.requirements_name)
    tag = _tag(source)
    name = f"{REPOSITORY}:{tag}"
    image = engine.image(name)
    if image is None:
        lock = cache / "toolchains" / f"image-{tag}.lock"
        try:
            with alone(lock, tell, "another process makes the toolchain's image: waiting"):
                image = engine.image(name)
                if image is None:
                    base = _base(engine, source, cache, environment, tell)
                    tell(f"making the toolchain's image from `{base.name}`, once")
                    _add_layer(engine, base, source, tag, cache, environment)
                    image = engine.image(name)
        except OSError as error:
            raise EnvironmentFailure(f"the toolchain's image could not be made: {error.strerror}") from error
    if image is None:
        raise EnvironmentFailure(f"the image `{name}` was removed while it was needed")
    worker = next(iter(source.worker), "worker.py")
    path = f"{_BINARIES}:{image.path or hardening.DEFAULT_PATH}"
    return ImageToolchain(name, image.id, f"{_BINARIES}/python", f"{HOME}/{worker}", path)


def _tag(source: ImageSource) -> str:
    """Beside the toolchain key, what we ourselves put into the image."""
    digest = hashlib.sha256(b"%d\n%s\n%s\n" % (_FORMAT, source.key.encode(), _MAKE.encode()))
    for name, content in source.worker.items():
        digest.update(b"%s\n%d\n%s\n" % (name.encode(), len(content), content))
    return digest.hexdigest()[:32]


def _base(
    engine: Engine,
    source: ImageSource,
    cache: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> Image:
    if source.context is not None:
        return _built(engine, source, source.context, environment, tell)
    if source.image is None:
        raise InvalidInput("the cookbook names no image", 'set `image = "python:3.12-slim"` in `[runtime]`')
    return engine.image(source.image) or _pulled(engine, source.image, cache, tell)


def _pulled(engine: Engine, name: str, cache: Path, tell: Callable[[str], object]) -> Image:
    """Pull, and remember a failure: `auto` would otherwise ask a dead registry at every command."""
    note = cache / "pulls" / f"{hashlib.sha256(f'{engine.address} {name}'.encode()).hexdigest()[:32]}.json"
    try:
        failed = json.loads(note.read_text(encoding="utf-8"))
        if 0 <= time.time() - failed["when"] < _REMEMBER_SECONDS:
            raise ImageMissing(
                failed["why"], f"tried within the last ten minutes; `docker pull {name}` tries again"
            )
    except (OSError, ValueError, KeyError):
        pass  # no note, or an unreadable one: then the registry is asked
    tell(f"fetching the image `{name}`")
    try:
        return engine.pull(name)
    except ImageMissing as error:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"when": time.time(), "why": error.message}), encoding="utf-8")
        raise


def _built(
    engine: Engine,
    source: ImageSource,
    context: Path,
    environment: Mapping[str, str],
    tell: Callable[[str], object],
) -> Image:
    """The cookbook's own Dockerfile. It gets the CA bundle when it declares `ARG KITCHENS_CA`."""
    name = f"{REPOSITORY}-base:{source.key[:32]}"
    if found := engine.image(name):
        return found
    tell(f"building `{source.dockerfile}`, once")
    arguments = {
        key: value
        for key, value in certificates.for_builds(environment, None).items()
        if "PROXY" in key.upper()
    }
    extra = {}
    text = (context / source.dockerfile).read_text(encoding="utf-8", errors="replace")
    bundle = certificates.bundle(environment)
    if "KITCHENS_CA" in text and bundle is not None:
        extra["kitchens-ca.crt"] = bundle.read_bytes()
        arguments["KITCHENS_CA"] = "kitchens-ca.crt"
    for _ in engine.build(_archive(context, extra), source.dockerfile, name, arguments):
        pass
    built = engine.image(name)
    if built is None:
        raise EnvironmentFailure(f"the image of `{source.dockerfile}` was removed while it was needed")
    return built


def _archive(context: Path, extra: Mapping[str, bytes]) -> bytes:
    """The build's context as a tar without owners and times, so that the engine's cache holds."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(context.rglob("*")):
            archive.add(path, str(path.relative_to(context)), recursive=False, filter=plain)
        for name, content in extra.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _add_layer(
    engine: Engine, base: Image, source: ImageSource, tag: str, cache: Path, environment: Mapping[str, str]
) -> None:
    """One more layer over `base`: our worker, and a virtual environment with the requirements.

    A container is built in and committed, instead of a Dockerfile: variables of one
    `exec`, and files in memory, are the only ones that no layer and no history keep.
    """
    log = cache / "toolchains" / f"image-{tag}.log"
    log.unlink(missing_ok=True)
    with TemporaryDirectory(prefix="build-", dir=log.parent) as folder:
        variables = _lay_out(Path(folder), source, environment)
        container = engine.create(
            base.name, ["/bin/sh", "-c", "read -r end"], _BUILDER, _builder_limits(folder, engine)
        )
        try:
            # Held for its end only: a builder whose owner dies reads the end of its input, and is removed.
            stream = engine.start_attached(container).stream
            with stream, log.open("ab") as file:
                status = engine.execute(container, ["/bin/sh", "-c", _MAKE], variables, file.write)
                if status == _PIP_FAILED:
                    engine.execute(container, ["/bin/sh", "-c", f"cat {_PIP_LOG}"], {}, file.write)
                _judge(status, base, source, log)
                changes = {"key": source.key, "base": base.id}
                labels = [f"LABEL {_LABEL}{name}={value}" for name, value in changes.items()]
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
        " ".join(arguments) for arguments in pip.installs(source.requirements, f"{_INSIDE}/requirements.txt")
    )
    (folder / "installs").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    bundle = certificates.bundle(environment)
    if bundle is not None:
        shutil.copyfile(bundle, folder / "ca.crt")
    return {"HOME": "/tmp", **certificates.for_builds(environment, f"{_INSIDE}/ca.crt" if bundle else None)}


def _builder_limits(folder: str, engine: Engine) -> dict[str, Any]:
    return {
        "cap_drop": ["ALL"],
        "cap_add": ["DAC_OVERRIDE"],  # root, which installs, reads the caller's private folder
        "security_opt": ["no-new-privileges:true"],
        "tmpfs": {"/run": "rw,nosuid,nodev,mode=0755", "/tmp": "rw,exec,nosuid,nodev,mode=1777"},
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
    if status == _NO_PYTHON:
        raise InvalidInput(f"the image `{base.name}` has no python3, so `{name}` cannot be installed in it")
    if status == _NO_VENV:
        raise InvalidInput(
            f"the image `{base.name}` has a python3 without venv and pip",
            "on Debian and Ubuntu: add the packages python3-venv and python3-pip to the image",
        )
    if status == _PIP_FAILED:
        raise pip.failure(log.read_text(encoding="utf-8", errors="replace"), name, log)
    raise EnvironmentFailure(
        f"the toolchain's image could not be made (status {status})", f"what it said: {log}"
    )
