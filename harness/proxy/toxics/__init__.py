"""What a toxic does to bytes, as pure transformers: no clock, no socket, dice of their own.

Comes in: pieces (chunks of bytes, or marks of a connection's end) and the instant. Goes out: pieces with the
instant from which they may leave. ``base`` is the machinery, ``timing`` moves bytes in time, ``content``
changes them, ``table`` says which toxic is which.
"""
