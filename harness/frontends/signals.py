"""Signals of a command: the first one ends it in order, later ones never cut that short.

Comes in: SIGINT, SIGTERM, SIGHUP. Goes out: KeyboardInterrupt once, in the main thread, wherever it is;
whatever was begun is undone on the way out. A second Ctrl-C must not interrupt the undo that the first
one began.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType

_Handler = Callable[[int, FrameType | None], object] | int | None
_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """A context manager around a command. ``terminated``: it was SIGTERM or SIGHUP and not Ctrl-C.

    ``keep``: the process ends afterwards; once a signal came, a late one then changes nothing any more.
    """

    def __init__(self, *, keep: bool) -> None:
        self.terminated = False
        self._keep = keep
        self._raised = False
        self._before: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> Signals:
        with contextlib.suppress(ValueError):  # outside of the main thread there are no handlers
            for number in _HANDLED:
                # A shell starts its background jobs with SIGINT ignored, nohup ignores SIGHUP: so it stays.
                if signal.getsignal(number) is not signal.SIG_IGN or number == signal.SIGTERM:
                    self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            # Ignored and not ours: the end of Python gives a handler of its own back to the default.
            signal.signal(number, signal.SIG_IGN if self._keep and self._raised else handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._raised:
            _say(b"\nalready undoing and ending; nothing is left behind when this command has ended\n")
            return
        self._raised = True
        self.terminated = number != signal.SIGINT
        raise KeyboardInterrupt


def _say(words: bytes) -> None:
    """Write past Python's buffers: a handler may come in the middle of a write to them."""
    with contextlib.suppress(OSError):  # a terminal that hung up
        os.write(2, words)
