"""``python -m harness.proxy SPEC.json``: the fault proxy as a process (docs/protocols/proxy.md).

Exit code 0 when its standard input closed or on SIGTERM, 2 for a wrong SPEC.json, 5 where a port or the
control socket cannot be had.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
from pathlib import Path

import msgspec
from aiohttp import web

from harness.errors import Refused
from harness.proxy.control import Control, Ends
from harness.proxy.edges import Edge
from harness.proxy.listener import LOOPBACK
from harness.proxy.precise import PreciseSelector
from harness.proxy.spec import Spec
from harness.shell import fresh_token

SOCKET_PATH_BYTES_MAX = 107  # sun_path of Linux, without its final zero


def main(arguments: list[str]) -> int:
    """Run the proxy for one SPEC.json; gives the exit code."""
    try:
        spec = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Spec)
    except (IndexError, OSError, msgspec.MsgspecError) as error:
        sys.stderr.write(f"proxy: SPEC.json: {error}\n")
        return 2
    _raise_file_limit()
    try:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector())) as runner:
            runner.run(_serve(spec))
    except Refused as error:
        sys.stderr.write(f"proxy: {error}\n")
        return 5
    return 0


async def _serve(spec: Spec) -> None:
    over = _the_end()
    token = fresh_token()
    edges: dict[str, Edge] = {}
    control: web.AppRunner | None = None
    try:
        for one in spec.edges:
            edges[one.name] = Edge(one, spec.seed)
        app = Control(Ends(edges, spec.lease_s), token).application()
        control = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await control.setup()
        await _listen(control, spec)
        # What exists now lives to the end: without the freeze each full collection walks all of it.
        gc.collect()
        gc.freeze()
        sys.stdout.write(msgspec.json.encode({"ready": True, "token": token}).decode() + "\n")
        sys.stdout.flush()
        await over
    finally:
        for edge in edges.values():
            edge.close()
        if control is not None:
            await control.cleanup()
            Path(spec.socket).unlink(missing_ok=True)


async def _listen(control: web.AppRunner, spec: Spec) -> None:
    path = Path(spec.socket)
    await web.SockSite(control, _unix_socket(path)).start()
    if spec.control is None:
        return
    try:
        await web.TCPSite(control, LOOPBACK, spec.control).start()
    except OSError as error:
        raise Refused(f"control port {spec.control} is not free: {error}") from error


def _unix_socket(path: Path) -> socket.socket:
    """Make the control socket, 0600 from its first moment, in a folder that only we may enter."""
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX:
        raise Refused(
            f"the path of the control socket has more than {SOCKET_PATH_BYTES_MAX} bytes: "
            f"set HORMESIS_SCRATCH to a folder with a shorter path than that of {path}"
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_mode & 0o077:
        raise Refused(f"the folder of the control socket must be private (0700): {path.parent}")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError as error:
        sock.close()
        raise Refused(f"control socket {path}: {error}") from error
    finally:
        os.umask(mask)
    return sock


def _the_end() -> asyncio.Future[None]:
    """A future set when standard input closes, or on SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    def hear() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            end()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_reader(0, hear)
    return over


def _raise_file_limit() -> None:
    """Two descriptors a connection: lift the soft limit as far as allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
