"""The report's words: signs, plain explanations of kinds and arms, and strings made inert.

Nothing here knows about figures. Every string that comes from outside (a name in a user's file,
a process's message) passes through ``inert`` before it is shown, in HTML and on a terminal alike.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from harness.verdict.model import Word

MAX_CHARS = 400  # a name longer than a paragraph is an accident or an attack; report.json has it whole


WORD_MAX = 40  # a cut goes back to the start of a word, not of a thing longer than this
ALWAYS = "always"
"""Said of full service where no window of it was violated."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A verdict word's mark: never colour alone, and an ASCII form for plain terminals."""

    mark: str
    ascii: str
    tone: str
    means: str


SIGNS: dict[Word, Sign] = {
    "PASS": Sign("✓", "+", "good", "evidence for every claim"),
    "DONE": Sign("○", "o", "plain", "measured, nothing claimed"),
    "FAIL": Sign("✕", "x", "bad", "evidence of a violation"),
    "INCONCLUSIVE": Sign("?", "?", "warn", "valid data, too little of it"),
    "VOID": Sign("–", "-", "void", "something ran, but it cannot be trusted"),
    "UNSAFE": Sign("!", "!", "bad", "a clean state could not be proven"),
}

KINDS: dict[str, tuple[str, str]] = {
    "process.kill": ("Process killed", "SIGKILL: gone at once, its port is closed"),
    "process.hang": ("Process hangs", "SIGSTOP: its port stays open, nothing answers"),
    "network.latency": ("Answers delayed", "every byte on the edge is held back"),
    "network.bandwidth": ("Bandwidth capped", "the edge lets only so many bytes a second through"),
    "network.partition": ("Partition", "connections stay open and nothing passes"),
    "network.black_hole": ("Black hole", "new connections get no answer at all"),
    "network.refuse": ("Port closed", "connections are reset, new ones refused"),
    "network.reset": ("Connections reset", "a share of the connections gets a reset"),
    "network.slice": ("Bytes in slices", "bytes pass in small pieces with pauses"),
    "network.corrupt": ("Bytes corrupted", "single bits are flipped on the way"),
    "network.wrong_body": ("Wrong answer body", "answers are replaced by something else"),
    "data.rename_field": ("Field renamed", "a field comes under a name that nobody knows"),
    "data.drop_field": ("Field gone", "a field is missing in the records"),
    "data.add_field": ("Field added", "the records have one more field"),
    "data.change_type": ("Type changed", "a field comes as another type"),
    "data.change_unit": ("Unit changed", "a field comes in another unit"),
    "data.nulls": ("Nulls", "a field is null"),
    "data.sentinel": ("Sentinel value", "a field holds a placeholder of the right type"),
    "data.duplicate": ("Records twice", "records are delivered again"),
    "data.late": ("Records late", "records come late and out of order"),
    "data.stuck_value": ("Value stuck", "a field repeats one value"),
    "data.new_category": ("New category", "a field holds a level that nobody knows"),
    "data.truncate_batch": ("Batch truncated", "only the first part of each batch arrives"),
    "data.wrong_rename": ("Field replaced by a look-alike", "gone, and a plausible wrong column is there"),
    "world.covariate_shift": ("Covariate shift", "other records come; what is true of each stays"),
    "world.concept_change": ("Concept change", "the same records come; something else is true of them"),
    "world.label_shift": ("Label shift", "positives come more or less often, and look as before"),
    "labels.delay": ("Labels late", "what turned out to be true becomes known later"),
    "labels.stop": ("Labels stopped", "nobody is told what turned out to be true"),
    "labels.noise": ("Labels noisy", "a part of the labels is told the wrong way round"),
    "labels.selective": ("Labels selective", "only what was declined gets a label"),
    "labels.poison": ("Labels poisoned", "frauds of one part of the records are told to be none"),
    "model.bad_candidate": ("Bad candidate", "a worse model with good papers is offered"),
    "model.confident_wrong": ("Confident and wrong", "the model that serves is sure of the opposite"),
    "model.constant": ("Constant scores", "the model that serves gives everybody one score"),
    "model.stale": ("Stale model", "an older, weaker version serves again"),
    "model.wrong_alias": ("Wrong alias", "a model for something else serves"),
    "model.corrupt_file": ("Corrupt model file", "the file of what serves is damaged where it is kept"),
    "model.calibration": ("Calibration off", "scores are shifted, their order is as before"),
    "placebo.surge": ("Placebo: surge", "more load, inside capacity"),
    "placebo.slow_batch": ("Placebo: slower edge", "a delay inside the service level"),
    "placebo.added_field": ("Placebo: optional field", "one more field, which changes nothing"),
    "placebo.better_model": ("Placebo: better model", "one that has learned more is deployed"),
}
"""Kind of fault -> (title, what is done)."""

ARMS: dict[str, str] = {
    "reference": "the reference healer is on",
    "seed": "the article's recipes are on",
    "oracle": "the reference healer is on, and is told the truth in place of labels",
    "always": "a healer that always acts, whatever it sees, is on",
    "random": "a healer that acts at random is on",
    "never": "a healer that never acts is on",
    "none": "platform only: a dead process is restarted, nothing else heals",
    "bare": "nobody restarts anything",
}
"""Arm -> who is in charge. The order is that of help: the first one present is the system's own arm."""

