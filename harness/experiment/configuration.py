"""``configuration`` of a Chaos Toolkit file: its plain values, filled in where Chaos Toolkit would.

Comes in: an experiment's plain data. Goes out: the same with ``${name}`` replaced in the title, in pauses and
in arguments. What only a run could know (the environment, a probe's answer) is refused: a plan is complete,
and hashed, before anything runs, and what stands in an environment may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Template

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path, advice

CONFIGURATION = "configuration"
# Chaos Toolkit's own pattern, string.Template's: a value that is nothing else keeps its type.
WHOLE = re.compile(r"\$\{([_a-z][_a-z0-9]*)\}", re.ASCII | re.IGNORECASE)
_FILLED = ("title", "method", "rollbacks", "steady-state-hypothesis")


def filled(data: Mapping[str, object], findings: Findings) -> dict[str, object]:
    """Give ``data`` with its configuration filled in; a ``${...}`` that stays is noted (HRM216).

    Values keep their place, so that what is wrong with one is shown where it is used.
    """
    known = _read(data.get(CONFIGURATION, {}), findings)
    whole = {key: _at(key, value, known.values) if key in _FILLED else value for key, value in data.items()}
    for path, text in _left(whole):
        _note_left(path, text, known, findings)
    return whole


@dataclass(frozen=True, slots=True)
class _Known:
    """Plain values by name; ``refused``: names of others, of which is told where they are set."""

    values: Mapping[str, object]
    refused: frozenset[str]


def _read(given: object, findings: Findings) -> _Known:
    if not isinstance(given, dict):
        findings.add(
            "HRM201", f"'{CONFIGURATION}' must be a mapping", (CONFIGURATION,), help="write 'name: 3'"
        )
        return _Known({}, frozenset())
    refused = frozenset(name for name, value in given.items() if not _is_plain(name, value, findings))
    return _Known({name: value for name, value in given.items() if name not in refused}, refused)


def _is_plain(name: str, value: object, findings: Findings) -> bool:
    """Note a value that has to be looked up first (HRM215 where code would run, else HRM216)."""
    path: Path = (CONFIGURATION, name)
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "probe":
        why = "a probe is code, and no code of yours is run"
        findings.add(
            "HRM215", f"{quoted(name)} is what a probe answers", path, why=why, help="write the value itself"
        )
    elif kind is not None:
        why = "a plan is complete, and hashed, before anything runs; an environment may hold secrets"
        message = f"{quoted(name)} is looked up ('type: {kind}'), not written"
        findings.add("HRM216", message, path, why=why, help="write the value itself")
    elif any(_texts_left(value, path)):
        why = "nothing is filled in twice"
        findings.add("HRM216", f"{quoted(name)} holds a ${{...}} itself", path, why=why, help="write it out")
    else:
        return True
    return False


def _at(key: str, value: object, known: Mapping[str, object]) -> object:
    if key == "title":
        return _fill(value, known)
    if key == "steady-state-hypothesis" and isinstance(value, dict) and isinstance(value.get("probes"), list):
        return value | {"probes": [_activity(item, known) for item in value["probes"]]}
    return [_activity(item, known) for item in value] if isinstance(value, list) else value


def _activity(data: object, known: Mapping[str, object]) -> object:
    """Fill in one activity where Chaos Toolkit does: in pauses and arguments, never in names."""
    if not isinstance(data, dict):
        return data
    changed: dict[str, object] = {**data}
    if isinstance(data.get("pauses"), dict):
        changed["pauses"] = _fill(data["pauses"], known)
    provider = data.get("provider")
    if known and isinstance(provider, dict) and isinstance(provider.get("arguments"), dict):
        changed["provider"] = provider | {"arguments": _fill(provider["arguments"], known)}
    return changed


def _fill(value: object, known: Mapping[str, object]) -> object:
    if isinstance(value, dict):
        return {key: _fill(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, known) for item in value]
    if not isinstance(value, str):
        return value
    whole = WHOLE.fullmatch(value)
    if whole is not None and whole[1] in known:
        return known[whole[1]]
    return Template(value).safe_substitute(known)


def _left(data: Mapping[str, object]) -> Iterator[tuple[Path, str]]:
    """Give every text with ``${`` in what is read here; keys of other tools are their own affair."""
    for key in (*_FILLED, "x-hormesis"):
        yield from _texts_left(data.get(key), (key,))


def _texts_left(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    left: list[tuple[Path, object]] = [(path, value)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            left.extend(((*path, key), item) for key, item in value.items())
        elif isinstance(value, list):
            left.extend(((*path, n), item) for n, item in enumerate(value))
        elif isinstance(value, str) and "${" in value:
            yield path, value


def _note_left(path: Path, text: str, known: _Known, findings: Findings) -> None:
    names = WHOLE.findall(text)
    if any(name in known.refused for name in names):
        findings.flagged.add(path)  # told where it is set; nothing else can be said of it
        return
    unset = next((name for name in names if name not in known.values), "")
    findings.add(
        "HRM216",
        f"nothing is filled in for {quoted(text)}",
        path,
        why=f"only plain values of '{CONFIGURATION}' are, in the title, in pauses and in arguments",
        help=f"write the value itself. {advice(unset, known.values)}"
        if known.values
        else "write the value itself",
    )
