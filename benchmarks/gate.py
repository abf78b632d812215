"""How often a gate is wrong: asked again and again about versions of which the truth is known.

Comes in: nothing. Goes out: for each truth how often FAIL, PASS and INCONCLUSIVE came, after how many
injections on average, with exact bounds. Four classes, a baseline of 40 each that is drawn anew for every
gate, at most 30 injections a class, recoveries lognormal with a median of 10 s. The same of a version that
ran beside the sound one, at most 30 pairs, also on a machine that is slower by half in one half of each
pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.estimates.shares import lower_bound, upper_bound
from tests.harness.verdict.gate_kit import CLASSES, Truth, beside_study, ledger_study, study

NAME = "gate"
SEED = 70_01
TIMES = 3000
FORECAST_S = 600.0
SIGMAS = (0.25, 0.5, 0.8)
WORDS = ("FAIL", "PASS", "INCONCLUSIVE")
_ALL = (1.0,) * CLASSES


def _truths() -> dict[str, Truth]:
    found: dict[str, Truth] = {}
    for sigma in SIGMAS:
        of_sigma = {
            "unchanged": Truth(sigma=sigma),
            "x1.1, the edge": Truth(slower=(1.1,) * CLASSES, sigma=sigma),
            "x1.5": Truth(slower=(1.5,) * CLASSES, sigma=sigma),
            "x3 in one class": Truth(slower=(3.0, *_ALL[1:]), sigma=sigma),
            "x2 in one class, the edge": Truth(slower=(2.0, *_ALL[1:]), sigma=sigma),
            "never recovered 20 %": Truth(never_ratio=0.2, sigma=sigma),
        }
        found |= {f"{name}, sigma {sigma:g}": truth for name, truth in of_sigma.items()}
    return found


MOVED, JUMP = "x1.1 on a machine that moves, beside, sigma 0.25", 0.5


def _beside() -> Iterator[tuple[str, Truth]]:
    for sigma in SIGMAS:
        yield f"unchanged, beside, sigma {sigma:g}", Truth(sigma=sigma)
        yield f"x1.5, beside, sigma {sigma:g}", Truth(slower=(1.5,) * CLASSES, sigma=sigma)
        yield f"x3 in one class, beside, sigma {sigma:g}", Truth(slower=(3.0, *_ALL[1:]), sigma=sigma)


def run(full: bool) -> dict[str, object]:
    """Ask; ``full`` false: twenty gates a truth."""
    times = TIMES if full else 20
    told = {name: study(truth, times, SEED + n) for n, (name, truth) in enumerate(_truths().items())}
    told |= {name: beside_study(truth, times, SEED + 200 + n) for n, (name, truth) in enumerate(_beside())}
    told[MOVED] = beside_study(Truth(slower=(1.1,) * CLASSES, sigma=0.25), times, SEED + 300, jump=JUMP)
    told["unchanged, stopped and continued"] = ledger_study(Truth(), times, SEED + 100)
    rows = {name: _row(one.words, one.mean_n, times) for name, one in told.items()}
    return {"gates": times, "truths": rows, "bars": _bars(rows)}


def _row(words: Mapping[str, int], mean_n: float, times: int) -> dict[str, object]:
    counts = {word: words[word] for word in WORDS}
    fail, passed = counts["FAIL"], counts["PASS"]
    return {
        **counts,
        "mean_n": round(mean_n, 1),
        "fail_at_least": round(lower_bound(fail, times), 4),
        "fail_at_most": round(upper_bound(fail, times), 4),
        "pass_at_most": round(upper_bound(passed, times), 4),
    }


def _bars(rows: Mapping[str, Mapping[str, object]]) -> dict[str, bool]:
    def figure(name: str, key: str) -> float:
        return float(str(rows[name][key]))

    times = sum(figure("x1.5, sigma 0.5", word) for word in WORDS)
    unchanged = [name for name in rows if name.startswith("unchanged")]
    in_one = [name for name in rows if name.startswith("x3")]
    return {
        "unchanged fails in at most 1 %, surely in at most 2 %": all(
            figure(name, "FAIL") <= 0.01 * times and figure(name, "fail_at_most") <= 0.02
            for name in unchanged
        ),
        "x1.5 is caught in 88 %, by 40 injections on average": figure("x1.5, sigma 0.5", "fail_at_least")
        >= 0.88
        and figure("x1.5, sigma 0.5", "mean_n") <= 40,
        "x3 in one class never passes": all(figure(name, "PASS") == 0 for name in in_one),
        "beside: x1.5 at sigma 0.25 is caught in 95 %": figure("x1.5, beside, sigma 0.25", "FAIL")
        >= 0.95 * times,
        "beside: what a machine does that moves fails in at most 5 %": figure(MOVED, "FAIL") <= 0.05 * times,
        "never recovered 20 % is caught in 95 %": all(
            figure(f"never recovered 20 %, sigma {sigma:g}", "FAIL") >= 0.95 * times for sigma in SIGMAS
        ),
        "what PASS excludes passes in at most 5 %": all(
            figure(f"x2 in one class, the edge, sigma {sigma:g}", "PASS") <= 0.05 * times for sigma in SIGMAS
        ),
    }
