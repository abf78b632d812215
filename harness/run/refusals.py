"""What refuses a command on a store before it does anything: one text each, whoever looks.

Comes in: a store. Goes out: nothing, or ``Refused`` with the words that help.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.errors import Refused
from harness.guard.halt import halt_reason, is_halted
from harness.guard.records import open_records, undo_folder


def refuse_if_no_store(store: Path) -> None:
    """Raise Refused where there is no such folder: whoever halts or undoes in it means another one."""
    if not store.is_dir():
        raise Refused(
            f"there is no store {store.absolute()}; name the one of the runs: --store DIR, or HORMESIS_STORE"
        )


def refuse_if_halted(store: Path) -> None:
    """Raise Refused while the store is halted."""
    if is_halted(store):
        raise Refused(
            f"{store} is halted: {halt_reason(store)}; "
            f"`hormesis halt --release --reason TEXT --store {store}` releases it"
        )


def refuse_if_left_open(store: Path) -> None:
    """Raise Refused while undo records of an earlier run are open in the store."""
    if left := open_records(undo_folder(store)):
        named = ", ".join(record.id for record in left[:3])
        raise Refused(
            f"{len(left)} undo record{'s' if len(left) > 1 else ''} of an earlier run open ({named}): "
            f"run `hormesis undo --store {store}` first; nothing was started"
        )


def refuse_if_not_writable(store: Path) -> None:
    """Raise Refused where ``store`` cannot be made or written into."""
    try:
        str(store.resolve()).encode()
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=store, prefix=".probe-"):
            pass
    except UnicodeEncodeError as error:
        raise Refused(
            f"the store {str(store)!r} has a name that is no text in UTF-8, and records name it; "
            "name another with --store DIR or HORMESIS_STORE"
        ) from error
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name; links in a circle
        why = getattr(error, "strerror", None) or str(error)
        raise Refused(
            f"the store {str(store)!r} cannot be written: {why.lower()}; "
            "name another with --store DIR or HORMESIS_STORE"
        ) from error
