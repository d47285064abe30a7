"""`kitchen history`: how a kitchen came to its tip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kitchens.actions.house import House
from kitchens.actions.kitchens import Kitchen, Kitchens
from kitchens.git import history
from kitchens.git.history import is_ancestor
from kitchens.model.kitchen import Landing
from kitchens_engine.errors import EnvironmentFailure


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a kitchen's tip. `landing` is None for a plain `git commit`; `settings` are those then."""

    previous: str
    commit: str
    landing: Landing | None
    kitchen: Kitchen
    settings: Mapping[str, Any] | None


def show_history(house: House, name: str | None) -> list[dict[str, Any]]:
    """The steps of a kitchen (default: the root) since the baseline, newest first."""
    kitchens = Kitchens(house)
    rows = []
    for step in _there(house, steps(house, kitchens, kitchens.get(name or kitchens.root))):
        commit = house.repository.objects.commit(step.commit)
        landing = step.landing
        rows.append(
            {
                "commit": step.commit,
                "status": landing.status if landing else "committed",
                "from": landing.source if landing else None,
                "who": landing.who if landing else str(commit.author),
                "when": _moment(landing.when if landing else commit.committed),
                "recipes": [recipe for recipe, _ in landing.recipes] if landing else [],
                "subject": commit.message.partition("\n")[0],
            }
        )
    return rows


def _there(house: House, found: Iterator[Step]) -> Iterator[Step]:
    """The steps that a shallow clone has, and a note that there are more."""
    try:
        yield from found
    except EnvironmentFailure as failure:
        if failure.code != "shallow":
            raise
        house.note(f"{failure.message}; {failure.hints[0]}")


def steps(house: House, kitchens: Kitchens, kitchen: Kitchen) -> Iterator[Step]:
    """The moves of `kitchen` since the baseline, newest first. A landing is one step, however many commits it
    brought; what lies below a kitchen's creation are the steps of its parents.

    Raises `EnvironmentFailure` where a shallow clone ends before the baseline: what lies below nobody can tell here.
    """
    repository = house.repository
    baseline = baseline_of(kitchens)
    landings = _landings(house, kitchens, kitchen)
    reached = frozenset(since_baseline(house, kitchens, kitchen))
    tip: str | None = kitchen.tip
    while tip is not None and tip != baseline:
        if baseline is not None and tip not in landings and tip not in reached:
            return
        parents = repository.objects.commit(tip).parents
        if not parents:
            if repository.objects.is_cut_off(tip):
                raise _shallow(tip)
            return
        step = landings.get(tip) or Step(parents[0], tip, None, kitchen, None)
        yield step
        tip = step.previous


def own_beginning(house: House, kitchens: Kitchens, kitchen: Kitchen, walked: Sequence[Step]) -> str | None:
    """The commit below all that was `walked` of a kitchen's history, when the history up to the baseline does not have
    it: no step shows what is in it."""
    baseline, last = baseline_of(kitchens), walked[-1].previous if walked else kitchen.tip
    if baseline in (None, last) or is_ancestor(house.repository, last, str(baseline)):
        return None
    return last


def baseline_of(kitchens: Kitchens) -> str | None:
    """The commit from which on everything must be proved."""
    root = kitchens.get(kitchens.root)
    return root.registered.baseline if root.registered else None


def since_baseline(house: House, kitchens: Kitchens, kitchen: Kitchen) -> list[str]:
    """The commits of `kitchen` that the baseline does not contain, newest first; they are read in one go, because a
    question for each on its own would cost the most of all."""
    objects, baseline = house.repository.objects, baseline_of(kitchens)
    if baseline is not None and objects.is_shallow and objects.resolve(baseline) is None:
        raise _shallow(kitchen.tip)
    found = history.since(house.repository, kitchen.tip, baseline)
    objects.commits(found)
    return found


def _shallow(commit: str) -> EnvironmentFailure:
    return EnvironmentFailure(
        f"this clone is shallow: it has not all of what came before {commit[:12]}",
        "`git fetch --unshallow` brings the rest",
        code="shallow",
    )


def _landings(house: House, kitchens: Kitchens, kitchen: Kitchen) -> dict[str, Step]:
    """Commit → landing, of the kitchen and of all above it; a landing that never happened does not count."""
    found: dict[str, Step] = {}
    above: Kitchen | None = kitchen
    seen: set[str] = set()
    while above is not None and above.name not in seen:
        seen.add(above.name)
        if above.registered is not None:
            for step in _own_landings(house, above):
                found.setdefault(step.commit, step)
        above = kitchens.get(above.parent) if above.parent in kitchens.branches else None
    return found


def _own_landings(house: House, kitchen: Kitchen) -> Iterator[Step]:
    """The landings on one kitchen, newest first, each with the settings that it landed under: those of the oldest
    version of the registration that carries it."""
    oldest: dict[str, Step] = {}
    for registered in house.registrations.history(kitchen.name):
        landing = registered.landing
        if landing is not None:
            oldest[landing.commit] = Step(
                landing.previous, landing.commit, landing, kitchen, registered.settings
            )
    yield from oldest.values()


def _moment(when: Any) -> str:
    return str(when.isoformat().replace("+00:00", "Z"))
