"""A baseline of scores goes over the wire and comes out as it went in."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from reference_pipeline.healing.detectors.scan import Baseline, Group
from reference_pipeline.healing.version_scores import ScoreBaseline, as_told


def _baseline(order: int) -> Baseline:
    dice = np.random.default_rng(1)
    return Baseline(
        groups=(Group("score", ("bin 1 of 2", "bin 2 of 2", "no number")),),
        mean=dice.random((24, 3)),
        lags=dice.random((order, 3)),
        spread=dice.random((24, 3)) + 1.0,
        constant=np.array([False, False, True]),
        threshold=3.25,
        run_length=2000.0,
    )


@pytest.mark.parametrize("order", [0, 4])
def test_what_comes_out_is_what_went_in(order: int) -> None:
    sent = _baseline(order)
    read = msgspec.json.decode(msgspec.json.encode(as_told(sent)), type=ScoreBaseline).as_baseline()
    assert (read.groups, read.threshold, read.run_length) == (sent.groups, 3.25, 2000.0)
    for name in ("mean", "lags", "spread", "constant"):
        np.testing.assert_array_equal(getattr(read, name), getattr(sent, name))


@pytest.mark.parametrize(
    "changed", [{"parts": ("a",)}, {"mean": ()}, {"spread": ((1.0, 1.0),)}, {"lags": ((1.0,),)}]
)
def test_arrays_that_do_not_fit_together_are_refused(changed: dict[str, object]) -> None:
    told = msgspec.structs.replace(as_told(_baseline(1)), **changed)
    with pytest.raises(ValueError):
        told.as_baseline()
