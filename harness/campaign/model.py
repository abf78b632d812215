"""What a campaign is asked, and what is kept of each of its runs: integers, so that sums have no order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from harness.episodes.model import NOT_EXERCISED
from harness.experiment.model import Arm, Gate, Pace, RestartProfile


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Question(_Frozen, frozen=True, kw_only=True):
    """All that decides the outcome of a campaign, as ``question.json`` keeps it.

    ``code_sha256`` is over the code that runs and is run (``run.code``): what was done by another code is
    another campaign; ``template``: the key of what its runs start from (``run.template``). ``profile``: a
    built-in one that it is measured by, "" = as the file says. ``pairs_max``: the cap; ``pairs_a_chunk``:
    pairs that one worker does in one go. ``precision_ratio``: the campaign ends before the cap once the
    interval of every class's median recovery is no wider than this share of the median to either side; None
    = only the cap ends it. ``fidelity`` and ``pace`` name how it was simulated: figures of two of them are
    never put together. ``sham_only``: the runs with faults are left out, so that all time is time in which
    nothing is broken. ``pack_sha256``: the question without the system (``experiment.pack``); ``gate``:
    what a version may be worse by; ``score``: how points are counted; ``baseline_sha256``: the campaign
    ends as soon as it is known whether it is, compared with this baseline, "" = it does not look.
    """

    version: int = 1
    title: str
    experiment_file: str
    experiment_sha256: str
    code_sha256: str
    template: str = ""
    profile: str
    system: str
    arms: tuple[Arm, ...]
    seed: int
    pairs_max: int
    pairs_a_chunk: int
    precision_ratio: float | None = None
    observe_every_s: float = 1.0
    fidelity: str = "exact"
    pace: Pace = "dense"
    sham_only: bool = False
    harness_version: str
    pack_sha256: str = ""
    gate: Gate = Gate()
    weights: tuple[tuple[str, float], ...] = ()
    baseline_sha256: str = ""

    def chunks(self) -> int:
        """How many chunks there are at most.

        >>> ask = Question(title="t", experiment_file="f", experiment_sha256="", code_sha256="", profile="p",
        ...     system="s", arms=("none",), seed=1, pairs_max=25, pairs_a_chunk=10, harness_version="0")
        >>> ask.chunks(), list(ask.pairs_of(2))
        (3, [20, 21, 22, 23, 24])
        """
        return -(-self.pairs_max // self.pairs_a_chunk)

    def pairs_of(self, chunk: int) -> range:
        """The pairs of one chunk."""
        first = chunk * self.pairs_a_chunk
        return range(first, min(first + self.pairs_a_chunk, self.pairs_max))

    def pairs_in(self, chunks: Iterable[int]) -> int:
        """How many pairs those chunks hold."""
        return sum(len(self.pairs_of(chunk)) for chunk in chunks)


class EpisodeRow(_Frozen, frozen=True, kw_only=True, array_like=True):
    """One fault of one run. Times in milliseconds after the injection; None where there is none.

    ``index``: its place in the plan. ``void``: why it does not count, "" = it does; ``ended_by`` and
    ``horizon_ms`` as in ``episodes.model.Episode``; ``loss_ppm``: excess cost a decision in millionths of the
    world's unit of cost, None where the truth is not known. ``kept_ppm``: the share of good service that was
    kept (1 - L / tau of docs/score.md) in millionths, None where it is not known; ``tau_ms``: that tau, to
    which the horizon adds how long the fault lasts.
    """

    index: int
    kind: str
    subject: str
    void: str
    ended_by: str
    horizon_ms: int
    impact_ms: int | None
    recovered_ms: int | None
    lost_ms: int
    loss_ppm: int | None = None
    kept_ppm: int | None = None
    tau_ms: int = 0

    @property
    def is_met(self) -> bool:
        """Whether anything of the system met the fault; where nothing did, the episode shows nothing."""
        return self.ended_by != NOT_EXERCISED


class RunRow(_Frozen, frozen=True, kw_only=True, array_like=True):
    """One run. ``why`` says why it does not count, "" = it does; ``digest`` is over its whole world, "" = it
    has none, because it raised or its worker died. ``unsafe``: no clean state was proven.

    ``available_ppm``: share of units served; ``exactly_once`` None: not observable. ``acts`` are all that
    were seen, and all that there were if ``sees_acts``. ``unbroken_ms``: how long nothing was broken in it,
    and ``false_heals`` the healing episodes that began then. ``errors``: what callbacks of its services
    raised.
    """

    pair: int
    arm: Arm
    restart_profile: RestartProfile
    sham: bool
    why: str
    digest: str
    unsafe: bool = False
    virtual_ms: int = 0
    units: int = 0
    good: int = 0
    available_ppm: int | None = None
    exactly_once: bool | None = None
    acts: int = 0
    sees_acts: bool = False
    false_heals: int = 0
    unbroken_ms: int = 0
    errors: int = 0
    episodes: tuple[EpisodeRow, ...] = ()

    def name(self) -> str:
        """How the run is told to people.

        >>> RunRow(pair=3, arm="none", restart_profile="fast", sham=True, why="", digest="").name()
        'pair 3, arm none, fast, sham'
        """
        return f"pair {self.pair}, arm {self.arm}, {self.restart_profile}, {'sham' if self.sham else 'fault'}"

    def doubt(self) -> str:
        """What is wrong with it, "" = nothing: such runs are kept whole."""
        if self.why:
            return self.why
        if self.exactly_once is False:
            return "not every accepted transaction ended exactly once"
        return f"callbacks of services raised {self.errors} times" if self.errors else ""


def chained(digest: str, row: RunRow) -> str:
    """The digest over the worlds of a campaign so far, with one more run; "" = none yet."""
    return hashlib.blake2b(f"{digest} {row.digest}".encode(), digest_size=16).hexdigest()
