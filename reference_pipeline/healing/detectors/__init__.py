"""Detectors: what the healer can know without being told, one signal a file, pure, numpy only.

Comes in: rows, scores, labels, counts. Goes out: a :class:`~.reading.Reading`, whose first word is whether
anything can be said at all. ``columns`` and ``histogram`` turn a batch of rows or scores into components
with mean 0 and variance 1, ``volume`` does so with a count; ``scan`` watches components of any kind, with a
``baseline`` fitted on stored history to a declared run length. ``watched`` says which columns are looked at,
``stored`` keeps their history, ``scores`` what is known of one version, ``refused`` counts what the contract
refused, and ``usual`` needs no history. ``harm`` watches labelled decisions, ``golden`` rows whose decision
is known, ``artefact`` the bytes of a model.
"""
