"""Stored campaigns beside each other. In: folders of a store. Out: how two differ, a list, a trend.

Nothing runs here and nothing is judged. Campaigns of runs and campaigns of simulated pairs come in, the same
figures go out (``model.Side``). Reading is in ``reading`` and ``entries``, all else is pure.
"""
