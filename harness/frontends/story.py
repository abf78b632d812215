"""Whether a demo told the story it should: a pure look at the document, no verdict about a system.

The instrument is right when every run is valid, clean, and every transaction ended exactly once. The
story is right when the reference healer has service back while the harm is still there, a renamed field
in full, and when without it a killed process is back by the platform's restart and nothing else is. The
story of drift is right when the reference healer wins most of the harm back and nobody else does. That of
many simulated pairs is right when it is the one of kill and hang, in each of them.
A story that differs is INCONCLUSIVE, never FAIL: a demo claims nothing, so there is no evidence against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.episodes.acts import sees_acts
from harness.episodes.model import Episode, RunFacts
from harness.report.document import Document
from harness.units import plural
from harness.verdict.codes import EXIT_CODE

if TYPE_CHECKING:
    from harness.campaign.table import ClassLine, Table

Ending = Literal["back", "not back", "held", "held in full", "not held", "won back", "left"]
"""``back``: served again within the horizon, by anyone. ``held``: while the fault was still there.
``won back``, ``left``: at most a quarter, at least three quarters of the harm of decisions at the end."""

WON_BACK_MAX, LEFT_MIN = 0.25, 0.75

EXPECTED: dict[tuple[str, str], Ending] = {
    ("process.kill", "reference"): "back",
    ("process.kill", "none"): "back",
    ("process.hang", "reference"): "back",
    ("process.hang", "none"): "not back",
    ("network.latency", "reference"): "held",
    ("network.latency", "none"): "not held",
    ("data.rename_field", "reference"): "held in full",
    ("data.rename_field", "none"): "not held",
}


@dataclass(frozen=True, slots=True)
class Plot:
    """What a demo is to show: an ending for each fault and arm; whether each arm has its sham run."""

    endings: Mapping[tuple[str, str], Ending]
    sham: bool


FAULTS = Plot(EXPECTED, sham=True)
DRIFT = Plot(
    {("world.concept_change", "reference"): "won back", ("world.concept_change", "none"): "left"}, sham=False
)
PAIRS = Plot({key: ending for key, ending in EXPECTED.items() if key[0].startswith("process.")}, sham=False)


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
        return f"{self.word}, {plural(len(self.differs), 'thing')} differ"


def check_story(document: Document, plot: Plot = FAULTS) -> Story:
    """Check instrument, then story: UNSAFE wins over VOID over INCONCLUSIVE over DONE."""
    unsafe = tuple(f"{run.run_id}: {run.unsafe}" for run in document.runs if run.unsafe)
    if unsafe:
        return Story("UNSAFE", unsafe)
    void = tuple(_void(document))
    if void:
        return Story("VOID", void)
    differs = tuple(_missing(document, plot)) or tuple(_differs(document, plot))
    return Story("INCONCLUSIVE" if differs else "DONE", differs)


def check_pairs(table: Table, plot: Plot = PAIRS) -> Story:
    """Check a campaign's table the same way: each class must have had its ending in every pair asked for."""
    void = tuple(_missing_pairs(table))
    if void:
        return Story("VOID", void)
    seen = {(line.fault, line.arm): line for line in table.classes}
    differs = [f"no {kind} in arm {arm} was seen" for kind, arm in plot.endings if (kind, arm) not in seen]
    for (kind, arm), line in seen.items():
        wanted = plot.endings.get((kind, arm))
        held = _times(line, wanted)
        if wanted is not None and held < line.n:
            differs.append(f"{kind} in arm {arm} was {wanted} in {held} of {line.n}")
    return Story("INCONCLUSIVE" if differs else "DONE", tuple(differs))


def _missing_pairs(table: Table) -> Iterator[str]:
    """What of the pairs that were asked for does not count, or was not seen whole."""
    asked = table.question.pairs_max
    yield from (f"pair {one.pair}, arm {one.arm}: {one.what}" for one in table.doubts)
    if table.pairs != asked:
        yield f"{table.pairs} of {asked} pairs were done"
    for arm in table.arms:
        if arm.void or arm.blind:
            yield f"arm {arm.arm}: {arm.void} runs void, in {arm.blind} exactly once was not observed"
    for line in table.classes:
        if line.n != asked:
            yield f"{line.fault} in arm {line.arm}: {line.n} of {asked} episodes count"


def _times(line: ClassLine, ending: Ending | None) -> int:
    """In how many episodes service was back, or was not; lost for too short a time to be noticed is back.

    An episode whose fault nothing met shows nothing.
    """
    gone = line.impact.k - line.recovered.k
    return gone if ending == "not back" else line.n - gone - line.ended_by.get("not exercised", 0)


def endings_of(episode: Episode) -> tuple[Ending, ...]:
    """Say which endings an episode had.

    An outage too short to violate a window was back, and held, sooner than any that was felt.
    """
    served, full = episode.served, episode.full
    back = served.impact_s is None or served.recovered_s is not None
    held = served.impact_s is None or episode.mitigated is True
    endings: list[Ending] = ["back" if back else "not back", "held" if held else "not held"]
    if held and (full.impact_s is None or episode.full_mitigated is True):
        endings.append("held in full")
    last = None if episode.decided is None else episode.decided.last
    if last is not None and last.left_ratio is not None:
        if last.left_ratio <= WON_BACK_MAX:
            endings.append("won back")
        elif last.left_ratio >= LEFT_MIN:
            endings.append("left")
    return tuple(endings)


def _void(document: Document) -> Iterator[str]:
    if not document.runs:
        yield "nothing ran"
    for run in document.runs:
        if run.void or not run.complete:
            yield f"{run.run_id}: {run.void or 'its history was cut'}"
        if not run.audit_observable or run.exactly_once is None:
            yield f"{run.run_id}: the system lists no ids, so exactly once was not observed"
        if run.sham and not run.acts and not sees_acts(run):
            yield f"{run.run_id}: acts were not in sight all the time, so none seen is not none done"
        yield from (f"{run.run_id}, {one.name}: {one.void}" for one in run.episodes if one.void)


def _missing(document: Document, plot: Plot) -> Iterator[str]:
    seen = {(episode.kind, run.arm) for run, episode in _faults(document)}
    yield from (f"no {kind} in arm {arm} was seen" for kind, arm in plot.endings if (kind, arm) not in seen)
    for arm in sorted({arm for _, arm in plot.endings}):
        if plot.sham and not any(run.sham and run.arm == arm for run in document.runs):
            yield f"no sham run in arm {arm} was seen"


def _differs(document: Document, plot: Plot) -> Iterator[str]:
    for run in document.runs:
        if run.exactly_once is False:
            yield f"{run.run_id}: not exactly once: {run.audit_text}"
        if run.sham and run.acts:
            yield f"{run.run_id}: {run.acts} acts without any fault"
    for run, episode in _faults(document):
        wanted = plot.endings.get((episode.kind, run.arm))
        if wanted is None or wanted in endings_of(episode):
            continue
        felt = episode.served.impact_s is not None
        judged = felt or wanted in ("won back", "left")
        was = " and ".join(endings_of(episode)) if judged else "not felt by any request"
        was += f" ({episode.decided.why})" if episode.decided and episode.decided.why else ""
        yield f"{episode.name} ({episode.kind}) in arm {run.arm} was {was}; the story is: {wanted}"


def _faults(document: Document) -> Iterator[tuple[RunFacts, Episode]]:
    for run in document.runs:
        if not run.sham and run.restart_profile == "fast":
            yield from ((run, episode) for episode in run.episodes)
