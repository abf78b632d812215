"""What was seen of learning around one fault: when it was noticed, when another model served, what that cost.

In: what observers saw, and the healer's journal. Out: ``Learned``. Detection is the healer's own word, and is
named so: nothing outside of a healer can see what it has noticed. Promotion and the ends of trainings were
seen from outside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.episodes.acts import of_others
from harness.episodes.log import RunLog
from harness.episodes.model import Learned
from harness.history.events import Acted
from harness.history.model import Said

DETECTED, VERIFIED = "detected", "verified"
ALIAS_CHANGED, TRAINING_ENDED = "alias_changed", "training_ended"
_CPU = re.compile(r"cpu (\d+(?:\.\d+)?) s")
_DIGITS = 3


def learned_of(
    log: RunLog, journal: Sequence[Said], *, asked_s: float, inject_s: float, end_s: float
) -> Learned:
    """Tell what was noticed and promoted in [``inject_s``, ``end_s``); instants from ``inject_s``.

    Trainings count from ``asked_s``, when the fault was asked for, which may be seconds before it is there,
    until the next one is, or the run ends: they cost what they cost, also after this one was undone.
    """
    theirs = of_others(log.acted, log.injected.values(), log.cleared, log.undone)
    moved = (one.received_s for one in theirs if one.effect and one.act == ALIAS_CHANGED)
    next_s = min((i.asked_at_s for i in log.injected.values() if i.asked_at_s > inject_s), default=None)
    ended = [
        one
        for one in log.acted
        if one.act == TRAINING_ENDED
        and asked_s <= one.received_s
        and (next_s is None or one.received_s < next_s)
    ]
    return Learned(
        detected_s=_since(_detected(journal, inject_s), inject_s, end_s),
        promoted_s=_since([at_s for at_s in moved if at_s >= inject_s], inject_s, end_s),
        trainings=len(ended),
        cpu_s=_cpu_s(ended),
    )


def _detected(journal: Sequence[Said], inject_s: float) -> list[float]:
    """Instants of alarms since the fault that were not standing before it.

    An alarm is its target and its words. It stands from when it was first told until an act on its target was
    verified; a healer that starts again tells it once more.
    """
    standing: set[tuple[str, str]] = set()
    for one in journal:
        if one.received_s >= inject_s:
            break
        if one.kind == DETECTED:
            standing.add((one.target, one.reason))
        elif one.kind == VERIFIED:
            standing = {alarm for alarm in standing if alarm[0] != one.target}
    return [
        one.received_s
        for one in journal
        if one.kind == DETECTED and one.received_s >= inject_s and (one.target, one.reason) not in standing
    ]


def _since(instants: Sequence[float], inject_s: float, end_s: float) -> float | None:
    """Seconds from the fault to the first of ``instants``; None where none lies before ``end_s``."""
    first_s = min(instants, default=end_s)
    return round(first_s - inject_s, _DIGITS) if first_s < end_s else None


def _cpu_s(ended: Sequence[Acted]) -> float | None:
    """Add up the CPU seconds that the ends of trainings tell; None where one of them tells none.

    >>> one = Acted(at_s=1.0, received_s=1.0, observer="o", service="learner", act=TRAINING_ENDED)
    >>> _cpu_s([]), _cpu_s([one])
    (0.0, None)
    """
    told = [_CPU.fullmatch(one.detail) for one in ended]
    return None if None in told else round(sum((float(match[1]) for match in told if match), 0.0), _DIGITS)
