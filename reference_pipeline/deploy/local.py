"""Wiring for one machine: each service as a process behind uvicorn, started by a fork or by itself.

``serve_gateway`` and its like are entries for a preloaded, single-threaded parent that forks: all
imports are made here, all sockets and files are opened in the child. ``python -m
reference_pipeline.deploy.local gateway`` starts the same by itself. The environment is that of
docs/protocols/pipeline.md.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path

import uvicorn
import uvicorn.protocols.http.httptools_impl  # preloaded: uvicorn would import it at start

from reference_pipeline import shell
from reference_pipeline.deploy.asgi import App, asgi
from reference_pipeline.deploy.calls import HttpCalls
from reference_pipeline.deploy.clock import LoopClock
from reference_pipeline.deploy.platform import HttpPlatform
from reference_pipeline.deploy.policies import FOLDER, GitPolicies
from reference_pipeline.deploy.template import Template
from reference_pipeline.deploy.trainer import ChildTrainer
from reference_pipeline.deploy.wiring import Wired, wire
from reference_pipeline.folders import DiskFolder, Folder
from reference_pipeline.healing.policy import PolicySource
from reference_pipeline.ports import Beside, Ports
from reference_pipeline.registry import Registry
from reference_pipeline.stores import SqliteStore
from reference_pipeline.trainings import Trainer

_GRACE_S = 1
_KEEP_ALIVE_S = 75


def serve_gateway() -> None:
    """Run the gateway until SIGTERM."""
    _serve("gateway")


def serve_features() -> None:
    """Run the features service until SIGTERM."""
    _serve("features")


def serve_scorer() -> None:
    """Run the scorer whose name ``SERVICE`` gives (scorer-a, scorer-b) until SIGTERM."""
    _serve(shell.environment("SERVICE", "scorer-a"))


def serve_registry() -> None:
    """Run the registry until SIGTERM; its folder starts as a copy of the template's."""
    _serve("registry")


def serve_delivery() -> None:
    """Run delivery until SIGTERM."""
    _serve("delivery")


def serve_learner() -> None:
    """Run the learner until SIGTERM."""
    _serve("learner")


def serve_healer() -> None:
    """Run the healer of the arm that ``HEALING`` names until SIGTERM."""
    _serve("healer")


ENTRIES: dict[str, Callable[[], None]] = {
    "registry": serve_registry,
    "features": serve_features,
    "scorer": serve_scorer,
    "gateway": serve_gateway,
    "delivery": serve_delivery,
    "learner": serve_learner,
    "healer": serve_healer,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service named by the one argument; 2 if there is none of that name."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) != 1 or given[0] not in ENTRIES:
        sys.stderr.write(f"usage: python -m reference_pipeline.deploy.local {{{','.join(ENTRIES)}}}\n")
        return 2
    ENTRIES[given[0]]()
    return 0


class _LocalPlace:
    """A process of this machine, by its environment; see ``wiring.Place``. Close it when done."""

    def __init__(self) -> None:
        self.state = Path(shell.environment("STATE_DIR", ".state"))
        self.state.mkdir(parents=True, exist_ok=True)
        folder = Path(shell.environment("TEMPLATE_DIR", "template"))
        self.template = Template(folder, self.state)
        self._platform: HttpPlatform | None = None
        self._closing = ExitStack()

    def setting(self, name: str, default: str = "", /) -> str:
        """See ``wiring.Place``."""
        return shell.environment(name, default)

    def has_edge(self, edge: str, /) -> bool:
        """See ``wiring.Place``."""
        return bool(_address(edge))

    def dice(self) -> Callable[[], float]:
        """See ``wiring.Place``."""
        return shell.dice()

    def registry(self) -> Registry:
        """See ``wiring.Place``."""
        return self._closing.enter_context(closing(self.template.registry()))

    def trainings(self) -> tuple[Folder, Trainer]:
        """See ``wiring.Place``."""
        folder = self.state / "trainings"
        return DiskFolder(folder), ChildTrainer(folder)

    def beside(self) -> Beside:
        """See ``wiring.Place``."""
        return asyncio.to_thread

    def platform(self) -> HttpPlatform:
        """See ``wiring.Place``; opened by whoever runs the process."""
        if self._platform is None:
            url, token = shell.environment("PLATFORM_URL"), shell.environment("PLATFORM_TOKEN")
            self._platform = HttpPlatform(url, token)
        return self._platform

    def policy(self) -> PolicySource:
        """See ``wiring.Place``."""
        return GitPolicies(Path(shell.environment("POLICY_DIR") or self.template.folder / FOLDER))

    def close(self) -> None:
        """Close what was opened for the service."""
        self._closing.close()


def _serve(name: str) -> None:
    """Serve over a store and calls of its own until SIGTERM."""
    with closing(_LocalPlace()) as place:
        wired = wire(name, place)
        tokens = dict.fromkeys(wired.secret, shell.environment("SWITCH_TOKEN"))
        calls = HttpCalls({edge: _address(edge) for edge in wired.edges}, tokens)
        with closing(SqliteStore(place.state / "store.db", wired.logs)) as store:
            asyncio.run(_run(name, wired, store=store, calls=calls, place=place))


async def _run(name: str, wired: Wired, *, store: SqliteStore, calls: HttpCalls, place: _LocalPlace) -> None:
    """Serve until SIGTERM; a background loop that raises ends the process, never silently."""
    boot_id = shell.fresh_boot_id()
    tasks: list[asyncio.Task[None]] = []
    opened = place.platform() if name == "healer" else nullcontext()
    async with opened, calls as call, asyncio.TaskGroup() as group:

        def spawn(make: Callable[[], Coroutine[None, None, None]]) -> None:
            tasks.append(group.create_task(make()))

        ports = Ports(
            service=shell.environment("SERVICE", name),
            boot_id=boot_id,
            call=call,
            store=store,
            clock=LoopClock(),
            spawn=spawn,
        )
        service = wired.build(ports)
        await service.start()
        await _server(asgi(service, wired.guard), boot_id).serve()
        for task in tasks:
            task.cancel()


def _server(app: App, boot_id: str) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=int(shell.environment("PORT", "0")),
            loop="asyncio",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            headers=[("x-boot-id", boot_id)],
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )


def _address(edge: str) -> str:
    return shell.environment(f"EDGE_{edge.upper().replace('-', '_')}_URL")


if __name__ == "__main__":
    sys.exit(main())
