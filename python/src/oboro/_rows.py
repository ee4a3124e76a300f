"""Reads a stream of Arrow batches into Python values, for looking at a table without any other package."""

from __future__ import annotations

import ctypes
import datetime
import decimal
import struct
from ctypes import byref
from typing import Any, Callable, Iterator

from ._errors import InternalError
from ._lib import ArrowArray, ArrowArrayStream, ArrowSchema

_NUMBERS = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "l": "q", "L": "Q", "f": "f", "g": "d"}
_PER_SECOND = {"s": 1, "m": 10**3, "u": 10**6, "n": 10**9}


class Stream:
    """Column names and batches of a stream, which it owns."""

    def __init__(self, stream: ArrowArrayStream) -> None:
        self._stream = stream
        self._schema = ArrowSchema()
        if stream.get_schema(byref(stream), byref(self._schema)) != 0:
            raise InternalError("the table's stream gave no schema")
        self._fields = [self._schema.children[i].contents for i in range(self._schema.n_children)]
        self.names = [f.name.decode() for f in self._fields]
        self.formats = [(f.dictionary.contents if f.dictionary else f).format.decode() for f in self._fields]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        while True:
            batch = ArrowArray()
            if self._stream.get_next(byref(self._stream), byref(batch)) != 0:
                raise InternalError("the table's stream failed")
            if not batch.release:
                return
            try:
                columns = [_column(batch.children[i].contents, f) for i, f in enumerate(self._fields)]
                yield from zip(*columns) if columns else ()
            finally:
                batch.release(byref(batch))

    def close(self) -> None:
        if self._schema.release:
            self._schema.release(byref(self._schema))
        if self._stream.release:
            self._stream.release(byref(self._stream))


def _column(a: ArrowArray, f: ArrowSchema) -> list[Any]:
    valid = _validity(a)
    if f.dictionary:
        values = _column(a.dictionary.contents, f.dictionary.contents)
        indices = _numbers(a, f.format.decode())
        return [values[i] if ok else None for i, ok in zip(indices, valid)]
    return [v if ok else None for v, ok in zip(_values(a, f), valid)]


def _validity(a: ArrowArray) -> list[bool]:
    if a.n_buffers == 0:
        return [False] * a.length
    if not a.buffers[0]:
        return [True] * a.length
    bits = ctypes.string_at(a.buffers[0], (a.offset + a.length + 7) // 8)
    return [bits[i // 8] >> (i % 8) & 1 == 1 for i in range(a.offset, a.offset + a.length)]


def _numbers(a: ArrowArray, format: str) -> tuple[Any, ...]:
    code = _NUMBERS[format]
    size = struct.calcsize("=" + code)
    raw = ctypes.string_at(a.buffers[1] + a.offset * size, a.length * size) if a.length else b""
    return struct.unpack(f"={a.length}{code}", raw)


def _values(a: ArrowArray, f: ArrowSchema) -> Any:
    format = f.format.decode()
    if format in _NUMBERS:
        return _numbers(a, format)
    if format == "n":
        return [None] * a.length
    if format == "b":
        bits = ctypes.string_at(a.buffers[1], (a.offset + a.length + 7) // 8)
        return [bits[i // 8] >> (i % 8) & 1 == 1 for i in range(a.offset, a.offset + a.length)]
    if format in ("u", "U", "z", "Z"):
        return _texts(a, wide=format.isupper(), decode=format in ("u", "U"))
    if format == "tdD":
        epoch = datetime.date(1970, 1, 1).toordinal()
        return [_day(epoch + d) for d in _numbers(a, "i")]
    if format.startswith("ts"):
        return _times(a, format)
    if format.startswith("d:"):
        return _decimals(a, format)
    if format in ("+l", "+L"):
        items = _column(a.children[0].contents, f.children[0].contents)
        o = _offsets(a, wide=format == "+L")
        return [items[o[i] : o[i + 1]] for i in range(a.length)]
    raise InternalError(f"values of Arrow format {format} can't be shown; convert the table with to_pyarrow()")


def _day(ordinal: int) -> Any:
    in_range = 1 <= ordinal <= datetime.date.max.toordinal()
    return datetime.date.fromordinal(ordinal) if in_range else None


def _offsets(a: ArrowArray, wide: bool) -> tuple[int, ...]:
    code, size = ("q", 8) if wide else ("i", 4)
    return struct.unpack(f"={a.length + 1}{code}", ctypes.string_at(a.buffers[1] + a.offset * size, (a.length + 1) * size))


def _texts(a: ArrowArray, wide: bool, decode: bool) -> list[Any]:
    if a.length == 0:
        return []
    o = _offsets(a, wide)
    raw = ctypes.string_at(a.buffers[2] + o[0], o[-1] - o[0]) if o[-1] > o[0] else b""
    cut = [raw[o[i] - o[0] : o[i + 1] - o[0]] for i in range(a.length)]
    return [c.decode() for c in cut] if decode else cut


def _times(a: ArrowArray, format: str) -> list[Any]:
    per = _PER_SECOND[format[2]]
    zone = datetime.timezone.utc if format[4:] else None
    epoch = datetime.datetime(1970, 1, 1, tzinfo=zone)
    return [epoch + datetime.timedelta(microseconds=v * 10**6 // per) for v in _numbers(a, "l")]


def _decimals(a: ArrowArray, format: str) -> list[Any]:
    parts = format[2:].split(",")
    scale, size = int(parts[1]), int(parts[2]) // 8 if len(parts) == 3 else 16
    raw = ctypes.string_at(a.buffers[1] + a.offset * size, a.length * size) if a.length else b""
    cut: Callable[[int], bytes] = lambda i: raw[i * size : (i + 1) * size]
    return [decimal.Decimal(int.from_bytes(cut(i), "little", signed=True)).scaleb(-scale) for i in range(a.length)]
