"""Partial states: one statistics release, computed where its rows are."""

from __future__ import annotations

import ctypes
import os
from ctypes import byref, c_size_t, c_uint8, c_void_p
from typing import Any, Optional, Union

from . import _lib
from ._api import Policy, Release, _Call, _Handle, _policy


def new_key() -> bytes:
    """Draws the key of one release from the operating system.

    Whoever coordinates draws it and gives it to every worker. It decides which of a unit's groups are kept when there
    are more than the bounds allow: keep it secret, and use it for one release only.
    """
    key = (c_uint8 * _lib.KEY_BYTES)()
    _lib.call("oboro_key_new", key)
    return bytes(key)


class PartialState:
    """The state of one statistics release over some of its rows.

    Make one wherever rows are, from the same policy, schema and key; `update` it with tables; send `to_bytes` to the
    coordinator, who merges all with `merge`, in any order, and calls `finish` once. Noise is added there and nowhere
    else. With ledger, the file of a budget that is kept over runs, `finish` pays from it, once for a key. Equal rows give equal bytes, however they were dealt. A state holds personal data.
    """

    def __init__(
        self,
        policy: Policy,
        release: str,
        schema: Any,
        key: bytes,
        *,
        base_dir: Union[None, str, "os.PathLike[str]"] = None,
        workers: int = 0,
        ledger: Union[None, str, "os.PathLike[str]"] = None,
    ) -> None:
        self._handle: Optional[int] = None
        if len(key) != _lib.KEY_BYTES:
            raise _lib.MisuseError(f"a key has {_lib.KEY_BYTES} bytes; make one with oboro.new_key()")
        text, base = _policy(policy, base_dir)
        pointer, keep = _lib.schema_of(schema)
        out = c_void_p()
        raw = (c_uint8 * len(key)).from_buffer_copy(key)
        _lib.call("oboro_state_new", text, release.encode(), pointer, raw, byref(_Call(base, workers, ledger=ledger).options), byref(out))
        del keep
        self._handle = out.value

    def update(self, table: Any) -> "PartialState":
        """Takes up the rows of a table."""
        stream, keep = _lib.stream_of(table)
        _lib.call("oboro_state_update", self._handle, stream)
        del keep
        return self

    def merge(self, state: bytes) -> "PartialState":
        """Takes up the rows of another state."""
        _lib.call("oboro_state_merge", self._handle, state, len(state))
        return self

    def to_bytes(self) -> bytes:
        """The state, to be sent to where it is merged."""
        out, size = c_void_p(), c_size_t()
        _lib.call("oboro_state_serialise", self._handle, byref(out), byref(size))
        try:
            return ctypes.string_at(out.value, size.value)
        finally:
            _lib.lib().oboro_free(out)

    def finish(self) -> Release:
        """Adds noise, selects groups and returns the release. The state is not used again."""
        out = c_void_p()
        _lib.call("oboro_state_finalise", self._handle, byref(out))
        return Release(_Handle(out.value))

    def __del__(self) -> None:
        if self._handle is not None:
            _lib.lib().oboro_state_free(self._handle)
            self._handle = None
