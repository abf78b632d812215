"""Two services of one test that got one port answered for each other, once in some hundred runs."""

from __future__ import annotations

import random

from tests.ports import BEYOND, LOWEST, free_ports, share_of


def test_the_same_dice_again_give_no_port_again():
    random.seed(7)
    first = free_ports(200)
    random.seed(7)
    assert len({*first, *free_ports(200)}) == 400


def test_processes_side_by_side_share_no_port():
    shares = [set(share_of(worker)) for worker in ("gw0", "gw1", "gw2", "gw3")]
    assert sum(map(len, shares)) == len(set().union(*shares))
    assert set().union(*(share_of(f"gw{number}") for number in range(8))) == set(range(LOWEST, BEYOND))
    assert set(share_of("")) == shares[0]
