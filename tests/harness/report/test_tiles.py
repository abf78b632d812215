"""The four tiles of the first screen: each with its interval, what is allowed, and what is not yet proven."""

import msgspec

from harness.report import html
from harness.report.panels import tiles
from harness.verdict.model import Claim


def of(document):
    """The four tiles by the words they begin with."""
    return dict(zip(("score", "worst", "never", "needless"), tiles.tiles(document), strict=True))


def claiming(document, *claims):
    verdict = msgspec.structs.replace(document.verdict, claims=claims)
    return msgspec.structs.replace(document, verdict=verdict)


def test_there_are_four_and_they_stand_before_every_table(make):
    document = make(word="FAIL", n=10, faults=4)
    page = html.render(document)
    labels = [tile.label for tile in tiles.tiles(document)]
    assert [label.split(",")[0].split(" R")[0] for label in labels] == [
        "Score",
        "Worst class",
        "Never recovered",
        "Needless healing",
    ]
    assert max(page.index(label) for label in labels) < page.index("<table")


def test_what_never_recovered_is_counted_over_all_classes_and_the_worst_is_named_with_its_interval(make):
    document = make(word="FAIL", n=10, faults=4)
    tile = of(document)["never"]
    (arm,) = (a for a in document.estimates.arms if a.arm == "none")
    assert tile.value == f"{arm.never.k} of {arm.never.n}" == "20 of 40"
    assert tile.notes[0] == "worst class 10 of 10 (69–100 %): Process hangs, scorer-a, within 10 s"
    assert tile.notes[1] == "asked: 90 % back within 10 s · not met"


def test_a_claim_without_enough_data_is_not_yet_proven_and_none_is_no_limit(make):
    document = make(word="INCONCLUSIVE", n=10, faults=1)
    assert of(document)["never"].notes[1] == "asked: 90 % back within 2 s · not yet proven"
    assert of(claiming(document))["never"].notes[1] == "no limit is claimed"


def test_a_claim_about_another_arm_says_nothing_of_this_one(make):
    document = make(word="FAIL", n=10, faults=4)
    claims = [
        msgspec.structs.replace(c, about=(*c.about[:2], "bare", "fast"))
        for c in document.verdict.claims
        if c.about
    ]
    assert of(claiming(document, *claims))["never"].notes[1] == "no limit is claimed"


def test_without_any_impact_nothing_was_recovered_and_nothing_is_zero(make):
    document = make(n=3, faults=12)
    absorbed = [c for c in document.estimates.classes if not c.impact.k]
    assert absorbed
    estimates = msgspec.structs.replace(document.estimates, classes=tuple(absorbed))
    tile = of(msgspec.structs.replace(document, estimates=estimates))["never"]
    assert (tile.value, tile.quiet) == ("no impact", True)
    estimates = msgspec.structs.replace(document.estimates, classes=())
    assert of(msgspec.structs.replace(document, estimates=estimates))["never"].value == "not measured"


def test_needless_healing_has_its_bound_and_is_not_observable_where_nobody_looked(make):
    document = make(n=10)
    quiet = Claim(text="no act", word="INCONCLUSIVE", evidence="", asks="acts where nothing is broken")
    tile = of(claiming(document, quiet))["needless"]
    assert tile.value == "0 in 1 h"
    assert tile.notes == ("arm none, fast · 95 %: at most 3.0 an hour", "asked: none · not yet proven")
    arms = tuple(
        msgspec.structs.replace(
            a, false_heals=msgspec.structs.replace(a.false_heals, per_h=None, hours=0.0, blind=20)
        )
        for a in document.estimates.arms
    )
    blind = msgspec.structs.replace(document.estimates, arms=arms)
    tile = of(msgspec.structs.replace(document, estimates=blind))["needless"]
    assert (tile.value, tile.quiet) == ("not observable", True)
