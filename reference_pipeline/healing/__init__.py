"""The reference healer, beside the request path.

Comes in: answers to probes, dead letters, signals of the gateway. Goes out: restarts asked of the
platform, mappings and replays asked of the gateway, and a journal of why. Stages in their order:
``detect`` -> ``diagnose`` -> ``decide`` -> ``act`` (``replay``) -> ``verify``; ``loop`` is the tick that
runs them, ``books`` what the journal amounts to, ``reach`` the way to the services.
"""
