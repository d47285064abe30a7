"""Toolchain images: one per content, made once, with nothing of the caller's left in them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from kitchens.containers import hardening
from kitchens.containers.engine import Engine, ImageMissing, connect
from kitchens.containers.life_signs import life_signs
from kitchens.containers.nodes.docker_runtime import DockerRuntime
from kitchens.containers.place import Place
from kitchens.containers.toolchains import image as images
from kitchens.containers.toolchains.image import ImageToolchain, make_image
from kitchens.containers.toolchains.source import ImageSource
from kitchens.model.toolchain import toolchain_key
from kitchens_engine.errors import InvalidInput
from kitchens_engine.ports import Command

PYTHON = "kitchens-test/python:bookworm"
BUSYBOX = "kitchens-test/busybox:static"
Asked = Callable[..., ImageSource]
Make = Callable[..., ImageToolchain]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was said while making, but for the signs of life of a slow machine."""
    monkeypatch.setattr(images, "life_signs", partial(life_signs, every=600))
    return []


@pytest.fixture
def make(engine: Engine, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes images that are gone after the test, without duckdb and pytest, which take their time."""
    monkeypatch.setattr(images, "_FORMAT", os.getpid())
    made: set[str] = set()

    def make(source: ImageSource, engine: Engine = engine, **environment: str) -> ImageToolchain:
        source = source._replace(needs=("iniconfig",))
        toolchain = make_image(engine, source, tmp_path, {**os.environ, **environment}, told.append)
        made.add(toolchain.name)
        return toolchain

    yield make
    for name in made:
        engine.remove_image(name)


@pytest.fixture
def said(open_runtime: Callable[..., DockerRuntime], place: Place) -> Callable[[ImageToolchain, str], str]:
    """What a shell text says in a container of an image."""

    def said(image: ImageToolchain, text: str) -> str:
        runtime = open_runtime(image)
        log = place.folder / "said"
        log.unlink(missing_ok=True)
        runtime.start(Command("x", ("/bin/sh", "-c", text), place.checkout, {}, log))
        runtime.wait(30)
        return log.read_text()

    return said


def test_the_same_content_is_one_image(make: Make, asked: Asked, told: list[str]) -> None:
    """The second time nothing is made, and nothing is said."""
    first = make(asked(PYTHON, b"six==1.17.0\n"))
    before = list(told)

    assert make(asked(PYTHON, b"six==1.17.0\n")) == first
    assert told == before == [f"making the toolchain's image from `{PYTHON}`, once"]


def test_other_requirements_are_another_image(
    make: Make, asked: Asked, said: Callable[[ImageToolchain, str], str]
) -> None:
    """Each holds what its own file says."""
    version = "python -c 'import six; print(six.__version__)'"
    older, newer = make(asked(PYTHON, b"six==1.16.0\n")), make(asked(PYTHON, b"six==1.17.0\n"))

    assert older.id != newer.id
    assert (said(older, version), said(newer, version)) == ("1.16.0\n", "1.17.0\n")


def test_two_at_once_build_one(make: Make, asked: Asked, told: list[str]) -> None:
    """The second waits for the first, says so, and gets the same."""
    source, found = asked(PYTHON, b"six==1.15.0\n"), []
    engines = [connect(os.environ) for _ in range(2)]
    threads = [threading.Thread(target=lambda e=e: found.append(make(source, e))) for e in engines]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        engine.close()

    assert len(set(found)) == 1
    assert sorted(told) == [
        "another process makes the toolchain's image: waiting",
        f"making the toolchain's image from `{PYTHON}`, once",
    ]


def test_another_worker_is_another_image(make: Make, asked: Asked) -> None:
    """An older program's image is never used with a newer one."""
    source = asked(BUSYBOX)

    assert make(source).name != make(source._replace(worker={"worker.py": b"other"})).name


def test_nothing_of_the_caller_stays_in_an_image(
    engine: Engine, make: Make, asked: Asked, said: Callable[[ImageToolchain, str], str], tmp_path: Path
) -> None:
    """Proxies, index credentials and the CA bundle reach the build, and are in no layer, history or setting."""
    bundle = tmp_path / "company.crt"
    bundle.write_text(
        Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")).read_text() + "\nMARK\n"
    )
    proxies = {"NO_PROXY": ".org,MARK", "ALL_PROXY": ""}

    image = make(
        asked(PYTHON, b"six==1.17.0\n"), PIP_CERT=str(bundle), PIP_TRUSTED_HOST="MARK.example", **proxies
    )

    facts = engine._api.inspect_image(image.name)
    history = engine._api.history(image.name)
    assert "MARK" not in str(facts)
    assert "MARK" not in str(history)
    assert "company" not in said(
        image, "grep -rl MARK /opt/kitchens /etc /root /home /var 2>/dev/null; ls /run /tmp"
    )
    assert not facts["Config"].get("Env")


def test_requirements_that_nobody_has_are_invalid(make: Make, asked: Asked) -> None:
    """The file is named, and where the whole story is."""
    with pytest.raises(InvalidInput) as caught:
        make(asked(PYTHON, b"no-such-package-at-all-here==1.0\n"))

    assert "no-such-package-at-all-here" in caught.value.message
    assert caught.value.file == "requirements.txt"
    assert Path(caught.value.hints[0].removeprefix("what it said: ")).exists()


def test_an_image_without_python_serves_shells(
    make: Make, asked: Asked, open_runtime: Callable[..., DockerRuntime], place: Place
) -> None:
    """`run` nodes work; what needs Python says that the image has none."""
    runtime = open_runtime(make(asked(BUSYBOX)))
    log = place.folder / "log"

    runtime.start(Command("shell", ("/bin/sh", "-c", "exit 4"), place.checkout, {}, log))
    (shell,) = runtime.wait(10)
    runtime.start(Command("sql", (runtime.python, runtime.worker, "sql"), place.checkout, {}, log))
    (sql,) = runtime.wait(10)

    assert (shell.status, sql.status) == (4, 127)
    assert "has no python3" in log.read_text()


def test_an_image_without_python_refuses_requirements(make: Make, asked: Asked) -> None:
    """They could not be installed."""
    with pytest.raises(InvalidInput, match="has no python3"):
        make(asked(BUSYBOX, b"six\n"))


def test_a_dockerfile_is_built(
    engine: Engine, make: Make, said: Callable[[ImageToolchain, str], str], tmp_path: Path, worker: Path
) -> None:
    """With its context, less what `.dockerignore` names; the CA bundle comes when it is asked for."""
    context = tmp_path / "toolchain"
    context.mkdir()
    (context / "Dockerfile").write_text(
        f"FROM {BUSYBOX}\nARG KITCHENS_CA\nCOPY $KITCHENS_CA /etc/company.crt\nCOPY . /context\nENV NAMED=yes\n"
    )
    (context / "kept").write_text("kept")
    (context / "dropped").write_text("dropped")
    (context / ".dockerignore").write_text("# comment\ndropped\n")
    bundle = tmp_path / "bundle.crt"
    bundle.write_text("certificates")
    key = toolchain_key(dockerfile="toolchain/Dockerfile", context=str(os.getpid()))
    source = ImageSource(key, {"worker.py": worker.read_bytes()}, context=context)

    image = make(source, PIP_CERT=str(bundle))

    assert said(image, "echo $NAMED; ls /context; cat /etc/company.crt").split() == [
        "yes", "Dockerfile", "kept", "kitchens-ca.crt", "certificates",
    ]  # fmt: skip
    engine.remove_image(f"{images.REPOSITORY}-base:{key[:32]}")


@pytest.fixture
def mirror(engine: Engine, tmp_path: Path) -> Iterator[str]:
    """An image whose apt knows one package and no network: `hello-kitchens`, of a user and a file of its own."""
    tree = tmp_path / "package"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr" / "bin").mkdir(parents=True)
    (tree / "usr" / "bin" / "hello-kitchens").write_text("#!/bin/sh\necho hello\n")
    (tree / "usr" / "bin" / "hello-kitchens").chmod(0o755)
    facts = "Package: hello-kitchens\nVersion: 1.0\nArchitecture: all\nMaintainer: Us <us@example.org>\nDescription: x\n"
    (tree / "DEBIAN" / "control").write_text(facts)
    (tree / "DEBIAN" / "postinst").write_text("#!/bin/sh\nset -e\nchown daemon /usr/bin/hello-kitchens\n")
    (tree / "DEBIAN" / "postinst").chmod(0o755)
    folder = tmp_path / "mirror"
    folder.mkdir()
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", tree, folder / "hello.deb"],
        check=True,
        capture_output=True,
    )
    content = (folder / "hello.deb").read_bytes()
    hashed = hashlib.sha256(content).hexdigest()
    (folder / "Packages").write_text(
        f"{facts}Filename: ./hello.deb\nSize: {len(content)}\nSHA256: {hashed}\n\n"
    )
    text = "rm -rf /etc/apt/sources.list* && cp -r /given /mirror && echo 'deb [trusted=yes] file:/mirror ./' >/etc/apt/sources.list"
    given = hardening.bind(folder, "/given", read_only=True)
    container = engine.create(PYTHON, ["/bin/sh", "-c", text], {"user": "0:0"}, {"mounts": [given]})
    engine.start(container)
    assert engine._api.wait(container)["StatusCode"] == 0
    name = f"kitchens-test/mirror-{os.getpid()}"
    engine.commit(container, name, "1", [])
    engine.remove(container)
    yield f"{name}:1"
    engine.remove_image(f"{name}:1")


def test_packages_are_installed(
    make: Make, asked: Asked, mirror: str, said: Callable[[ImageToolchain, str], str]
) -> None:
    """By the image's own apt-get, whose scripts may change owners; one that nobody has is named."""
    source = asked(mirror)

    image = make(source._replace(key="with", packages=("hello-kitchens",)))
    with pytest.raises(InvalidInput, match="`no-such-thing`") as caught:
        make(source._replace(key="without", packages=("hello-kitchens", "no-such-thing")))
    with pytest.raises(InvalidInput, match="has no apt-get"):
        make(asked(BUSYBOX)._replace(key="none", packages=("hello-kitchens",)))

    assert said(image, "hello-kitchens; stat -c %U /usr/bin/hello-kitchens") == "hello\ndaemon\n"
    assert caught.value.file == "kitchens.toml"


def test_an_image_that_cannot_be_had_is_remembered(make: Make, asked: Asked, told: list[str]) -> None:
    """The registry is asked once in ten minutes, not at every command."""
    for _ in range(2):
        with pytest.raises(ImageMissing, match="kitchens-test/no-such"):
            make(asked("kitchens-test/no-such:1"))

    assert told == ["fetching the image `kitchens-test/no-such:1`"]
