"""The panels of the page, one a file: each takes the ``Document`` and gives what the template shows."""
