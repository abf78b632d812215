"""Progress on standard error: one live line on a terminal, plain lines elsewhere.

Comes in: a line for each change of state, from the runner. On a terminal the last one stays in
place with the time gone and the forecast; elsewhere each is printed once, and a heartbeat shows
every 30 s that nothing hangs.
"""

from __future__ import annotations

import sys
import threading
from types import TracebackType

from harness.frontends.streams import tell
from harness.frontends.wording import length_text
from harness.shell import environment, monotonic_s

TICK_S = 1.0
HEARTBEAT_S = 30.0
CLEAR = "\r\x1b[K"


class Progress:
    """A context manager that is called with each line; ``forecast_s`` is for people only, None = the lines
    tell.

    ``interrupting``: what Ctrl-C does, for who looks at a terminal.
    """

    def __init__(
        self,
        forecast_s: float | None,
        *,
        live: bool | None = None,
        interrupting: str = "Ctrl-C undoes and stops",
    ) -> None:
        self.forecast_s = forecast_s
        self.interrupting = interrupting
        self.live = _on_terminal() if live is None else live
        self.started_s = self.told_s = monotonic_s()
        self.last = ""
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.ticker = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        self.ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.ticker.join()
        if self.live and self.last:
            tell("", end="", start=CLEAR)

    def __call__(self, text: str) -> None:
        """Tell a change of state."""
        with self.lock:
            self.last, self.told_s = text, monotonic_s()
            gone_s = self.told_s - self.started_s
            # a record is a line, whatever a service's name or log holds
            one_line = " ".join(filter(None, map(str.strip, text.splitlines())))
            tell(f"[{gone_s:6.1f} s] {one_line}", start=CLEAR if self.live else "")

    def _tick(self) -> None:
        while not self.over.wait(TICK_S):
            with self.lock:
                self._beat(monotonic_s())

    def _beat(self, now_s: float) -> None:
        gone_s = now_s - self.started_s
        left = length_text(gone_s)
        if self.forecast_s is not None:
            left += f" of about {length_text(max(self.forecast_s, gone_s))}"
        if self.live:
            tell(f"  … {left} ({self.interrupting})", end="", start=CLEAR)
        elif now_s - self.told_s >= HEARTBEAT_S:
            self.told_s = now_s
            tell(f"[{gone_s:6.1f} s] … {left}")


def _on_terminal() -> bool:
    """Whether standard error can take cursor codes; CI logs and dumb terminals cannot."""
    stream = sys.stderr
    return (
        stream is not None
        and stream.isatty()
        and environment("TERM") not in ("", "dumb")
        and not environment("CI")
    )
