"""GitHub as far as a workflow sees it: a runner that takes a job's steps as they stand and runs them with bash."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(r"\s*(\|\||&&|==|!=|!|\(|\)|'(?:[^']|'')*'|[\w.-]+(?:\(\))?)")

Yaml = dict[str, Any]


def load(path: Path) -> Yaml:
    """A YAML file as plain values; YAML 1.2 takes `on` for a word."""
    loaded: Yaml = YAML(typ="safe").load(path)
    return loaded


class Ran(NamedTuple):
    """A step that ran: its exit status and what it said."""

    name: str
    status: int
    out: str


class Runner:
    """A fresh machine for one job: its checkout, its files, and what `${{ }}` may name."""

    def __init__(self, top: Path, origin: Path, github: Mapping[str, Any]) -> None:
        self.folder = top / "work"
        self.folder.mkdir(parents=True)
        self._files = {
            name: top / name.lower() for name in ("STEP_SUMMARY", "OUTPUT", "ENV", "PATH", "STATE")
        }
        for file in self._files.values():
            file.touch()
        self._origin = origin
        self._contexts: Yaml = {
            "github": {"server_url": "https://github.com", "token": "t0ken", **github},
            "runner": {"temp": str(top)},
            "inputs": github.get("event", {}).get("inputs", {}),
        }
        self._failed = False
        self._workflow: Yaml = {}
        self._job: Yaml = {}

    @property
    def summary(self) -> str:
        """The page of the run."""
        return self._files["STEP_SUMMARY"].read_text()

    def run(self, job: str) -> dict[str, Ran]:
        """The steps of a job of the checkout's workflow that ran, by name."""
        return {ran.name: ran for ran in self.steps(job)}

    def steps(self, job: str) -> Iterator[Ran]:
        """One step after the other, as they are asked for."""
        self._check_out()
        self._workflow = load(self.folder / ".github/workflows/kitchen.yml")
        self._job = self._workflow["jobs"][job]
        assert self._true(self._job.get("if", "true"))
        for step in self._job["steps"]:
            yield from self._step(step, {**self._workflow.get("env", {}), **self._job.get("env", {})})

    @property
    def green(self) -> bool:
        """Whether no step failed so far."""
        return not self._failed

    def _step(self, step: Yaml, environment: Yaml) -> Iterator[Ran]:
        condition = _EXPRESSION.sub(r"\1", str(step.get("if", "")))
        if (not condition and self._failed) or (condition and not self._true(condition)):
            return
        uses = step.get("uses", "")
        if uses.startswith("./"):
            yield from self._composite(
                load(self.folder / uses / "action.yml"), step.get("with", {}), environment
            )
        elif "run" in step:
            ran = self._bash(step, {**environment, **step.get("env", {})})
            self._failed = self._failed or bool(ran.status and not step.get("continue-on-error"))
            yield ran
        else:
            # What these do is done by `_check_out`, and by the interpreter that runs the tests.
            assert uses.partition("@")[0] in ("actions/checkout", "actions/setup-python"), uses

    def _composite(self, action: Yaml, given: Yaml, environment: Yaml) -> Iterator[Ran]:
        outside = self._contexts["inputs"]
        defaults = {name: each.get("default", "") for name, each in action["inputs"].items()}
        inputs = {name: self._filled(str(value)) for name, value in {**defaults, **given}.items()}
        environment = {name: self._filled(str(value)) for name, value in environment.items()}
        self._contexts["inputs"] = inputs
        for step in action["runs"]["steps"]:
            assert "run" not in step or step["shell"] == "bash"
            # A failure before the action does not keep its steps from running once it runs.
            before, self._failed = self._failed, False
            yield from self._step(step, environment)
            self._failed = self._failed or before
        self._contexts["inputs"] = outside

    def _bash(self, step: Yaml, environment: Yaml) -> Ran:
        shell = step.get("shell") or self._workflow["defaults"]["run"]["shell"]
        assert shell == "bash"
        script = self._files["STATE"].with_suffix(".sh")
        script.write_text(self._filled(step["run"]))
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            check=False,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                **{name: self._filled(str(value)) for name, value in environment.items()},
                **{f"GITHUB_{name}": str(file) for name, file in self._files.items()},
                "GITHUB_SERVER_URL": self._contexts["github"]["server_url"],
                "GITHUB_WORKSPACE": str(self.folder),
                "RUNNER_TEMP": self._contexts["runner"]["temp"],
                "CI": "true",
            },
        )
        return Ran(step.get("name") or step["run"], done.returncode, done.stdout)

    def _check_out(self) -> None:
        """As `actions/checkout` does with `fetch-depth: 0`."""
        ref = self._contexts["github"]["ref"]
        branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None
        for words in (
            ("init", "--quiet", "--initial-branch=none"),
            ("remote", "add", "origin", self._origin.as_uri()),
            (
                "fetch",
                "--quiet",
                "origin",
                "+refs/heads/*:refs/remotes/origin/*",
                f"+{ref}:refs/remotes/this",
            ),
            ("checkout", "--quiet", *(("-B", branch) if branch else ("--detach",)), "refs/remotes/this"),
        ):
            subprocess.run(["git", *words], check=True, cwd=self.folder)

    def _filled(self, text: str) -> str:
        return _EXPRESSION.sub(lambda found: _shown(self._value(found[1])), text)

    def _true(self, expression: str) -> bool:
        return bool(self._value(expression))

    def _value(self, expression: str) -> Any:
        tokens = _TOKEN.findall(expression)
        assert "".join(tokens) == re.sub(r"\s", "", expression), expression
        value = self._either(tokens)
        assert not tokens, expression
        return value

    def _either(self, tokens: list[str]) -> Any:
        value = self._both(tokens)
        while tokens[:1] == ["||"]:
            tokens.pop(0)
            other = self._both(tokens)
            value = value or other
        return value

    def _both(self, tokens: list[str]) -> Any:
        value = self._compared(tokens)
        while tokens[:1] == ["&&"]:
            tokens.pop(0)
            other = self._compared(tokens)
            value = value and other
        return value

    def _compared(self, tokens: list[str]) -> Any:
        value = self._single(tokens)
        if tokens[:1] in (["=="], ["!="]):
            return (tokens.pop(0) == "==") == (value == self._single(tokens))
        return value

    def _single(self, tokens: list[str]) -> Any:
        token = tokens.pop(0)
        if token == "!":
            return not self._single(tokens)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        known = {"true": True, "false": False, "cancelled()": False, "success()": not self._failed}
        if token in known:
            return known[token]
        value: Any = self._contexts
        for name in token.split("."):
            value = value.get(name, "") if isinstance(value, dict) else ""
        return value


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
