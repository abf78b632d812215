"""Load beside the witness: how its process is told what to do, and what it says (``__main__``).

It is Locust's, in a process of its own, because importing Locust changes sockets, threads and sleeping of the
whole process. No figure is made of it: its users wait for answers before they ask again, so they are fewest
when service is worst.
"""

from __future__ import annotations

import msgspec


class Load(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``users`` who ask for ``url`` together ``rate_hz`` times a second at most; posted ``body``, "" = GET.

    It ends when its standard input closes, and after ``limit_s`` whatever happens.
    """

    url: str
    users: int
    rate_hz: float
    body: str
    limit_s: float


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line: all users are there and the first has its answer (or waited long enough), or it is over."""

    done: bool
    requests: int
    failed: int
