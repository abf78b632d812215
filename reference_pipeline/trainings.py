"""The learner's trainings: asked for under a key, done one after the other, published once.

Comes in: a key and what to train. Goes out: the state of that training. Everything is in files, so that a
killed learner takes up where it was: a job that was written is fitted, a result that is there is published,
and what was published is known. Asking again under the same key changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from reference_pipeline.door import BadRequest
from reference_pipeline.errors import PipelineError
from reference_pipeline.examples import Examples
from reference_pipeline.folders import Folder
from reference_pipeline.inpath import Acts
from reference_pipeline.jobs import (
    ARTEFACT_FILE,
    RESULT_FILE,
    Job,
    Kind,
    Result,
    read_job,
    read_result,
    spent_s,
    write_job,
)
from reference_pipeline.models import DAMAGED, Models
from reference_pipeline.ports import CallRejected, Clock
from reference_pipeline.records import FeatureSpec
from reference_pipeline.registry import Version
from reference_pipeline.wire import NotUnderstood, decoded

ROWS_MAX = 10_000  # the newest labelled rows; more make an adapted model little better, and it takes longer
TRIES = 3
_NOT_UNDERSTOOD = 400
_LOOK_EVERY_S = 0.2
_RETRY_S = 1.0
PUBLISHED_FILE = "published.json"
DROPPED = "nobody waits for it any more"
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to train: ``kind``, on labelled rows above the cursor ``after``."""

    kind: Kind
    after: int = 0


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """How a training stands; ``version`` is the full one, once it is published.

    ``last``: cursor of the newest labelled row that it learned from. ``cpu_s``: what it has cost so far, in
    seconds of processor time, with the fits that were killed.
    """

    key: str
    state: Literal["waiting", "published", "failed"]
    version: str = ""
    why: str = ""
    last: int = 0
    metrics: dict[str, float] = {}
    cpu_s: float = 0.0


class Trainer(Protocol):
    """Whatever fits a job; a child process on one machine."""

    async def run(self, key: str, /) -> int:
        """Fit the job in the folder ``key``; 0 where it left a result."""
        ...

    def stop(self) -> None:
        """Make the fit that runs end at once, without a result; nothing where none runs."""
        ...


_ASKED = msgspec.json.Decoder(Asked)


