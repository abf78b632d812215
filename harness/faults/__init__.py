"""Faults: harm as a user names it, compiled to effects that a target can do and undo.

Comes in: a fault's kind and parameters from an experiment. Goes out: one ``Effect``
(``effects.py``, a closed union). One file a family; ``catalog.py`` is the table.
"""
