"""The icons of the states that a link on an issue shows: 16 by 16 pixels, as Jira wants them."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from types import MappingProxyType

from sla.effects import StandingState

_SIZE = 16
_RADIUS = 6.5
_HOLE = 3.5
Colour = tuple[int, int, int]
_BLUE: Colour = (24, 104, 219)
_GREEN: Colour = (31, 132, 90)
_RED: Colour = (201, 55, 44)
_GREY: Colour = (98, 111, 134)


def _disc(colour: Colour, *, ring: bool = False) -> bytes:
    """A disc, or a ring, as PNG with soft edges; see https://www.w3.org/TR/png-3/."""
    middle = (_SIZE - 1) / 2
    rows = b""
    for y in range(_SIZE):
        # Each row begins with the filter that it uses: none.
        rows += b"\0"
        for x in range(_SIZE):
            distance = math.hypot(x - middle, y - middle)
            cover = min(1.0, max(0.0, _RADIUS + 0.5 - distance))
            cover -= min(1.0, max(0.0, _HOLE + 0.5 - distance)) if ring else 0.0
            rows += bytes((*colour, round(255 * cover)))
    header = struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


ICONS: Mapping[StandingState, bytes] = MappingProxyType({
    "running": _disc(_BLUE),
    "paused": _disc(_GREY, ring=True),
    "breached": _disc(_RED),
    "met": _disc(_GREEN),
    "late": _disc(_RED, ring=True),
    "none": _disc(_GREY),
})  # fmt: skip
