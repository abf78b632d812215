"""What the scores of any version look like: made by scoring the stored rows with it, when somebody asks.

Comes in: versions that are asked for. Goes out: how each stands, and its bins for batches. A reference takes
some seconds, most of them beside the loop; until it is there nothing is said of those scores. It is kept
under the full version, which ends in the hash of the model.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import BadArtefact, BadTemplate, UnknownVersion
from reference_pipeline.healing.detectors.histogram import Bins
from reference_pipeline.healing.detectors.scores import ScoreReference, make_score_reference
from reference_pipeline.healing.detectors.stored import LEARNED, RowWatch
from reference_pipeline.healing.version_scores import VersionScores, as_told
from reference_pipeline.models import Models
from reference_pipeline.ports import Beside, CallFailed, Clock

StoredRows = Callable[[], NDArray[np.float32] | None]

_KEPT = 16
_BLOCK = 2000  # rows scored at a time: others have their turn between
_DICE = 7
_LOOK_EVERY_S, _RETRY_S = 0.2, 1.0


class ScoreReferences:
    """References of one learner. ``stored``: reads the rows that no version has learned from."""

    def __init__(self, models: Models, watch: RowWatch | None, stored: StoredRows, beside: Beside) -> None:
        self._models = models
        self._watch = watch
        self._stored = stored
        self._beside = beside
        self._made: OrderedDict[str, ScoreReference] = OrderedDict()
        self._asked: list[str] = []

    def bins(self, version: str) -> Bins | None:
        """Give the bins of a version whose reference is there."""
        found = self._found(version)
        return found.bins if found else None

    def told(self, version: str) -> VersionScores:
        """Tell how the reference of ``version`` stands; one that is not there will be made."""
        if self._watch is None:
            return VersionScores(version=version, waiting=False, why="no rows are stored")
        found = self._found(version)
        if found is None:
            if version not in self._asked and len(self._asked) < _KEPT:
                self._asked.append(version)
            return VersionScores(version=version, waiting=True)
        if not found.sample.size:
            del self._made[version]  # it could not be had; whoever asks again may have more luck
        return VersionScores(
            version=version,
            waiting=version in self._asked,
            sample=tuple(found.sample.tolist()),
            baseline=as_told(found.baseline) if found.baseline else None,
            why=found.why,
        )

    async def run_forever(self, clock: Clock) -> None:
        """Make what is asked for, one after the other."""
        while True:
            if self._watch is not None and self._asked:
                try:
                    await self._make(self._watch, self._asked[0])
                    self._asked.pop(0)
                except CallFailed:
                    await clock.sleep_s(_RETRY_S)  # the registry does not answer; it is asked again
            await clock.rest_s(_LOOK_EVERY_S)

    def _found(self, version: str) -> ScoreReference | None:
        if self._watch is not None and version == self._watch.scores.version:
            return self._watch.scores
        return self._made.get(version)

    def _keep(self, found: ScoreReference) -> None:
        self._made[found.version] = found
        self._made.move_to_end(found.version)
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)

    async def _make(self, watch: RowWatch, version: str) -> None:
        """Keep the scores of the sample first, then the whole reference, or why there is none."""
        sample = np.zeros(0)
        try:
            model = await self._models.version(version)
            if len(model.features) != watch.sample.shape[1]:
                raise BadArtefact("it was trained on other features")
            sample = await self._beside(partial(model.score, watch.sample))
            self._keep(ScoreReference(version=version, sample=sample))
            rows = await self._beside(self._stored)
        except (UnknownVersion, BadArtefact, BadTemplate) as error:
            self._keep(ScoreReference(version=version, sample=sample, why=str(error)))
            return
        if rows is None:
            self._keep(ScoreReference(version=version, sample=sample, why=LEARNED))
            return
        blocks = [rows[at : at + _BLOCK] for at in range(0, len(rows), _BLOCK)]
        scored = [await self._beside(partial(model.score, block)) for block in blocks]
        make = partial(
            make_score_reference, version, sample, np.concatenate(scored), shape=watch.shape, dice=_dice()
        )
        self._keep(await self._beside(make))


def _dice() -> np.random.Generator:
    """The same scores give the same threshold."""
    return np.random.default_rng(_DICE)
