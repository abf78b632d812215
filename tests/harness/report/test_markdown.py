"""Markdown: what a reader of GitHub sees, by a parser of its own; names of others are text, no marks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from harness.episodes.model import NOT_EXERCISED
from harness.estimates.counts import Rate
from harness.report.document import Check
from harness.report.markdown import BYTES_MAX, markdown
from harness.report.shown import label
from harness.report.shown import shown as of_document
from harness.report.words import inert
from tests.harness.report.outputs_kit import HOSTILE, NO_MEAN, NOTHING, arm, claim, one, poisoned, shown

PARSER = MarkdownIt("gfm-like", {"linkify": False})
MARKS = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}


def parsed(text: str) -> list[Token]:
    return PARSER.parse(text)


def tables(tokens: list[Token]) -> list[list[list[str]]]:
    """Every table as rows of cells, as they are read."""
    found: list[list[list[str]]] = []
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            found[-1][-1].append("".join(child.content for child in following.children or ()))
    return found


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def test_the_word_and_why_come_first_then_the_claims_the_worst_first():
    claims = (claim("PASS"), claim("FAIL", text="every id exactly once"))
    lines = [line for line in markdown(shown(one(1.0), word="FAIL", claims=claims)).splitlines() if line]
    assert lines[:5] == [
        "## ✕ FAIL: `fraud` on `local`",
        "**so FAIL**",
        "`Kill one`, 4 runs, seed 7, campaign `kill-20260101`",
        "- ✕ FAIL: every id exactly once: 3 of 4",
        "- ✓ PASS: served within 2 s: 3 of 4",
    ]


def test_classes_and_arms_are_tables_with_their_figures():
    classes, arms = tables(
        parsed(markdown(shown(one(*[1.5] * 40), one(1.0, None, arm="none"), one(arm="bare"))))
    )
    head, full, few, nothing = classes
    assert dict(zip(head, full, strict=True)) == {
        "fault": "process.kill scorer-a",
        "arm": "reference, fast",
        "n": "40",
        "impact": "40 / 40 (91–100 %)",
        "back in time": "40 / 40 (91–100 %), within 10 s",
        "median": "1.5 s (1.5–1.5 s)",
        "p90": "1.5 s (1.5–1.5 s)",
        "lost": "1.5 s (1.0–2.0 s)",
    }
    assert few[4:] == ["1 / 2 (1.2–99 %), within 10 s", "needs 2 / 6", "needs 2 / 36", "> 1.5 s (1.0 s–∞)"]
    assert nothing[2:] == ["0", "–", "–", "–", "–", "–"]
    assert dict(zip(*arms, strict=True)) == {
        "arm": "reference, fast",
        "good without faults": "99.90 % (99.80–100.00 %)",
        "with faults": "90.00 % (one run: no interval)",
        "exactly once": "6 / 6 (54–100 %)",
        "false heals": "1 in 2 h (0.50 an hour, at most 2.4)",
    }


def test_what_was_not_seen_is_no_zero():
    blind = Rate(k=0, hours=0.0, per_h=None, upper_per_h=None, blind=4)
    seen = arm(sham=NO_MEAN, faulted=None, exactly_once=NOTHING, false_heals=blind)
    ((_, cells),) = tables(parsed(markdown(shown(arms=(seen,)))))
    assert cells[1:] == ["not measured", "–", "not observable", "not observable (in 4 runs)"]
    assert "No class of fault has a counted episode." in markdown(shown())


def test_void_and_unmet_episodes_are_told_beside_the_count():
    ((_, cells), _) = tables(parsed(markdown(shown(one(1.0, 2.0, void=3, unmet=1)))))
    assert cells[2] == f"2 (3 void) (1 {NOT_EXERCISED.replace('exercised', 'met')})"


def test_runs_with_which_something_is_wrong_are_named_and_the_rest_counted():
    text = markdown(shown(trouble=("run-1: cut", "run-2: cut"), troubled=5))
    assert "Runs with which something is wrong: 5\n\n- run-1: cut\n- run-2: cut\n- and 3 more\n" in text


@pytest.mark.parametrize("word", ["PASS", "FAIL", "VOID", "UNSAFE"])
def test_that_figures_do_not_count_stands_before_them(word):
    before, _, _ = markdown(shown(one(1.0), word=word)).partition("| fault")
    assert ("No figure below counts." in before) == (word in ("VOID", "UNSAFE"))


def test_the_instrument_is_told_and_no_check_is_no_good_one():
    assert "✓ Instrument: all 1 checks ok." in markdown(shown())
    strong = Check(text="sent on time", value="all", ok=True)
    limit = Check(text="reset", value="2 not proven", ok=True, weak=True)
    assert "✓ Instrument: 1 checks ok, 1 tell a limit." in markdown(shown(trust=(strong, limit)))
    assert "trust nothing here" in markdown(shown(trust=()))
    assert "nstrument" not in markdown(shown(trust=None))


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_what_others_wrote_stays_text(hostile):
    text = markdown(poisoned(hostile))
    clean, dirty = parsed(markdown(poisoned("name"))), parsed(text)
    if not hostile:  # no next command
        clean = clean[:-3]
    assert [token.type for token in dirty] == [token.type for token in clean]
    assert {token.type for token in inline(dirty)} <= MARKS
    spans = [
        [token.content for token in inline(one) if token.type == "code_inline"] for one in (clean, dirty)
    ]
    assert len(spans[1]) == len(spans[0])
    plain = label(hostile).translate({0x60: "ˋ", 0x7C: "¦"}).strip() or "–"
    assert spans[1].count(plain) >= 4, "system, target, title, campaign: each whole in a span"
    for rows in tables(dirty):
        assert {len(row) for row in rows} == {len(rows[0])}
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert not any("@" in token.content for token in inline(dirty) if token.type == "text"), "it would call"


@pytest.mark.parametrize("hostile", [text for text in HOSTILE if text.strip()], ids=lambda t: ascii(t[:20]))
def test_prose_reads_back_as_what_was_written(hostile):
    tokens = parsed(markdown(shown(word="FAIL", claims=(claim("FAIL", text=hostile),))))
    shown_text = [
        "".join(c.content for c in token.children or ()) for token in tokens if token.type == "inline"
    ]
    expected = inert(hostile).replace("@", "＠")
    assert f"✕ FAIL: {expected}: 3 of 4" in shown_text


def test_a_file_too_large_for_a_summary_is_cut_at_a_line_and_says_so():
    first = one(*[1.0] * 40)
    text = markdown(shown(*(replace(first, subject=f"service-{n}") for n in range(2000))))
    assert len(text.encode()) <= BYTES_MAX
    *_, last = text.splitlines()
    rows = tables(parsed(text))[0]
    assert 500 < len(rows) < 2000
    left = 2000 - len(rows[1:]) + len(["", "head", "---", "arm", "", "instrument", ""])
    assert last == f"Cut here: {left} lines are left out. All of it: `hormesis report kill-20260101`"


@pytest.mark.parametrize("letter", "x|&日\x00")
def test_the_longest_names_keep_to_the_cap(letter):
    name = letter * 10_000
    first = one(1.0)
    many = [replace(first, subject=f"{name}{n}") for n in range(1500)]
    claims = tuple(claim("FAIL", text=name) for _ in range(400))
    text = markdown(shown(*many, word="FAIL", claims=claims, campaign=name))
    assert 200_000 < len(text.encode()) <= BYTES_MAX
    assert text.splitlines()[-1].startswith("Cut here: ")


@pytest.mark.parametrize("word", ["PASS", "DONE", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE"])
def test_a_real_document_is_told_by_its_word(make, word):
    text = markdown(of_document(make(word=word, n=8)))
    assert text.split(":")[0].endswith(f" {word}")
    assert len(tables(parsed(text))) == 2