RESTARTS: dict[str, str] = {
    "fast": "restarts at once, no liveness probe",
    "kubernetes": "restarts with growing back-off; liveness probe every 10 s, three misses kill",
}

ENDINGS: dict[str, tuple[str, str]] = {
    "absorbed": ("absorbed", "no window of service was violated"),
    "not exercised": ("not exercised", "nothing of the system met the fault: it shows nothing"),
    "healed": ("healed", "service came back by an act of the healer"),
    "platform": ("platform", "service came back by a restart of the platform"),
    "orphan": (
        "orphan",
        "who answers is left over from a former life and keeps the port: nobody restored it",
    ),
    "itself": ("by itself", "service came back when the fault ended by itself, or nobody acted"),
    "undo": ("undone", "not back in time: the harness ended it (censored)"),
}
"""How an episode ended -> (label, meaning), in the order in which bars are stacked."""

ACTS: dict[str, str] = {
    "started": "started again",
    "killed": "platform kills it (liveness)",
    "orphan": "an orphan keeps its port",
    "orphan_ended": "orphan ended by the harness",
    "breaker_opened": "breaker opens",
    "breaker_half_open": "breaker tries again",
    "breaker_closed": "breaker closes",
    "mapping_set": "field mapped",
    "mapping_removed": "mapping taken back",
    "replayed": "dead letters replayed",
    "training_begun": "training begun",
    "version_published": "candidate published",
    "quarantine_set": "rows left out of learning",
    "quarantine_removed": "rows taken in again",
    "training_ended": "training over",
}
"""Act of the platform's ledger or of an observer -> words for a flag."""

CLEARED: dict[str, str] = {
    "platform": "fault gone, by the platform",
    "healer": "fault gone, by the healer",
    "itself": "fault gone by itself",
}
"""Who ended a fault -> words for a flag."""

_BIDI = (
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2028\u2029\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_HARMFUL = re.compile(
    f"[\x00-\x1f\x7f-\x9f{_BIDI}\ud800-\udfff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_HARMFUL_IN_JSON = re.compile(f"[\x7f-\x9f{_BIDI}\ufff9-\ufffb\U000e0000-\U000e007f]")


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def inert(text: str, limit: int = MAX_CHARS) -> str:
    r"""Make a string harmless to show: one line, no controls, no direction overrides, bounded length.

    Lines are joined by a space; what is too long is cut at a word, where one is near. C0 controls become
    their Unicode pictures, C1 controls, invisible and bidirectional format characters, lone surrogates and
    what is no character (no XML may hold it) become U+FFFD. HTML escaping is the renderer's task.

    >>> inert("a\x1b[31mb:\r\n  \u202egnp.exe"), inert("the witness ended early", 20)
    ('a␛[31mb: �gnp.exe', 'the witness ended…')
    """
    lines = text.splitlines()
    flat = text if lines == [text] else " ".join(line.strip() for line in lines if line.strip())
    return _HARMFUL.sub(_picture, flat if len(flat) <= limit else _cut(flat[: limit - 1]))


def _cut(text: str) -> str:
    """End a text that goes on: at its last word's end, but for a word as long as a name may be."""
    end = text.rfind(" ")
    return (text[:end] if end > len(text) - WORD_MAX else text).rstrip(" ,;:") + "…"


def inert_json(data: bytes) -> bytes:
    r"""Escape what JSON allows raw and a terminal or viewer obeys; parses to the same values.

    Such characters stand only inside strings, so replacing them in the encoded text is safe.

    >>> inert_json('{"a":"\u202eb"}'.encode())
    b'{"a":"\\u202eb"}'
    """
    return _HARMFUL_IN_JSON.sub(_json_escape, data.decode()).encode()


def _json_escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


_UTC = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[:.0-9]*(?:Z|\+00:00)")


def when(stamp: str) -> str:
    """Write an ISO instant in UTC for people; anything else as it is.

    >>> when("2026-11-24T15:12:01.120+00:00"), when("noon")
    ('2026-11-24 15:12 UTC', 'noon')
    """
    return _UTC.sub(r"\1 \2 UTC", stamp) if _UTC.fullmatch(stamp) else stamp


def columns(text: str) -> int:
    """Count the terminal columns of a string: wide characters take two, combining ones none.

    >>> columns("日本"), columns("e\u0301")
    (4, 1)
    """
    wide = sum(1 for c in text if unicodedata.east_asian_width(c) in "WF")
    return len(text) + wide - sum(1 for c in text if unicodedata.combining(c))


def fault_title(fault: str) -> str:
    """Write a fault for people; an unknown kind is its own title.

    >>> fault_title("process.kill"), fault_title("disk.full")
    ('Process killed', 'disk.full')
    """
    return KINDS.get(fault, (fault, ""))[0]


def arm_words(arm: str, restart_profile: str) -> str:
    """Say in words who may help in an arm; without a platform the restart profile is silent.

    >>> arm_words("bare", "fast")
    'nobody restarts anything'
    """
    who = ARMS.get(arm, "")
    how = "" if arm == "bare" else RESTARTS.get(restart_profile, "")
    return "; ".join(part for part in (who, how) if part)


def arm_rank(arm: str) -> tuple[int, str]:
    """Sort arms by how much help there is: the healer first, ``bare`` last."""
    order = list(ARMS)
    return (order.index(arm) if arm in order else -1, arm)
