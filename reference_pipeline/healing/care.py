"""Care for the model that is served: does it do harm, and is there one on the same rows that does less?

Comes in: labelled decisions, versions of the registry. Goes out: wishes to train and to promote. Harm is seen
by what decisions lose (``detectors.harm``), never by rows that have moved. What helps is not guessed from the
kind of harm: older versions and a model trained since it began are compared with the one that serves, row by
row, on rows that came after both (``rollout``). A rollback, a retraining and nothing are three outcomes of
the same comparison.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from reference_pipeline.healing.books import Open
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.decide import Wish
from reference_pipeline.healing.detectors.harm import Harm, HarmState, update
from reference_pipeline.healing.model import MODEL, Promote, Train
from reference_pipeline.healing.ports import Experience, KnownRows, Models, ModelVersion
from reference_pipeline.healing.scribe import Facts, Scribe
from reference_pipeline.records import Costs
from reference_pipeline.rollout import Comparison, compare, losses

_PAGE = 2000
_PAGES_A_LOOK = 4
_RIVALS_MAX = 3
_MARKS = 512  # pages of which the cursor is known, to find where a harm began
_HOLDOUT_ROWS = 1000  # of a version that does not say how many
NO_BETTER = "decisions lose more than is borne, and no model that is there loses less"


@dataclass(slots=True)
class _Watched:
    """The version that serves, what it loses; ``marks``: labels seen and cursor, before each page."""

    version: str
    harm: Harm
    state: HarmState
    marks: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_MARKS))


@dataclass(slots=True)
class _Case:
    """A harm that goes on: since which cursor, who could do better, up to which cursor they were compared.

    ``not_before``: of each, the cursor of the last row that it learned from.
    """

    began: int
    cursor: int
    rivals: dict[str, Comparison]
    not_before: dict[str, int]
    rows: int = 0
    trained_rows: int = 0


class Care:
    """Looks twice a second; one case at a time. What it remembers can be seen again after a restart."""

    def __init__(
        self, experience: Experience, models: Models, scribe: Scribe, config: HealerConfig, *, costs: Costs
    ) -> None:
        self._experience = experience
        self._models = models
        self._scribe = scribe
        self._config = config
        self._costs = costs
        self._cursor = 0
        self._watched: _Watched | None = None
        self._case: _Case | None = None
        self._checks: dict[str, tuple[int, Comparison]] = {}

    async def look(self) -> list[Wish]:
        """Take new labels in and say what should be done.

        Raises:
            CallFailed: learner or registry did not answer; nothing is lost.
        """
        watched = await self._served()
        for _ in range(_PAGES_A_LOOK):
            page = await self._experience.known(self._cursor, _PAGE)
            if page.last == self._cursor:
                break
            self._take(watched, page)
        if self._case is None:
            return []
        return await self._rival(watched, self._case)

    def offer(self, version: str, last: int) -> None:
        """Let a trained candidate, which has seen rows up to the cursor ``last``, join the running case."""
        if self._case:
            self._case.rivals[version] = Comparison()
            self._case.not_before[version] = last
            self._case.trained_rows = self._case.rows

    async def verdict(self, opened: Open, act: Promote) -> tuple[bool | None, str]:
        """Judge a promotion on rows that came after it, as both versions decide them.

        Raises:
            CallFailed: nothing can be said now.
        """
        cursor, so_far = self._checks.get(opened.key, (self._cursor, Comparison()))
        told = await self._experience.compare([act.was, act.version], cursor)
        so_far = compare(so_far, np.array(told.losses[act.was]), np.array(told.losses[act.version]))
        self._checks[opened.key] = (told.last, so_far)
        word = so_far.word(level=self._config.proof_level)
        if word == "open" and so_far.rows < self._config.promoted_rows:
            return None, ""
        del self._checks[opened.key]
        if word == "worse":
            return False, f"it loses more than {act.was} on {so_far.rows} rows since"
        return True, f"it loses no more than {act.was} on {so_far.rows} rows since"

    # the version that serves

    async def _served(self) -> _Watched:
        version = await self._models.champion()
        if self._watched is None or self._watched.version != version:
            known = {one.version: one for one in await self._models.versions()}
            harm = self._borne(known.get(version))
            self._watched = _Watched(version, harm, harm.fresh())
            if self._case:
                self._close()
        return self._watched

    def _borne(self, version: ModelVersion | None) -> Harm:
        """Bear what the version lost on its own holdout, two errors of that, and a margin."""
        most = max(self._costs.missed_fraud, self._costs.declined_good)
        lost = version.metrics.get("cost", 0.0) / most if version else 0.0
        told = version.lineage.get("holdout_rows", "") if version else ""
        rows = int(told) if told.isdecimal() and int(told) else _HOLDOUT_ROWS
        error = (lost / rows) ** 0.5  # of a mean of losses in [0, 1]: at most that of a share
        margin = max(self._config.harm_margin_ratio * lost, self._config.harm_margin_least)
        return Harm(tolerated=min(lost + 2.0 * error + margin, 0.5), run_length=self._config.harm_run_length)

    def _take(self, watched: _Watched, page: KnownRows) -> None:
        before, self._cursor = self._cursor, page.last
        own = np.array([name == watched.version for name in page.model]) & ~np.array(page.degraded)
        lost = losses(
            np.array(page.declined),
            np.array(page.label, dtype=np.int8),
            missed=self._costs.missed_fraud,
            annoyed=self._costs.declined_good,
        )[own]
        watched.marks.append((watched.state.labels, before))
        watched.state, reading = update(watched.harm, watched.state, lost)
        if self._case:
            self._case.rows += len(page.label)
        elif reading.may_touch_model:
            self._open(watched, reading.window, rows=len(page.label))

    def _open(self, watched: _Watched, window: int, *, rows: int) -> None:
        began = watched.state.labels - window
        cursor = max((cursor for labels, cursor in watched.marks if labels <= began), default=0)
        self._case = _Case(cursor, self._cursor, {}, {}, rows=max(rows, window))
        wish = self._scribe.wish(Train(kind="adapt", after=cursor), "decisions lose more than is borne")
        facts: Facts = {"labels_since": window, "borne": round(watched.harm.tolerated, 5)}
        self._scribe.found("detected", Wish(wish.act, wish.episode, wish.reason, facts), wish.reason)

    def _close(self) -> None:
        self._case = None
        self._scribe.close(MODEL)

    # who would do better

    async def _rival(self, watched: _Watched, case: _Case) -> list[Wish]:
        if not case.rivals and not case.not_before:
            await self._invite(watched, case)
        better = await self._compared(watched, case)
        if better:
            act = Promote(version=better, was=watched.version)
            seen = case.rivals[better]
            facts: Facts = {"rows": seen.rows, "saved": round(seen.saved, 4)}
            return [self._scribe.wish(act, f"{better} loses less than {watched.version}", facts)]
        if case.rows > self._config.proof_rows_max:
            self._scribe.tell(MODEL, "page", NO_BETTER)
            watched.state = watched.harm.fresh()
            self._close()
            return []
        return self._training(case)

    async def _invite(self, watched: _Watched, case: _Case) -> None:
        """Let the newest other versions compete, each on rows newer than those it learned from."""
        out = self._scribe.books.failed | {watched.version}
        others = [one for one in await self._models.versions() if one.version not in out]
        for one in others[-_RIVALS_MAX:]:
            case.rivals[one.version] = Comparison()
            last = one.lineage.get("last", "")
            case.not_before[one.version] = int(last) if last.isdecimal() else 0
        case.not_before.setdefault(watched.version, 0)

    async def _compared(self, watched: _Watched, case: _Case) -> str:
        """Compare on new rows; give a version that is proven to lose less, or ""."""
        if not case.rivals:
            return ""
        case.cursor = max(case.cursor, *(case.not_before[name] for name in case.rivals))
        told = await self._experience.compare([watched.version, *case.rivals], case.cursor)
        case.cursor = told.last
        return self._settled(case, watched.version, told.losses)

    def _settled(self, case: _Case, served: str, lost: Mapping[str, Sequence[float]]) -> str:
        own = np.array(lost[served])
        for name in lost.keys() & case.rivals.keys():  # a candidate may have joined meanwhile
            case.rivals[name] = compare(case.rivals[name], own, np.array(lost[name]))
            match case.rivals[name].word(level=self._config.proof_level):
                case "better":
                    return name
                case "worse":
                    del case.rivals[name]
                case "open":
                    pass
        return ""

    def _training(self, case: _Case) -> list[Wish]:
        """Train once enough rows are there, and again on twice as many."""
        wanted = max(self._config.train_rows_least, 2 * case.trained_rows)
        if case.rows < wanted:
            return []
        act = Train(kind="adapt", after=case.began)
        return [self._scribe.wish(act, f"{case.rows} labelled rows since it began", {"rows": case.rows})]
