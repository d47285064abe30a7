"""The agent: a plain `sh` loop in a container that starts, watches and ends node processes.

It reads one shell line per request and answers in lines of its own. Any image with
`/bin/sh` will do; where the image has `setsid` and `grep`, each node gets its own session
and its stray descendants are found by their environment. One node costs about 1 ms.

It is a container's first process, or, with a mark, one of several in a container that outlives it: at the end of its
input it ends everything that carries the mark, and nothing else.

Requests are lines of shell that this module composes; answers are words:

    ready PYTHON AGENT            once, PYTHON is 1 where the toolchain has one; the agent's own process
    watched NUMBER WATCHER        the process that will say how node NUMBER ended
    started NUMBER PROCESS        the node's process
    memory NUMBER COUNT           before a node's end that is no 0: so many processes were ended for want of memory
    ended NUMBER STATUS           after the same was written to the evidence file
    refused NUMBER                no process could be made
    gone NUMBER                   the watcher is no more, and said nothing
    checked                       the answer to a check
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: In the environment of every process of a node: how those that left its session are found.
MARK = "KITCHEN_ATTEMPT"

# - Nodes run below a watcher below a subshell that ends at once, so the init process reaps them.
# - `command eval` survives a fork that is refused, which otherwise ends the shell. A subshell
#   needs one of its own with `exit` behind it: busybox's would return into this very loop.
# - `stop` and `end_marked` fork nothing: at the limit of processes, no other program could be started. `read` drops the
#   zeros between the words of an environment. What is to be ended is stopped first, so that it makes no more of itself.
# - `tidy` is for whoever is alone in a container that outlives it: what hid from its mark ends, and temporary files go;
#   `clear` keeps its hands off a folder in which another one is mounted, such as a checkout below `/tmp`.
#   The container's own process is the first that it had, and numbers below 300 are given once.
SCRIPT = r"""
unset HOSTNAME OLDPWD
n='
'
session=$(command -v setsid) && session="$session --"
grep=$(command -v grep)
watch() { # number process evidence mark
    trap - EXIT
    echo "started $1 $2"
    wait "$2" 2>/dev/null
    status=$?
    kill -9 "-$2" 2>/dev/null
    [ "$status" = 0 ] || ended_for_memory "$1"
    echo "$4 $status" >"$3"
    echo "ended $1 $status"
}
ended_for_memory() { # number
    for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
        while read -r word count; do
            [ "$word" = oom_kill ] && echo "memory $1 $count"
        done <"$file"
    done 2>/dev/null
}
stop() { # signal process
    for pass in 1 2 3 4; do
        kill "-$1" "-$2" "$2" 2>/dev/null
        found=
        for entry in /proc/[0-9]*/stat; do
            { read -r line <"$entry"; } 2>/dev/null || continue
            set -- "$1" "$2" ${line##*) }
            [ "$6" = "$2" ] && [ "$3" != Z ] && kill "-$1" "${line%% *}" 2>/dev/null && found=1
        done
        [ "$1" = KILL ] && [ "$found" ] || break
    done
}
left() { # process: of one that has ended, so that one of this number is another
    kill -0 "$1" 2>/dev/null || stop KILL "$1"
}
seek() { # signal mark
    [ "$grep" ] || end_marked "$1" "$2"
    [ "$grep" ] && for pass in 1 2 3 4; do
        found=
        for entry in $(grep -lzF "$2" /proc/[0-9]*/environ 2>/dev/null); do
            entry=${entry#/proc/}
            kill "-$1" "${entry%/environ}" 2>/dev/null && found=1
        done
        [ "$1" = KILL ] && [ "$found" ] || break
    done
}
holds() { # mark file
    while IFS= read -r word || [ "$word" ]; do
        case $word in *"$1"*) return 0 ;; esac
    done <"$2"
    return 1
}
end_marked() { # signal mark
    for pass in 1 2 3 4 5 6 7 8; do
        found=
        for entry in /proc/[0-9]*; do
            entry=${entry#/proc/}
            [ "$entry" = $$ ] && continue
            holds "$2" "/proc/$entry/environ" && kill "-$1" "$entry" && found=1
        done
        [ "$1" = KILL ] && [ "$found" ] || break
    done 2>/dev/null
}
tidy() {
    first=
    for entry in /proc/[0-9]*; do
        entry=${entry#/proc/}
        [ "$entry" != 1 ] && { [ -z "$first" ] || [ "$entry" -lt "$first" ]; } && first=$entry
    done
    for entry in /proc/[0-9]*; do
        entry=${entry#/proc/}
        case $entry in 1 | "$first" | $$) ;; *) kill -9 "$entry" ;; esac
    done 2>/dev/null
    for entry in /tmp /run /dev/shm; do clear "$entry"; done
}
clear() { # folder
    own=
    while read -r device target word; do
        case $target in "$1") own=1 ;; "$1"/*) return ;; esac
    done </proc/self/mounts
    [ "$own" ] && ( command eval 'rm -rf "$1"/* "$1"/.[!.]* 2>/dev/null'; exit )
}
alive() { kill -0 "$2" 2>/dev/null || echo "gone $1"; }
[ -x "$1" ] && echo ready 1 $$ || echo ready 0 $$
while IFS= read -r line; do
    command eval "$line" 2>/dev/null || echo "refused ${line##*#}"
done
[ "$2" ] || kill -9 -1
end_marked STOP "$2"
end_marked KILL "$2"
"""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
#: Names that some shells refuse to set, or that mean something to the line itself.
_SHELLS_OWN = frozenset(
    {"PPID", "UID", "EUID", "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO", "IFS", "OPTIND", "n", "session", "grep"}
)


@dataclass(frozen=True, slots=True)
class Job:
    """A node's process to start: standard output and error are appended to `log`, `evidence` is written last."""

    number: int
    argv: tuple[str, ...]
    folder: str
    environment: Mapping[str, str]
    log: str
    evidence: str
    mark: str


def start(job: Job) -> bytes:
    """The request to start a node's process."""
    plain = {name: value for name, value in job.environment.items() if _exportable(name)} | {MARK: job.mark}
    odd = [f"{name}={value}" for name, value in job.environment.items() if not _exportable(name)]
    exports = " ".join(f"{name}={quote(value)}" for name, value in plain.items())
    words = " ".join(quote(word) for word in (*(("env", *odd) if odd else ()), *job.argv))
    # Where memory runs out the kernel takes a node, not what watches it.
    worth = "{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null"
    node = f"( {worth}; export {exports}; cd {quote(job.folder)} || exit 127; exec $session {words} )"
    output = f">>{quote(job.log)} 2>&1 </dev/null"
    watcher = f"watch {job.number} $! {quote(job.evidence)} {quote(job.mark)}"
    refusal = f"trap 'echo refused {job.number}' EXIT"
    body = f"{{ {refusal}; {node} {output} & {watcher}; }} & echo watched {job.number} $!"
    return _request(_apart(body), job.number)


def in_arguments(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that a shell cannot export, so that they stand in an argument list for a moment."""
    return tuple(name for name in environment if not _exportable(name))


def stop(signal: str, process: int, mark: str) -> bytes:
    """The request to send a signal (`TERM`, `KILL`) to a node's process with all its descendants."""
    return _request(f"stop {signal} {process}") + _request(_apart(f"seek {signal} {quote(mark)}"))


def clean_up(process: int, mark: str) -> bytes:
    """The request to end what a node left that has ended, whatever has its number now."""
    return _request(f"left {process}") + _request(_apart(f"seek KILL {quote(mark)}"))


def beside(agent: int, command: Sequence[str]) -> list[str]:
    """The words of a command that somebody else starts in the container, and that runs only while the agent does: one that
    is started when its owner was just killed would be missed by what ends the rest."""
    return ["/bin/sh", "-c", 'kill -0 "$0" && exec "$@"', str(agent), *command]


def seek(mark: str) -> bytes:
    """The request to end every process with this text in its environment."""
    return _request(_apart(f"seek KILL {quote(mark)}"))


def tidy() -> bytes:
    """The request to end everything else in the container but its own first processes, and to empty its memory's files."""
    return _request("tidy")


def check(watchers: Mapping[int, int]) -> bytes:
    """The request to say which watchers (number → process) are gone."""
    questions = (f"alive {number} {process}; " for number, process in watchers.items())
    return _request(f"{''.join(questions)}echo checked")


def _request(text: str, number: int = 0) -> bytes:
    """One line. Its number is what the agent calls refused when the line fails; 0 is no node's."""
    return os.fsencode(f"{text} #{number}\n")


def _apart(text: str) -> str:
    """`text` in a subshell that cannot return into the agent's loop."""
    return f"( command eval {quote(text)}; exit $? )"


def quote(text: str) -> str:
    """`text` as one shell word on one line, whatever is in it. `$n` is a line's end in the agent."""
    return "'" + text.replace("'", "'\\''").replace("\n", "'\"$n\"'") + "'"


def _exportable(name: str) -> bool:
    return bool(_NAME.match(name)) and name not in _SHELLS_OWN
