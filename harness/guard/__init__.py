"""The guardian: a process that undoes what the runner did when the runner cannot, from records alone.

Comes in: undo records that the runner made durable before each act, and the runner's heartbeat. Goes out:
the acts undone, proven and closed. Standard library only, and nothing else of the harness: what broke
the runner must not break this. Protocol: ``docs/protocols/guard.md``.
"""
