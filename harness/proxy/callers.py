"""Who may speak to a control interface of ours, beside holding its token: a program on this machine.

Comes in: the headers of a request. Goes out: what is wrong with them, in a word. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost")


def foreign(headers: Mapping[str, str]) -> str:
    """Say what shows a request from elsewhere: "host" (no loopback), "origin" (a browser's page), or "".

    A name that a page had resolved to this machine (DNS rebinding) still stands in ``Host``.

    >>> foreign({"Host": "127.0.0.1:80"}), foreign({"Host": "evil"})
    ('', 'host')
    >>> foreign({"Host": "localhost", "Origin": "null"})
    'origin'
    """
    host, _, _ = headers.get("Host", "").partition(":")
    if host not in LOOPBACK:
        return "host"
    return "origin" if "Origin" in headers else ""
