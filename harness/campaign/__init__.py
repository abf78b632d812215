"""Many simulated runs as one question: arms paired by seed, spread over processes, added up exactly.

Comes in: an experiment, a seed, how many pairs at most and how exact an answer must be. Goes out: a table
that depends on these alone, whoever did the work, in which order, and however often it was killed meanwhile.
"""
