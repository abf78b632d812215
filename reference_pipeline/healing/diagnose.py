"""Diagnosis of a renamed field from dead letters, proved on golden rows.

Comes in: dead letters, in any order. Goes out: a verdict per missing field. Nothing but the letters and
the golden rows is asked. Pure.

A name X stands for a field F only if, in all letters that lack F alone, X is there and fits F, and in
every letter that is a golden row but for F, X holds that row's very F. A column that only looks like F
(same type, range and marginal) agrees with a golden row no more often than its own marginal says: the
product of these frequencies over the distinct golden rows is the chance that a wrong column passes.
One contradiction refutes for good.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

import msgspec

from reference_pipeline.contract import Contract
from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.ports import DeadLetter
from reference_pipeline.records import FeatureSpec, Record

_NAMES_MAX = 20  # unknown names looked at in one letter
_TEXT_MAX = 1000
NO_NAME = "no other name in all of them fits"
AMBIGUOUS = "more than one name fits"
UNPROVEN = "too few golden rows to prove a name"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a missing ``field``; ``source`` is "" where ``says`` is unclear."""

    field: str
    says: Literal["renamed", "refuted", "unclear"]
    source: str
    reason: str
    facts: Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class _Letter:
    """``names``: unknown names whose values fit; ``golden``: number of the golden row it is, or -1."""

    names: Mapping[str, object]
    golden: int


@dataclass(slots=True)
class _Case:
    letters: deque[_Letter]
    since_s: float
    last_s: float
    fresh: bool = True  # letters came since the last verdict


@dataclass(frozen=True, slots=True)
class _Tested:
    """How a name did on golden rows; ``chance``: that a wrong column would have done as well."""

    agreed: int
    contradicted: int
    chance: float


class Diagnosis:
    """Cases by missing field; golden rows whose other fields are not unique prove nothing."""

    def __init__(self, spec: FeatureSpec, golden: Sequence[Record], config: HealerConfig) -> None:
        self._config = config
        self._fields = tuple(f.name for f in spec.fields)
        self._known = frozenset(self._fields) | {"id"}
        self._golden = golden
        self._checks = {
            f.name: Contract(msgspec.structs.replace(spec, fields=(f,), features=())) for f in spec.fields
        }
        self._index = {name: self._rows_without(name) for name in self._fields}
        self._cases: dict[str, _Case] = {}

    def see(self, letter: DeadLetter, now_s: float) -> bool:
        """Take one dead letter in; False if more is wrong with it than one missing field."""
        missing = [name for name in self._fields if name not in letter.record]
        if len(missing) != 1 or len(letter.why) != 1:
            return False
        name = missing[0]
        case = self._cases.get(name)
        if case is None or now_s - case.last_s > self._config.quiet_s:
            case = _Case(deque(maxlen=self._config.letters_kept), now_s, now_s)
            self._cases[name] = case
        case.letters.append(self._reduced(name, letter.record))
        case.last_s = now_s
        case.fresh = True
        return True

    def verdicts(self, now_s: float, refused: Set[tuple[str, str]]) -> list[Verdict]:
        """Judge every field of which enough letters lie here; ``refused`` names are no candidates."""
        found = []
        for name, case in self._cases.items():
            waited = now_s - case.since_s > self._config.quiet_s
            if len(case.letters) >= self._config.letters_least and (case.fresh or waited):
                out = {source for other, source in refused if other == name}
                judged = self._judge(name, case, out, waited=waited)
                case.fresh = any(one.says != "unclear" for one in judged)  # until somebody acts on it
                found += judged
        return found

    def fits(self, letter: DeadLetter, name: str, source: str) -> bool:
        """Tell whether what stands under ``source`` could be the field ``name``."""
        return self._fits(name, letter.record[source])

    def forget(self, field: str) -> None:
        """Close the case of ``field``: it was healed."""
        self._cases.pop(field, None)

    def forget_quiet(self, now_s: float) -> list[str]:
        """Close the cases of which no letter came for long; their fields."""
        old = [name for name, case in self._cases.items() if now_s - case.last_s > self._config.quiet_s]
        for name in old:
            del self._cases[name]
        return old

    def _judge(self, name: str, case: _Case, out: set[str], *, waited: bool) -> list[Verdict]:
        untested = sorted(_in_all(case) - out)
        tested = {source: _test(source, case.letters, self._values(name)) for source in untested}
        refuted = {source for source, test in tested.items() if test.contradicted}
        found = [_told(name, source, case, tested[source]) for source in sorted(refuted)]
        left = sorted(tested.keys() - refuted)
        if not left:
            return [*found, _unclear(name, case, NO_NAME)]
        if len(left) > 1:
            return [*found, _unclear(name, case, AMBIGUOUS)]
        test = tested[left[0]]
        if test.agreed >= self._config.golden_least and test.chance <= self._config.chance_max:
            found.append(_told(name, left[0], case, test))
        elif waited:
            found.append(_unclear(name, case, UNPROVEN))
        return found

    def _values(self, name: str) -> Sequence[object]:
        return [row[name] for row in self._golden]

    def _reduced(self, name: str, record: Record) -> _Letter:
        unknown = sorted(record.keys() - self._known)[:_NAMES_MAX]
        fits = {key: record[key] for key in unknown if self._fits(name, record[key])}
        return _Letter(fits, self._index[name].get(self._others(name, record), -1))

    def _fits(self, name: str, value: object) -> bool:
        return _is_short(value) and not self._checks[name].check({name: value}).why

    def _others(self, name: str, record: Record) -> tuple[object, ...]:
        return tuple(record.get(other) for other in self._fields if other != name)

    def _rows_without(self, name: str) -> dict[tuple[object, ...], int]:
        keys = [self._others(name, row) for row in self._golden]
        count = Counter(keys)
        return {key: number for number, key in enumerate(keys) if count[key] == 1}


def _in_all(case: _Case) -> set[str]:
    return set.intersection(*(set(letter.names) for letter in case.letters))


def _test(source: str, letters: Sequence[_Letter], values: Sequence[object]) -> _Tested:
    """Compare ``source`` with the golden rows; chance = product of its own frequency of each agreed value."""
    frequency = Counter(letter.names[source] for letter in letters)
    agreed, contradicted = set(), 0
    for letter in letters:
        if letter.golden >= 0 and letter.names[source] == values[letter.golden]:
            agreed.add(letter.golden)
        elif letter.golden >= 0:
            contradicted += 1
    chance = math.prod(frequency[values[row]] / len(letters) for row in sorted(agreed))
    return _Tested(len(agreed), contradicted, chance)


def _told(name: str, source: str, case: _Case, test: _Tested) -> Verdict:
    facts: dict[str, float | str] = {
        "letters": len(case.letters),
        "golden_agreed": test.agreed,
        "golden_contradicted": test.contradicted,
        "chance": test.chance,
    }
    if test.contradicted:
        return Verdict(name, "refuted", source, f"{source!r} is not {name}", facts)
    return Verdict(name, "renamed", source, f"{name} is named {source!r} now", facts)


def _unclear(name: str, case: _Case, reason: str) -> Verdict:
    return Verdict(name, "unclear", "", f"{name} is missing: {reason}", {"letters": len(case.letters)})


def _is_short(value: object) -> bool:
    return not isinstance(value, (list, dict)) and not (isinstance(value, str) and len(value) > _TEXT_MAX)
