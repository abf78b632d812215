"""What a request costs, solved from loads: known answers, and whoever no load reaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.run.calibrate import request_cost

IDLE_S, IDLE_CALLS, OWN = 10.0, 30, 0.4
SHORT_S = 2.0
"""A load takes longer on processes than in a world where nothing costs time."""


def seen(call_s: float, byte_s: float) -> tuple[float, float] | None:
    """What is solved where singles and batches cost just that, beside what the service does by itself."""
    loads = ((400, 160_000), (80, 900_000))
    lasted_s = 8.0
    used = [(IDLE_S, {"a": OWN})]
    used += [(lasted_s, {"a": OWN * lasted_s / IDLE_S + n * call_s + size * byte_s}) for n, size in loads]
    by_itself = int(IDLE_CALLS * SHORT_S / IDLE_S)
    traffic = [(IDLE_S, {"a": (IDLE_CALLS, 0)})]
    traffic += [(SHORT_S, {"a": (n + by_itself, size)}) for n, size in loads]
    return request_cost("a", used, traffic)


@given(st.floats(1e-5, 0.01), st.floats(0.0, 1e-6))
def test_what_a_request_and_a_byte_cost_is_found_beside_what_a_service_does_by_itself(
    call_s: float, byte_s: float
) -> None:
    assert seen(call_s, byte_s) == pytest.approx((call_s, byte_s), rel=0.01, abs=1e-8)


def test_whom_no_load_reaches_has_no_cost_by_it() -> None:
    used = [(IDLE_S, {"a": 3.0}), (8.0, {"a": 2.9})]
    assert request_cost("a", used, [(IDLE_S, {"a": (30, 0)}), (SHORT_S, {"a": (9, 0)})]) is None
    assert request_cost("a", used, [(IDLE_S, {}), (SHORT_S, {})]) is None


def test_a_byte_is_never_paid_for_being_sent() -> None:
    used = [(IDLE_S, {"a": 0.0}), (8.0, {"a": 0.8}), (8.0, {"a": 0.08})]
    traffic = [(IDLE_S, {}), (SHORT_S, {"a": (400, 1000)}), (SHORT_S, {"a": (80, 900_000)})]
    call_s, byte_s = request_cost("a", used, traffic) or (0.0, -1.0)
    assert byte_s == 0.0
    assert call_s == pytest.approx(0.88 / 480)
