"""A headless Chromium for tests: where it is, how it is called, pictures as arrays.

Nothing of it asks a network: names resolve to nothing, and what a browser does on its own is switched off.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
WHY_NONE = "no Chromium on this machine: the layout is only estimated"
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--hide-scrollbars",
    "--virtual-time-budget=2000",
)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def browse(page: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Open ``page`` with further ``flags``; its profile lies beside it."""
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [CHROMIUM, *_FLAGS, profile, *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def screenshot(source: str, folder: Path, size: tuple[int, int]) -> Pixels:
    """Take the first screen of ``source`` at half scale, in 16 levels a channel; (height, width, 3)."""
    page, picture = folder / "page.html", folder / "page.png"
    page.write_text(source, encoding="utf-8")
    width, height = size
    done = browse(
        page, f"--window-size={width},{height}", "--force-device-scale-factor=0.5", f"--screenshot={picture}"
    )
    assert picture.exists(), done.stderr
    return read_png(picture.read_bytes()) // 17 * 17


def read_png(data: bytes) -> Pixels:
    """Decode an 8-bit RGB or RGBA picture that is not interlaced; gives RGB."""
    assert data.startswith(_SIGNATURE)
    at, packed, head = len(_SIGNATURE), b"", (0, 0, 0, 0)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        head = struct.unpack(">IIBB", body[:10]) if kind == b"IHDR" else head
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    width, height, depth, colour = head
    channels = {2: 3, 6: 4}[colour]
    assert depth == 8
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, width * channels + 1)
    above = np.zeros(width * channels, np.int32)
    rows = []
    for line in lines:
        above = _unfiltered(int(line[0]), line[1:].astype(np.int32), above, channels)
        rows.append(above)
    return np.array(rows, np.uint8).reshape(height, width, channels)[:, :, :3]


def _unfiltered(kind: int, line: np.ndarray, above: np.ndarray, channels: int) -> np.ndarray:
    if kind in (0, 2):
        return (line + above * (kind == 2)) & 255
    if kind == 1:
        return np.cumsum(line.reshape(-1, channels), axis=0).reshape(-1) & 255
    values, over, row = line.tolist(), above.tolist(), [0] * len(line)
    for i, value in enumerate(values):
        left, corner = (row[i - channels], over[i - channels]) if i >= channels else (0, 0)
        guess = (left + over[i]) // 2 if kind == 3 else _paeth(left, over[i], corner)
        row[i] = (value + guess) & 255
    return np.array(row, np.int32)


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda one: abs(guess - one))


def write_png(pixels: Pixels) -> bytes:
    """Encode RGB without filters: few levels pack best so."""
    height, width, _ = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, width * 3)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def apart(one: Pixels, other: Pixels, side: int = 10) -> float:
    """Share of blocks of ``side`` pixels of which the mean of a channel differs by 24 of 255 or more.

    Means of blocks forgive how a letter is smoothed, and do not forgive a word, a colour or a place.
    """
    if one.shape != other.shape:
        return 1.0
    means = [_blocks(pixels, side) for pixels in (one, other)]
    return float((np.abs(means[0] - means[1]).max(axis=2) >= 24).mean())


def _blocks(pixels: Pixels, side: int) -> np.ndarray:
    height, width = (n // side * side for n in pixels.shape[:2])
    cut: Sequence[int] = (height // side, side, width // side, side, 3)
    return pixels[:height, :width].astype(np.float64).reshape(cut).mean(axis=(1, 3))
