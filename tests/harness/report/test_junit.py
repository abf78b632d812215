"""JUnit: every class and claim is a case, and none passes without evidence; read by two consumers."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Properties, Skipped

from harness.report.junit import junit
from harness.report.shown import shown as of_document
from tests.harness.report.outputs_kit import HOSTILE, claim, one, poisoned, shown

ENDINGS = {"FAIL": Failure, "VOID": Error, "UNSAFE": Error, "INCONCLUSIVE": Skipped}


def read(text: str) -> list:
    """The cases as a consumer sees them, after its own counts were compared with those that are told."""
    suites = JUnitXml.fromstring(text.encode())
    told = {key: getattr(suites, key) for key in ("tests", "errors", "failures", "skipped")}
    suites.update_statistics()
    assert told == {key: getattr(suites, key) for key in told}
    return [case for suite in suites for case in suite]


def ends(case) -> list[type]:
    return [type(result) for result in case.result]


@pytest.mark.parametrize(("word", "element"), ENDINGS.items())
def test_a_class_ends_as_the_claim_about_it(word, element):
    kill = one(1.0)
    (case,) = read(junit(shown(kill, word=word, claims=(claim(word, kill),))))
    assert ends(case) == [element]
    assert case.name == "process.kill scorer-a, arm reference, fast"
    assert case.result[0].message == f"{word}: served within 2 s: 3 of 4"
    assert case.result[0].type == word


def test_only_a_class_whose_claims_all_hold_passes():
    kill = one(1.0)
    (case,) = read(junit(shown(kill, word="PASS", claims=(claim("PASS", kill), claim("PASS", kill, "full")))))
    assert case.is_passed
    both = (claim("PASS", kill), claim("INCONCLUSIVE", kill, "full"))
    (case,) = read(junit(shown(kill, word="INCONCLUSIVE", claims=both)))
    assert ends(case) == [Skipped]
    assert "PASS: served within 2 s (3 of 4)" in case.result[0].text


def test_strict_makes_too_little_data_a_failure_and_nothing_else():
    kill, hang = one(1.0), one(1.0, fault="process.hang")
    told = shown(kill, hang, word="INCONCLUSIVE", claims=(claim("INCONCLUSIVE", kill),))
    assert [ends(case) for case in read(junit(told))] == [[Skipped], [Skipped]]
    assert [ends(case) for case in read(junit(told, strict=True))] == [[Failure], [Skipped]]


def test_a_class_of_which_nothing_is_claimed_is_skipped_and_does_not_pass():
    (case,) = read(junit(shown(one(1.0))))
    assert ends(case) == [Skipped]
    assert "nothing is claimed" in case.result[0].message


def test_a_class_without_a_counted_episode_is_an_error_whatever_the_verdict():
    (case, verdict) = read(junit(shown(one(void=3), word="DONE")))
    assert ends(case) == [Error]
    assert "3 of 3 episodes are void" in case.result[0].message
    assert (verdict.name, ends(verdict)) == ("verdict", [Skipped])


@pytest.mark.parametrize("word", ["VOID", "UNSAFE"])
def test_no_class_of_a_campaign_that_cannot_be_trusted_passes(word):
    cases = read(junit(shown(one(1.0), one(2.0, fault="process.hang"), word=word)))
    assert [ends(case) for case in cases] == [[Error], [Error]]
    assert cases[0].result[0].message == f"{word}: so {word}"


@pytest.mark.parametrize("word", [*ENDINGS, "DONE"])
def test_a_verdict_that_no_class_and_no_claim_tells_is_a_case_of_its_own(word):
    (case,) = read(junit(shown(word=word)))
    assert case.name == "verdict"
    assert ends(case) == [ENDINGS.get(word, Skipped)]


def test_a_claim_that_is_no_class_s_is_a_case_and_one_of_a_class_that_is_not_there_too():
    kill, gone = one(1.0), one(1.0, fault="process.hang")
    claims = (claim("PASS", kill), claim("FAIL", text="every id exactly once"), claim("VOID", gone, "gone"))
    cases = {case.name: ends(case) for case in read(junit(shown(kill, word="FAIL", claims=claims)))}
    assert cases == {
        "process.kill scorer-a, arm reference, fast": [],
        "every id exactly once": [Failure],
        "gone": [Error],
    }


def test_numbers_stand_in_at_most_twelve_properties_and_what_is_not_known_says_so():
    full, few, never = one(*[1.5] * 40), one(1.0, arm="none"), one(*[None] * 40, arm="bare")
    cases = read(junit(shown(full, few, never)))
    told = [{p.name: p.value for p in case.child(Properties)} for case in cases]
    assert max(map(len, told)) <= 12
    assert told[0] == {
        "word": "DONE",
        "episodes": "40",
        "void": "0",
        "impact": "40 of 40",
        "recovered": "40 of 40",
        "recovered_low_ratio": "0.911903",
        "recovered_high_ratio": "1",
        "median_s": "1.5",
        "p90_s": "1.5",
        "median_low_s": "1.5",
        "median_high_s": "1.5",
        "lost_mean_s": "1.5",
    }
    assert told[1]["median_s"] == "needs 1 / 6"
    assert "median_low_s" not in told[1]
    assert (told[2]["median_s"], told[2]["lost_mean_s"]) == (">10", ">1.5")


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_what_others_wrote_stays_text(hostile):
    text = junit(poisoned(hostile))
    cases = read(text)
    tree = ElementTree.fromstring(text)
    assert len(cases) == len(list(tree.iter("testcase"))) == 3 + 4
    assert len({case.name for case in cases}) == len(cases), "a consumer puts cases of one name together"
    assert all(letter.isprintable() or letter in "\n " for letter in text)
    assert max(map(len, text.splitlines())) < 20_000


@pytest.mark.parametrize("word", ["PASS", "DONE", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE"])
def test_a_real_document_has_its_verdict_in_the_file(make, word):
    cases = read(junit(of_document(make(word=word, n=8))))
    expected = ENDINGS.get(word)
    found = [kind for case in cases for kind in ends(case)]
    assert expected in found if expected else Failure not in found
    assert Error not in found or word in ("VOID", "UNSAFE")
