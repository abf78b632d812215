"""What training cost, over the runs of one class.

In: counted episodes with ``Learned``. Out: ``TrainingEstimate``. Where an act could have stayed unseen, the
end of a training could have, too: such an episode is counted apart, never as one without a training.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.episodes.acts import sees_acts
from harness.episodes.model import Episode, RunFacts
from harness.estimates.means import run_mean
from harness.estimates.model import TrainingEstimate


def training(kept: Sequence[tuple[RunFacts, Episode]]) -> TrainingEstimate:
    """Put the episodes of a class together; the mean is over runs, one without a training costs 0."""
    seen = [(run.run_id, e.learned) for run, e in kept if sees_acts(run)]
    told = [(run_id, one.cpu_s) for run_id, one in seen if one.cpu_s is not None]
    return TrainingEstimate(
        n=len(seen),
        blind=len(kept) - len(seen),
        trainings=sum(one.trainings for _, one in seen),
        untold=len(seen) - len(told),
        cpu_s=run_mean(told),
    )
