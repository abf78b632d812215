"""Faults in the records while the driver runs: what is on, what was touched, and saying so.

Comes in: the runner's lines ``on N``, ``off N``, ``look N``, and parcels at the instant of sending.
Goes out: the parcel that is really sent, lines of the taint ledger, and ``records`` messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.driver.resends import resend_bytes
from harness.driver.sinks import Sink
from harness.driver.spec import Span
from harness.driver.taint import Taint, taint_bytes
from harness.driver.workload import Change, Finding, Parcel, Reply, Unit
from harness.faults.effects import Relabel, Wrong

_TOLD: Mapping[Wrong, str] = {
    "delay": "told later",
    "stop": "told at the end",
    "flip": "told the other way round",
    "select": "never told",
}
_CERTAINLY_SENT = ("", "reset")
"""Something came back, or an open connection was cut; else that the request was handed over proves it."""


class RecordFaults:
    """The switchboard of a run's faults in the records; the plan's seed has decided all the rest.

    ``now`` gives monotonic seconds; ``tell`` takes messages of docs/protocols/driver.md. ``taint`` and
    ``resends`` take the lines of their ledgers; without faults none is needed.
    """

    def __init__(
        self,
        spans: Sequence[Span],
        taint: Sink | None = None,
        *,
        resends: Sink | None = None,
        tell: Callable[[dict[str, object]], None],
        now: Callable[[], float],
    ) -> None:
        self._spans = {span.episode: span for span in spans}
        self._taint = taint
        self._resends = resends
        self._tell = tell
        self._now = now
        self._on: set[int] = set()
        self._touched = dict.fromkeys(self._spans, 0)
        self._proven: set[int] = set()
        self._going: dict[int, dict[str, float | None]] = {episode: {} for episode in self._spans}
        """By episode, until its first record is told: what was touched, in order of sending, by its first
        id; the instant of sending once that is certain. What never went out is removed."""

    def obey(self, line: bytes) -> None:
        """Do what a line of the runner says; raises ValueError for anything but an order on our spans."""
        words = line.split()
        episode = int(words[1]) if len(words) == 2 and words[1].isdigit() else -1
        if episode not in self._spans or words[0] not in (b"on", b"off", b"look"):
            raise ValueError(f"the driver has no such order: {line.decode(errors='replace').strip()!r}")
        if words[0] == b"on":
            self._on.add(episode)
        elif words[0] == b"off":
            self._on.discard(episode)
        self._say(episode, words[0].decode(), at_s=self._now())

    def in_force(self, parcel: Parcel, offset_s: float) -> Change | None:
        """What to send in the place of ``parcel``, ``offset_s`` after the first slot."""
        change = parcel.instead
        if change is None or change.episode not in self._on:
            return None
        return change if self._spans[change.episode].holds(offset_s) else None

    def label_fault(self, unit: Unit, offset_s: float) -> Span | None:
        """The fault that touches the label of ``unit`` if it falls due ``offset_s`` after the first slot."""
        spans = (self._spans[episode] for episode in unit.label_faults if episode in self._on)
        return next((span for span in spans if span.holds(offset_s)), None)

    def relabelled(self, unit: Unit, span: Span, effect: Relabel) -> None:
        """Note that the label of ``unit`` is told otherwise, later, or never."""
        line = Taint(
            id=unit.id,
            episode=span.episode,
            mutation="relabel",
            field=effect.field,
            detail=_TOLD[effect.how],
        )
        self._note(taint_bytes([line]))
        self._touched[span.episode] += 1

    def relabel_proven(self, unit: Unit, span: Span) -> None:
        """Tell of an episode's first touched label, once it was taken or held back for certain."""
        if span.episode not in self._proven:
            self._proven.add(span.episode)
            self._say(span.episode, "first", at_s=self._now(), first=unit.id)

    def touch(self, change: Change) -> None:
        """Note the records of ``change`` as touched; called before they are sent."""
        self._note(change.taint)
        self._touched[change.episode] += len(change.touched)
        if change.episode not in self._proven:
            self._going[change.episode][change.touched[0]] = None

    def answered(self, change: Change, reply: Reply) -> None:
        """Tell of an episode's first touched record that went out, once that is certain.

        An answer to a later record waits for what became of those before it: they may have gone out too.
        """
        if change.episode in self._proven:
            return
        going = self._going[change.episode]
        if reply.handed or reply.fault in _CERTAINLY_SENT:
            going[change.touched[0]] = reply.sent_s
        else:
            going.pop(change.touched[0], None)
        first, sent_s = next(iter(going.items()), ("", None))
        if sent_s is not None:
            self._proven.add(change.episode)
            going.clear()
            self._say(change.episode, "first", at_s=sent_s, first=first)

    def resent(self, findings: Mapping[str, Finding]) -> None:
        """Note what records that were offered again, by id, were answered; without a ledger nothing."""
        if self._resends is not None:
            self._resends.write(resend_bytes(findings))

    def close(self) -> None:
        """Make the ledgers durable."""
        for ledger in (self._taint, self._resends):
            if ledger is not None:
                ledger.close()

    def _note(self, lines: bytes) -> None:
        """Write down what is touched, before it is sent."""
        if self._taint is None:
            raise ValueError("faults in the records need a place for their taint ledger")
        self._taint.write(lines)

    def _say(self, episode: int, why: str, *, at_s: float, first: str = "") -> None:
        said: dict[str, object] = {"episode": episode, "on": episode in self._on, "why": why}
        self._tell({"records": said | {"touched": self._touched[episode], "at_s": at_s, "first": first}})