class Trainings:
    """All trainings of one learner, below ``folder``."""

    def __init__(
        self,
        trainer: Trainer,
        models: Models,
        examples: Examples,
        *,
        folder: Folder,
        spec: FeatureSpec,
        acts: Acts,
    ) -> None:
        self._trainer = trainer
        self._models = models
        self._examples = examples
        self._spec = spec
        self._acts = acts
        self._folder = folder
        self._tries: Counter[str] = Counter()
        self._open: list[str] = []
        self._in_hand = ""
        names = ("trainings_total", "trainings_failed_total", "published_total", "training_cpu_s_total")
        self.counts: dict[str, float] = dict.fromkeys(names, 0.0)

    def recover(self) -> None:
        """Find what an earlier life did not finish, in the order in which it was asked for."""
        jobs = ((key, read_job(self._folder.inner(key))) for key in self._folder.names())
        asked = [(_numbers(job.version), key) for key, job in jobs if job is not None]
        self._open = [key for _, key in sorted(asked) if self.state(key).state == "waiting"]

    async def ask(self, key: str, body: bytes) -> Training:
        """Begin a training, or tell how the one under ``key`` stands.

        Raises:
            BadRequest: no such key or question.
            CallFailed: the registry did not say what is served; nothing was begun.
        """
        if not _KEY.fullmatch(key):
            raise BadRequest(f"the key is {key[:100]!r}; write letters, digits, dots and dashes, at most 100")
        try:
            asked = decoded(_ASKED, body)
        except NotUnderstood as error:
            raise BadRequest(str(error)) from error
        if read_job(self._folder.inner(key)) is None:
            await self._begin(key, asked)
        return self.state(key)

    def state(self, key: str) -> Training:
        """Tell how the training under ``key`` stands.

        Raises:
            BadRequest: 404 where there is none.
        """
        folder = self._folder.inner(key)
        job = read_job(folder) if _KEY.fullmatch(key) else None
        if job is None:
            raise BadRequest(f"no training {key[:100]!r}", 404)
        result = read_result(folder)
        told = Training(key=key, state="waiting", last=job.last, cpu_s=spent_s(folder))
        if result is None:
            return told
        told = msgspec.structs.replace(told, metrics=result.metrics)
        if result.why:
            return msgspec.structs.replace(told, state="failed", why=result.why)
        published = folder.read(PUBLISHED_FILE)
        if published is None:
            return told
        return msgspec.structs.replace(told, state="published", version=published.decode())

    def drop(self, key: str) -> Training:
        """Give up the training under ``key``, whose fit ends at once; one that is over stays as it is.

        Raises:
            BadRequest: 404 where there is none.
        """
        told = self.state(key)
        if told.state == "waiting":
            if key == self._in_hand:
                self._trainer.stop()
            self._fail(key, DROPPED)
            self.counts["trainings_failed_total"] += 1
        return self.state(key)

    async def run_forever(self, clock: Clock) -> None:
        """Do what is open, one training after the other."""
        while True:
            while self._open:
                key = self._in_hand = self._open.pop(0)
                try:
                    done = await self._step(key)
                except (PipelineError, OSError, msgspec.DecodeError):
                    done = False  # the registry does not answer, or the disk: the others go on meanwhile
                self._in_hand = ""
                if not done:
                    self._open.append(key)
                    await clock.sleep_s(_RETRY_S)
            await clock.rest_s(_LOOK_EVERY_S)

    async def _begin(self, key: str, asked: Asked) -> None:
        champion = await self._models.champion()
        parent = await self._models.artefact(champion.sha256)
        semantic = next_semantic([*await self._models.taken(), *self._promised()])
        window = self._examples.newest(ROWS_MAX, after=asked.after)
        if read_job(self._folder.inner(key)) is not None:
            return  # asked for once more while the registry was asked
        job = Job(
            key=key,
            kind=asked.kind,
            parent=champion.version,
            parent_sha256=champion.sha256,
            version=semantic,
            after=asked.after,
            last=window.last,
            spec=self._spec,
        )
        write_job(self._folder.inner(key), job, parent, rows=window.rows, label=window.label)
        self._open.append(key)
        self.counts["trainings_total"] += 1
        self._acts.note("training_begun", f"{asked.kind} of {champion.version}", effect=False)

    def _promised(self) -> list[str]:
        """Semantic versions of trainings that are on their way."""
        jobs = [read_job(self._folder.inner(key)) for key in (*self._open, self._in_hand) if key]
        return [job.version for job in jobs if job is not None]

    async def _step(self, key: str) -> bool:
        """Fit or publish ``key``; True where nothing is left to do."""
        folder = self._folder.inner(key)
        if (result := read_result(folder)) is None:
            before_s = spent_s(folder)
            code = await self._trainer.run(key)
            self.counts["training_cpu_s_total"] += round(spent_s(folder) - before_s, 3)
            result = read_result(folder) or self._not_fitted(key, code)
            if result is None:
                return False
            self.counts["trainings_failed_total"] += bool(result.why) and result.why != DROPPED
            self._acts.note("training_ended", f"cpu {spent_s(folder):.2f} s", effect=False)
        if result.why:
            return True
        try:
            new = await self._publish(folder, result)
        except CallRejected as error:
            if error.status == _NOT_UNDERSTOOD and self._again(f"{key}/publish"):
                return False  # it may have been damaged on its way
            self._fail(key, f"the registry does not take it: {error}")
            self.counts["trainings_failed_total"] += 1
            return True
        folder.write(PUBLISHED_FILE, new.version.encode())
        self.counts["published_total"] += 1
        self._acts.note("version_published", new.version, effect=False)
        return True

    async def _publish(self, folder: Folder, result: Result) -> Version:
        job = read_job(folder)
        artefact = folder.read(ARTEFACT_FILE)
        if job is None or artefact is None or hashlib.sha256(artefact).hexdigest() != result.sha256:
            raise CallRejected("the artefact is not the one that was fitted", DAMAGED)
        return await self._models.publish(
            job.version, artefact, metrics=result.metrics, lineage=result.lineage
        )

    def _fail(self, key: str, why: str) -> Result:
        result = Result(why=why)
        self._folder.inner(key).write(RESULT_FILE, msgspec.json.encode(result))
        return result

    def _not_fitted(self, key: str, code: int) -> Result | None:
        """Give a training up whose child ended without a result too often."""
        if self._again(key):
            return None
        return self._fail(key, f"it ended {TRIES} times without a result, the last time with {code}")

    def _again(self, what: str) -> bool:
        """Whether to try ``what`` once more in this life."""
        self._tries[what] += 1
        return self._tries[what] < TRIES


def next_semantic(taken: Sequence[str]) -> str:
    """Give the next minor version after the newest of ``taken``.

    >>> next_semantic(["1.0.0", "1.10.0", "1.9.3"])
    '1.11.0'
    """
    newest = max(map(_numbers, taken))
    return f"{newest[0]}.{newest[1] + 1}.0"


def _numbers(semantic: str) -> tuple[int, ...]:
    """A semantic version as numbers: each training is promised a higher one than those before."""
    return tuple(map(int, semantic.split(".")))
