"""The supervisor, a process of its own: the "platform" of a local system, spoken to over HTTP.

``python -m harness.targets.local.supervisor SPEC.json``; docs/protocols/supervisor.md is the contract. It
prints one line, ``{"port", "token"}``, listens on loopback only, and ends everything when its standard
input closes. Exit code 0 when asked to end, 1 when it broke (the reason is on standard error), 2 for a
wrong SPEC.json, 5 when the system cannot be started.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from harness.errors import HormesisError, Refused
from harness.proxy.callers import foreign
from harness.shell import fresh_token
from harness.targets.local.desk import Desk
from harness.targets.local.forks import Forks
from harness.targets.local.keeper import STOP_GRACE_S, Platform
from harness.targets.local.kernel import adopt_orphans, kill_descendants
from harness.targets.local.ledger import Ledger
from harness.targets.local.machine import LocalMachine
from harness.targets.local.probes import Prober
from harness.targets.local.spec import Spec

ASKER = "asker"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Broken(HormesisError):
    """The supervisor cannot go on; everything it started has been ended."""


class Supervisor:
    """All keepers behind one HTTP interface. ``over`` is set when it is to end; True: politely."""

    def __init__(self, spec: Spec, platform: Platform, token: str, over: asyncio.Future[bool]) -> None:
        self._ledger = platform.ledger
        self._over = over
        # Each platform service has a token of its own, so that the ledger can say who asked.
        self._tokens = {one.name: fresh_token() for one in spec.services if one.platform}
        self._askers = {f"Bearer {token}": ""} | {f"Bearer {own}": who for who, own in self._tokens.items()}
        self.desk = Desk(spec.services, platform, self._fail)

    def _fail(self, error: BaseException) -> None:
        if not self._over.done():
            self._over.set_exception(error)

    async def boot(self, port: int) -> None:
        """Start all services, each once those it comes after have been ready. ``port`` is our own."""
        for name, token in self._tokens.items():
            keeper = self.desk.keepers[name]
            ours = {"PLATFORM_URL": f"http://127.0.0.1:{port}", "PLATFORM_TOKEN": token}
            keeper.spec = msgspec.structs.replace(keeper.spec, env=keeper.spec.env | ours)
        await self.desk.boot()

    def application(self) -> web.Application:
        """The HTTP interface."""
        app = web.Application(middlewares=[self._guard], client_max_size=1 << 16)
        app.router.add_get("/v1/services", self._services)
        app.router.add_get("/v1/ledger", self._lines)
        app.router.add_post("/v1/services/{name}/{act:start|stop|restart}", self._act)
        app.router.add_post("/v1/shutdown", self._shutdown)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """403 unless it comes from a program of ours: token, loopback Host, no browser's Origin."""
        asker = self._asker(request.headers.get("Authorization", ""))
        if asker is None or foreign(request.headers):
            return web.json_response({"error": "forbidden"}, status=403)
        request[ASKER] = asker
        return await handler(request)

    def _asker(self, given: str) -> str | None:
        """Who holds this token: "" the runner, else a platform service; None: nobody."""
        for known, who in self._askers.items():
            if hmac.compare_digest(given.encode(), known.encode()):
                return who
        return None

    async def _services(self, _: web.Request) -> web.Response:
        return _bytes(self.desk.rows())

    async def _lines(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        if not after.isascii() or not after.isdigit() or len(after) > 18:
            return web.json_response({"error": "after must be a number"}, status=400)
        return _bytes(msgspec.json.encode(self._ledger.after(int(after))))

    async def _act(self, request: web.Request) -> web.Response:
        name, act = request.match_info["name"], request.match_info["act"]
        if name not in self.desk.keepers:
            known = ", ".join(self.desk.keepers)
            return web.json_response({"error": f"no service {name}; there are: {known}"}, status=404)
        grace = request.query.get("grace_s", "")
        if grace not in ("", "0"):
            return web.json_response({"error": "grace_s is 0 or left out"}, status=400)
        try:
            done = await self.desk.act(
                name,
                act,
                asker=request[ASKER],
                key=request.headers.get("Idempotency-Key", ""),
                grace_s=0.0 if "grace_s" in request.query else STOP_GRACE_S,
            )
        except Refused as refused:
            return web.json_response({"error": str(refused)}, status=409)
        return _bytes(done)

    async def _shutdown(self, request: web.Request) -> web.Response:
        if request[ASKER]:
            return web.json_response({"error": "only the runner ends the platform"}, status=403)
        self._ledger.note("", "asked", detail="shutdown")
        _end(self._over, polite=True)
        return web.json_response({"ends": True})


def _bytes(content: bytes) -> web.Response:
    return web.Response(body=content, content_type="application/json")


async def supervise(spec: Spec) -> None:
    """Run the whole platform until asked to end; ``Broken`` if it cannot go on."""
    adopt_orphans()
    over = _the_end()
    opening = asyncio.create_task(Forks.open(spec.preload))
    first: list[asyncio.Future[Any]] = [over, opening]
    try:
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            await _run(spec, opening.result(), over)
    finally:
        opening.cancel()
        left = kill_descendants(os.getpid(), within_s=5.0)
    if left:
        raise Broken(f"could not end {left}")


async def _run(spec: Spec, forks: Forks, over: asyncio.Future[bool]) -> None:
    try:
        async with Prober() as prober:
            platform = Platform(
                machine=LocalMachine(forks, prober, Path(spec.state_dir)),
                ledger=Ledger(),
                profile=spec.restart_profile(),
                restart=spec.restart,
            )
            await _serve(spec, platform, forks.broken, over)
    finally:
        forks.close()


async def _serve(
    spec: Spec, platform: Platform, broken: asyncio.Future[None], over: asyncio.Future[bool]
) -> None:
    token = fresh_token()
    supervisor = Supervisor(spec, platform, token, over)
    runner = web.AppRunner(supervisor.application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    sys.stdout.write(msgspec.json.encode({"port": port, "token": token}).decode() + "\n")
    sys.stdout.flush()
    boot = asyncio.create_task(supervisor.boot(port))
    try:
        await _until_over(over, broken, boot)
        if over.result():
            await _stop_politely(supervisor)
    finally:
        boot.cancel()
        await asyncio.gather(*(keeper.abandon() for keeper in supervisor.desk.keepers.values()))
        await runner.cleanup()


async def _stop_politely(supervisor: Supervisor) -> None:
    """Stop all services; bounded, since a zygote that hangs passes no signal on and is killed anyway."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_GRACE_S + 1.0):
            await asyncio.gather(*(keeper.stop() for keeper in supervisor.desk.keepers.values()))


async def _until_over(
    over: asyncio.Future[bool], broken: asyncio.Future[None], boot: asyncio.Task[None]
) -> None:
    ends: list[asyncio.Future[Any]] = [over, broken]
    await asyncio.wait([*ends, boot], return_when=asyncio.FIRST_COMPLETED)
    if boot.done():
        boot.result()
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if not over.done():
        raise Broken("the zygote died, and with it every service")


def _the_end() -> asyncio.Future[bool]:
    """A future set when standard input closes (end at once) or on SIGTERM and SIGINT (politely)."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[bool] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, over, True)

    def hear() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            _end(over, polite=False)

    loop.add_reader(0, hear)
    return over


def _end(over: asyncio.Future[bool], polite: bool) -> None:
    """Ask for the end; the first to ask decides how."""
    if not over.done():
        over.set_result(polite)


def main(arguments: list[str]) -> int:
    """Run the supervisor for one SPEC.json; returns the exit code."""
    try:
        spec = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Spec)
        spec.restart_profile()
    except (IndexError, OSError, msgspec.MsgspecError) as error:
        sys.stderr.write(f"supervisor: SPEC.json: {error}\n")
        return 2
    try:
        asyncio.run(supervise(spec))
    except Refused as error:
        sys.stderr.write(f"supervisor: {error}\n")
        return 5
    except Broken as error:
        sys.stderr.write(f"supervisor: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
