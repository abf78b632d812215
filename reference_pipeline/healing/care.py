"""Care for the model that is served: does it do harm, and is there one on the same rows that does less?

Comes in: labelled decisions, versions of the registry. Goes out: wishes to train and to promote. Harm is
seen by what decisions lose (``watch``), or by golden rows decided wrongly, never by rows that have moved.
What helps is not guessed from the kind of harm: older versions and a model trained since it began are
compared with the one that serves, row by row, on rows that came after both (``rivals``). A rollback, a
retraining and nothing are three outcomes of the same comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np

from reference_pipeline.healing.acts import MODEL
from reference_pipeline.healing.books import Open
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.decide import Wish
from reference_pipeline.healing.journal import Journal
from reference_pipeline.healing.model_acts import Promote, Train
from reference_pipeline.healing.model_ports import Experience, KnownRows, Models, ModelVersion
from reference_pipeline.healing.rivals import Rivals, golden_reading, soundest
from reference_pipeline.healing.scribe import Facts, Scribe
from reference_pipeline.healing.watch import Watch, watch
from reference_pipeline.ports import Clock
from reference_pipeline.records import Costs
from reference_pipeline.rollout import Comparison, compare

_PAGE = 2000
_PAGES_A_LOOK = 4
_REREAD = 5000  # labels that a new life reads again: what began before it may go on
_INVITED = 3
_LATELY = 2000  # labelled rows that the others are compared on where golden rows are decided wrongly
_SERVED, _REMEMBERED = "have_served", 8  # a named value of the journal's store
GOLDEN = "golden rows are decided wrongly"
HARMED = "labelled decisions lose more than is borne"
NO_BETTER = "decisions lose more than is borne, and no model that is there loses less"
REFUSED = "what the registry has of the version that serves is refused; a scorer that starts will not load it"
SELECTIVE = "labels come mostly of what was declined: nothing is concluded from them"
SILENT = "no labels come: nothing can be concluded"
UNWATCHED = "no version says what its decisions lose: harm cannot be seen in labels"
UNVERIFIED = "a promotion cannot be verified: no usable labels come any more"
UNREADABLE = "a promotion cannot be verified: what the registry has of a version is refused"
FAILED = "it was tried and failed"
DAMAGED = "it was trained on rows some of which are left out since"
Word = Literal["", "helped", "worse", "unknown"]


@dataclass(slots=True)
class _Case:
    """A harm that goes on: since which cursor, up to which cursor rivals were compared, labels since.

    ``before``: labels and losses of the version that serves when the case was opened.
    """

    began: int
    cursor: int
    rivals: Rivals
    rows: int
    compared: int = 0
    trained_rows: int = 0
    recalibrated: bool = False  # since the last training
    before: tuple[int, float] = (0, 0.0)
    trained: set[str] = field(default_factory=set)  # for this case


@dataclass(slots=True)
class _Offer:
    """A version that somebody offers under the alias ``candidate``, compared with the one that serves."""

    version: str
    rivals: Rivals
    cursor: int
    compared: int = 0


@dataclass(slots=True)
class _Check:
    """A promotion on the rows that came after it: up to which cursor, and when the last ones came."""

    cursor: int
    last_row_s: float
    so_far: Comparison = field(default_factory=Comparison)
    golden: str = ""  # what golden rows say of the version that was let serve
    golden_before: str = ""  # and of the one that it replaced


class Care:
    """Looks twice a second; one case at a time.

    Who served, newest first, is kept in ``journal`` for the next life; the rest can be seen again.
    """

    def __init__(
        self,
        experience: Experience,
        models: Models,
        scribe: Scribe,
        clock: Clock,
        *,
        config: HealerConfig,
        costs: Costs,
        journal: Journal,
    ) -> None:
        self._experience = experience
        self._models = models
        self._journal = journal
        self._scribe = scribe
        self._clock = clock
        self._config = config
        self._costs = costs
        self._cursor: int | None = None
        self._watch: Watch | None = None
        self._served = ""
        self._have_served: list[str] = []
        self._label_s: float | None = None
        self._case: _Case | None = None
        self._offer: _Offer | None = None
        self._judged: set[str] = set()
        self._checks: dict[str, _Check] = {}
        self._golden_s = float("-inf")

    async def look(self) -> list[Wish]:
        """Take new labels in and say what should be done.

        Raises:
            CallFailed, StoreFailed: learner, registry or journal failed; the next look goes on.
        """
        candidate = await self._see_who_serves()
        await self._read()
        self._tell_what_is_not_seen()
        if wishes := [*await self._golden(), *await self._offered(candidate)]:
            return wishes[:1]
        if self._case is None or self._watch is None:
            return []
        return await self._go_on(self._watch, self._case)

    def offer(self, version: str, last: int) -> None:
        """Let a trained candidate, which has seen rows up to the cursor ``last``, join the running case."""
        if self._case:
            self._case.rivals.join(version, last)
            self._case.trained.add(version)

    def damaged(self) -> None:
        """Let nothing serve that was trained in the running case: some of its rows are left out since."""
        if self._case:
            self._case.rivals.bar(self._case.trained, DAMAGED)
            self._case.trained_rows, self._case.recalibrated = 0, False

    def trained(self, act: Train) -> None:
        """Note that a training is over, whatever came of it: more rows must come before the next."""
        if self._case and act.kind == "recalibrate":
            self._case.recalibrated = True
        elif self._case:
            self._case.trained_rows = self._case.rows
            self._case.recalibrated = False

    async def verdict(self, opened: Open, act: Promote) -> tuple[Word, str]:
        """Judge a promotion on rows that came after it, as both versions decide them, and by golden rows.

        Labels asked for it, and may lie: what golden rows say is another signal. "": it is too early. One
        that cannot be judged, since no usable labels come or a file is damaged, stays, is told as not
        verified, and is paged: what it replaced may be the very version that did harm. Where its file is
        damaged and the one before decides golden rows rightly, nothing is lost by going back.

        Raises:
            CallFailed: nothing can be said now.
        """
        check, refused = await self._check(opened, act)
        if check.golden == "alarm":
            return self._judged_as(opened, "worse", GOLDEN)
        if act.version in refused and check.golden_before == "quiet":
            return self._judged_as(opened, "worse", f"no comparison: {refused[act.version]}")
        word, rows = check.so_far.word(level=self._config.proof_level), check.so_far.rows
        if word != "open" or rows >= self._config.promoted_rows:
            reason = f"{word} than {act.was} on {rows} labelled rows since"
            return self._judged_as(opened, "worse" if word == "worse" else "helped", reason)
        if self._clock.now_s() - check.last_row_s > self._config.proof_wait_s:
            why = UNREADABLE if refused else UNVERIFIED
            self._scribe.tell(MODEL, "page", why, opened.episode)
            words = (f"not verified: {rows} labelled rows since", *refused.values())
            return self._judged_as(opened, "unknown", "; ".join(words))
        return "", ""

    async def why_not_on(self, opened: Open, act: Promote) -> str:
        """Say why a rollout that is on its way should end: its version is proven worse on newer rows."""
        check, refused = await self._check(opened, act)
        if act.version in refused:
            return refused[act.version]
        if check.so_far.word(level=self._config.proof_level) == "worse":
            return f"it loses more than {act.was} on {check.so_far.rows} rows since"
        return ""

    async def _check(self, opened: Open, act: Promote) -> tuple[_Check, dict[str, str]]:
        """Take the rows in that came since the last look; none while they say nothing."""
        begun_s = opened.finished_s or opened.started_s
        check = self._checks.setdefault(opened.key, _Check(act.after, begun_s))
        if self._watch is not None and self._watch.selective:
            return check, {}
        told = await self._experience.compare([act.was, act.version], check.cursor)
        check.golden = golden_reading(told, act.version).says
        check.golden_before = golden_reading(told, act.was).says
        if not told.refused and told.last > check.cursor:
            was, new = np.array(told.losses[act.was]), np.array(told.losses[act.version])
            check.so_far = compare(check.so_far, was, new)
            check.cursor, check.last_row_s = told.last, self._clock.now_s()
        return check, told.refused

    def _judged_as(self, opened: Open, word: Word, reason: str) -> tuple[Word, str]:
        del self._checks[opened.key]
        return word, reason

    # who serves, and what it loses

    async def _see_who_serves(self) -> str:
        """Begin anew where another version serves; give the one that is offered, or ""."""
        aliases = await self._models.aliases()
        version, candidate = aliases.get("champion", ""), aliases.get("candidate", "")
        if version == self._served:
            return candidate
        known = await self._models.versions()
        self._remember(version)
        self._watch = watch(version, known, self._costs, self._config)
        self._served = version
        self._offer = None
        self._close()
        return candidate

    def _remember(self, version: str) -> None:
        """Put ``version`` before all that served earlier, also in earlier lives."""
        kept = self._journal.kept(_SERVED)
        before = msgspec.json.decode(kept, type=list[str]) if kept else []
        served = [version, *(one for one in before if one != version)][:_REMEMBERED]
        if served != before:
            self._journal.keep(_SERVED, msgspec.json.encode(served))
        self._have_served = served[1:]

    def _tell_what_is_not_seen(self) -> None:
        """Page blindness, harm or not: who looks at nothing finds nothing wrong."""
        if self._served and self._watch is None:
            self._scribe.tell(MODEL, "page", UNWATCHED)
        if self._label_s is None:
            self._label_s = self._clock.now_s()  # from now on they are missed
        if self._clock.now_s() - self._label_s > self._config.proof_wait_s:
            self._scribe.tell(MODEL, "page", SILENT)
            self._close()

    async def _read(self) -> None:
        if self._cursor is None:
            newest = (await self._experience.known(0, 1)).newest
            self._cursor = max(0, newest - _REREAD)
        for _ in range(_PAGES_A_LOOK):
            before = self._cursor
            page = await self._experience.known(before, _PAGE)
            if page.last == before:
                break
            self._label_s = self._clock.now_s()
            self._take(page, before)
            self._cursor = page.last
            if page.last >= page.newest:
                break

    def _take(self, page: KnownRows, before: int) -> None:
        if self._watch is None:
            return
        reading = self._watch.take(page, before)
        if self._watch.selective:
            self._scribe.tell(MODEL, "page", SELECTIVE)
            self._close()
        elif self._case:
            self._case.rows += len(page.label)
        elif reading.may_touch_model:
            self._open(self._watch, reading.window, page)

    def _open(self, watched: Watch, window: int, page: KnownRows) -> None:
        facts: Facts = {"labels_since": window, "borne": round(watched.harm.tolerated, 5)}
        self._scribe.saw(MODEL, HARMED, facts)
        self._case = _Case(
            began=watched.began(window),
            cursor=page.last,
            rivals=Rivals(self._config.proof_level),
            rows=max(len(page.label), window),
            before=(watched.state.labels, watched.lost_sum),
        )

    def _close(self) -> None:
        self._case = None
        self._scribe.close(MODEL)

    # who would do better

    async def _go_on(self, watched: Watch, case: _Case) -> list[Wish]:
        if not case.rivals.names and not case.rivals.left:
            await self._invite(case)
        case.rivals.bar(self._scribe.books.failed, FAILED)
        await self._compare(watched, case)
        if better := case.rivals.best():
            act = Promote(
                version=better.version,
                was=watched.version,
                after=case.cursor,
                by_steps=better.version not in self._have_served,
            )
            facts: Facts = {"rows": better.comparison.rows, "saved": round(better.comparison.saved, 4)}
            return [self._wish(act, f"{better.version} loses less than {watched.version}", facts)]
        if case.compared > self._config.proof_rows_max:
            self._scribe.tell(MODEL, "page", NO_BETTER)
            labels, lost = case.before
            seen = watched.state.labels - labels
            watched.bear((watched.lost_sum - lost) / seen if seen else 0.0)
            self._close()
            return []
        return self._training(case)

    async def _golden(self) -> list[Wish]:
        """Ask now and then how golden rows are decided: labels come late, a model may be sure and wrong."""
        now_s = self._clock.now_s()
        if now_s - self._golden_s < self._config.golden_every_s:
            return []
        self._golden_s = now_s
        told = await self._experience.compare([self._served], self._cursor or 0)
        if why := told.refused.get(self._served):
            self._scribe.tell(MODEL, "page", f"{REFUSED}: {why}")
        if golden_reading(told, self._served).says != "alarm":
            return []
        rows, wrong = told.golden[self._served]
        facts: Facts = {"golden": rows, "wrong": wrong}
        self._scribe.saw_once(MODEL, GOLDEN, facts)
        others = [one.version for one in await self._others()]
        lately = max(0, (self._cursor or 0) - _LATELY)
        told = await self._experience.compare([self._served, *others], lately) if others else told
        sound = soundest(told, others, level=self._config.proof_level)
        if not sound:
            self._scribe.tell(MODEL, "page", f"{GOLDEN}, and no other version decides them rightly")
            return []
        act = Promote(
            version=sound,
            was=self._served,
            after=self._cursor or 0,
            by_steps=sound not in self._have_served,
        )
        return [self._wish(act, f"{GOLDEN}; {sound} decides them rightly", facts)]

    async def _offered(self, candidate: str) -> list[Wish]:
        """Roll out what is offered: it serves once it is proven better, and never by its papers."""
        if not candidate or candidate == self._served or candidate in self._judged:
            return []
        if self._watch is not None and self._watch.selective:
            return []
        if candidate in self._scribe.books.failed:
            self._refrain(candidate, FAILED)
            return []
        if self._offer is None or self._offer.version != candidate:
            self._offer = _Offer(candidate, Rivals(self._config.proof_level), self._cursor or 0)
            self._offer.rivals.join(candidate, self._cursor or 0)
        offer = self._offer
        told = await self._experience.compare([self._served, candidate], offer.cursor)
        offer.rivals.take(self._served, told)
        offer.cursor = told.last
        offer.compared += len(told.losses.get(self._served, ()))
        if better := offer.rivals.best():
            facts: Facts = {"rows": better.comparison.rows, "saved": round(better.comparison.saved, 4)}
            act = Promote(version=candidate, was=self._served, after=offer.cursor, by_steps=True)
            return [self._wish(act, f"the candidate {candidate} loses less than {self._served}", facts)]
        why = offer.rivals.left.get(candidate, "")
        if offer.compared > self._config.proof_rows_max:
            why = f"it is not proven better on {offer.compared} rows"
        if why:
            self._refrain(candidate, why)
        return []

    def _refrain(self, candidate: str, why: str) -> None:
        self._scribe.tell(MODEL, "refrain", f"candidate {candidate}: {why}")
        self._judged.add(candidate)

    async def _others(self) -> list[ModelVersion]:
        """Who could serve instead: those that served last, then the newest ones."""
        out = self._scribe.books.failed | {self._served}
        others = {one.version: one for one in await self._models.versions() if one.version not in out}
        before = [others[name] for name in self._have_served if name in others][:_INVITED]
        newest = [*others.values()][: -_INVITED - 1 : -1]
        return list({one.version: one for one in [*before, *newest]}.values())

    async def _invite(self, case: _Case) -> None:
        """Let the newest other versions compete, and the one that served before."""
        for one in await self._others():
            last = one.lineage.get("last", "")
            # Of another learner's count it says nothing: at most up to where labels are now.
            case.rivals.join(one.version, min(int(last) if last.isdecimal() else 0, self._cursor or 0))

    async def _compare(self, watched: Watch, case: _Case) -> None:
        if not case.rivals.names:
            return
        case.cursor = max(case.cursor, case.rivals.not_before)
        told = await self._experience.compare([watched.version, *case.rivals.names], case.cursor)
        case.rivals.take(watched.version, told)
        case.cursor = told.last
        case.compared += len(told.losses.get(watched.version, ()))

    def _training(self, case: _Case) -> list[Wish]:
        """Train once enough rows are there, and again on twice as many; between the two only recalibrate.

        Should nothing but the odds have moved, a constant is all there is to learn, and trees learn noise.
        """
        kind: Literal["adapt", "recalibrate"] = "adapt"
        if case.rows < max(self._config.train_rows_least, 2 * case.trained_rows):
            if case.recalibrated or not case.trained_rows or case.rows < 1.5 * case.trained_rows:
                return []
            kind = "recalibrate"
        act = Train(kind=kind, after=case.began)
        return [self._wish(act, f"{case.rows} labelled rows since it began", {"rows": case.rows})]

    def _wish(self, act: Train | Promote, reason: str, facts: Facts) -> Wish:
        """A training belongs to the episode of the harm that it is for."""
        return Wish(act, self._scribe.episode(MODEL), reason, facts)
