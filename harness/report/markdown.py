"""Markdown for a step summary or a chat: the word, why, the claims, a table of classes and one of arms.

Comes in: ``Shown``. Goes out: GitHub-flavoured Markdown of at most 256 kB. What others wrote is shown as
text: names stand in code spans, where nothing is interpreted, prose is escaped. Head and claims are plain
lists, which programs without tables show as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.report import costs, figures
from harness.report.figures import Figure
from harness.report.labels import count_text
from harness.report.lengths import given
from harness.report.shown import Shown, ShownArm, ShownClass, label
from harness.report.words import MAX_CHARS, SIGNS, arm_rank, inert
from harness.verdict.model import Word

BYTES_MAX = 256_000
"""GitHub drops a summary near 1 MiB without a word; a message of a chat is shorter by far."""
_WORST_FIRST: tuple[Word, ...] = ("UNSAFE", "FAIL", "VOID", "INCONCLUSIVE", "PASS", "DONE")
_CLASS_HEAD = ("fault", "arm", "n", "impact", "back in time", "median", "p90", "lost")
_ARM_HEAD = ("arm", "good without faults", "with faults", "exactly once", "false heals")
_MARKED = re.compile(r"[\\`*_\[\]<>|~&#!$^]")
_OPENING = re.compile(r"^(\d*)([-+]|(?<=\d)[.)](?= |$))")  # what would begin a list or a rule
_LOOK_ALIKE = str.maketrans({"`": "ˋ", "|": "¦"})


def markdown(shown: Shown) -> str:
    """Write it, whole lines only; where lines are left out, the last one says how many."""
    kept, size = [], 0
    lines = list(_lines(shown))
    for line in lines:
        size += len(line.encode()) + 1
        if size > BYTES_MAX - MAX_CHARS:  # as much as the words about the cut may take
            break
        kept.append(line)
    if left := len(lines) - len(kept):
        kept += [
            "",
            f"Cut here: {left} lines are left out. All of it: `hormesis report {_bare(shown.campaign)}`",
        ]
    return "\n".join(kept) + "\n"


def _lines(shown: Shown) -> Iterator[str]:
    verdict = shown.verdict
    yield f"## {SIGNS[verdict.word].mark} {verdict.word}: {code(shown.system)} on {code(shown.target)}"
    yield ""
    yield f"**{prose(verdict.why)}**"
    yield ""
    yield f"{code(shown.title)}, {shown.counted}, seed {shown.seed}, campaign {code(shown.campaign)}"
    yield ""
    yield from _claims(shown)
    yield from _trouble(shown)
    if verdict.word in ("VOID", "UNSAFE"):
        yield from ("No figure below counts.", "")
    classes = sorted(shown.classes, key=lambda c: (c.fault, c.subject, arm_rank(c.arm), c.restart_profile))
    yield from _table(_CLASS_HEAD, [_class(one) for one in classes])
    if not classes:
        yield from ("No class of fault has a counted episode.", "")
    arms = sorted(shown.arms, key=lambda a: (arm_rank(a.arm), a.restart_profile))
    yield from _table(_ARM_HEAD, [_arm(one) for one in arms])
    yield from _trust(shown)
    if verdict.next:
        yield f"Next: {code(verdict.next)}"


def _claims(shown: Shown) -> Iterator[str]:
    claims = sorted(shown.verdict.claims, key=lambda claim: _WORST_FIRST.index(claim.word))
    for claim in claims:
        yield f"- {SIGNS[claim.word].mark} {claim.word}: {prose(claim.text)}: {prose(claim.evidence)}"
    if claims:
        yield ""


def _trouble(shown: Shown) -> Iterator[str]:
    if not shown.troubled:
        return
    yield f"Runs with which something is wrong: {shown.troubled}"
    yield ""
    yield from (f"- {prose(one)}" for one in shown.trouble)
    if (more := shown.troubled - len(shown.trouble)) > 0:
        yield f"- and {more} more"
    yield ""


def _trust(shown: Shown) -> Iterator[str]:
    if shown.trust is None:
        return
    broken = [check for check in shown.trust if not check.ok]
    if not shown.trust:
        yield f"{SIGNS['FAIL'].mark} No check of the instrument was recorded: trust nothing here."
    elif not broken:
        count, weak = len(shown.trust), sum(check.weak for check in shown.trust)
        told = f"{count - weak} checks ok, {weak} tell a limit" if weak else f"all {count} checks ok"
        yield f"{SIGNS['PASS'].mark} Instrument: {told}."
    else:
        yield f"{SIGNS['FAIL'].mark} Instrument: {len(broken)} of {len(shown.trust)} checks failed."
        yield ""
        yield from (f"- {prose(check.text)}: {prose(check.value)}" for check in broken)
    yield ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


def _class(one: ShownClass) -> tuple[str, ...]:
    return (
        code(f"{one.fault} {one.subject}"),
        code(f"{one.arm}, {one.restart_profile}"),
        count_text(one.n, one.void, one.unmet),
        _figure(figures.share_figure(one.impact, "–")),
        _figure(figures.share_figure(one.recovered, "no impact" if one.n else "–")) + _within(one),
        _figure(figures.quantile_figure(one.median, one.tau_s, one.seen_s)),
        _figure(figures.quantile_figure(one.p90, one.tau_s)),
        _figure(figures.lost_figure(one.lost_s, one.recovered)),
    )


def _within(one: ShownClass) -> str:
    return f", within {given(one.tau_s)}" if one.recovered.n else ""


def _arm(one: ShownArm) -> tuple[str, ...]:
    heals = Figure("–") if one.false_heals is None else Figure(costs.heals_text(one.false_heals))
    return (
        code(f"{one.arm}, {one.restart_profile}"),
        _figure(figures.mean_percent(one.sham, "not measured")),
        "–" if one.faulted is None else _figure(figures.mean_percent(one.faulted, "not measured")),
        _figure(figures.share_figure(one.exactly_once, "not observable")),
        _figure(heals),
    )


def _figure(figure: Figure) -> str:
    text = f"{figure.value} ({figure.small})" if figure.small else figure.value
    return prose(text)


def code(text: str) -> str:
    """Write a name as a code span; what would end it, or a cell of a table, becomes a look-alike.

    >>> code("a`b|c"), code("")
    ('`aˋb¦c`', '`–`')
    """
    return f"`{_bare(text)}`"


def _bare(text: str) -> str:
    return label(text).translate(_LOOK_ALIKE).strip() or "–"


def prose(text: str) -> str:
    r"""Write words of others so that no letter of them is a mark; an @ would call somebody.

    >>> print(prose("data.rename_field <b> | @all"), prose("1. 2.5 s"), prose("2.5 s"))
    data.rename\_field \<b\> \| ＠all 1\. 2.5 s 2.5 s
    """
    marked = _MARKED.sub(r"\\\g<0>", inert(text)).replace("@", "＠").strip()
    return _OPENING.sub(r"\1\\\2", marked) or "–"
