"""Schedules in words, for people.

>>> from harness.faults.effects import Kill
>>> from harness.search.schedule import After, schedule_of
>>> one = Fault(effect=Kill(service="registry"), after=After(event="rollback", delay_s=0.4))
>>> schedule_text(schedule_of([one]))
'[kill registry 0.4 s after rollback 1]'
"""

from __future__ import annotations

from harness.faults.effects import Effect, Hook, Mutate, place, subject
from harness.search.schedule import Fault, Schedule


def schedule_text(schedule: Schedule) -> str:
    """Say it in words, one bracket a schedule."""
    return f"[{', '.join(map(fault_text, schedule.faults))}]"


def fault_text(fault: Fault) -> str:
    """Say one fault in words.

    >>> from harness.faults.effects import Kill
    >>> fault_text(Fault(effect=Kill(service="gateway"), at_s=3.5))
    'kill gateway @3.5'
    """
    effect, after = fault.effect, fault.after
    what = f"{effect.__struct_config__.tag} {_where(effect)}"
    when = f"@{fault.at_s:g}" if after is None else f"{after.delay_s:g} s after {after.event} {after.nth}"
    return f"{what} {when}{f' for {fault.lasts_s:g} s' if fault.lasts_s else ''}"


def _where(effect: Effect) -> str:
    if isinstance(effect, Mutate):
        return f"{effect.mutation} {subject(effect)}"
    if isinstance(effect, Hook):
        return f"{place(effect)} {effect.action}"
    return subject(effect)
