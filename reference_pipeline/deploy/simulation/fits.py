"""The Trainer port in a simulated world: a fit is done once for its inputs, and takes the time that it costs.

Comes in: the folder of a job. Goes out: the files that the fit leaves in it, and virtual seconds. The same
job, by its bytes, gives the same files, so an episode that trains what another one has trained pays no real
time. A learner that dies meanwhile loses the fit as a whole; a child that is killed between two checkpoints
is a matter of the real target.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping

from reference_pipeline.fitting import run_job
from reference_pipeline.folders import Folder
from reference_pipeline.jobs import DATA_FILE, JOB_FILE, PARENT_FILE, RESULT_FILE

FIT_S = 1.5
"""Processor time of a fit on two cores (1.3 to 1.5 s in real runs), which is what it is charged."""

_INPUTS = (JOB_FILE, PARENT_FILE, DATA_FILE)
_done: dict[str, Mapping[str, bytes]] = {}


class MemoTrainer:
    """Fits jobs below ``folder``; ``sleep_s`` lets virtual time pass."""

    def __init__(self, folder: Folder, sleep_s: Callable[[float], Awaitable[None]]) -> None:
        self._folder = folder
        self._sleep_s = sleep_s
        self._stopped = False

    async def run(self, key: str, /) -> int:
        """See :class:`reference_pipeline.trainings.Trainer`."""
        self._stopped = False
        await self._sleep_s(FIT_S)
        if self._stopped:
            return -9
        folder = self._folder.inner(key)
        for name, data in _fitted(folder).items():
            if name != RESULT_FILE:
                folder.write(name, data)
        folder.write(RESULT_FILE, _fitted(folder)[RESULT_FILE])  # last: with it the job is over
        return 0

    def stop(self) -> None:
        """See :class:`reference_pipeline.trainings.Trainer`."""
        self._stopped = True


def _fitted(folder: Folder) -> Mapping[str, bytes]:
    """What the fit of this job leaves, by name."""
    inputs = {name: folder.read(name) or b"" for name in _INPUTS}
    key = hashlib.sha256(b"\0".join(inputs.values())).hexdigest()
    if key not in _done:
        made = _InMemory(inputs)
        run_job(made, cpu_s=lambda: FIT_S, go_on=lambda: None)
        _done[key] = {name: data for name, data in made.files.items() if name not in _INPUTS}
    return _done[key]


class _InMemory:
    """The Folder port over a dictionary: the fit itself touches no disk."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)

    def inner(self, name: str, /) -> _InMemory:
        raise NotADirectoryError(name)

    def names(self) -> list[str]:
        return sorted(self.files)

    def read(self, name: str, /) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, data: bytes, /) -> None:
        self.files[name] = data

    def append(self, name: str, data: bytes, /) -> None:
        self.files[name] = self.files.get(name, b"") + data

    def remove(self, name: str, /) -> None:
        self.files.pop(name, None)
