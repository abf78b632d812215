"""The reference pipeline: a self-healing fraud scorer that Hormesis hurts and measures.

Transactions come in over HTTP, decisions ("approve" / "decline") go out and into a sink.
``world`` makes transactions with known truth; ``features``, ``scoring``, ``training`` and
``registry`` are the pure learning half; ``deploy`` builds and starts the whole.
The harness and this package are strangers: neither imports the other.
"""
