"""The healer's tick: detect -> diagnose -> decide -> act -> verify, in this order, every 0.25 s.

Comes in: the ports. Goes out: acts through them, each between an intent and a done in the journal. An
intent that has no done, ours or an earlier life's, is taken up again at the next tick with its key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import numpy as np

from reference_pipeline.healing import detect
from reference_pipeline.healing.act import perform
from reference_pipeline.healing.acts import (
    MODEL,
    TRAINING,
    Map,
    Quarantine,
    Release,
    Replay,
    Restart,
    Unmap,
    target_of,
    undo_of,
)
from reference_pipeline.healing.books import OVERTAKEN, Books, Open, tag
from reference_pipeline.healing.canary import CanaryRun
from reference_pipeline.healing.care import Care
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.decide import Rows, Wish, decide, overtaken
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.healing.diagnose import Diagnosis, Verdict
from reference_pipeline.healing.inflow import Inflow
from reference_pipeline.healing.model import Evidence, is_of
from reference_pipeline.healing.model_acts import Promote, Restore, Train
from reference_pipeline.healing.model_ports import TrainingState
from reference_pipeline.healing.outside import Outside
from reference_pipeline.healing.policy import Policies
from reference_pipeline.healing.ports import DeadLetter
from reference_pipeline.healing.probing import Probing
from reference_pipeline.healing.replay import ReplayRun
from reference_pipeline.healing.row_care import RowCare
from reference_pipeline.healing.scribe import Facts, Scribe
from reference_pipeline.healing.verify import REPAIRED, MappingCheck, restarted
from reference_pipeline.healing.work import Work
from reference_pipeline.ports import CallFailed, CallRejected, StoreFailed
from reference_pipeline.records import Costs

LEARNER = "learner"
LEFT_OUT = "rows_left_out_total"
_CONFLICT = 409
_HELPED: Mapping[str, bool | None] = {"helped": True, "worse": False, "unknown": None}
_PAGE = 256
_PAGES_A_TICK = 4
_RETRY_S = 1.0
_INFLOW_SEED = 5  # the same counts give the same threshold
_UNREADABLE = "records break the contract in another way than one missing field"


class Healer:
    """One healer: spawn the loops of ``probing`` and :meth:`run_forever` after :meth:`recover`."""

    def __init__(
        self,
        outside: Outside,
        diagnosis: Diagnosis,
        config: HealerConfig,
        *,
        costs: Costs,
        watch: RowWatch | None = None,
    ) -> None:
        self._out = outside
        self._diagnosis = diagnosis
        self._config = config
        self._scribe = Scribe(outside.journal, outside.clock, outside.life, page_every_s=config.page_every_s)
        self._care = Care(
            outside.experience,
            outside.models,
            self._scribe,
            outside.clock,
            config=config,
            costs=costs,
            journal=outside.journal,
        )
        self._inflow = Inflow(
            outside.signals, self._scribe, outside.clock, dice=np.random.default_rng(_INFLOW_SEED)
        )
        self._row_care = RowCare(outside.experience, self._scribe, watch)
        self._policies, self._policy_s = Policies(outside.policy), float("-inf")
        self._policy_wrong = ""
        self._wished: list[Wish] = []
        self._work = Work()
        self.probing = Probing(outside.signals, outside.clock, config)
        names = ("ticks_total", "ticks_failed_total", "calls_failed_total", "replayed_total")
        self.counts: Counter[str] = Counter(dict.fromkeys(names, 0))

    @property
    def books(self) -> Books:
        """What the journal amounts to."""
        return self._scribe.books

    def recover(self) -> None:
        """Take up what earlier lives wrote down."""
        self._scribe.recover()

    async def run_forever(self) -> None:
        """Tick; what cannot be written now is tried again at the next tick."""
        while True:
            self.counts["ticks_total"] += 1
            try:
                await self.tick()
            except StoreFailed:
                self.counts["ticks_failed_total"] += 1
            await self._out.clock.rest_s(self._config.tick_s)

    async def care_forever(self) -> None:
        """Look after the model beside the ticks: a learner that says nothing must not hold up a restart."""
        while LEARNER in self._config.services:
            for step in (
                self._inflow.look,
                self._look_at_rows,
                self._look_after_model,
                self._train,
                self._judge_canary,
                self._verify_promotion,
            ):
                try:
                    await step()
                except (CallFailed, StoreFailed):
                    self.counts["calls_failed_total"] += 1
            await self._out.clock.rest_s(self._config.care_every_s)

    async def _look_at_rows(self) -> None:
        if await self._row_care.look():
            self._care.damaged()

    async def _look_after_model(self) -> None:
        self._wished = await self._care.look()

    async def tick(self) -> None:
        """Go once through all stages.

        Raises:
            StoreFailed: the journal cannot be written; the rest of this tick was left out.
        """
        self._look_at_policy()
        letters = await self._letters()
        wishes = [
            *self._undone(),
            *self._detect(),
            *self._diagnose(letters),
            *self._left_to_replay(),
            *self._row_care.taken(),
            *self._wished,
        ]
        self._wished = []
        rows = await self._rows(wishes)
        for wish in wishes:
            self._decide(wish, rows)
        for opened in list(self.books.begun.values()):
            with self._unanswered():
                await self._act(opened, rows)
        for opened in list(self.books.unverified.values()):
            with self._unanswered():
                await self._verify(opened)

    def _look_at_policy(self) -> None:
        now_s = self._out.clock.now_s()
        if now_s - self._policy_s < self._config.policy_every_s:
            return
        self._policy_s = now_s
        self._policy_wrong = self._policies.look() or self._policy_wrong
        self._scribe.policy = self._policies.commit
        if self._policy_wrong:
            self._scribe.tell("policy", "page", self._policy_wrong)
            self._policy_wrong = ""  # told; the same words are told again only after an hour

    @contextmanager
    def _unanswered(self) -> Iterator[None]:
        """Count a call that failed, and go on: the next tick asks again."""
        try:
            yield
        except CallFailed:
            self.counts["calls_failed_total"] += 1

    # detect

    def _detect(self) -> list[Wish]:
        found = detect.hung(self.probing.watches, self._out.clock.now_s(), self._config)
        hung = {one.service for one in found}
        for name in self._config.services:
            if name not in hung and not self.books.busy(name):
                self._scribe.close(name)
        return [self._hung(one) for one in found if not self.books.busy(one.service)]

    def _hung(self, one: detect.Hung) -> Wish:
        facts: Facts = {
            "probes": one.probes,
            "silence_s": round(one.silence_s, 3),
            "others_answered": one.others_answered,
        }
        act = Restart(service=one.service, boot_id=one.boot_id)
        wish = self._scribe.wish(act, f"{one.service} holds its port and says nothing", facts)
        self._scribe.found("detected", wish, wish.reason)
        self._scribe.found("diagnosed", wish, "hung")
        return wish

    async def _letters(self) -> list[DeadLetter]:
        """Read what came into the dead letters; none while the gateway does not answer."""
        found: list[DeadLetter] = []
        with self._unanswered():
            for _ in range(_PAGES_A_TICK):
                page = await self._out.signals.dead_letters(self._work.cursor, _PAGE)
                if page.last == self._work.cursor:
                    break
                self._work.cursor = page.last
                found += page.rows
        return found

    # diagnose

    def _diagnose(self, letters: Sequence[DeadLetter]) -> list[Wish]:
        now_s = self._out.clock.now_s()
        for letter in letters:
            self._sort(letter, now_s)
        for name in self._diagnosis.forget_quiet(now_s):
            self._scribe.close(f"records.{name}")
        if self._work.others >= self._config.letters_least:
            self._work.others = 0
            self._scribe.tell("records", "page", _UNREADABLE)
        verdicts = self._diagnosis.verdicts(now_s, self.books.refused)
        return [wish for verdict in verdicts if (wish := self._judged(verdict))]

    def _sort(self, letter: DeadLetter, now_s: float) -> None:
        for check in self._work.checks.values():
            check.see(letter)
        for name, source in self.books.mapped.items():
            if is_of(letter, name, source):
                if self._diagnosis.fits(letter, name, source):
                    self._work.to_replay.add(name)
                return
        self._work.others += not self._diagnosis.see(letter, now_s)

    def _judged(self, verdict: Verdict) -> Wish | None:
        act = Map(field=verdict.field, source=verdict.source)
        wish = self._scribe.wish(act, verdict.reason, verdict.facts)
        self._scribe.found("detected", wish, f"dead letters lack {verdict.field}")
        match verdict.says:
            case "renamed":
                self._scribe.found("diagnosed", wish, verdict.reason)
                return wish
            case "refuted":
                refused = Evidence(act=act, ok=False, facts=dict(verdict.facts))
                self._scribe.put("diagnosed", wish.episode, refused, f"refused for good: {verdict.reason}")
            case "unclear" if not self.books.busy(target_of(act)):
                self._scribe.tell(target_of(act), "page", verdict.reason)
            case "unclear":
                pass  # letters of an earlier kind, while the act is on its way
        return None

    def _undone(self) -> list[Wish]:
        """What a failed verification left to be taken back."""
        return [
            Wish(undo_of(one.act), one.episode, "it did not help")
            for one in self.books.to_undo.values()
            if isinstance(one.act, Map | Replay | Promote | Quarantine)
        ]

    def _left_to_replay(self) -> list[Wish]:
        due = [(name, source) for name, source in self.books.mapped.items() if name in self._work.to_replay]
        return [
            self._scribe.wish(Replay(field=name, source=source), f"{name} can be read from {source!r} now")
            for name, source in due
        ]

    # decide

    async def _rows(self, wishes: Sequence[Wish]) -> Rows:
        """Ask the platform if a restart is in question."""
        acts = [wish.act for wish in wishes] + [opened.act for opened in self.books.begun.values()]
        if any(isinstance(act, Restart) for act in acts):
            with self._unanswered():
                return {row.name: row for row in await self._out.platform.services()}
        return {}

    def _decide(self, wish: Wish, rows: Rows) -> None:
        now_s, policy = self._out.clock.now_s(), self._policies.now
        held = self._row_care.why_held()
        choice, reason = decide(wish, self.books, rows, now_s=now_s, policy=policy, held=held)
        if choice == "act":
            self._scribe.begin(wish)
        elif choice != "wait":
            self._scribe.tell(target_of(wish.act), choice, reason, wish.episode)

    # act

    async def _act(self, opened: Open, rows: Rows) -> None:
        if self._out.clock.now_s() < self._work.retry_s.get(opened.key, 0.0):
            return
        act = opened.act
        if isinstance(act, Replay):
            await self._replay(opened, act)
            return
        if isinstance(act, Train):
            return  # the loop of the care asks for it
        if isinstance(act, Promote) and act.by_steps and not await self._may_serve(opened, act):
            return
        if isinstance(act, Restart) and (what := overtaken(act, rows)):
            self._finish(opened, ok=what == "done", reason=what)
            return
        if isinstance(act, Restart) and act.service not in rows:
            self._failed(opened, "the platform does not say how it stands")
            return
        try:
            out = self._out
            await perform(
                act, opened.key, out.platform, out.switches, models=out.models, experience=out.experience
            )
            await self._end_canary(opened)
        except CallRejected as error:
            await self._end_canary(opened)
            self._give_up(opened, str(error), {OVERTAKEN: 1.0} if error.status == _CONFLICT else None)
        except CallFailed as error:
            self._failed(opened, str(error))
        else:
            self._finish(opened, ok=True, reason="done")

    async def _end_canary(self, opened: Open) -> None:
        """Take its part of the traffic back: the champion has all of it, whichever that is now."""
        act = opened.act
        if isinstance(act, Restore) or (isinstance(act, Promote) and act.by_steps):
            await self._out.switches.set_canary(0.0)
            with suppress(CallFailed):  # without traffic it does not matter what the second scorer serves
                await self._out.models.set_canary(act.version)
            self._work.canaries.pop(opened.key, None)

    async def _may_serve(self, opened: Open, act: Promote) -> bool:
        """Take a promotion by steps further; True once it may serve all. Where it may not it is given up."""
        out, new = self._out, CanaryRun(act, self._out.clock, self._config)
        run = self._work.canaries.setdefault(opened.key, new)
        if run.may_serve is None:
            await run.step(out.signals, out.switches, out.models)
        if run.may_serve is False:
            self._give_up(opened, run.why, {"served_share": run.share})
            del self._work.canaries[opened.key]
        return run.may_serve is True

    async def _train(self) -> None:
        """Ask for the training that was begun, again and again under the same key, until it is over."""
        opened = self.books.begun.get(TRAINING)
        if opened is None or not isinstance(act := opened.act, Train):
            return
        late = self._out.clock.now_s() - opened.started_s > self._config.train_lease_s
        if held := self._row_care.why_held():
            await self._hold(opened, held, late=late)
            return
        self._work.asked.add(opened.key)
        try:
            told = await self._out.experience.train(opened.key, act.kind, act.after)
        except CallRejected as error:
            told = TrainingState(state="failed", why=str(error))
        if told.state == "waiting" and not late:
            return
        if told.state == "waiting":
            told = await self._out.experience.drop(opened.key)
        facts: Facts = {"version": told.version, "last": told.last, "cpu_s": told.cpu_s}
        done = told.state == "published"
        self._finish(opened, ok=done, reason=told.why or told.version or "time is up", facts=facts)
        if done:
            self._care.offer(told.version, told.last)
        self._care.trained(act)

    async def _hold(self, opened: Open, why: str, *, late: bool) -> None:
        """Rows that it would learn from, or does, are damaged: it waits, or is given up if it runs."""
        if opened.key in self._work.asked:
            await self._out.experience.drop(opened.key)
        elif not late:
            return
        self._finish(opened, ok=False, reason=why)

    async def _judge_canary(self) -> None:
        """End a rollout whose version is proven worse on the rows that came since it was wished for."""
        opened = self.books.begun.get(MODEL)
        run = self._work.canaries.get(opened.key) if opened else None
        if opened is None or run is None or run.stopped or not isinstance(opened.act, Promote):
            return
        if why := await self._care.why_not_on(opened, opened.act):
            run.stop(why)

    async def _verify_promotion(self) -> None:
        opened = self.books.unverified.get(MODEL)
        if opened is None or not isinstance(opened.act, Promote):
            return
        word, reason = await self._care.verdict(opened, opened.act)
        if word:
            self._verified(opened, _HELPED[word], reason)

    async def _replay(self, opened: Open, act: Replay) -> None:
        new = ReplayRun(act, self._out.clock, self._config)
        run = self._work.replays.setdefault(opened.key, new)
        before = run.replayed
        await run.step(self._out.signals, self._out.switches)
        self.counts["replayed_total"] += run.replayed - before
        late = self._out.clock.now_s() - opened.started_s > self._config.replay_lease_s
        if run.over or late:
            if not run.refused:
                self._work.to_replay.discard(act.field)
            facts: Facts = {"replayed": run.replayed, "refused": len(run.refused)}
            self._finish(opened, ok=True, reason="none is left" if run.over else "time is up", facts=facts)
            del self._work.replays[opened.key]

    def _failed(self, opened: Open, why: str) -> None:
        """Try again later with the same key; a restart that stays unanswered is given up."""
        self.counts["calls_failed_total"] += 1
        self._work.tries[opened.key] += 1
        self._work.retry_s[opened.key] = self._out.clock.now_s() + _RETRY_S
        if isinstance(opened.act, Restart) and self._work.tries[opened.key] >= self._config.tries:
            self._give_up(opened, why)

    def _give_up(self, opened: Open, why: str, facts: Facts | None = None) -> None:
        self._finish(opened, ok=False, reason=why, facts=facts)
        self._scribe.tell(target_of(opened.act), "page", f"{tag(opened.act)} failed", opened.episode)

    def _finish(self, opened: Open, *, ok: bool, reason: str, facts: Facts | None = None) -> None:
        evidence = Evidence(act=opened.act, ok=ok, facts=dict(facts or {}))
        self._scribe.put("action.finished", opened.episode, evidence, reason)

    # verify

    async def _verify(self, opened: Open) -> None:
        match opened.act:
            case Restart():
                self._verify_restart(opened, opened.act)
            case Map():
                await self._verify_mapping(opened, opened.act)
            case Replay():
                helped = bool(opened.facts.get("replayed")) or not opened.facts.get("refused")
                self._verified(opened, helped, "they are decided" if helped else "the gateway refuses them")
            case Train():
                self._verified(opened, helped=True, reason="there is a candidate; rows will tell")
            case Promote():
                pass  # by the loop of the care
            case Quarantine():
                await self._verify_quarantine(opened)
            case Unmap() | Restore() | Release():
                pass  # an undo is done when the gateway says so; the books keep none here

    def _verify_restart(self, opened: Open, act: Restart) -> None:
        watch = self.probing.watches.get(act.service, detect.Watch())
        finished_s = opened.finished_s or opened.started_s
        now_s = self._out.clock.now_s()
        helped = restarted(act, watch, finished_s=finished_s, now_s=now_s, config=self._config)
        if helped is not None:
            self._verified(opened, helped, "another boot id" if helped else "no other boot id came")

    async def _verify_mapping(self, opened: Open, act: Map) -> None:
        new = MappingCheck(act, opened.finished_s or opened.started_s, self._config)
        check = self._work.checks.setdefault(opened.key, new)
        repaired = (await self._out.signals.numbers("gateway")).get("repaired_total", 0.0)
        now_s = self._out.clock.now_s()
        helped, reason = check.verdict(now_s, repaired=repaired, last_seq=self._work.cursor)
        if helped is None:
            return
        self._verified(opened, helped, reason)
        del self._work.checks[opened.key]
        self._diagnosis.forget(act.field)
        if helped:
            self._work.to_replay.add(act.field)

    async def _verify_quarantine(self, opened: Open) -> None:
        """The learner counts decided rows that it will not learn from."""
        left_out = (await self._out.signals.numbers(LEARNER)).get(LEFT_OUT, 0.0)
        before = self._work.left_out.setdefault(opened.key, left_out)
        waited_s = self._out.clock.now_s() - (opened.finished_s or opened.started_s)
        if left_out > before:
            self._verified(opened, helped=True, reason="such rows are left out")
        elif waited_s > self._config.quarantine_verify_s:
            self._verified(opened, helped=False, reason="no row was left out")

    def _verified(self, opened: Open, helped: bool | None, reason: str) -> None:
        """Write how an act was judged; None: nobody can tell, and what was done stays."""
        proved = {"proved": 1.0} if reason == REPAIRED else {}
        evidence = Evidence(act=opened.act, ok=helped, facts=dict(proved))
        self._scribe.put("verified", opened.episode, evidence, reason)
        self._scribe.close(target_of(opened.act))
        if helped is False:
            self._scribe.tell(
                target_of(opened.act), "page", f"{tag(opened.act)} did not help", opened.episode
            )
