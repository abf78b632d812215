"""Kinds of places outside of a system's services, one a file: each looks once and says what stands there.

Comes in: where it is. Goes out: a text that differs when what stands there does, None where nothing stands
there; of a journal its new lines. ``Unseen`` where it could not be looked at: that is never "nothing".
"""
