"""Strict YAML (and JSON, which is YAML): bytes -> plain data with the place of every value.

Comes in: bytes of a file that a stranger may have written. Goes out: ``Parsed``. Refused are
aliases, anchors, tags, duplicate keys, several documents, binary, and what is too large or too deep;
PyYAML alone would accept all of them. Built on its events, never on its constructors, with a loop
and not with recursion. What a plain scalar means is in ``scalars.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import NoReturn

import yaml

from harness.errors import UsageProblem
from harness.experiment.excerpt import lines_of, quoted
from harness.experiment.findings import Findings, Mark, Marks, Path
from harness.experiment.scalars import Doubt, Scalar, resolve

Data = Scalar | list["Data"] | dict[str, "Data"]

SIZE_MAX = 1 << 20
SCALAR_MAX = 1 << 16
DEPTH_MAX = 32
NODES_MAX = 5_000  # ten times the largest experiment one would write; bounds the reading time: some 50 ms
PROBLEMS_MAX = 50
# YAML's printable set, less the replacement of a byte-order mark inside the text.
NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# libyaml reads a megabyte in 50 ms; the pure reader is the same grammar, slower.
READER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Parsed:
    """Plain data of one file and where it stands; ``findings`` holds what is wrong but readable."""

    data: Data
    marks: Marks
    findings: Findings


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    path: Path
    value: list[Data] | dict[str, Data]
    key: str | None = None
    mark: Mark = field(default_factory=lambda: Mark(0, 0))


class _Stop(Exception):
    """What is read makes no sense any more; the findings say why."""


def read_file(path: FilePath, shown: str) -> Parsed:
    """Read and parse ``path``, named ``shown`` in messages; raises ``UsageProblem``."""
    return parse(read_bytes(path, shown), shown)


def read_bytes(path: FilePath, shown: str) -> bytes:
    """Read a regular file of at most 1 MiB; raises ``UsageProblem`` (HRM101 to HRM103)."""
    findings = Findings(shown)
    whole = Mark(0, 0)
    try:
        if not path.exists():
            findings.add_at("HRM101", f"there is no file {quoted(shown)}", whole, help="check the path")
        elif not path.is_file():
            # A fifo or a device would block or never end.
            findings.add_at(
                "HRM102", f"{quoted(shown)} is not a regular file", whole, help="name a YAML file"
            )
        else:
            with path.open("rb") as file:
                content = file.read(SIZE_MAX + 1)
            if len(content) <= SIZE_MAX:
                return content
            findings.add_at(
                "HRM103", "the file is larger than 1 MiB", whole, help="an experiment is a page of text"
            )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        findings.add_at(
            "HRM102",
            f"cannot read {quoted(shown)}",
            whole,
            why=reason.lower(),
            help="make it readable for you",
        )
    raise UsageProblem(tuple(findings.problems))


def findings_of(shown: str) -> Findings:
    """Read a file once more, for the places in it; without them where it is not there any more."""
    try:
        return read_file(FilePath(shown), shown).findings
    except UsageProblem:
        return Findings(shown)


def parse(content: bytes, shown: str) -> Parsed:
    """Parse one YAML or JSON document.

    Raises ``UsageProblem`` where no data can be made of ``content``; what is refused but leaves
    the rest readable (duplicate key, doubtful scalar, tag, alias) is kept in ``findings``, so that
    the caller can list it together with its own problems.
    """
    findings = Findings(shown)
    text = _decode(content, findings)
    findings.marks = Marks(lines_of(text))
    _check_letters(text, findings)
    findings.raise_if_any()
    builder = _Builder(findings)
    try:
        for event in _events(text, findings):
            builder.take(event)
    except _Stop:
        findings.raise_if_any()
    if builder.documents == 0:
        findings.add_at(
            "HRM105", "the file is empty", Mark(0, 0), help="write an experiment, or name another file"
        )
        findings.raise_if_any()
    return Parsed(builder.data, findings.marks, findings)


def _decode(content: bytes, findings: Findings) -> str:
    """Decode UTF-8 with or without byte-order mark; a NUL is the surest sign of a binary file."""
    if len(content) > SIZE_MAX:
        findings.add_at(
            "HRM103", "the file is larger than 1 MiB", Mark(0, 0), help="an experiment is a page of text"
        )
        findings.raise_if_any()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        findings.add_at(
            "HRM104",
            "the file is not UTF-8 text",
            Mark(0, 0),
            why=f"byte {error.start} is 0x{content[error.start]:02x}: {error.reason}",
            help="save it as UTF-8",
        )
        raise UsageProblem(tuple(findings.problems)) from error


def _check_letters(text: str, findings: Findings) -> None:
    bad = NOT_TEXT.search(text)
    if bad is None:
        return
    before = lines_of(text[: bad.start()])
    findings.add_at(
        "HRM104",
        "the file holds a character that is not text",
        Mark(len(before), len(before[-1]) + 1),
        why=f"U+{ord(bad.group()):04X} is a control character",
        help="is it a binary file? Remove the character, or write it as an escape in double quotes",
    )


def _events(text: str, findings: Findings) -> Iterator[yaml.Event]:
    """Give the events of ``text``; a syntax error becomes a finding and ends them."""
    try:
        yield from yaml.parse(text, Loader=READER)
    except yaml.YAMLError as error:
        place = _error_place(error, findings.marks.lines)
        context = getattr(error, "context", None) or ""
        findings.add_at(
            "HRM106",
            f"not valid YAML: {getattr(error, 'problem', None) or 'it cannot be read'}",
            place,
            why=context,
            help="check quotes, brackets and indentation here and on the line before (spaces, no tabs)",
        )
        raise _Stop from error


def _error_place(error: yaml.YAMLError, lines: tuple[str, ...]) -> Mark:
    """Where to point: at the error, or, where the reader ran off the end, at what was left open."""
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None:
        return Mark(1, 1)
    last = max((number for number, line in enumerate(lines, 1) if line.strip()), default=1)
    if mark.line + 1 > last and opened is not None:
        return Mark(opened.line + 1, opened.column + 1)
    if mark.line + 1 > last:
        return Mark(last, len(lines[last - 1]) + 1)
    return Mark(mark.line + 1, mark.column + 1)


class _Builder:
    """Makes data of events, one by one; a mark is kept for every value and key."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.marks = findings.marks
        self.open: list[_Open] = []
        self.data: Data = None
        self.documents = 0
        self.nodes = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event; raises ``_Stop`` where the rest cannot be trusted."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._document(event)
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close()

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self._stop(
                "HRM107", "the file holds several documents", event, help="keep one; cut at the line '---'"
            )

    def _node(self, event: yaml.NodeEvent) -> None:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            self._stop("HRM111", f"the file holds more than {NODES_MAX} values", event, help="split it")
        if len(self.findings.problems) >= PROBLEMS_MAX:
            raise _Stop
        self._check_decoration(event)
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._collection(event, {})
            case yaml.SequenceStartEvent():
                self._collection(event, [])
            case _:  # an alias: already a finding; nothing stands in its place
                self._put(None, _mark(event))

    def _check_decoration(self, event: yaml.NodeEvent) -> None:
        """Refuse aliases, anchors and tags: the ways by which ten lines become a gigabyte, or code."""
        if isinstance(event, yaml.AliasEvent):
            self._stop(
                "HRM108", "an alias is not allowed", event, why="aliases multiply", help="write the value out"
            )
        if event.anchor is not None:
            self._note(
                "HRM108", f"an anchor is not allowed: {quoted(event.anchor)}", event, help="remove '&...'"
            )
        if (tag := getattr(event, "tag", None)) is not None:
            self._note("HRM109", f"a tag is not allowed: {quoted(tag)}", event, help="remove '!...'")

    def _collection(self, event: yaml.NodeEvent, value: list[Data] | dict[str, Data]) -> None:
        if len(self.open) >= DEPTH_MAX:
            self._stop("HRM111", f"nested deeper than {DEPTH_MAX}", event, help="flatten it")
        if self.open and isinstance(self.open[-1].value, dict) and self.open[-1].key is None:
            self._stop("HRM114", "a key must be text", event, help="write the key as one word")
        mark = _mark(event)
        path = self._put(value, mark)
        self.open.append(_Open(path, value, mark=mark))

    def _close(self) -> None:
        self.open.pop()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        mark = _mark(event)
        if len(event.value) > SCALAR_MAX:
            self._stop("HRM112", "a text longer than 64 KiB", event, help="an experiment is a page of text")
        if "\0" in event.value:
            self._note("HRM104", "a text with a NUL character", event, help="remove the escape")
        plain = not event.style and event.tag is None
        value = resolve(event.value) if plain else event.value
        if isinstance(value, Doubt):
            code, word = ("HRM115", "number") if value.number else ("HRM113", "value")
            message = f"the {word} {quoted(event.value)} is not allowed here"
            self._note(code, message, event, why=value.why, help=value.help)
            value = event.value
        holder = self.open[-1] if self.open else None
        if holder is not None and isinstance(holder.value, dict) and holder.key is None:
            self._key(event, value, holder)
        else:
            self._put(value, mark)

    def _key(self, event: yaml.ScalarEvent, value: Scalar, holder: _Open) -> None:
        mark = _mark(event)
        if not isinstance(value, str):
            why = f"unquoted, {quoted(event.value)} is not text"
            self._note("HRM114", "a key must be text", event, why=why, help="put it in quotes")
        holder.key = event.value
        path = (*holder.path, event.value)
        first = self.marks.keys.get(path)
        if first is not None:
            message = f"the key {quoted(event.value)} stands twice"
            self._note("HRM110", message, event, why=f"first on line {first.line}", help="remove one of them")
        else:
            self.marks.keys[path] = mark

    def _put(self, value: Data, mark: Mark) -> Path:
        """Put a value where it belongs and remember its place; gives its path."""
        if not self.open:
            self.data = value
            self.marks.values[()] = mark
            return ()
        holder = self.open[-1]
        if isinstance(holder.value, list):
            path: Path = (*holder.path, len(holder.value))
            holder.value.append(value)
        else:
            key = holder.key if holder.key is not None else ""
            path = (*holder.path, key)
            holder.value[key] = value
            holder.key = None
        self.marks.values[path] = mark
        return path

    def _note(self, code: str, message: str, event: yaml.Event, *, why: str = "", help: str = "") -> None:  # noqa: A002
        mark = _mark(event)
        self.findings.add_at(code, message, mark, why=why, help=help)
        holder = self.open[-1] if self.open else None
        step = None if holder is None else len(holder.value) if isinstance(holder.value, list) else holder.key
        if holder is not None and step is not None:
            self.findings.flagged.add((*holder.path, step))  # one complaint about a value is enough

    def _stop(self, code: str, message: str, event: yaml.Event, *, why: str = "", help: str = "") -> NoReturn:  # noqa: A002
        self._note(code, message, event, why=why, help=help)
        raise _Stop


def _mark(event: yaml.Event) -> Mark:
    """Give line, column (from 1) and the width on that line of an event."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return Mark(0, 0)
    width = end.column - start.column if end.line == start.line else 1_000_000
    return Mark(start.line + 1, start.column + 1, max(1, width))
