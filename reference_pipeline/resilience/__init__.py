"""How a call to a sick neighbour is bounded, repeated and given up: pure, clock and dice injected.

``deadline`` shares the time of a request over its hops, ``retry`` says whether a failed call may be
made again and when, ``breaker`` when it is not made at all. Comes in: events and instants. Goes
out: decisions. Nothing here waits or calls; ``hops`` does.
"""
