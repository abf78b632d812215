"""Guards of a simulated world: what its code reaches for in the real one is refused, and kept.

Comes in: nothing; for the length of ``guarded()`` every world that runs in this process is watched. Goes
out: ``Escape`` where the reach is made, and an entry in the ``escapes`` of the world. Other threads, and
this one outside of a world, read clocks and open files as ever. Two layers: an audit hook of the interpreter,
for files, sockets, processes and (since 3.12) threads, and tripwires in place of clocks and dice. What was
imported by name before, and ``datetime.now``, pass both: those are found in the source, by tests/style.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, get_ident
from types import FrameType

from harness.simulation.kernel import RUNNING, Kernel

AUDITED = frozenset(
    (
        *("socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname"),
        *("socket.gethostname", "socket.sendto", "socket.sendmsg", "urllib.Request", "sqlite3.connect"),
        *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
        *("pty.spawn", "os.kill", "os.killpg", "signal.pthread_kill", "os.putenv", "os.unsetenv"),
        *("_thread.start_new_thread", "_thread.start_joinable_thread", "time.sleep"),
    )
)
"""Events of the interpreter that no code of a world may cause; those of files are judged by their path."""

FILES = frozenset(
    (
        *("open", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"),
        *("os.chmod", "os.chown", "os.utime", "os.listdir", "os.scandir", "shutil.rmtree", "shutil.move"),
    )
)
"""Events that name a file. Reading the code of an import, and keeping it compiled, is nobody's act."""

TRIPWIRES: Mapping[str, tuple[str, ...]] = {
    "time": (
        *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
        *("process_time", "process_time_ns", "thread_time", "thread_time_ns", "sleep"),
    ),
    "os": ("urandom", "getrandom"),
    "random": (
        *("_urandom", "seed", "random", "uniform", "randint", "randrange", "choice", "choices", "shuffle"),
        *("sample", "getrandbits", "randbytes", "gauss", "normalvariate", "expovariate", "betavariate"),
    ),
    "uuid": ("uuid1", "uuid4"),
    "secrets": ("token_bytes", "token_hex", "token_urlsafe", "randbelow", "randbits", "choice"),
    "numpy.random": (
        *("seed", "random", "random_sample", "rand", "randn", "randint", "choice", "shuffle", "permutation"),
        *("uniform", "normal", "standard_normal", "exponential", "poisson", "binomial", "bytes"),
    ),
    # Until 3.11 no audit event tells of a new thread.
    "threading": ("Thread.start",),
    "_thread": ("start_new_thread",),
}
"""By module, what is replaced while worlds are guarded: clocks, fresh dice, threads."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_COMPILED = "__pycache__"
_CODE = (".py", ".pyc", ".so")
_INSTALLED = (f"{sys.prefix}{os.sep}", f"{sys.base_prefix}{os.sep}")
FITTING = frozenset({"sklearn", "joblib", "threadpoolctl"})
"""Libraries that name their jobs by fresh bits, time them and count processors, whatever they compute.

What they are called for is a fit, a function of its rows: that no such thing gets out of it is for the digest
over fresh processes to find, and for the lint a fit without a seed.
"""


class _Watch:
    """What is in force now: how many blocks are open, what may be read in them, what tripwires replace."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.blocks = 0
        self.hooked = False
        self.readable: list[str] = []
        self.replaced: list[tuple[object, str, object]] = []


_watch = _Watch()


@contextmanager
def guarded(*readable: Path) -> Iterator[None]:
    """Watch every world of this process until the end of the block; may be nested, from any thread.

    ``readable``: folders whose content is a part of what the run is made from, so that reading them there is
    the same in every run.

    >>> from harness.simulation.kernel import Kernel
    >>> import uuid
    >>> kernel, seen = Kernel(seed=7), []
    >>> _ = kernel.at(1.0, lambda: seen.append(uuid.uuid4()))
    >>> with guarded():
    ...     kernel.run(until_s=2.0)
    Traceback (most recent call last):
    harness.simulation.kernel.Escape: uuid.uuid4() leaves the simulated world; use a port
    >>> kernel.escapes
    [(1.0, 'the world', 'uuid.uuid4()')]
    """
    folders = [f"{folder.absolute()}{os.sep}" for folder in readable]
    with _watch.lock:
        if not _watch.hooked:  # a hook stays for the life of the process
            sys.addaudithook(_audit)
            _watch.hooked = True
        if not _watch.blocks:
            _lay()
        _watch.blocks += 1
        _watch.readable += folders
    try:
        yield
    finally:
        with _watch.lock:
            _watch.blocks -= 1
            for folder in folders:
                _watch.readable.remove(folder)
            if not _watch.blocks:
                _take_up()


def escapes_text(kernel: Kernel) -> str:
    """Say what of a world reached for the real one first, and how often; "" where nothing did."""
    if not kernel.escapes:
        return ""
    at_s, who, what = kernel.escapes[0]
    count = len(kernel.escapes)
    more = f", and {count - 1} more" if count > 1 else ""
    return f"{who} reached for the real world at {at_s:.3f} s: {what}{more}; no seed decides what that gives"


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    """Called by the interpreter for every audit event of the process, so first of all quick."""
    if not RUNNING or not _watch.blocks:
        return
    if event not in AUDITED and (event not in FILES or _may_touch(event, arguments)):
        return
    world = RUNNING.get(get_ident())
    if world is not None and not _fitting():
        where = f" {arguments[0]!r}" if arguments and isinstance(arguments[0], str | bytes) else ""
        raise world.escaped(f"{event}{where}")


def _may_touch(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether this is the interpreter reading and keeping code, or a descriptor that is open already."""
    first = arguments[0] if arguments else None
    if not isinstance(first, str | bytes | os.PathLike):
        return True
    path = os.fsdecode(first)
    if _COMPILED in path:
        return True
    if event == "open":
        flags = arguments[2]
        writes = isinstance(flags, int) and bool(flags & _WRITES)
        return not writes and (path.endswith(_CODE) or path.startswith((*_INSTALLED, *_watch.readable)))
    return event in ("os.listdir", "os.scandir") and _importing(path)


def _importing(path: str) -> bool:
    """Whether a folder is one that modules are looked for in."""
    return path.startswith(_INSTALLED) or any(path.startswith(folder) for folder in sys.path if folder)


def _fitting() -> bool:
    """Whether a library that fits is on the stack; asked only once something was reached for."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in FITTING:
            return True
        frame = frame.f_back
    return False


def _lay() -> None:
    """Put the tripwires in place; what this version of Python does not have needs none."""
    for module_name, names in TRIPWIRES.items():
        module = importlib.import_module(module_name)
        for name in names:
            inner, _, attribute = name.rpartition(".")
            holder: object = getattr(module, inner) if inner else module
            real = getattr(holder, attribute, None)
            if real is not None:
                _watch.replaced.append((holder, attribute, real))
                setattr(holder, attribute, _checked(f"{module_name}.{name}", real))


def _take_up() -> None:
    for holder, attribute, real in reversed(_watch.replaced):
        setattr(holder, attribute, real)
    _watch.replaced.clear()


def _checked(name: str, real: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(real)
    def checked(*arguments: object, **named: object) -> object:
        world = RUNNING.get(get_ident())
        if world is not None and not _fitting():
            raise world.escaped(f"{name}()")
        return real(*arguments, **named)

    return checked
