"""The system's own state, brought back before each run and proven; else the run is not begun.

Comes in: ``System.reset`` and the folder of the system file. Goes out: a ``StateReset`` event, or ``Refused``
with the command's last lines. What {state} and {template} hold is ours: a new folder a run, and a template
that is hashed; a system that says it keeps its state there needs no command.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from harness import shell
from harness.errors import Refused
from harness.experiment.model import Service, System
from harness.experiment.reset import Reset
from harness.history.events import StateReset
from harness.run.template import output_tail
from harness.targets.local.kernel import ending_with_us

OUTPUT_BYTES_MAX = 1 << 20
_OURS = ("{state}", "{template}")


class Resetting:
    """Brings the state back, run after run; ``at_first``: what the first proof of this campaign put out."""

    def __init__(self, system: System, system_dir: Path) -> None:
        self._system, self._folder = system, system_dir.resolve()
        self._at_first = ""

    def __call__(self) -> StateReset:
        """Do and prove; ``Refused`` where the state is not proven to be the one of the first run."""
        reset = self._system.reset
        if reset is None:
            return StateReset(proven="by itself" if starts_anew(self._system) else "")
        began_s = shell.monotonic_s()
        if reset.do:
            self._called(reset, "do")
        output = self._called(reset, "prove")
        if not output.strip():
            raise Refused(
                "reset not proven: `reset.prove` put out nothing, as if no state were there; "
                "have it print what it has seen, e.g. a digest of each file"
            )
        digest = hashlib.sha256(output).hexdigest()
        self._at_first = self._at_first or digest
        if digest != self._at_first:
            raise Refused(
                f"reset not proven: the output of `reset.prove` was {self._at_first[:12]} at first and is "
                f"{digest[:12]} now (SHA-256); mend `reset.do`, or leave out of the output what may differ"
            )
        return StateReset(
            proven="by command", output_sha256=digest, took_s=round(shell.monotonic_s() - began_s, 3)
        )

    def _called(self, reset: Reset, key: str) -> bytes:
        """Call one of both; gives its output, standard error left out."""
        command = reset.do if key == "do" else reset.prove
        what = f"reset not proven: `reset.{key}`"
        words = {"{python}": sys.executable, "{system}": str(self._folder)}
        try:
            child = subprocess.Popen(  # an argv list from the system file; no shell ever
                [_filled(part, words) for part in command],
                env=shell.child_environment(),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=ending_with_us(),  # noqa: PLW1509 - takes no lock
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in a word
            raise Refused(f"{what} cannot be started: {error}") from error
        with child:
            try:
                output, said = child.communicate(timeout=reset.within_s)
            except BaseException as error:
                if child.returncode is None:  # not waited for: its number is nobody else's, though it ended
                    os.killpg(child.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    raise Refused(f"{what} was not done after {reset.within_s:g} s") from error
                raise
        if child.returncode:
            tail = "\n  ".join(output_tail(said or output))
            raise Refused(f"{what} failed (code {child.returncode}); its last lines:\n  {tail}")
        if len(output) > OUTPUT_BYTES_MAX:
            raise Refused(
                f"{what} put out more than {OUTPUT_BYTES_MAX >> 20} MiB: write a digest of it instead"
            )
        return output


def starts_anew(system: System) -> bool:
    """Whether each service says that its state lies in folders that every run is given anew.

    A service that is forked (``entry``) is told of no other folders; a program has to name them.
    """
    return all(_is_told(service) for service in system.services.values())


def _is_told(service: Service) -> bool:
    named = (*service.command, *service.env.values())
    return bool(service.entry) or any(word in part for part in named for word in _OURS)


def _filled(part: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        part = part.replace(word, value)
    return part
