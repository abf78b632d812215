"""The fault proxy: a process of its own that every edge of the system crosses (docs/protocols/proxy.md).

Comes in: SPEC.json, and toxics over its control API. Goes out: bytes, delayed, held, cut or changed as the
toxics say, and counters that prove how much of the traffic they touched. ``toxics`` decides (pure), ``relay``
and ``edges`` do, ``control`` is asked, ``client`` asks.
"""
