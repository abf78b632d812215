"""Looks at the observed routes of a simulated system, again and again, by a host of its world.

Comes in: ``System.observe`` and where ids are listed. Goes out: what ``observers.watch`` gives of a real one,
by the same looks at the same rate.
"""

from __future__ import annotations

from harness.experiment.model import System
from harness.history.events import Looked
from harness.observers.fetch import Reply, Unseen
from harness.observers.looking import EVERY_S, LOOK_WITHIN_S, Inbox, Looking, Seen, looked, lookings
from harness.observers.owed import OwedLook, can_be_seen
from harness.observers.reading import JournalLine
from harness.observers.steps import walk_along
from harness.simulation.loop import Sleep
from harness.simulation.network import Call, NetworkError
from harness.simulation.processes import Life, Process
from harness.targets.simulation.looker import reply_of
from harness.targets.simulation.system import SimulatedSystem

END_WITHIN_S = 3.0
_STEP_S = 0.05


class SimulatedObservers:
    """All observers of one run, from ``start`` to ``end``; see ``observers.watch.Observers``.

    ``owed`` False: nobody counts meanwhile what is accepted and not delivered yet.
    """

    def __init__(self, running: SimulatedSystem, *, every_s: float = EVERY_S, owed: bool = True) -> None:
        system: System = running.system
        self._kernel, self._network, self._every_s = running.kernel, running.network, every_s
        self._inbox, self._observed = Inbox(), system.observe
        self._lookings = lookings(system.observe, running.processes, self._inbox, self._kernel.now_s)
        can_count = owed and can_be_seen(system.audit, running.processes)
        self._owed = OwedLook(system.audit) if can_count else None
        self._over = False
        self._at_work = 0
        self._process = Process(self._kernel, "observer", self._main)

    def start(self) -> None:
        """Begin to look."""
        self._process.start()

    def end(self) -> None:
        """Let every look come once more, then count them."""
        self._over = True
        late_s = self._kernel.now_s + END_WITHIN_S
        while self._at_work and self._kernel.now_s < late_s:
            self._kernel.run(until_s=self._kernel.now_s + _STEP_S)
        for one in self._lookings:
            one.ended(self._kernel.now_s)
        counts: list[Looked] = looked(self._observed, self._lookings)
        self._inbox.put(counts)

    def close(self) -> None:
        """End the process that looks."""
        self._process.close()

    def drain(self) -> list[Seen]:
        """See ``observers.watch.Observers``."""
        return self._inbox.take_events()

    def journal(self) -> list[JournalLine]:
        """See ``observers.watch.Observers``."""
        return self._inbox.take_lines()

    async def _main(self, life: Life) -> None:
        self._at_work = len(self._lookings) + (self._owed is not None)
        for one in self._lookings:
            one.began(life.time())
            _ = life.create_task(self._watch(life, one))
        if self._owed is not None:
            _ = life.create_task(self._count(life, self._owed))
        await life.create_future()

    async def _watch(self, life: Life, looking: Looking) -> None:
        last = False
        while not last:
            last, began_s = self._over, life.time()
            try:
                await walk_along(looking.look(), lambda *where: self._ask(life, *where))
            except Unseen as unseen:
                looking.failed(str(unseen))
            except Exception as error:  # noqa: BLE001 (whatever a look ends in, it saw nothing, and is told)
                looking.failed(f"{type(error).__name__}: {error}")
            else:
                looking.succeeded(began_s)
            await Sleep(life, life.time() + (0.0 if last else self._every_s))
        self._at_work -= 1

    async def _count(self, life: Life, look: OwedLook) -> None:
        last = False
        while not last:
            last = self._over
            try:
                await walk_along(look.look(), lambda *where: self._ask(life, *where))
            except Unseen:
                pass  # no event: nothing was seen
            else:
                self._inbox.put([look.owed(life.time())])
            await Sleep(life, life.time() + (0.0 if last else self._every_s))
        self._at_work -= 1

    async def _ask(self, life: Life, service: str, route: str) -> Reply:
        try:
            answer = await self._network.call(life, service, Call(f"GET {route}"), LOOK_WITHIN_S)
        except NetworkError as error:
            raise Unseen(error.kind) from error
        return reply_of(answer, life.time())
