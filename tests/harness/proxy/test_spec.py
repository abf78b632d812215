"""A toxic is checked once, at the door; the message names the attribute."""

from __future__ import annotations

import msgspec
import pytest

from harness.proxy.spec import Spec, ToxicSpec


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"type": "latency"}', "latency needs the attribute latency"),
        ('{"type": "latency", "attributes": {"latency": -1}}', "latency is -1"),
        ('{"type": "latency", "attributes": {"latency": "1"}}', "must be a number"),
        ('{"type": "latency", "attributes": {"latency": 1, "wobble": 2}}', "wobble"),
        ('{"type": "wrong_body", "attributes": {"body": "pdf"}}', "html, empty"),
        ('{"type": "cut", "toxicity": 1.5}', "share"),
        ('{"type": "cut", "ttl_s": 901}', "ttl_s"),
        ('{"type": "cut", "stream": "sideways"}', "stream"),
        ('{"type": "limit_data"}', "limit_data"),
        ('{"type": "cut", "colour": 1}', "colour"),
        ('{"type": "bandwidth", "attributes": {"rate": 0}}', "rate is 0"),
    ],
)
def test_a_wrong_toxic_is_refused_by_name(text, names):
    with pytest.raises(msgspec.ValidationError, match=names):
        msgspec.json.decode(text, type=ToxicSpec)


def test_a_toxic_without_a_name_gets_toxiproxys():
    assert ToxicSpec(type="cut", stream="upstream").name == "cut_upstream"


@pytest.mark.parametrize(
    "edges",
    [
        '[{"name": "a", "listen": 1, "upstream": 2}, {"name": "a", "listen": 3, "upstream": 2}]',
        '[{"name": "a", "listen": 1, "upstream": 2}, {"name": "b", "listen": 1, "upstream": 2}]',
        '[{"name": "a", "listen": 70000, "upstream": 2}]',
    ],
)
def test_two_edges_on_one_name_or_port_are_refused(edges):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(f'{{"seed": 1, "socket": "s", "edges": {edges}}}', type=Spec)
