"""Evidence that goes on from week to week: outcomes of one version against one baseline. Pure.

Comes in: a ledger, the outcomes of another campaign. Goes out: the ledger with them in it. Evidence is
computed anew from the outcomes each time: e-processes may be stopped and continued at will, so nothing but
what was seen has to be kept. Another version, baseline, question or gate begins an entry of its own.
"""

from __future__ import annotations

import msgspec

from harness.errors import Refused, Untrustworthy
from harness.verdict.baseline import Kind, SealedFile
from harness.verdict.outcomes import RunOutcome


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Week(_Frozen, frozen=True, kw_only=True):
    """The outcomes of one campaign; ``digest`` is over all its worlds."""

    campaign: str
    seed: int
    digest: str
    runs: tuple[RunOutcome, ...]


class Entry(_Frozen, frozen=True, kw_only=True):
    """All campaigns of one version (``revision_sha256``: of its code) against one baseline, by one gate.

    ``gate_sha256``: of its margins and levels. Chosen anew they would judge what was seen before they were.
    """

    kind: Kind
    revision_sha256: str
    baseline_sha256: str
    gate_sha256: str = ""
    weeks: tuple[Week, ...] = ()

    def runs(self) -> tuple[RunOutcome, ...]:
        """What was seen, in the order of campaigns."""
        return tuple(run for week in self.weeks for run in week.runs)


class Ledger(SealedFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    version: int = 1
    entries: tuple[Entry, ...] = ()


def continued(ledger: Ledger, start: Entry, week: Week) -> tuple[Ledger, Entry]:
    """Put ``week`` into the entry that ``start`` names; gives the ledger and that entry.

    A campaign counts once, however often it is put in. Raises Untrustworthy where it is there with other
    outcomes, Refused where another campaign of the entry threw the same dice.
    """
    place = next((n for n, one in enumerate(ledger.entries) if _same(one, start)), len(ledger.entries))
    entry = ledger.entries[place] if place < len(ledger.entries) else start
    for old in entry.weeks:
        if old.campaign == week.campaign:
            if old != week:
                raise Untrustworthy(f"campaign {week.campaign} stands in the ledger with other outcomes")
            return ledger, entry
        if old.seed == week.seed:
            raise Refused(
                f"campaign {old.campaign} in the ledger has seed {week.seed} as well: the same dice are no"
                " further evidence; run it with another --seed"
            )
    entry = msgspec.structs.replace(entry, weeks=(*entry.weeks, week))
    entries = (*ledger.entries[:place], entry, *ledger.entries[place + 1 :])
    return msgspec.structs.replace(ledger, entries=entries), entry


def _same(one: Entry, other: Entry) -> bool:
    return msgspec.structs.replace(one, weeks=()) == msgspec.structs.replace(other, weeks=())
