"""One answer's content, judged: is it a decision of this workload, is it right, did it come in time? Pure.

Comes in: a decoded answer and how long it took. Goes out: a ``Finding``. Where things stand in an answer the
JSON Pointers of the workload say; how the answer came is the archetype's affair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from harness.driver.workload import Finding, Unit
from harness.experiment.model import Workload as Asked
from harness.experiment.pointers import ABSENT, parse_pointer, read_pointer
from harness.experiment.units import decision_problem
from harness.history.observations import BAD, DECLINE, DEGRADED, GOOD, answer_digest


class Judge:
    """Judges answers of one system; an empty pointer means that the system does not tell."""

    def __init__(self, asked: Asked, deadline_s: float) -> None:
        self._decision = parse_pointer(asked.pointer("decision"))
        self._score = parse_pointer(asked.pointer("score"))
        self._version = parse_pointer(asked.pointer("version"))
        self._degraded = parse_pointer(asked.pointer("degraded"))
        self._dead_letter = parse_pointer(asked.pointer("dead_letter"))
        self._asked, self._single = asked, asked.form == "single"
        self._deadline_s = deadline_s

    def content(
        self, unit: Unit, content: Mapping[str, object], latency_s: float, *, accepted: bool
    ) -> Finding:
        """Judge by schema, golden answer and deadline, in this order.

        A flagged degraded answer is judged for validity and time only. ``accepted``: the system keeps it.
        """
        decision = read_pointer(content, self._decision)
        score = read_pointer(content, self._score) if self._score else 0.0
        version = read_pointer(content, self._version) if self._version else ""
        degraded = read_pointer(content, self._degraded) if self._degraded else False
        degraded = False if degraded is ABSENT else degraded
        known = _is_share(score) and self._is_version(version) and isinstance(degraded, bool)
        if not known or decision_problem(decision, self._asked.decides, self._asked.within):
            return Finding(BAD, "schema", 200, accepted=accepted)
        wrong = bool(unit.golden) and not degraded and not self._is_right(decision, unit.golden)
        reason = "golden" if wrong else "late" if latency_s > self._deadline_s else ""
        return Finding(
            outcome=BAD if reason else DEGRADED if degraded else GOOD,
            reason=reason,
            status=200,
            score=0.0 if wrong else 1.0,
            digest=answer_digest(decision_word(decision), number_of(score)),
            version=str(version),
            accepted=accepted,
            dead_letter=self.says_dead_letter(content),
            declined=decision == DECLINE,
            probability=number_of(score) if self._score else math.nan,
        )

    def says_dead_letter(self, content: Mapping[str, object] | None) -> bool:
        """Whether the unit is kept among the dead letters."""
        keys = self._dead_letter
        return bool(keys) and content is not None and read_pointer(content, keys) is True

    def _is_version(self, version: object) -> bool:
        """A word; where nobody knew of us, a number will do."""
        number = self._single and isinstance(version, int | float) and not isinstance(version, bool)
        return isinstance(version, str) or number

    def _is_right(self, decision: object, golden: str) -> bool:
        if isinstance(decision, int | float) and not isinstance(decision, bool):
            return abs(decision - float(golden)) <= self._asked.tolerance
        return decision_word(decision) == golden


def decision_word(decision: object) -> str:
    """Write a decision as golden units and digests hold it.

    >>> decision_word("approve"), decision_word(True), decision_word(2.5)
    ('approve', 'true', '2.5')
    """
    return str(decision).lower() if isinstance(decision, bool) else str(decision)


def object_in(body: bytes) -> Mapping[str, object] | None:
    """Decode a JSON object; None for whatever else came.

    >>> object_in(b'{"a": 1}'), object_in(b"[]"), object_in(b"<html>")
    ({'a': 1}, None, None)
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def number_of(value: object) -> float:
    """A number as float, 0.0 for what is none."""
    return float(value) if isinstance(value, int | float) else 0.0


def _is_share(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value <= 1
    )
