"""What a plain (unquoted) YAML scalar means, by the YAML 1.2 core rules, or why it is refused.

A scalar that a YAML 1.1 reader (most tools, Chaos Toolkit among them) and a YAML 1.2 reader take
for different values is refused: the same file must be the same experiment in both. The one
exception is a bare exponent (``1e-05``), which JSON files contain.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

Scalar = str | int | float | bool | None

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
OLD_BOOLEANS = re.compile(r"(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)\Z")
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
HEXADECIMAL = re.compile(r"[-+]?0x[0-9a-fA-F]+\Z")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:$|[Tt \t])")
OLD_NUMBER = re.compile(
    r"[-+]?(?:0[0-9_]+|0o[0-7]+|0b[01_]+|0x[0-9a-fA-F]*_[0-9a-fA-F_]*"
    r"|[0-9]+_[0-9_]*(?:\.[0-9_]*)?|[0-9]+\.[0-9]*_[0-9_]*)\Z"
)
LONG_NUMBER = re.compile(r"[-+]?[0-9][0-9_.:]*\Z")
LENGTH_MAX = 64  # no number is longer; the patterns above are then never run on long text
DIGITS_MAX = 19  # a signed 64-bit integer; more has no use here and costs quadratic time to read


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a scalar is refused, and what to write instead."""

    why: str
    help: str
    number: bool = False


TOO_LARGE = Doubt("it is too large for 64 bits", "write a smaller number", number=True)


def resolve(text: str) -> Scalar | Doubt:
    """Give the value of a plain scalar, or a ``Doubt`` where readers disagree or no value is finite.

    >>> resolve("true"), resolve("12"), resolve("0.5"), resolve("scorer-a"), resolve("~")
    (True, 12, 0.5, 'scorer-a', None)
    >>> resolve("no").why
    'YAML 1.1 reads it as false, YAML 1.2 as text'
    """
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if len(text) > LENGTH_MAX:
        return TOO_LARGE if LONG_NUMBER.match(text) else text
    return _doubt(text) or _number(text)


def _number(text: str) -> Scalar | Doubt:
    if INTEGER.match(text):
        return int(text) if len(text) <= DIGITS_MAX else TOO_LARGE
    if HEXADECIMAL.match(text):
        return int(text, 16) if len(text) <= DIGITS_MAX else TOO_LARGE
    if FLOAT.match(text):
        value = float(text)
        return value if math.isfinite(value) else TOO_LARGE
    return text


def _doubt(text: str) -> Doubt | None:
    if OLD_BOOLEANS.match(text):
        meant = "true" if text.lower() in {"y", "yes", "on"} else "false"
        return Doubt(
            f"YAML 1.1 reads it as {meant}, YAML 1.2 as text", f'write {meant}, or "{text}" for the word'
        )
    if NOT_FINITE.match(text):
        return Doubt("a number must be finite", "write a number, or leave the key out", number=True)
    if SEXAGESIMAL.match(text):
        return Doubt(
            "YAML 1.1 reads it as a number to base 60, YAML 1.2 as text",
            f'write seconds as one number, or "{text}" for text',
        )
    if DATE.match(text):
        return Doubt("YAML 1.1 reads it as a date, YAML 1.2 as text", f'write "{text}"')
    if OLD_NUMBER.match(text):
        return Doubt(
            "YAML 1.1 and YAML 1.2 read it as different values", f'write a plain decimal number, or "{text}"'
        )
    if text in {"<<", "="}:
        return Doubt(
            "YAML 1.1 gives it a meaning of its own (merge key), YAML 1.2 does not", f'write "{text}"'
        )
    return None
