"""What each key of `kitchens.toml` is for, in one line: what an editor shows beside it."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "": "The settings of a cookbook.",
    "cookbook": "What the cookbook is called.",
    "cookbook.name": "The domain's name.",
    "cookbook.production": "The branch of the root kitchen.",
    "cookbook.worktrees": "The folder of the kitchens' checkouts; `{repository}` is the repository's name.",
    "cookbook.remote": "The git remote that the team shares.",
    "runtime": "Where nodes run.",
    "runtime.kind": "docker, process, or auto: docker where an engine answers, else processes on this machine.",
    "runtime.image": "The image of every container.",
    "runtime.build": "A Dockerfile instead of an image.",
    "runtime.requirements": "A file of pinned Python packages: added to the image, or a virtual environment.",
    "runtime.network": "What nodes reach: nothing, the kitchen's own services, or everything.",
    "runtime.memory": "The limit of memory, such as `2g`.",
    "runtime.cpus": "The limit of processors.",
    "runtime.pids": "The limit of processes.",
    "connections": "Databases that nodes name by `connection`.",
    "connections.*.url": "Where it is, such as `postgresql://app@warehouse:5432/app`.",
    "connections.*.gate": "What a gate uses instead; without it a gate refuses a connection that leaves the kitchen.",
    "connections.*.gate.url": "Where it is in a gate.",
    "services": "Containers that every kitchen has of its own, by their host name.",
    "services.*.image": "The image, such as `postgres:17`.",
    "services.*.port": "The port that it listens to.",
    "services.*.health": "A command in the container that succeeds once it is ready.",
    "services.*.env": "Variables of its environment; `vault:path/key` is a secret.",
    "gate": "What a merge must pass.",
    "gate.variation": "Which variation gates a recipe; one without it is gated as it is.",
    "gate.shared": "Paths outside the recipes that their code uses.",
    "gate.quality": "Commands that check the code of the whole tree.",
    "pools": "Limits that nodes of all recipes share.",
    "pools.*": "How many of its nodes may run at once.",
    "kitchens": "The permanent kitchens and their rules.",
    "kitchens.*.protected": "It moves only through a gate, and is never deleted.",
    "kitchens.*.isolation": "Only attestations from this runtime count here.",
    "kitchens.*.parent": "Where its work is promoted to.",
}
