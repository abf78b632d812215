"""The closed list of verbs: each knows how to undo an act, and how to look whether it is undone.

Comes in: the arguments of a record. Goes out: what was done, or what was seen. Doing a verb twice is
doing it once. ``do`` raises nothing for what it cannot do: only the look decides.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.guard import folders, http, processes
from harness.guard.http import Unreachable
from harness.guard.records import Argument, Record
from harness.guard.shell import boot_id

ASKED_NICELY_S = 0.3
VARIABLE = "HORMESIS_RUN"
"""What every process of a run carries (docs/protocols/supervisor.md); nobody is killed for another one."""
_TOKEN = re.compile(r"[0-9a-f]{64}")
_RANGES = {"pid": (1, 2**22), "start_ticks": (0, 2**63 - 1), "port": (1, 65535), "ready_port": (1, 65535)}
"""Of each number; a pid of Linux is never larger."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
TCP = "tcp"
"""In place of a route: the service names none, and any answer will do."""
RUNNING = "running"
"""In place of a route: the service has no port, and the supervisor is asked."""
_ROUTE = re.compile(rf"/[!-~]*|{TCP}|{RUNNING}")


class StillThere(Exception):
    """The look found the act still in force, or could not see; the text says what was seen."""


class CannotTell(StillThere):
    """Nobody can see it from here, however often they look."""


@dataclass(frozen=True, slots=True)
class _Verb:
    takes: Mapping[str, type]
    do: Callable[[_Words], str]
    look: Callable[[_Words], str]


class _Words:
    """Arguments, read by name and kind; they were checked against the verb's table. ``owner``: who acted."""

    def __init__(self, record: Record) -> None:
        self._arguments = record.arguments
        self.owner = record.owner

    def text(self, name: str) -> str:
        return str(self._arguments[name])

    def number(self, name: str) -> int:
        return int(self._arguments[name])


def problem_of(verb: str, arguments: Mapping[str, Argument]) -> str:
    """Say what is wrong with a verb and its arguments; empty = nothing.

    >>> problem_of("remove_everything", {})
    'there is no verb remove_everything'
    """
    if verb not in _VERBS:
        return f"there is no verb {verb}"
    takes = _VERBS[verb].takes
    if set(arguments) != set(takes):
        return f"{verb} takes {', '.join(takes)}"
    for name, kind in takes.items():
        if not isinstance(arguments[name], kind):
            return f"{name} of {verb} is of the wrong type"
    for name, (least, most) in _RANGES.items():
        if name in takes and not least <= int(arguments[name]) <= most:
            return f"{name} of {verb} is not in {least} to {most}"
    wrong = next((n for n in ("edge", "name", "service") if n in takes and not _is_name(arguments[n])), "")
    if wrong:
        return f"{wrong} of {verb} is no name"
    if "ready_route" in takes and not _ROUTE.fullmatch(str(arguments["ready_route"])):
        return f"ready_route of {verb} is no route"
    if "token" in takes and not arguments["token"]:
        return f"token of {verb} is empty"
    if "variable" in takes and (arguments["variable"] != VARIABLE or not _is_token(arguments["token"])):
        return f"{verb} does not name processes of a run: {VARIABLE} and 64 hexadecimal digits"
    return ""


def do(record: Record) -> str:
    """Undo the act; gives what was done, for people. Nothing is raised for what cannot be done.

    After a reboot every process is gone, and only a state folder on a disk is left to remove.
    """
    words = _Words(record)
    if record.owner.is_out_of_sight():
        return "nothing: its runner is of another pid namespace"
    if record.owner.boot != boot_id():
        return _remove_folder(words) if record.verb == "end_run" else "nothing: another boot"
    return _VERBS[record.verb].do(words)


def look(record: Record) -> str:
    """See from outside that the act is undone; gives the proof. Raises StillThere where it is not seen."""
    words = _Words(record)
    if record.owner.is_out_of_sight():
        raise CannotTell(
            f"cannot tell: its runner (pid {record.owner.pid}) is of another pid namespace of this machine, "
            "a container perhaps; undo it there, or see that nothing of it runs any more"
        )
    if record.owner.boot == boot_id():
        return _VERBS[record.verb].look(words)
    if record.verb == "end_run" and Path(words.text("folder")).exists():
        raise StillThere(f"the state folder {words.text('folder')} is still there")
    return f"the machine was started again since (boot {record.owner.boot}): its processes are gone"


def _is_token(value: Argument) -> bool:
    return bool(_TOKEN.fullmatch(str(value)))


def _is_name(value: Argument) -> bool:
    return bool(_NAME.fullmatch(str(value)))


def _signal(words: _Words, *numbers: signal.Signals, within_s: float = 0.0) -> str:
    """Signals to exactly the process of the record, if it carries the token."""
    pid = words.number("pid")
    try:
        with processes.pinned(pid, words.number("start_ticks")) as handle:
            if not processes.carries(pid, words.text("variable"), words.text("token")):
                return f"nothing: pid {pid} does not carry the run's token"
            for number in numbers:
                signal.pidfd_send_signal(handle, number)
            if within_s and not processes.ended_within(handle, within_s):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return f"nothing: pid {pid} is gone"
    return f"{' and '.join(n.name for n in numbers)} to pid {pid}"


def _continue(words: _Words) -> str:
    return _signal(words, signal.SIGCONT)


def _looks_continued(words: _Words) -> str:
    pid = words.number("pid")
    if not processes.is_there(pid, words.number("start_ticks")):
        return f"the process that was pid {pid} is gone"
    if processes.is_stopped(pid):
        raise StillThere(f"pid {pid} is in state T")
    return f"no thread of pid {pid} is in state T"


