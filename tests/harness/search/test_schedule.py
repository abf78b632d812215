"""Schedules are plain data: canonical, refused where they say nothing sound, told in words."""

from __future__ import annotations

import msgspec
import pytest

from harness.errors import Refused
from harness.faults.effects import Cut, Hook, Kill, Mutate, Surge
from harness.search.schedule import (
    After,
    Fault,
    decode,
    encode,
    schedule_of,
)
from harness.search.wording import schedule_text

KILL = Fault(effect=Kill(service="gateway"), at_s=3.0)
CUT = Fault(effect=Cut(edge="gateway-features"), at_s=1.01, lasts_s=2.49)


def test_the_same_faults_in_any_order_are_the_same_bytes() -> None:
    one, other = schedule_of([KILL, CUT]), schedule_of([CUT, KILL, KILL])
    assert encode(one) == encode(other)
    assert encode(one) != encode(schedule_of([KILL]))


def test_times_are_put_on_whole_steps() -> None:
    (cut,) = schedule_of([CUT]).faults
    assert (cut.at_s, cut.lasts_s) == (1.0, 2.5)


def test_what_was_written_is_read_back() -> None:
    after = After(event="rollback", nth=2, delay_s=0.4)
    schedule = schedule_of([KILL, msgspec.structs.replace(CUT, at_s=None, after=after)])
    assert decode(encode(schedule)) == schedule


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"version":1,"faults":[{"effect":{"type":"kill","service":"a"}}]}', "either at_s or after"),
        (b'{"version":1,"faults":[{"effect":{"type":"kill","service":"a"},"at_s":1,"lasts_s":2}]}', "a kill"),
        (b'{"version":1,"faults":[{"effect":{"type":"cut","edge":"a"},"at_s":1}]}', "above 0"),
        (
            b'{"version":1,"faults":[{"effect":{"type":"pause","service":"a","duration_s":3},"at_s":1,"lasts_s":2}]}',
            "leave duration_s out",
        ),
        (b'{"version":2,"faults":[]}', "version"),
        (b"nothing", "no schedule"),
    ],
)
def test_what_is_no_schedule_is_refused_and_says_why(text: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why):
        decode(text)


def test_only_mutations_of_what_the_world_sends_and_one_at_most() -> None:
    with pytest.raises(ValueError, match="mutations alone"):
        Fault(effect=Surge(factor=2.0), at_s=1.0, lasts_s=1.0)
    two = [Fault(effect=Mutate(mutation="drop", field=name), at_s=1.0, lasts_s=1.0) for name in "ab"]
    with pytest.raises(ValueError, match="two mutations"):
        schedule_of(two)


def test_words_name_effect_place_and_time() -> None:
    hook = Fault(effect=Hook(hook="model", action="constant"), at_s=0.0, lasts_s=3.0)
    tied = Fault(effect=Kill(service="registry"), after=After(event="rollback", delay_s=0.4))
    text = schedule_text(schedule_of([tied, hook]))
    assert text == "[hook model constant @0 for 3 s, kill registry 0.4 s after rollback 1]"
