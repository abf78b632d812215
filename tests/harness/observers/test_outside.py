"""What changes outside of the services is an act, without a journal; what was not seen is told as unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.experiment.places import FilePlace, Observe, SqlitePlace
from harness.history.events import Acted, Blind, Looked
from harness.observers.fetch import Unseen
from harness.observers.looking import Inbox
from harness.observers.outside import NEVER_THERE, ChangesLooking, Roots, source_of
from harness.observers.steps import walk
from harness.observers.watch import Observers

QUICK_S = 0.02
PLACE = FilePlace(path="champion")


class Told:
    """A source that gives what the test says, one answer a look."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def look(self):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def events(*answers):
    """Look once a second from 1 s on; what was given."""
    inbox, source = Inbox(), Told(*answers)
    looking = ChangesLooking(PLACE, source, inbox, service="server", now_s=0.0)
    looking.began(0.5)
    for now_s in range(1, len(answers) + 1):
        try:
            walk(looking.look(), lambda *_: pytest.fail("nobody is asked"))
        except Unseen as unseen:
            looking.failed(str(unseen))
        else:
            looking.succeeded(float(now_s))
    looking.ended(float(len(answers) + 1))
    return looking, inbox.take_events()


def test_each_change_is_one_act_of_its_service():
    looking, seen = events("a", "a", "b", None, "b")
    assert [(e.service, e.act, e.observer, e.detail) for e in seen] == [
        ("server", "changed", "file champion", change)
        for change in ("a -> b", "b -> nothing", "nothing -> b")
    ]
    assert (looking.looks, looking.failures) == (5, 0)


def test_what_appears_where_nothing_stood_is_an_act():
    _, seen = events(None, "a")
    assert [e.detail for e in seen] == ["nothing -> a"]


def test_a_look_that_fails_is_a_gap_and_no_change():
    looking, seen = events("a", Unseen("locked"), Unseen("gone"), "a")
    assert seen == [Blind(observer="file champion", since_s=1.0, until_s=4.0, why="locked")]
    assert (looking.looks, looking.failures) == (2, 2)


def test_a_change_across_a_gap_is_seen_and_the_gap_is_told():
    _, seen = events("a", Unseen("locked"), "b")
    assert [type(one) for one in seen] == [Acted, Blind]


def test_where_nothing_ever_stood_nothing_was_seen():
    looking, seen = events(None, None, None)
    assert seen == [Blind(observer="file champion", since_s=0.5, until_s=4.0, why=NEVER_THERE)]
    assert (looking.looks, looking.failures) == (0, 3)


def roots(folder: Path) -> Roots:
    return Roots(service="server", system=folder, state=folder / "states", template=folder / "made")


def test_paths_count_from_the_system_file_or_from_what_they_name(tmp_path):
    here = roots(tmp_path)
    assert here.path("registry/champion", "") == tmp_path / "registry/champion"
    assert here.path("{state}/log", "") == tmp_path / "states/server/log"
    assert here.path("{state}/log", "healer") == tmp_path / "states/healer/log"
    assert here.path("/var/lib/registry", "") == Path("/var/lib/registry")
    assert here.path("{template}/v1", "") == tmp_path / "made/v1"


@pytest.mark.parametrize("path", ["champion", "../{name}/champion", "{folder}/champion", "{folder}/champ*"])
def test_a_file_is_found_wherever_its_path_begins(tmp_path, path):
    (tmp_path / "champion").write_text("v1")
    named = path.replace("{name}", tmp_path.name).replace("{folder}", str(tmp_path))
    assert source_of(FilePlace(path=named), roots(tmp_path)).look() is not None


def test_looks_are_made_beside_each_other_and_a_broken_one_blocks_none(tmp_path, until):
    (tmp_path / "champion").write_text("v1")
    (tmp_path / "no.db").write_text("this is no database, whatever its name says")
    observe = Observe(
        files=(FilePlace(path="champion", of="healer"),),
        sqlite=(SqlitePlace(file="no.db", query="SELECT name FROM sqlite_master"),),
        journal_file="journal.jsonl",
    )
    seen, words = [], []
    observers = Observers(observe, {}, roots=roots(tmp_path), every_s=QUICK_S)
    with observers:
        until(lambda: all(watch.looking.looks + watch.looking.failures for watch in observers._watches))
        (tmp_path / "journal.jsonl").write_text('{"type": "decided"}\n')
        (tmp_path / "next").write_text("v2")
        (tmp_path / "next").rename(tmp_path / "champion")
        until(lambda: seen.extend(observers.drain()) or [e for e in seen if isinstance(e, Acted)])
        until(lambda: words.extend(observers.journal()) or words)
    seen += observers.drain()
    (act,) = (e for e in seen if isinstance(e, Acted))
    assert (act.service, act.observer) == ("healer", "file champion")
    (gap,) = (e for e in seen if isinstance(e, Blind))
    assert gap.observer == "sqlite no.db SELECT name FROM sqlite_master"
    counts = {e.observer: e.looks > 0 for e in seen if isinstance(e, Looked)}
    assert counts == {
        "file champion": True,
        "sqlite no.db SELECT name FROM sqlite_master": False,
        "journal journal.jsonl": True,
    }
    assert [line.line for line in words] == [b'{"type": "decided"}']


def test_without_their_roots_places_are_counted_as_not_looked_at():
    with Observers(Observe(files=(PLACE,)), {}, every_s=QUICK_S) as observers:
        pass
    assert observers.drain() == [Looked(observer="file champion", looks=0, failures=0, listed=False)]
