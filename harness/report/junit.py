"""JUnit XML: a case for each class, for each claim that is no class's, and for a verdict that neither tells.

Comes in: ``Shown``. Goes out: the text of one file. FAIL is a failure, VOID and UNSAFE are errors,
INCONCLUSIVE is skipped, and so is what was measured without a claim: nobody said what would be enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as Xml

from harness.estimates.model import Quantile
from harness.report.shown import Shown, ShownClass, label
from harness.report.words import inert
from harness.verdict.model import Claim, Verdict, Word

_WORST_FIRST: tuple[Word, ...] = ("UNSAFE", "VOID", "FAIL", "INCONCLUSIVE", "PASS", "DONE")
_ELEMENTS: dict[Word, str] = {
    "UNSAFE": "error",
    "VOID": "error",
    "FAIL": "failure",
    "INCONCLUSIVE": "skipped",
    "DONE": "skipped",
}
_COUNTED = {"error": "errors", "failure": "failures", "skipped": "skipped"}
NOTHING_CLAIMED = "measured, and nothing is claimed of it"


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    word: Word
    why: str
    claims: tuple[Claim, ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()


def junit(shown: Shown, *, strict: bool = False) -> str:
    """Write the file. ``strict``: INCONCLUSIVE is a failure, for a job that asks for evidence."""
    cases = list(_cases(shown))
    root = Xml.Element("testsuites")
    suite = Xml.SubElement(root, "testsuite", name=label(f"{shown.title} ({shown.campaign})"))
    elements = [_written(suite, shown, case, strict=strict) for case in cases]
    counts = {"tests": len(cases)} | {key: elements.count(name) for name, key in _COUNTED.items()}
    for element in (root, suite):
        element.attrib |= {key: str(count) for key, count in counts.items()}
    if _is_instant(shown.started_utc):
        suite.set("timestamp", shown.started_utc)
    Xml.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _cases(shown: Shown) -> Iterator[_Case]:
    verdict = shown.verdict
    cases = [_of_class(one, verdict) for one in shown.classes]
    keys = {one.key for one in shown.classes}
    cases += [_Case(c.text, c.word, c.evidence, (c,)) for c in verdict.claims if c.about not in keys]
    yield from cases
    if verdict.word not in {case.word for case in cases}:
        yield _Case("verdict", verdict.word, verdict.why)


def _of_class(one: ShownClass, verdict: Verdict) -> _Case:
    claims = tuple(claim for claim in verdict.claims if claim.about == one.key)
    word, why = _judged(one, claims, verdict)
    name = f"{one.fault} {one.subject}, arm {one.arm}, {one.restart_profile}"
    return _Case(name, word, why, claims, tuple(_numbers(one)))


def _judged(one: ShownClass, claims: tuple[Claim, ...], verdict: Verdict) -> tuple[Word, str]:
    """The worst of its claims; without one, what the campaign as a whole leaves to be said of it."""
    if claims:
        worst = min(claims, key=lambda claim: _WORST_FIRST.index(claim.word))
        return worst.word, f"{worst.text}: {worst.evidence}"
    if not verdict.claims and verdict.word in ("UNSAFE", "VOID"):
        return verdict.word, verdict.why
    if not one.n:
        return "VOID", f"nothing was measured: {one.void} of {one.void} episodes are void"
    return "DONE", NOTHING_CLAIMED


def _numbers(one: ShownClass) -> Iterator[tuple[str, str]]:
    """At most eleven, the word besides: large suites of cases with many properties have broken readers."""
    yield "episodes", str(one.n)
    yield "void", str(one.void)
    yield "impact", f"{one.impact.k} of {one.impact.n}"
    yield "recovered", f"{one.recovered.k} of {one.recovered.n}"
    if one.recovered.n:
        yield "recovered_low_ratio", f"{one.recovered.low_ratio:.6g}"
        yield "recovered_high_ratio", f"{one.recovered.high_ratio:.6g}"
    if one.median.n:
        yield "median_s", _quantile(one.median, one.tau_s)
        yield "p90_s", _quantile(one.p90, one.tau_s)
    if one.median.n >= one.median.needs_n:
        yield "median_low_s", _bound(one.median.low_s, one.tau_s)
        yield "median_high_s", _bound(one.median.high_s, one.tau_s)
    if one.lost_s.mean is not None:
        cut = ">" if one.recovered.k < one.recovered.n else ""
        yield "lost_mean_s", f"{cut}{one.lost_s.mean:.6g}"


def _quantile(found: Quantile, tau_s: float) -> str:
    if found.n < found.needs_n:
        return f"needs {found.n} / {found.needs_n}"
    return _bound(found.value_s, tau_s)


def _bound(value_s: float | None, tau_s: float) -> str:
    """None is what lies beyond the horizon."""
    return f">{tau_s:.6g}" if value_s is None else f"{value_s:.6g}"


def _written(suite: Xml.Element, shown: Shown, case: _Case, *, strict: bool) -> str:
    """Add one case to the suite; gives the name of the element that says how it ended, "" = it passed."""
    place = f"{label(shown.system)} on {label(shown.target)}".replace(".", "-")  # readers cut at dots
    element = Xml.SubElement(suite, "testcase", name=label(case.name), classname=place)
    properties = Xml.SubElement(element, "properties")
    for name, value in (("word", case.word), *case.numbers):
        Xml.SubElement(properties, "property", name=name, value=value)
    ended = "failure" if strict and case.word == "INCONCLUSIVE" else _ELEMENTS.get(case.word, "")
    if ended:
        told = Xml.SubElement(element, ended, message=inert(f"{case.word}: {case.why}"), type=case.word)
        told.text = "\n".join(inert(f"{c.word}: {c.text} ({c.evidence})") for c in case.claims)
    return ended


def _is_instant(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
