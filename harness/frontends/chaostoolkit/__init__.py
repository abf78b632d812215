"""What plain ``chaos run`` imports from an experiment of ours: actions, a rollback, a probe.

They act on a local system that is already running, whose supervisor is named by the environment:
``HORMESIS_SUPERVISOR=http://127.0.0.1:PORT`` and ``HORMESIS_TOKEN=...`` (the line that the
supervisor prints), and whose fault proxy by ``HORMESIS_PROXY`` (the path of its socket) and
``HORMESIS_PROXY_TOKEN``. `hormesis run` never calls them: it reads the same actions as data.
"""
