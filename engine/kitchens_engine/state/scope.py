"""What one recipe of a run sees: its variables, inputs, and the outputs and tests of its nodes."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from kitchens_engine.order import Order
from kitchens_engine.outcome import Status, TestRecord, timestamp
from kitchens_engine.recipe import Recipe
from kitchens_engine.state import left
from kitchens_engine.state.attempt import folder_name
from kitchens_engine.state.plan import Plan, upstream
from kitchens_engine.templating import template
from kitchens_engine.values import json_safe
from kitchens_engine.variables.constraints import HIDDEN, hidden_names, masked, texts_in
from kitchens_engine.variables.layers import found

_COUNTED = (Status.PASSED, Status.WARNED, Status.FAILED)
_NONE = {str(status): 0 for status in _COUNTED}


class Scope:
    """The names of one recipe while it runs. Nodes see what is upstream of them, and nothing else.

    `secretive` says that some of its variables or inputs are hidden, so that any node may write them.
    """

    def __init__(
        self, order: Order, plan: Plan, variables: Mapping[str, Any], inputs: Mapping[str, Any] | None
    ) -> None:
        self.plan = plan
        self.variables = variables
        self.inputs = inputs
        self.folder = order.folders.get(plan.recipe.folder) or order.root / plan.recipe.folder
        folder = f"{order.folder}/nodes/{folder_name(plan.path)}" if plan.path else str(order.folder)
        self.variables_file = f"{folder}/variables.json"
        self.inputs_file = f"{folder}/inputs.json" if inputs is not None else None
        self.secretive = False
        for value in _hidden_values(plan.recipe, variables, inputs or {}):
            self.secretive = True
            order.hidden.hide(value)
        self._outputs: MutableMapping[str, Mapping[str, Any]] = {}
        self._tests: MutableMapping[str, dict[str, int]] = {}
        self._upstream: dict[str, set[str]] = {}
        self._base = {
            "variables": variables,
            "inputs": inputs or {},
            "kitchen": {
                "name": order.kitchen.name,
                "data": str(order.kitchen.data),
                "parent": order.kitchen.parent,
            },
            "recipe": plan.recipe.name,
            "variation": plan.variation,
            "run": {"id": order.run, "started": timestamp(order.started)},
        }

    def write_files(self) -> None:
        """What its processes read as `KITCHEN_VARIABLES` and `KITCHEN_INPUTS`."""
        Path(self.variables_file).parent.mkdir(parents=True, exist_ok=True)
        left.write(str(self.variables_file), json.dumps(json_safe(self.variables)))
        if self.inputs_file:
            left.write(str(self.inputs_file), json.dumps(json_safe(self.inputs)))

    def hide(self) -> None:
        """Take what is hidden out of these files, once no process will read them any more."""
        recipe = self.plan.recipe
        if hidden_names(recipe):
            left.write(self.variables_file, json.dumps(json_safe(masked(recipe, self.variables))))
        secret = [name for name, contract in recipe.inputs.items() if contract.get("hidden")]
        if self.inputs_file and secret:
            shown = {**(self.inputs or {}), **dict.fromkeys(secret, HIDDEN)}
            left.write(self.inputs_file, json.dumps(json_safe(shown)))

    def learn(self, name: str, outputs: Mapping[str, Any], tests: tuple[TestRecord, ...] = ()) -> None:
        """From now on the nodes downstream of `name` see its outputs and the count of its tests."""
        self._outputs[name] = outputs
        statuses = [test.status for test in tests]
        self._tests[name] = {str(status): statuses.count(status) for status in _COUNTED} if tests else _NONE

    def learn_left(self, name: str, outputs: Mapping[str, Any], tests: Mapping[str, int]) -> None:
        """The same of a node that does not run: what it left, and how many of its tests had which status then."""
        self._outputs[name] = outputs
        self._tests[name] = {**_NONE, **tests}

    def render(self, node: str | None, value: Any, *, shell: bool = False) -> Any:
        """`value` with its templates filled in, at every depth of lists and tables.

        `node` is whose it is; None, as in an ingredient's outputs, sees all nodes.
        """
        match value:
            case str():
                if not template.has_markers(value):
                    return value
                return template.render(value, self._context(node, value), shell=shell)
            case Mapping():
                return {key: self.render(node, inner) for key, inner in value.items()}
            case list() | tuple():
                return [self.render(node, inner) for inner in value]
            case _:
                return value

    def evaluate(self, node: str, expression: str) -> Any:
        """The value of an expression, as in `when` and the measure `value`."""
        return template.evaluate(expression, self._context(node, expression))

    def outputs_upstream(self, node: str) -> Mapping[str, Any]:
        """The outputs of all nodes upstream of this one, by their names."""
        seen = self._context(node, "outputs")["outputs"]
        return {name: outputs for name, outputs in seen.items() if name != node}

    def read(self, name: str) -> str:
        """The text of a file beside the recipe."""
        return Path(self.folder, name).read_text(encoding="utf-8")

    def _context(self, node: str | None, text: str) -> dict[str, Any]:
        if "outputs" not in text and "tests" not in text:
            return self._base | {"outputs": {}, "tests": {}}
        if node is None:
            return self._base | {"outputs": self._outputs, "tests": self._tests}
        if node not in self._upstream:
            self._upstream[node] = upstream(self.plan.recipe, node) | {node}
        seen = self._upstream[node]
        return self._base | {
            "outputs": {name: self._outputs[name] for name in seen if name in self._outputs},
            "tests": {name: self._tests[name] for name in seen if name in self._tests},
        }


class ItemScope(Scope):
    """The same names, and `each`, for one item of a node that is fanned out.

    What it learns it keeps to itself: no instance sees another's outputs.
    """

    def __init__(self, around: Scope, index: int, value: Any) -> None:
        vars(self).update(vars(around))
        self._base = self._base | {"each": {"item": value, "index": index}}
        self._outputs = ChainMap({}, self._outputs)
        self._tests = ChainMap({}, self._tests)


def _hidden_values(recipe: Recipe, variables: Mapping[str, Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    """Every text and number of the hidden variables and inputs."""
    values = [found(variables, keys)[1] for keys in hidden_names(recipe)]
    values += [inputs.get(name) for name, contract in recipe.inputs.items() if contract.get("hidden")]
    return texts_in(values)
