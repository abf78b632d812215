"""The local target: real processes on this machine, kept by a supervisor of our own.

``target`` applies and undoes effects, ``system`` starts and ends a system, ``client`` speaks the
supervisor's protocol (docs/protocols/supervisor.md). In the supervisor's process: ``supervisor`` (HTTP),
``keeper`` (one service's life), ``profiles`` (restart policy, pure), ``probes``, ``ledger``, ``forks``.
In the zygote's process: ``zygote``. What both ask of the kernel: ``procfs`` (looks), ``kernel`` (acts).
"""
