"""One module a command: ``configure(parser)`` says what it takes, ``execute(arguments)`` does it.

A module here imports at its top only what `hormesis COMMAND --help` may cost; what runs or computes
is imported inside ``execute``.
"""
