"""Whether a demo told the story it should: a pure look at the document, no verdict about a system.

The instrument is right when every run is valid, clean, and every transaction ended exactly once.
The story is right when a killed scorer came back under the platform's restarts and only there, and
a hung one did not come back by itself in either arm (profile ``fast`` has no liveness probe).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.episodes.model import Episode, RunFacts
from harness.report.document import Document
from harness.verdict.codes import EXIT_CODE

# (kind, arm) -> whether requests are served again within the horizon, before the harness undoes.
EXPECTED = {
    ("process.kill", "none"): True,
    ("process.kill", "bare"): False,
    ("process.hang", "none"): False,
    ("process.hang", "bare"): False,
}


@dataclass(frozen=True, slots=True)
class Story:
    """The outcome: word and exit code by the table, what differs from the story."""

    word: str
    differs: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """The exit code of the word."""
        return EXIT_CODE[self.word]

    @property
    def text(self) -> str:
        """One sentence for the end of the demo."""
        if not self.differs:
            return "instrument and story are right; a demo makes no claim about the system"
        return f"{self.word}, {len(self.differs)} thing{'' if len(self.differs) == 1 else 's'} differ"


def check_story(document: Document) -> Story:
    """Check instrument, then story: UNSAFE wins over VOID over INCONCLUSIVE over FAIL over DONE."""
    unsafe = tuple(f"{run.run_id}: {run.unsafe}" for run in document.runs if run.unsafe)
    if unsafe:
        return Story("UNSAFE", unsafe)
    void = tuple(_void(document))
    if void:
        return Story("VOID", void)
    missing = tuple(_missing(document))
    if missing:
        return Story("INCONCLUSIVE", missing)
    differs = tuple(_differs(document))
    return Story("FAIL" if differs else "DONE", differs)


def _void(document: Document) -> Iterator[str]:
    if not document.runs:
        yield "nothing ran"
    for run in document.runs:
        if run.void or not run.complete:
            yield f"{run.run_id}: {run.void or 'its history was cut'}"
        if not run.audit_observable or run.exactly_once is None:
            yield f"{run.run_id}: the system lists no ids, so exactly once was not observed"
        yield from (f"{run.run_id}, {one.name}: {one.void}" for one in run.episodes if one.void)


def _missing(document: Document) -> Iterator[str]:
    seen = {(episode.kind, run.arm) for run, episode in _faults(document)}
    yield from (f"no {kind} in arm {arm} was seen" for kind, arm in EXPECTED if (kind, arm) not in seen)
    for arm in sorted({arm for _, arm in EXPECTED}):
        if not any(run.sham and run.arm == arm for run in document.runs):
            yield f"no sham run in arm {arm} was seen"


def _differs(document: Document) -> Iterator[str]:
    for run in document.runs:
        if run.exactly_once is False:
            yield f"{run.run_id}: not exactly once: {run.audit_text}"
    for run, episode in _faults(document):
        wanted = EXPECTED.get((episode.kind, run.arm))
        if wanted is None:
            continue
        felt = episode.served.impact_s is not None
        # An outage too short to violate a window is back sooner than any that was felt.
        back = not felt or episode.served.recovered_s is not None
        if not felt and not wanted:
            yield f"{episode.name} in arm {run.arm} was not felt by any request"
        elif back != wanted:
            was = "served again by itself" if back else "not served again within the horizon"
            yield f"{episode.name} in arm {run.arm} was {was}"


def _faults(document: Document) -> Iterator[tuple[RunFacts, Episode]]:
    for run in document.runs:
        if not run.sham and run.restart_profile == "fast":
            yield from ((run, episode) for episode in run.episodes)
