"""The first screen of each verdict word looks as it did when somebody last looked at it.

Tolerance: at most 1 % of the blocks of 10 by 10 pixels may differ (``chromium_kit.apart``); the two words
that look most alike differ in more. How the pictures are made anew stands in ``golden_kit``.
"""

import pytest

from tests.harness.report.chromium_kit import CHROMIUM, WHY_NONE, apart, read_png, write_png
from tests.harness.report.golden_kit import GOLDEN, WORDS, first_screen

TOLERANCE = 0.01
BYTES_MAX = 60_000


def golden(word):
    return read_png((GOLDEN / f"{word.lower()}.png").read_bytes())


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason=WHY_NONE)
@pytest.mark.parametrize("word", WORDS)
def test_the_first_screen_of_a_verdict_is_as_it_was(word, tmp_path):
    seen = first_screen(word, tmp_path)
    share = apart(seen, golden(word))
    (tmp_path / "seen.png").write_bytes(write_png(seen))
    assert share <= TOLERANCE, f"{share:.1%} of it is another: look at {tmp_path / 'seen.png'}"


@pytest.mark.parametrize("word", WORDS)
def test_no_word_could_be_taken_for_another(word):
    others = [apart(golden(word), golden(other)) for other in WORDS if other != word]
    assert min(others) > TOLERANCE
    assert apart(golden(word), golden(word)) == 0.0


def test_the_pictures_are_those_of_the_words_and_small():
    files = {file.name: file.stat().st_size for file in GOLDEN.iterdir()}
    assert set(files) == {f"{word.lower()}.png" for word in WORDS}
    assert max(files.values()) <= BYTES_MAX


def test_a_picture_reads_back_as_it_was_written():
    seen = golden("PASS")
    assert (read_png(write_png(seen)) == seen).all()
