"""A failure that was kept, played once more on the system that its file names.

Comes in: what was read of the file, a store. Goes out: the outcome, and how it differs from what was kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

import harness
from harness.errors import Refused, Untrustworthy
from harness.run.modules import import_path
from harness.run.template import ensure_template
from harness.search.outcome import Outcome
from harness.search.regressions import Regression, prepared_hash, why_not
from harness.search.workers import Ground, experiment_of, player_of


def play_again(
    kept: Regression, file: Path, store: Path, progress: Callable[[str], None]
) -> tuple[Outcome, str]:
    """Play what ``file`` keeps; the words are those of ``why_not``.

    Raises UsageProblem where its experiment is wrong, Refused where that is not there or may not be opened,
    Untrustworthy where nothing can be said of the episode.
    """
    if kept.simulation:
        raise Refused(
            f"{file} is played on {kept.simulation}, not on what the system's own file opens: pytest alone "
            "plays such a file, from tests/regressions (docs/search.md)"
        )
    if not os.path.exists(kept.experiment):
        raise Refused(
            f"{file} was found with the experiment {kept.experiment}, which is not there; "
            "its path counts from where the search was started"
        )
    ground = Ground(
        file=kept.experiment,
        template="",
        python_path="",
        seed=kept.seed,
        arm=kept.arm,
        limits=kept.limits,
        knobs=kept.knobs,
    )
    experiment = experiment_of(ground)
    path = import_path(experiment)
    cache = store / ".templates"
    template = ensure_template(experiment, cache=cache, python_path=path, progress=progress)
    opened = msgspec.structs.replace(ground, template=str(template), python_path=path)
    outcome = player_of(opened).play(kept.schedule)
    prepared = prepared_hash(template)
    why = why_not(kept, outcome, prepared=prepared, harness_version=harness.__version__)
    if outcome.void:
        raise Untrustworthy(why)
    return outcome, why
