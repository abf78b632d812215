"""Listings are read on from where they ended, and anew where they are not what they were."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Untrustworthy
from harness.experiment.model import Audit
from harness.history.observations import answer_digest
from harness.observers.fetch import Reply, Unseen
from harness.run.audit import Listings
from harness.run.listing import ListingsReader

AUDIT = Audit(accepted="gateway:/accepted", sink="delivery:/sink", dead_letters="gateway:/dead")
PAGE = 3  # of this system: a listing is read to its end whatever the size of its pages


class Listing:
    """A system that lists ids; ``asked`` counts the ids that it has given."""

    def __init__(self) -> None:
        self.ids: dict[str, list[str]] = {"/accepted": [], "/sink": [], "/dead": []}
        self.given = 0
        self.silent = False

    def ask(self, _: str, route: str) -> Reply:
        if self.silent:
            raise Unseen("no answer")
        url = urlsplit(route)
        after = int(parse_qs(url.query)["after"][0])
        ids = list(enumerate(self.ids[url.path], 1))
        page = ids[after : after + PAGE]
        self.given += len(page)
        rows = [{"seq": seq, "id": one, "decision": "approve", "score": 0.5} for seq, one in page]
        last = page[-1][0] if page else after
        body = json.dumps({"ids": rows, "last": last, "end": after + PAGE >= len(ids)}).encode()
        return Reply(status=200, boot_id="one", body=body, received_s=0.0)


def expected(system: Listing) -> Listings:
    digest = answer_digest("approve", 0.5)
    return Listings(
        accepted=tuple(system.ids["/accepted"]),
        sink=tuple((one, digest) for one in system.ids["/sink"]),
        dead_letters=tuple(system.ids["/dead"]),
    )


@given(st.lists(st.tuples(st.sampled_from(["/accepted", "/sink", "/dead"]), st.integers(0, 7)), max_size=12))
def test_what_is_read_on_is_what_would_be_read_whole(growths: list[tuple[str, int]]) -> None:
    system = Listing()
    reader = ListingsReader(AUDIT, system.ask)
    number = 0
    for route, count in growths:
        system.ids[route] += [f"{route} {number + place}" for place in range(count)]
        number += count
        assert reader.look() == expected(system)


def test_nothing_is_read_twice_but_the_last_entry_and_an_unchanged_system_gives_the_same_value() -> None:
    system = Listing()
    system.ids["/accepted"] = [f"a{number}" for number in range(100)]
    reader = ListingsReader(AUDIT, system.ask)
    first = reader.look()
    system.given = 0
    assert reader.look() is first
    assert system.given == 1


def test_dead_letters_that_are_replayed_are_none_any_more() -> None:
    system = Listing()
    system.ids["/dead"] = ["a", "b", "c"]
    reader = ListingsReader(AUDIT, system.ask)
    assert reader.look().dead_letters == ("a", "b", "c")
    system.ids["/dead"] = ["b"]
    assert reader.look().dead_letters == ("b",)


@pytest.mark.parametrize("after", [[], ["z"], ["x", "y"], ["a", "b", "z", "d", "e"]])
def test_a_listing_that_has_become_another_is_read_anew(after: list[str]) -> None:
    system = Listing()
    system.ids["/sink"] = ["a", "b", "c"]
    reader = ListingsReader(AUDIT, system.ask)
    reader.look()
    system.ids["/sink"] = after
    assert reader.look() == expected(system)


def test_a_listing_that_cannot_be_read_is_an_error_and_what_is_not_listed_is_empty() -> None:
    system = Listing()
    assert ListingsReader(Audit(), system.ask).look() == Listings((), (), (), lists_dead_letters=False)
    system.silent = True
    with pytest.raises(Untrustworthy, match="audit: delivery:/sink cannot be read: no answer"):
        ListingsReader(AUDIT, system.ask).look()
