"""The running local system that the environment names: its supervisor, and one process of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.errors import Refused
from harness.experiment.excerpt import quoted
from harness.experiment.findings import advice
from harness.shell import environment

if TYPE_CHECKING:
    from harness.targets.local.client import PlatformClient
    from harness.targets.local.spec import ServiceState

SUPERVISOR = "HORMESIS_SUPERVISOR"
TOKEN = "HORMESIS_TOKEN"


def platform() -> PlatformClient:
    """Open the supervisor that the environment names; raises ``Refused`` where it names none."""
    # Imported here: `chaos validate` imports this package only to look at signatures.
    from harness.targets.local.client import Listening, PlatformClient

    address, token = environment(SUPERVISOR), environment(TOKEN)
    if not address or not token:
        raise Refused(
            f"set {SUPERVISOR}=http://127.0.0.1:PORT and {TOKEN} to what the running supervisor printed; "
            "or let `hormesis run` start a system by itself. Nothing was injected."
        )
    return PlatformClient(Listening(port=_loopback_port(address), token=token))


def process_of(client: PlatformClient, service: str) -> ServiceState:
    """Find the row of ``service``; raises ``Refused`` where the system has no such service."""
    rows = {row.name: row for row in client.services()}
    if service not in rows:
        raise Refused(f"no service {quoted(service)}: {advice(service, rows)}. Nothing was injected.")
    return rows[service]


def _loopback_port(address: str) -> int:
    """Read the port of an address on this machine; another machine's processes cannot be signalled."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host not in ("127.0.0.1", "localhost") or not port:
        raise Refused(f"{SUPERVISOR} must be http://127.0.0.1:PORT, not {quoted(address)}")
    return port