def _stop(words: _Words) -> str:
    # SIGCONT too: a stopped process would not take the SIGTERM.
    return _signal(words, signal.SIGTERM, signal.SIGCONT, within_s=ASKED_NICELY_S)


def _looks_stopped(words: _Words) -> str:
    pid = words.number("pid")
    if processes.is_there(pid, words.number("start_ticks")):
        raise StillThere(f"pid {pid} still runs")
    return f"the process that was pid {pid} is gone"


def _proxy(words: _Words, method: str, route: str) -> http.Answer:
    return http.over_socket(words.text("socket"), method, route, token=words.text("token"))


def _remove_toxic(words: _Words) -> str:
    edge, name = words.text("edge"), words.text("name")
    try:
        status = _proxy(words, "DELETE", f"/proxies/{edge}/toxics/{name}").status
    except Unreachable as error:
        return f"nothing: the proxy does not answer ({error})"
    return f"asked the proxy to remove {name} from {edge}: {status}"


def _looks_without_toxic(words: _Words) -> str:
    edge, name = words.text("edge"), words.text("name")
    try:
        answer = _proxy(words, "GET", f"/proxies/{edge}/toxics")
    except Unreachable as error:
        if error.gone:
            return f"the proxy is gone ({error})"
        raise StillThere(f"the proxy does not answer: {error}") from error
    listed = answer.decoded()
    if answer.status != 200 or not isinstance(listed, list):
        raise StillThere(f"the proxy answers {answer.status} for edge {edge}")
    if any(not isinstance(toxic, dict) or toxic.get("name") == name for toxic in listed):
        raise StillThere(f"edge {edge} still has toxic {name}")
    return f"edge {edge} lists no toxic {name}"


def _start_service(words: _Words) -> str:
    service = words.text("service")
    route = f"/v1/services/{service}/start"
    try:
        answer = http.over_loopback(words.number("port"), "POST", route, token=words.text("token"))
    except Unreachable as error:
        return f"nothing: the supervisor does not answer ({error})"
    return f"asked the supervisor to start {service}: {answer.status}"


def _looks_started(words: _Words) -> str:
    """Its port answers 200; or there is no supervisor any more, and so no system that lacks a service."""
    service, port, route = words.text("service"), words.number("ready_port"), words.text("ready_route")
    if route == RUNNING:
        return _looks_running(words)
    try:
        answer = http.over_loopback(port, "GET", "/" if route == TCP else route)
    except Unreachable as error:
        if error.gone and _refuses(words.number("port")):
            return f"supervisor and {service} are both gone: the system was ended"
        raise StillThere(f"{service} does not answer: {error}") from error
    if answer.status != 200 and route != TCP:
        raise StillThere(f"{service} answers {answer.status}")
    return f"{service} answers with {answer.status} on port {port}"


def _looks_running(words: _Words) -> str:
    service = words.text("service")
    try:
        answer = http.over_loopback(words.number("port"), "GET", "/v1/services", token=words.text("token"))
    except Unreachable as error:
        if error.gone:
            return f"supervisor and {service} are both gone: the system was ended"
        raise StillThere(f"the supervisor does not answer: {error}") from error
    listed = answer.decoded()
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    if not any(row.get("name") == service and row.get("state") == "ready" for row in rows):
        raise StillThere(f"{service} does not run: the supervisor answers {answer.status}")
    return f"{service} runs: the supervisor has it as ready"


def _refuses(port: int) -> bool:
    try:
        http.over_loopback(port, "GET", "/")
    except Unreachable as error:
        return error.gone
    return False


def _end_run(words: _Words) -> str:
    killed = processes.kill_run(words.text("variable"), words.text("token"))
    return f"killed {len(killed)} processes; {_remove_folder(words)}"


def _looks_ended(words: _Words) -> str:
    left = processes.kill_run(words.text("variable"), words.text("token"))
    if left:  # a fork that was under way: it has been killed now, and the next look sees that
        raise StillThere(f"processes carry the run's token: {', '.join(map(str, left))}")
    if Path(words.text("folder")).exists():
        _remove_folder(words)
        raise StillThere(f"the state folder {words.text('folder')} is still there")
    return "no process carries the run's token, and its state folder is gone"


def _remove_folder(words: _Words) -> str:
    """Remove the state folder of the record's own runner, as its owner's file says, and nothing else."""
    path = Path(words.text("folder"))
    if not os.path.lexists(path):
        return "there was no state folder"
    plain = path.is_absolute() and ".." not in path.parts
    if plain and folders.owner_of(path) == words.owner:
        folders.remove_state(path)
        return "removed the state folder"
    if plain and folders.remove_empty(path):
        return "removed the state folder, which was empty"
    return f"left {path} alone: it is no state folder of ours"


_PROCESS: Mapping[str, type] = {"pid": int, "start_ticks": int, "variable": str, "token": str}
_VERBS: Mapping[str, _Verb] = {
    "continue_process": _Verb(_PROCESS, _continue, _looks_continued),
    "remove_toxic": _Verb(
        {"socket": str, "token": str, "edge": str, "name": str}, _remove_toxic, _looks_without_toxic
    ),
    "start_service": _Verb(
        {"port": int, "token": str, "service": str, "ready_port": int, "ready_route": str},
        _start_service,
        _looks_started,
    ),
    "stop_records": _Verb(_PROCESS, _stop, _looks_stopped),
    "end_run": _Verb({"variable": str, "token": str, "folder": str}, _end_run, _looks_ended),
}
