"""M-17: retry of an ingestion, then another source."""

from __future__ import annotations

import pytest

from reference_pipeline.seed.ingestion import Ingested, ingest
from tests.reference_pipeline.seed.virtual import VirtualClock, run_to_end


class Down(Exception):
    """The source does not answer."""


class Primary:
    """Fails the first ``failures`` times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.failures:
            raise Down
        return "fresh"


def ingested(primary: Primary, clock: VirtualClock) -> Ingested[str]:
    return run_to_end(ingest(primary, lambda: "last week's", clock, fails_with=Down))


@pytest.mark.parametrize(("failures", "waits_s"), [(0, []), (1, [1.0]), (2, [1.0, 2.0])])
def test_up_to_two_failures_are_waited_out_with_doubling_waits(failures: int, waits_s: list[float]) -> None:
    """M-17: 3 tries with exponential back-off."""
    clock = VirtualClock()
    assert ingested(Primary(failures), clock) == Ingested("fresh", "primary")
    assert clock.waits_s == waits_s


def test_after_three_failures_it_takes_the_alternative_source() -> None:
    """M-17: after three failures an alternative source."""
    clock, primary = VirtualClock(), Primary(3)
    assert ingested(primary, clock) == Ingested("last week's", "alternative")
    assert primary.asked == 3
    assert clock.waits_s == [1.0, 2.0]


def test_every_batch_of_an_outage_pays_all_the_waits_again() -> None:
    """M-17, known defect: it has no memory; 20 batches make 60 calls and wait a minute."""
    clock, primary = VirtualClock(), Primary(1000)
    assert {ingested(primary, clock).source for _ in range(20)} == {"alternative"}
    assert primary.asked == 60
    assert clock.now_s() == 60.0


def test_a_stale_alternative_passes_for_a_fresh_batch() -> None:
    """M-17, known defect: nothing looks at what the alternative gives, for age or at all."""
    assert ingested(Primary(3), VirtualClock()).batch == "last week's"


def test_an_alternative_that_fails_too_is_the_end() -> None:
    """M-17, known defect: there is no third source, the ingestion fails."""

    def gone() -> str:
        raise Down("the alternative")

    with pytest.raises(Down, match="the alternative"):
        run_to_end(ingest(Primary(3), gone, VirtualClock(), fails_with=Down))
