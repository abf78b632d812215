"""Observers: what the system does to itself, seen from outside over its own routes.

Comes in: ``System.observe`` (which routes) and the services' addresses. Goes out: ``Acted`` and ``Blind``
events and the healer's journal. ``watch`` looks again and again in the background, ``reading`` makes events
of answers (pure), ``fetch`` is one look with a deadline, ``asked`` reads the platform's ledger (pure).
"""
