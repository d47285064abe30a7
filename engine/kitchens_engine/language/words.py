"""What each key of `recipe.toml` is for, in one line: what an editor shows beside it.

By the dotted path of the key; `*` is a name that users choose, `[]` an item of a list.
"""

from __future__ import annotations

from collections.abc import Mapping

_CONSTRAINT = {
    "type": "Its type: string, integer, float, boolean, datetime, date, time, list, table or any.",
    "required": "Some level has to give it: the default alone will not do.",
    "choices": "It is one of these; each item of a list is.",
    "at_least": "It is not less than this.",
    "at_most": "It is not more than this.",
    "matches": "The text holds a match of this regular expression.",
    "locked": "It keeps its default: no level may change it.",
    "hidden": "It is never shown, neither in answers nor in records.",
    "description": "What it is, for people.",
}
_POLICY = {
    "policy": "What warnings and failures inside count for outside.",
    "policy.warnings": "What a warning inside is outside.",
    "policy.failures": "What a failure inside is outside.",
}
_TIMEOUT = "How long it may take, such as `30s`, `5m`, `2h`, `1d`, or a number of seconds."
_ON_TIMEOUT = "After the timeout it is stopped, or only an alert is given."

_TEST = {
    "name": "What must hold, in words. Without one, the test is named by its measure and rule.",
    "sql": "Measure: the first column of the first row. SQL, or a file that ends in `.sql`.",
    "output": "Measure: an output of this node.",
    "value": "Measure: an expression, such as `outputs.clean.rows / 2`.",
    "run": "Measure: what this command writes.",
    "equals": "Rule: it is this.",
    "not_equals": "Rule: it is not this.",
    "above": "Rule: it is more than this.",
    "below": "Rule: it is less than this.",
    "at_least": "Rule: it is this or more.",
    "at_most": "Rule: it is this or less.",
    "between": "Rule: it is not less than the first and not more than the second.",
    "matches": "Rule: as text it holds a match of this regular expression.",
    "control": "Rule: it keeps to the limits that its own history gives.",
    "fail": "When it fails: stop (the default), warn, or only log.",
    "blocks": "The only nodes that its failure keeps from running; by default all that need this node.",
}

_NODE = {
    "run": "A command for `/bin/sh -eu -c`, or a list of words. Values of templates are quoted for the shell.",
    "python": "A script with arguments, `score.py --fast`, or a function, `score:main`.",
    "arguments": "Values for the parameters of the function, by name.",
    "sql": "Statements, or a file that ends in `.sql`. On the kitchen's own DuckDB unless there is a `connection`.",
    "copy": "Copies data between a source and a sink.",
    "recipe": "Runs another recipe of this cookbook as one node.",
    "ingredient": "Runs an ingredient, a recipe with a contract, as one node.",
    "notebook": "Runs a notebook.",
    "wait": "Waits for a time, a file, a row or a URL.",
    "noop": "Does nothing: joins other nodes.",
    "description": "What it does, for people.",
    "needs": "The nodes that come before it.",
    "needs[]": "A node of this recipe.",
    "when": "It runs only if this expression holds: `outputs.clean.rows > 0 and tests.clean.warned == 0`.",
    "env": "Variables of its environment.",
    "secrets": "Variables of its environment that come from the vault.",
    "secrets.*": "A reference such as `vault:flights/token`.",
    "outputs": "The names and types of its outputs: each line `name=value` that it writes to $KITCHEN_OUTPUT.",
    "outputs.*": _CONSTRAINT["type"],
    "each": "Runs once for each item of this list, or of the list that this expression gives.",
    "parallel": "How many items at once.",
    "always": "Runs however what it needs has ended: for cleaning up.",
    "retries": "How often to try again after a failure.",
    "retry_delay": "How long to wait before another try, such as `10s`.",
    "backoff": "Whether the delay stays the same or doubles each time.",
    "max_delay": "The longest delay.",
    "jitter": "How much of the delay is left to chance: a share from 0 to 1.",
    "retry_on": "The only failures that are tried again.",
    "retry_on[]": "`timeout`, `lost`, `test`, `exit:75`, `exit:64-78` or `matches:` and a pattern.",
    "skip_on": "Exit statuses that mean: there was nothing to do.",
    "timeout": _TIMEOUT,
    "on_timeout": _ON_TIMEOUT,
    "pool": "A limit that it shares with others, of this recipe's or the cookbook's `pools`.",
    "connection": "The database of its SQL, from `[connections]` in kitchens.toml.",
    "database": "How it uses the kitchen's DuckDB file, which it finds at $KITCHEN_DATABASE.",
    "variation": "The variation of the recipe or ingredient.",
    "variables": "Values for the variables of the nested recipe.",
    "inputs": "Values for the inputs of the ingredient.",
    **_POLICY,
    "tests": "What must hold once it ran: each test has one measure and one rule.",
    **{f"tests[].{name}": words for name, words in _TEST.items()},
}

WORDS: Mapping[str, str] = {
    "": "A recipe: a pipeline of nodes.",
    "description": "What it does, for people.",
    "requires": "Recipes whose data this one reads; a gate runs them first.",
    "requires[]": "A recipe of this cookbook.",
    "timeout": _TIMEOUT,
    "on_timeout": _ON_TIMEOUT,
    "concurrency": "How many of its nodes may run at once.",
    "pools": "Limits that several nodes share.",
    "pools.*": "How many of its nodes may run at once.",
    "variables": "Typed defaults, of every type that TOML has; templates read them as `variables.name`.",
    "constraints": "What must hold of variables at every level, by name.",
    **{f"constraints.*.{name}": words for name, words in _CONSTRAINT.items()},
    **_POLICY,
    "variations": "Named ways to run it.",
    "variations.*.description": "What it is for, for people.",
    "variations.*.variables": "Values over the recipe's own.",
    "variations.*.nodes": "The part of the graph that runs; `+name` adds all that the node needs.",
    "variations.*.nodes[]": "A node, or `+` and a node.",
    "variations.*.schedule": "When it runs: minute, hour, day of month, month and day of week, such as `0 6 * * *`.",
    "variations.*.timezone": "The time zone of the schedule, such as `Europe/Berlin`.",
    "nodes": "The steps, by name.",
    "nodes.*": "A step: exactly one action, and what else holds of it.",
    **{f"nodes.*.{name}": words for name, words in _NODE.items()},
    "inputs": "What the ingredient must be given, by name.",
    "inputs.*.default": "What it is when nobody gives it.",
    **{f"inputs.*.{name}": words for name, words in _CONSTRAINT.items()},
    "outputs": "What the ingredient gives, by name.",
    "outputs.*.value": "The value, as a rule a template such as `{{ outputs.clean.rows }}`.",
    **{f"outputs.*.{name}": words for name, words in _CONSTRAINT.items()},
}
