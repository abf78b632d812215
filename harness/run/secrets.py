"""Secrets of a system: read where they are when a run begins, given to who needs them, written nowhere.

Comes in: a system whose services name places of secrets. Goes out: ``Secrets``: their values, and a function
that takes them out of whatever is written or told: as they are, as JSON, URL and base64 write them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

from harness.errors import HormesisError, Refused
from harness.experiment.model import System
from harness.shell import environment

LENGTH_MIN = 8
"""A shorter one cannot be told from other text, and would be taken out of all of it."""
_BYTES_MAX = 64 * 1024
_ESCAPE = re.compile("%[0-9A-F]{2}")


@dataclass(frozen=True, slots=True)
class Secrets:
    """``values`` by place (``env:NAME``, ``file:PATH``)."""

    values: Mapping[str, str] = field(default_factory=dict)
    _forms: tuple[tuple[str, str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        forms = {form: f"[secret {place}]" for place, value in self.values.items() for form in _forms(value)}
        longest_first = sorted(forms.items(), key=lambda pair: -len(pair[0]))
        object.__setattr__(self, "_forms", tuple(longest_first))

    def hide(self, text: str) -> str:
        """The same text without them.

        >>> Secrets({"env:KEY": "hunter2hunter2"}).hide("key=hunter2hunter2;")
        'key=[secret env:KEY];'
        """
        for form, name in self._forms:
            text = text.replace(form, name)
        return text

    def hide_in(self, file: Path) -> None:
        """Take them out of a file; what is no text in it stays as it was."""
        there = file.read_bytes().decode(errors="surrogateescape") if self._forms else ""
        if (hidden := self.hide(there)) != there:
            file.write_bytes(hidden.encode(errors="surrogateescape"))

    @contextlib.contextmanager
    def in_errors(self) -> Iterator[None]:
        """Let an error pass without them: it may hold the last lines of a log."""
        try:
            yield
        except HormesisError as error:
            error.args = tuple(self.hide(one) if isinstance(one, str) else one for one in error.args)
            raise


NO_SECRETS = Secrets()


def read_secrets(system: System, system_dir: Path) -> Secrets:
    """Read what the services name; ``Refused`` where one is not there, or too short to be a secret."""
    places = [place for service in system.services.values() for place in service.secrets.values()]
    return Secrets({place: _read(place, system_dir) for place in dict.fromkeys(places)})


def _read(place: str, system_dir: Path) -> str:
    kind, _, name = place.partition(":")
    value = environment(name) if kind == "env" else _content(place, system_dir / name)
    if not value:
        raise Refused(f"the secret {place} is not there: nothing was started")
    if len(value) < LENGTH_MIN:
        raise Refused(
            f"the secret {place} has {len(value)} characters; at least {LENGTH_MIN}, so that it can be told"
        )
    return value


def _content(place: str, path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > _BYTES_MAX:
            raise Refused(f"the secret {place} is no file of at most {_BYTES_MAX} bytes: nothing was started")
        return path.read_text("utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"the secret {place} cannot be read: {error}") from error


def _forms(value: str) -> Iterator[str]:
    """How a value may be written."""
    yield value
    # A log's last lines are told one by one, and may begin in the middle of a key.
    yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= LENGTH_MIN)
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)[1:-1]
    for escaped in (quote(value), quote(value, safe=""), quote_plus(value)):
        yield from (escaped, _ESCAPE.sub(lambda found: found[0].lower(), escaped))
    yield from (value.encode().hex(), value.encode().hex().upper())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield from (_middle(encode, value.encode(), before) for before in range(3))


def _middle(encode: Callable[[bytes], bytes], value: bytes, before: int) -> str:
    """What base64 makes of a value after some other bytes, without the letters that these decide."""
    text = encode(bytes(before) + value).decode().rstrip("=")
    return text[(0, 2, 3)[before] : len(text) - bool((before + len(value)) % 3)]
