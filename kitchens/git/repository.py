"""Where the repository is, who acts in it, and how one is made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from kitchens.git.command import Git
from kitchens.git.configuration import Configuration
from kitchens.git.objects import Objects
from kitchens.git.refs import Refs
from kitchens.model.kitchen import Identity
from kitchens_engine.errors import EnvironmentFailure, InvalidInput
from kitchens_engine.tuples import NamedTuple


class Repository(NamedTuple):
    """An open repository. Close it, or use it as a context manager.

    `common` is the git directory that all worktrees share; `top` the main worktree (of a
    bare repository, `common`); `here` the checkout that holds the folder it was opened
    from. `git` runs in `common` and never looks at a checkout.
    """

    common: Path
    top: Path
    here: Path
    bare: bool
    git: Git
    objects: Objects
    refs: Refs
    configuration: Configuration

    @property
    def fileless(self) -> bool:
        """Whether it was opened where nothing is checked out: in a bare repository, and in none of its worktrees."""
        return self.bare and self.here == self.common

    @property
    def claims(self) -> Path:
        """The folder in which we write down what we hold."""
        return self.common / "kitchens" / "locks"

    def identity(self) -> Identity:
        """Who acts: git's configuration, or GIT_AUTHOR_*/GIT_COMMITTER_*. Git's guesses do not count."""
        for role in ("author", "committer"):
            if (plain := self.configuration.identity(role, self.git.environment)) is not None:
                return plain
            variable = f"GIT_{role}_IDENT".upper()
            answer = self.git.run("-c", "user.useConfigOnly=true", "var", variable, check=False)
            name, _, rest = answer.text.partition(" <")
            email, closed, _ = rest.partition(">")
            if answer.status == 0 and name and closed:
                return Identity(name, email)
        raise InvalidInput(
            "git does not know who you are, and every change is signed with a name",
            'git config --global user.name "Your Name"',
            'git config --global user.email "you@example.com"',
            code="identity",
        )

    def checkout(self, path: Path, keep: Sequence[int] = ()) -> Git:
        """Git in the checkout at `path`, which is never looked for above that folder."""
        return self.git.at(path, git_dir=git_directory(path), work_tree=path, keep=keep)

    def close(self) -> None:
        """End the reader process."""
        self.objects.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_repository(folder: Path, environment: Mapping[str, str]) -> Repository:
    """The repository that holds `folder`: a checkout, a linked worktree, or a bare one."""
    start = Git(folder, environment)
    plain = ("--show-object-format", "--path-format=absolute")
    places: tuple[str, ...] = ("--git-common-dir", "--absolute-git-dir", "--show-toplevel")
    answer = start.run("rev-parse", *plain, *places, check=False)
    if answer.status != 0:
        # Bare, or inside `.git`: then there is no top.
        places = places[:2]
        answer = start.run("rev-parse", *plain, *places, check=False)
    if answer.status != 0:
        raise _not_open(start, answer.complaint)
    form, *paths = answer.text.split("\n")
    if len(paths) != len(places):
        # A path holds a newline: ask for each alone.
        paths = [start.run("rev-parse", "--path-format=absolute", place).text for place in places]
    common, own = Path(paths[0]), Path(paths[1])
    here = Path(paths[2]) if len(paths) > 2 else None
    top = _main_worktree(start, common, own, here)
    git = start.at(common, git_dir=common)
    configuration = Configuration(git)
    objects = Objects(git, 64 if form == "sha256" else 40, common, configuration)
    refs = Refs(git, objects, common)
    return Repository(common, top, here or top, top == common, git, objects, refs, configuration)


def init_repository(folder: Path, branch: str, environment: Mapping[str, str]) -> Repository:
    """Make a repository in `folder` whose first branch will be `branch`, and open it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFailure(f"`{folder}` cannot be made: {error.strerror}", code="disk") from error
    git = Git(folder, environment)
    git.require_version()
    git.run("init", "--quiet", f"--initial-branch={branch}")
    return open_repository(folder, environment)


def git_directory(checkout: Path) -> Path:
    """The git directory of the checkout at `checkout`: `.git`, or where that file points."""
    link = checkout / ".git"
    try:
        if link.is_dir():
            return link
        target = os.fsdecode(link.read_bytes()).removesuffix("\n").removeprefix("gitdir: ")
    except OSError as error:
        raise EnvironmentFailure(
            f"`{checkout}` is not a checkout (any more): its `.git` cannot be read",
            "`git worktree repair` mends a worktree that was moved",
            code="checkout",
        ) from error
    return Path(os.path.normpath(checkout / target))


def refuse_bytes(*paths: Path) -> None:
    """Raise `InvalidInput` for a path that is not UTF-8: what a cookbook writes down is, and so are answers in JSON."""
    for path in map(str, paths):
        try:
            path.encode()
        except UnicodeEncodeError:
            shown = path.encode("utf-8", "backslashreplace").decode()
            raise InvalidInput(
                f"the path `{shown}` holds bytes that are not UTF-8, and a cookbook cannot lie there",
                "rename the folder",
                code="path",
            ) from None


def _not_open(git: Git, complaint: str) -> InvalidInput | EnvironmentFailure:
    git.require_version()
    here = git.folder.resolve()
    if any((folder / ".git").exists() for folder in (here, *here.parents)):
        # There is one, but git will not have it: another owner, a damaged HEAD.
        return EnvironmentFailure(f"git cannot open the repository: {complaint}", code="git")
    return InvalidInput(
        f"`{here}` is not in a git repository",
        "`kitchen init` makes a cookbook here",
        code="no-repository",
    )


def _main_worktree(git: Git, common: Path, own: Path, here: Path | None) -> Path:
    """The main worktree, or `common` where there is none."""
    if own == common and here is not None:
        return here
    main = git.at(common, git_dir=common)
    if main.run("config", "--type=bool", "core.bare", check=False).text == "true":
        return common
    if common.name == ".git":
        # Asked from a linked worktree, or from inside `.git` itself.
        return common.parent
    elsewhere = main.run("config", "core.worktree", check=False)
    return Path(os.path.normpath(common / elsewhere.text)) if elsewhere.status == 0 else common
