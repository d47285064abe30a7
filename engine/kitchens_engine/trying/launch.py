"""From a phase of a node to the process that carries it out, and back to what it measured."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from kitchens_engine import kinds
from kitchens_engine.errors import InvalidInput
from kitchens_engine.kinds import sql, wait
from kitchens_engine.kinds.work import Site, Work
from kitchens_engine.order import Order
from kitchens_engine.ports import Command, Runtime
from kitchens_engine.recipe import Test
from kitchens_engine.redaction.hidden import Hidden
from kitchens_engine.runtimes.shells import SHELL
from kitchens_engine.state import fan, left
from kitchens_engine.state.attempt import Attempt, value_of
from kitchens_engine.state.live import COMMAND, SQL, WORK, LiveNode
from kitchens_engine.testing.measures import Measured
from kitchens_engine.trying import connections, declared, environment, secrets
from kitchens_engine.trying.companion import FORKS, WAITS
from kitchens_engine.values import as_word, in_words

#: What Linux takes as one argument or variable, its end included, in bytes.
_LONGEST_WORD = 1 << 17
#: What a letter takes at most.
_BYTES = 4
#: What a node may give as outputs, in bytes as they are written.
_MOST_OUTPUTS = 1 << 24


def prepare(live: LiveNode, token: str, order: Order, runtime: Runtime) -> Command | None:
    """The process of the node's present phase; its request to the worker is written. None: nothing to run.

    Raises `InvalidInput` for templates that cannot be filled in, and `OSError` for files that cannot be read,
    and `EnvironmentFailure` when a secret cannot be had any more.
    """
    assert live.attempt is not None
    node, scope, attempt = live.node, live.scope, live.attempt
    work = _work(live, _site(order, runtime, attempt))
    if work is None:
        return None
    live.asks_worker = work.request is not None
    if work.request is not None:
        attempt.ask(token, work.request)
    given = dict(scope.render(node.name, node.env))
    if live.item is not None:
        given |= fan.environment(live.item)
    secret = secrets.of_node(node, order)
    if work.request is not None and (connection := work.request.get("connection")):
        url = connections.url_of(connection, order)
        secret |= {connections.VARIABLE: url}
    own = {name: as_word(value) for name, value in given.items()} | secret
    variables = environment.of_process(
        order, scope, live.path, attempt, own, database=kinds.database_mode(node) is not None
    )
    hidden = order.hidden.texts if secret or scope.secretive else ()
    _hold_to_system(node.name, work.argv, variables)
    # Libraries may read the environment when they are imported: what is a node's own must be there before.
    # And what is hidden from a log is so by the runtime, which stands between it and a process of its own.
    image = node.image if live.phase is WORK else None
    companion = None
    if image is None and not hidden:
        companion = WAITS if work.waits else FORKS if work.request is not None and not node.env else None
    return Command(token, work.argv, scope.folder, variables, attempt.log, hidden, companion, image)


def learn(live: LiveNode, result: dict[str, Any], hidden: Hidden) -> None:
    """Take in what a process that passed left behind: outputs after work, values after measures.

    An output that holds something hidden is `***` for everybody from now on; a measured value still is what
    it is, until it is judged. Raises `InvalidInput` for outputs that are not those that the node declares.
    """
    assert live.attempt is not None
    if live.phase.kind == COMMAND:
        live.measured[live.phase.tests[0]] = _printed(live.attempt)
        return
    if live.phase is WORK:
        texts = [name for name, kind in (live.node.outputs or {}).items() if kind == "string"]
        outputs = live.attempt.outputs(texts) | result.get("outputs", {})
        if outputs:
            _hold_to_record(live.node.name, live.attempt)
        declared.hold(live.node, outputs)
        live.outputs = hidden.value(outputs)
    if live.phase is WORK and live.node.action == "wait":
        live.met = wait.is_met(result)
    live.measured |= {
        number: Measured(**answer)
        for number, answer in zip(_asked(live), result.get("tests", ()), strict=False)
    }


def _hold_to_system(node: str, argv: Sequence[str], environment: Mapping[str, object]) -> None:
    """Refuse what no system starts: it would say so in words that name nothing."""
    if max(map(len, (*argv, *map(str, environment.values())))) * _BYTES < _LONGEST_WORD // 2:
        return
    words = [("its command has a word", word) for word in argv]
    words += [(f"its environment has `{name}`", f"{name}={value}") for name, value in environment.items()]
    for what, word in words:
        if (size := len(os.fsencode(word))) >= _LONGEST_WORD:
            most = f"and a system takes {in_words(_LONGEST_WORD)} at most"
            message = f"node `{node}`: {what} of {in_words(size)}, {most}"
            raise InvalidInput(f"{message}; hand it on in a file of the data folder")


def _hold_to_record(node: str, attempt: Attempt) -> None:
    """Refuse outputs that are data: whoever looks at the run has them in his memory."""
    size = left.size(attempt.output) + left.size(attempt.result)
    if size > _MOST_OUTPUTS:
        message = f"node `{node}` gave outputs of {in_words(size)}, and {in_words(_MOST_OUTPUTS)} is the most"
        raise InvalidInput(f"{message}; what is large belongs into the data folder")


def _site(order: Order, runtime: Runtime, attempt: Attempt) -> Site:
    return Site(
        python=runtime.python,
        worker=runtime.worker,
        data=order.kitchen.data,
        database=order.kitchen.database,
        request=attempt.request,
        result=attempt.result,
    )


def _work(live: LiveNode, site: Site) -> Work | None:
    node, scope = live.node, live.scope
    if live.phase is WORK:
        return kinds.PROCESSES[node.action](node, scope, site)
    tests = [node.tests[number] for number in live.phase.tests]
    if live.phase.kind == SQL:
        return sql.measure(node, tests, scope, site)
    assert live.attempt is not None
    return Work(_printing(live, tests[0], live.attempt.value))


def _asked(live: LiveNode) -> tuple[int, ...]:
    """The tests whose values the worker's result holds, in its order."""
    if live.phase is not WORK:
        return live.phase.tests
    if live.node.action != "sql":
        return ()
    return tuple(number for number, test in enumerate(live.node.tests) if sql.measured_at_once(test))


def _printing(live: LiveNode, test: Test, file: str) -> tuple[str, ...]:
    """A command whose standard output goes to `file`; what it says on standard error goes to the log."""
    name, scope = live.node.name, live.scope
    if isinstance(test.expression, str):
        text = scope.render(name, test.expression, shell=True)
        return (*SHELL, f'exec >"$0"\n{text}', file)
    words = (as_word(word) for word in scope.render(name, test.expression))
    return (*SHELL, 'exec "$@" >"$0"', file, *words)


def _printed(attempt: Attempt) -> Measured:
    try:
        text = left.read(attempt.value).decode("utf-8", "replace").strip()
    except FileNotFoundError:
        text = ""
    return Measured(value_of(text)) if text else Measured(error="the command printed nothing")
