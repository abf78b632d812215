"""The undo record of an effect, known before the act (docs/protocols/guard.md). Pure.

Comes in: an effect and the facts of the running system. Goes out: a verb of the guardian and its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.effects import EdgeEffect, Kill, Pause, ProcessEffect

Arguments = dict[str, int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an undo needs to know. Process effects use the first block, edges the second.

    ``platform``: port and token of the supervisor; ``run``: variable and token that our processes carry.
    ``pid`` and ``start_ticks`` name the process that will be hit, ``handle`` the toxic that will be added.
    """

    platform: tuple[int, str] = (0, "")
    run: tuple[str, str] = ("", "")
    pid: int = 0
    start_ticks: int = 0
    ready_port: int = 0
    ready_route: str = ""

    socket: str = ""
    proxy_token: str = ""
    handle: str = ""


def undo_of(effect: ProcessEffect | EdgeEffect, facts: Facts) -> tuple[str, Arguments]:
    """Give verb and arguments that undo ``effect``.

    >>> undo_of(Pause(service="a"), Facts(run=("HORMESIS_RUN", "t"), pid=7, start_ticks=99))[1]["pid"]
    7
    """
    match effect:
        case Kill():
            port, token = facts.platform
            return "start_service", {
                "port": port,
                "token": token,
                "service": effect.service,
                "ready_port": facts.ready_port,
                "ready_route": facts.ready_route,
            }
        case Pause():
            variable, token = facts.run
            return "continue_process", {
                "pid": facts.pid,
                "start_ticks": facts.start_ticks,
                "variable": variable,
                "token": token,
            }
        case _:
            return "remove_toxic", {
                "socket": facts.socket,
                "token": facts.proxy_token,
                "edge": effect.edge,
                "name": facts.handle,
            }
