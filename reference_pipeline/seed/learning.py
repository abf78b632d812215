"""The arm ``seed`` on the learning path: drift tests that retrain, a golden set that rolls back.

Comes in: raw batches of decided rows, trainings and versions. Goes out: trainings asked of the learner,
promotions and rollbacks asked of the registry, and lines in the journal.

| recipe | when | what |
|---|---|---|
| M-05 | ten batches in a row with a feature below p = 0.05 | M-20: retrain on the latest labelled rows |
| M-23 with M-22 | once a day of the world, on one batch | any feature "drifted": the same |
| M-24 | a retrained model is there | it serves unless its accuracy is more than 5 % below its forerunner's |
| M-28 | the ingestion rate of a second is three deviations off | an alert: a line in the journal |
| M-13 | every five minutes | one golden row decided otherwise: M-03, back to the version before |
| M-34 | confidence over 1,000 scores is 5 % below that of the first 1,000 | M-03, too |

Known defects. Any feature of which a batch holds few values between 0 and 1 has a PSI above 0.2 by chance
alone, so that the daily job retrains nearly every day. Nothing asks whether decisions are harmed: moved rows
retrain, harmless or not, and a concept that changes under unmoved rows does not. Accuracies are of two
holdouts, and at 2 % frauds whoever approves all has 98 %. A model from nothing, fitted to a few thousand
rows, forgets the rare. The version before may be the worse one, and a better model is rolled back by rule.
Nothing is verified, nothing is limited; poisoned labels are learned like any others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from reference_pipeline.healing.acts import Act, target_of
from reference_pipeline.healing.journal import Journal
from reference_pipeline.healing.model import Entry, Evidence, Kind
from reference_pipeline.healing.model_acts import Promote, Train
from reference_pipeline.healing.model_ports import Experience, Models, ModelVersion
from reference_pipeline.healing.ports import Signals
from reference_pipeline.healing.raw_rows import RawBatch, RawBatches
from reference_pipeline.ports import CallFailed, Clock, StoreFailed
from reference_pipeline.seed.confidence import ConfidenceMonitor
from reference_pipeline.seed.drift_tests import KsInARow, Sample, ensemble_says, sample_of
from reference_pipeline.seed.golden_check import GoldenCheck
from reference_pipeline.seed.rolling_z import RollingZ

LOOK_S = 1.0
ACCURACY_FALL_MAX = 0.05
_PAGE = 20
_COUNTS = ("trainings_total", "promotions_total", "rollbacks_total", "refused_total", "calls_failed_total")


class RawRows(Protocol):
    """Batches of decided rows as they are."""

    async def raw_batches(self, after: int, limit: int, /) -> RawBatches:
        """Batches with a number above ``after``."""
        ...


@dataclass(slots=True)
class _Training:
    key: str
    episode: str
    act: Train


class SeedLearning:
    """The loop; ``training``: sample of each feature that the champion learned from. Nothing outlives it."""

    def __init__(
        self,
        signals: Signals,
        rows: RawRows,
        experience: Experience,
        models: Models,
        *,
        clock: Clock,
        journal: Journal,
        training: Mapping[str, Sequence[float]],
        life: str,
    ) -> None:
        self._signals = signals
        self._rows = rows
        self._experience = experience
        self._models = models
        self._clock = clock
        self._journal = journal
        self._life = life
        self._names = tuple(training)
        self._sample = sample_of({name: np.array(values) for name, values in training.items()})
        self._in_a_row = KsInARow(self._sample)
        self._golden, self._rate, self._confidence = GoldenCheck(), RollingZ(), ConfidenceMonitor()
        self._accepted: float | None = None
        self._last = self._episodes = 0
        self._hour = -1
        self._training: _Training | None = None
        self._counts = Counter(dict.fromkeys(_COUNTS, 0))

    async def run_forever(self) -> None:
        """Look once a second; a call that failed is made again at the next look."""
        while True:
            for step in (self._see_rate, self._see_rows, self._see_training, self._see_golden):
                try:
                    await step()
                except CallFailed:
                    self._counts["calls_failed_total"] += 1
            await self._clock.rest_s(LOOK_S)

    def signals(self) -> Mapping[str, float]:
        """Numbers for ``/signals``."""
        return self._counts

    # M-28

    async def _see_rate(self) -> None:
        accepted = (await self._signals.numbers("gateway")).get("accepted_total", 0.0)
        before, self._accepted = self._accepted, accepted
        if before is not None and self._rate.see(accepted - before):
            self._episodes += 1
            episode = f"{self._life}-seed-{self._episodes}"
            self._note("detected", episode, None, "the rate is three deviations off", target="ingestion")

    # M-05, M-22, M-23, M-34

    async def _see_rows(self) -> None:
        page = await self._rows.raw_batches(self._last, _PAGE)
        self._last = min(self._last, page.last)
        for batch in page.batches:
            self._last = batch.number
            sample = self._as_sample(batch)
            if not (sample.numbers or sample.categories):
                continue
            if self._in_a_row.see(sample):
                self._in_a_row = KsInARow(self._sample)
                await self._retrain("ten batches in a row have a feature below p = 0.05")
            if batch.hour < self._hour and (found := ensemble_says(self._sample, sample)):
                told = ", ".join(f"{name} ({test})" for name, test in found.items())
                await self._retrain(f"the day's drift job: {told}")
            self._hour = batch.hour
        await self._see_scores([score for batch in page.batches for score in batch.scores])

    def _as_sample(self, batch: RawBatch) -> Sample:
        columns = zip(self._names, zip(*batch.rows, strict=True), strict=True)
        return sample_of(
            {name: np.array([one for one in column if one is not None]) for name, column in columns}
        )

    async def _retrain(self, why: str) -> None:
        """Begin a training unless one is on its way; a second reason is forgotten."""
        if self._training is not None:
            return
        self._episodes += 1
        act, episode = Train(kind="anew", after=0), f"{self._life}-seed-{self._episodes}"
        self._note("detected", episode, None, why, target=target_of(act))
        self._training = _Training(f"seed-{self._life}-{self._episodes}", episode, act)
        self._note("action.started", episode, act, why)

    # M-20, M-24

    async def _see_training(self) -> None:
        if self._training is None:
            return
        key, episode, act = self._training.key, self._training.episode, self._training.act
        told = await self._experience.train(key, act.kind, act.after)
        if told.state == "waiting":
            return
        done = told.state == "published"
        served = (await self._models.aliases()).get("champion", "")
        versions = {one.version: one for one in await self._models.versions()}
        self._training = None
        self._counts["trainings_total"] += 1
        self._note("action.finished", episode, act, told.why or told.version, ok=done)
        if not done:
            return
        if passes_gate(versions.get(told.version), versions.get(served)):
            await self._promote(
                Promote(version=told.version, was=served), episode, "its accuracy is near enough"
            )
            self._counts["promotions_total"] += 1
        else:
            self._counts["refused_total"] += 1

    # M-34, M-13, M-03

    async def _see_scores(self, scores: Sequence[float]) -> None:
        found = self._confidence.see(scores)
        if found.says == "alarm":
            served = (await self._models.aliases()).get("champion", "")
            await self._roll_back(served, f"confidence {found.statistic:.3f} is below {found.threshold:.3f}")

    async def _see_golden(self) -> None:
        if not self._golden.is_due(self._clock.now_s()):
            return
        served = (await self._models.aliases()).get("champion", "")
        told = await self._experience.compare([served], 0)
        rows, wrong = told.golden.get(served, (0, 0))
        if not self._golden.is_bad(wrong, rows, self._clock.now_s()):
            return
        await self._roll_back(served, f"{wrong} of {rows} golden rows")

    async def _roll_back(self, served: str, why: str) -> None:
        """Serve the version that was put there before ``served``; where there is none, nothing is done."""
        names = [one.version for one in await self._models.versions()]
        before = names[: names.index(served)] if served in names else []
        if not before:
            return
        self._episodes += 1
        episode = f"{self._life}-seed-{self._episodes}"
        act = Promote(version=before[-1], was=served)
        self._note("detected", episode, None, why, target=target_of(act))
        await self._promote(act, episode, "back to the version before")
        self._counts["rollbacks_total"] += 1
        self._confidence.forget()

    async def _promote(self, act: Promote, episode: str, why: str) -> None:
        self._note("action.started", episode, act, why)
        try:
            await self._models.promote(act.version, act.was)
        except CallFailed as error:
            self._note("action.finished", episode, act, str(error), ok=False)
            raise
        self._note("action.finished", episode, act, "done", ok=True)

    def _note(
        self,
        kind: Kind,
        episode: str,
        act: Act | None,
        reason: str,
        *,
        target: str = "",
        ok: bool | None = None,
    ) -> None:
        """Write a line; the recipes know no journal, so one that is lost stops nothing."""
        entry = Entry(
            kind=kind,
            episode=episode,
            target=target_of(act) if act else target,
            reason=reason,
            at_s=self._clock.now_s(),
            evidence=Evidence(act=act, ok=ok),
        )
        try:
            self._journal.write(entry)
        except StoreFailed:
            self._counts["calls_failed_total"] += 1


def passes_gate(candidate: ModelVersion | None, served: ModelVersion | None) -> bool:
    """M-24: True unless the accuracy on record fell by more than 5 %; what is not on record did not fall.

    >>> was = ModelVersion(version="1.0.0", metrics={"accuracy": 0.98}, lineage={})
    >>> passes_gate(ModelVersion(version="1.1.0", metrics={"accuracy": 0.94}, lineage={}), was)
    True
    >>> passes_gate(ModelVersion(version="1.1.0", metrics={"accuracy": 0.92}, lineage={}), was)
    False
    """
    before = served.metrics.get("accuracy", 0.0) if served else 0.0
    after = candidate.metrics.get("accuracy", before) if candidate else before
    return after >= before * (1.0 - ACCURACY_FALL_MAX)
