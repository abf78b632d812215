"""What a hook of the harness did to an alias is no act; what a healer did to the same alias is."""

from __future__ import annotations

import pytest

from harness.episodes.acts import observed, of_others
from harness.faults.effects import Hook
from harness.history.events import Acted, Cleared, Injected, Looked, Platform, Undone

PLACE = "registry:/aliases/champion"
EFFECT = Hook(hook="model", action="confident_wrong")
AT_S, UNDONE_S = 100.0, 190.0


def _changed(at_s: float, before: str, after: str, *, observer: str = PLACE) -> Acted:
    return Acted(
        at_s=at_s,
        received_s=at_s,
        observer=observer,
        service="registry",
        act="alias_changed",
        detail=f"champion {before} -> {after}",
    )


def _left(
    *acted: Acted, needed: bool, shows: str = f"{PLACE} bad", cleared: Cleared | None = None
) -> list[float]:
    injected = Injected(
        episode=0,
        effect=EFFECT,
        sham=False,
        asked_at_s=AT_S - 1.0,
        effective_at_s=AT_S,
        pid=0,
        proof=(),
        shows=shows,
    )
    undone = {0: Undone(episode=0, at_s=UNDONE_S, needed=needed)}
    gone = {} if cleared is None else {0: cleared}
    return [act.at_s for act in of_others(acted, [injected], gone, undone)]


def test_a_hook_that_sets_an_alias_and_sets_it_back_has_acted_for_nobody() -> None:
    there, back = _changed(AT_S + 0.2, "good", "bad"), _changed(UNDONE_S + 0.2, "bad", "good")
    assert _left(there, back, needed=True) == []


def test_a_healer_that_rolled_back_before_the_undo_has_acted() -> None:
    there, healed = _changed(AT_S + 0.2, "good", "bad"), _changed(AT_S + 9.0, "bad", "good")
    assert _left(there, healed, needed=False) == [AT_S + 9.0]


@pytest.mark.parametrize(("by", "left"), [("itself", []), ("healer", [AT_S + 10.2])])
def test_a_timed_hook_that_is_over_by_itself_was_set_back_by_us(by: str, left: list[float]) -> None:
    there, back = _changed(AT_S + 0.2, "good", "bad"), _changed(AT_S + 10.2, "bad", "good")
    gone = Cleared(episode=0, at_s=AT_S + 10.0, by=by)
    assert _left(there, back, needed=False, cleared=gone) == left


def test_a_healer_that_promotes_what_a_hook_only_offered_has_acted() -> None:
    promoted = _changed(AT_S + 1.0, "good", "bad")
    assert _left(promoted, needed=True, shows="registry:/aliases/candidate bad") == [AT_S + 1.0]


def test_a_second_change_to_the_same_version_is_somebody_elses() -> None:
    acts = [_changed(AT_S + at_s, "good", "bad") for at_s in (0.2, 1.0)]
    assert _left(*acts, needed=False) == [AT_S + 1.0]


def test_changes_of_other_versions_and_long_after_the_hook_stay() -> None:
    other, late = _changed(AT_S + 0.2, "good", "other"), _changed(AT_S + 3.0, "good", "bad")
    assert _left(other, late, needed=False) == [AT_S + 0.2, AT_S + 3.0]


@pytest.mark.parametrize("shows", ["", f"{PLACE}"])
def test_an_effect_that_shows_nowhere_hides_nothing(shows: str) -> None:
    assert _left(_changed(AT_S + 0.2, "good", "bad"), needed=True, shows=shows) == [AT_S + 0.2]


FILE = "file registry/champion"


def test_at_a_place_outside_what_a_hook_did_and_undid_is_nobodys_act() -> None:
    there, back = (_changed(at_s, "1a", "2b", observer=FILE) for at_s in (AT_S + 0.2, UNDONE_S - 0.1))
    healed = _changed(AT_S + 20.0, "2b", "1a", observer=FILE)
    assert _left(there, healed, back, needed=True) == [AT_S + 20.0]
    assert _left(there, healed, needed=False) == [AT_S + 20.0]


def test_one_change_at_each_place_is_the_hooks_and_the_next_one_is_not() -> None:
    first, second = (_changed(AT_S + after_s, "1a", "2b", observer=FILE) for after_s in (0.2, 0.9))
    git = _changed(AT_S + 0.3, "1a", "2b", observer="git policy HEAD")
    assert _left(first, git, second, needed=False) == [AT_S + 0.9]


@pytest.mark.parametrize(
    ("looks", "arm", "seen"),
    [
        ({FILE: 9}, "none", True),
        ({FILE: 0}, "none", False),
        ({FILE: 9, "healer:/acts": 0}, "none", True),
        ({FILE: 9, "healer:/acts": 0}, "reference", False),
        ({FILE: 9}, "reference", True),
        ({FILE: 9, "git . HEAD": 0}, "reference", False),
        ({FILE: 9, "journal j.jsonl": 0}, "reference", True),
        ({"journal j.jsonl": 9}, "reference", False),
        ({"journal j.jsonl": 0}, "none", True),
    ],
)
def test_no_act_seen_means_none_done_only_where_each_place_was_seen(
    looks: dict[str, int], arm: str, seen: bool
) -> None:
    ledger = [Platform(at_s=0.0, service="server", act="started")]
    looked = [Looked(observer=one, looks=n, failures=3, listed=False) for one, n in looks.items()]
    assert observed(arm, ledger, looked) is seen
