"""What tests of JUnit, Markdown and OpenMetrics share: campaigns made by hand, and names that want more."""

from __future__ import annotations

import msgspec

from harness.estimates.counts import Rate
from harness.estimates.model import Mean, Quantile, Share
from harness.estimates.quantiles import quantile
from harness.estimates.shares import share
from harness.report.document import Check
from harness.report.shown import Shown, ShownArm, ShownClass
from harness.verdict.codes import EXIT_CODE
from harness.verdict.model import Claim, Verdict

NO_MEAN = Mean(n=0, mean=None, low=None, high=None)
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "a|b||c\\|d\\",
    "``x`` `y",
    "line\r\n| --- |\r\n# head",
    "\u202egnp.exe\u2066\u2028\u2029\x85",
    "null\x00byte\x7f\x9b31m",
    "\x1b]0;owned\x07\x1b[2J",
    "x" * 10_000,
    "|" * 10_000,
    "&" * 10_000,
    "]]></failure><testcase name='x'/>",
    'a"} 1\n# EOF\nhormesis_verdict{word="PASS"} 1',
    "[x](javascript:alert(1)) ![y](http://z) <https://z> @all #1",
    "**b** __u__ ~~s~~ $m$ - [x] t",
    "\ufeff\ufffe\uffff\ud800",
    " ",
    "",
    "日本 e\u0301 😀",
)


def one(*times_s: float | None, arm: str = "reference", **changed: object) -> ShownClass:
    """A class of episodes that all hurt, and were back at ``times_s`` (None: not within 10 s)."""
    back = sum(time is not None for time in times_s)
    figures: dict[str, object] = {
        "fault": "process.kill",
        "subject": "scorer-a",
        "arm": arm,
        "restart_profile": "fast",
        "n": len(times_s),
        "void": 0,
        "unmet": 0,
        "tau_s": 10.0,
        "impact": share(len(times_s), len(times_s)),
        "recovered": share(back, len(times_s)),
        "median": quantile(times_s, 0.5),
        "p90": quantile(times_s, 0.9),
        "lost_s": Mean(n=3, mean=1.5, low=1.0, high=2.0) if times_s else NO_MEAN,
        "gain_s": NO_MEAN,
    }
    return ShownClass(**(figures | changed))


def arm(**changed: object) -> ShownArm:
    figures: dict[str, object] = {
        "arm": "reference",
        "restart_profile": "fast",
        "sham": Mean(n=3, mean=0.999, low=0.998, high=1.2),
        "faulted": Mean(n=1, mean=0.9, low=None, high=None),
        "exactly_once": share(6, 6),
        "false_heals": Rate(k=1, hours=2.0, per_h=0.5, upper_per_h=2.37),
    }
    return ShownArm(**(figures | changed))


def claim(word: str, about: ShownClass | None = None, text: str = "served within 2 s") -> Claim:
    return Claim(text=text, word=word, evidence="3 of 4", about=None if about is None else about.key)


def shown(
    *classes: ShownClass, word: str = "DONE", claims: tuple[Claim, ...] = (), **changed: object
) -> Shown:
    verdict = Verdict(word=word, exit_code=EXIT_CODE[word], why=f"so {word}", claims=claims, next="")
    told: dict[str, object] = {
        "campaign": "kill-20260101",
        "title": "Kill one",
        "system": "fraud",
        "target": "local",
        "seed": 7,
        "counted": "4 runs",
        "started_utc": "2026-01-01T00:00:10.500+00:00",
        "verdict": verdict,
        "classes": classes,
        "arms": (arm(),),
        "trouble": (),
        "troubled": 0,
        "trust": (Check(text="pairs", value="2 of 2", ok=True),),
    }
    return Shown(**(told | changed))


def poisoned(hostile: str) -> Shown:
    """A campaign with ``hostile`` wherever a name or a sentence of others can stand; names still differ."""
    classes = tuple(
        one(1.0, 2.0, None, fault=f"{n}{hostile}", subject=hostile, arm=hostile) for n in range(3)
    )
    words = ("FAIL", "VOID", "INCONCLUSIVE", "PASS")
    claims = tuple(Claim(text=f"{n}{hostile}", word=word, evidence=hostile) for n, word in enumerate(words))
    claims += (Claim(text=hostile, word="FAIL", evidence=hostile, about=classes[0].key),)
    verdict = Verdict(word="FAIL", exit_code=1, why=hostile, claims=claims, next=hostile)
    return shown(
        *classes,
        verdict=verdict,
        campaign=hostile,
        title=hostile,
        system=hostile,
        target=hostile,
        started_utc=hostile,
        arms=(arm(arm=hostile, restart_profile=hostile),),
        trouble=(f"run: {hostile}",) * 2,
        troubled=3,
        trust=(Check(text=hostile, value=hostile, ok=False),),
    )


def unknown(found: Quantile) -> Quantile:
    """The same quantile with one episode less than it needs."""
    return msgspec.structs.replace(found, n=found.needs_n - 1, value_s=None, low_s=None, high_s=None)


NOTHING = Share(k=0, n=0, low_ratio=0.0, high_ratio=1.0)
