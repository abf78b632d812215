"""A plain scalar means one thing to every YAML reader, or it is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.scalars import Doubt, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("0x1F", 31),
        ("0.50", 0.5),
        ("1e-05", 1e-05),
        ("scorer-a", "scorer-a"),
        ("none", "none"),
        ("1.2.3", "1.2.3"),
        ("../x.yaml", "../x.yaml"),
    ],
)
def test_a_clear_scalar_has_its_core_schema_value(text, value):
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "No",
        "ON",
        "off",
        "y",
        "12:30:00",
        "1:30",
        "010",
        "1_000",
        "0o17",
        "0b11",
        "2026-01-02",
        "<<",
        "=",
    ],
)
def test_a_scalar_that_readers_disagree_on_is_refused(text):
    doubt = resolve(text)
    assert isinstance(doubt, Doubt)
    assert doubt.help


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e999", "9" * 20, "9" * 5000, "0x" + "f" * 30])
def test_a_number_that_is_not_finite_or_too_large_is_refused(text):
    doubt = resolve(text)
    assert isinstance(doubt, Doubt)
    assert doubt.number


@given(st.text(alphabet="0123456789_.:-+eExobyntrufalseTYN", max_size=12))
def test_what_is_accepted_is_what_chaos_toolkits_reader_sees(text):
    value = resolve(text)
    if isinstance(value, Doubt) or "e" in text.lower():  # a bare exponent is the documented exception
        return
    try:
        theirs = yaml.safe_load(f"[{text}]")
    except (yaml.YAMLError, ValueError):
        return
    if not isinstance(theirs, list) or len(theirs) != 1 or isinstance(theirs[0], dict | list):
        return  # not a plain scalar there: a mapping or a list entry
    assert theirs[0] == value
