"""The C library: found, loaded at the first call, and called. See oboro.h."""

from __future__ import annotations

import ctypes
import os
import pathlib
import threading
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_void_p
from typing import Any, Callable, Optional

from ._errors import BY_CODE, InternalError, MisuseError

ABI_MAJOR = 1
KEY_BYTES = 16


class ArrowSchema(Structure):
    pass


SchemaRelease = CFUNCTYPE(None, POINTER(ArrowSchema))
ArrowSchema._fields_ = [
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_void_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(ArrowSchema))),
    ("dictionary", POINTER(ArrowSchema)),
    ("release", SchemaRelease),
    ("private_data", c_void_p),
]


class ArrowArray(Structure):
    pass


ArrayRelease = CFUNCTYPE(None, POINTER(ArrowArray))
ArrowArray._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(ArrowArray))),
    ("dictionary", POINTER(ArrowArray)),
    ("release", ArrayRelease),
    ("private_data", c_void_p),
]


class ArrowArrayStream(Structure):
    pass


StreamRelease = CFUNCTYPE(None, POINTER(ArrowArrayStream))
ArrowArrayStream._fields_ = [
    ("get_schema", CFUNCTYPE(c_int32, POINTER(ArrowArrayStream), POINTER(ArrowSchema))),
    ("get_next", CFUNCTYPE(c_int32, POINTER(ArrowArrayStream), POINTER(ArrowArray))),
    ("get_last_error", CFUNCTYPE(c_char_p, POINTER(ArrowArrayStream))),
    ("release", StreamRelease),
    ("private_data", c_void_p),
]


class Error(Structure):
    _fields_ = [("struct_size", c_uint32), ("code", c_int32), ("message", c_void_p)]


Progress = CFUNCTYPE(c_int32, c_void_p, c_char_p, c_char_p, c_int64, c_int64)


class Options(Structure):
    _fields_ = [
        ("struct_size", c_uint32),
        ("workers", c_int32),
        ("memory", c_int64),
        ("base_dir", c_char_p),
        ("cancel", POINTER(c_int32)),
        ("progress", Progress),
        ("progress_data", c_void_p),
        ("ledger", c_char_p),
    ]


_lock = threading.Lock()
_loaded: Optional[ctypes.CDLL] = None


def library_path() -> pathlib.Path:
    """Where the shared library is: the file that OBORO_LIBRARY names, or the one in this package."""
    named = os.environ.get("OBORO_LIBRARY")
    return pathlib.Path(named) if named else pathlib.Path(__file__).with_name("liboboro.so")


def lib() -> ctypes.CDLL:
    """The library, loaded at the first call: a process that only imports this package may fork as it likes."""
    global _loaded
    with _lock:
        if _loaded is None:
            try:
                loaded = ctypes.CDLL(str(library_path()))
            except OSError:
                raise InternalError(
                    f"the shared library {library_path().name} of the oboro package can't be loaded; "
                    "install the package again, or name the library with OBORO_LIBRARY"
                ) from None
            _declare(loaded)
            version = loaded.oboro_abi_version()
            if version >> 16 != ABI_MAJOR:
                raise InternalError(
                    f"the shared library serves interface version {version >> 16} and this package needs {ABI_MAJOR}; "
                    "install matching versions"
                )
            _loaded = loaded
        return _loaded


def _declare(c: ctypes.CDLL) -> None:
    e, o, text = POINTER(Error), POINTER(Options), POINTER(c_void_p)
    stream, schema = POINTER(ArrowArrayStream), POINTER(ArrowSchema)
    for name, result, arguments in (
        ("oboro_abi_version", c_int32, []),
        ("oboro_version", c_char_p, []),
        ("oboro_error_clear", None, [e]),
        ("oboro_free", None, [c_void_p]),
        ("oboro_plan", c_int32, [c_char_p, schema, c_char_p, o, text, e]),
        ("oboro_run", c_int32, [c_char_p, stream, o, text, e]),
        ("oboro_release_count", c_int64, [c_void_p]),
        ("oboro_release_name", c_char_p, [c_void_p, c_int64]),
        ("oboro_release_table", c_int32, [c_void_p, c_char_p, stream, e]),
        ("oboro_release_report", c_int32, [c_void_p, c_char_p, text, e]),
        ("oboro_release_write", c_int32, [c_void_p, c_char_p, c_char_p, c_int32, o, e]),
        ("oboro_release_free", None, [c_void_p]),
        ("oboro_verify", c_int32, [c_char_p, o, text, e]),
        ("oboro_key_new", c_int32, [POINTER(c_uint8), e]),
        ("oboro_state_new", c_int32, [c_char_p, c_char_p, schema, POINTER(c_uint8), o, text, e]),
        ("oboro_state_update", c_int32, [c_void_p, stream, e]),
        ("oboro_state_merge", c_int32, [c_void_p, c_char_p, c_size_t, e]),
        ("oboro_state_serialise", c_int32, [c_void_p, text, POINTER(c_size_t), e]),
        ("oboro_state_finalise", c_int32, [c_void_p, text, e]),
        ("oboro_state_free", None, [c_void_p]),
        ("oboro_live_handles", c_int64, []),
        ("oboro_live_bytes", c_int64, []),
    ):
        f = getattr(c, name)
        f.restype, f.argtypes = result, arguments


def call(function: str, *arguments: Any) -> None:
    """Calls a function whose last argument is an error, and raises what it says."""
    c = lib()
    e = Error(ctypes.sizeof(Error), 0, None)
    code = getattr(c, function)(*arguments, byref(e))
    if code == 0:
        return
    message = ctypes.string_at(e.message).decode() if e.message else "no message"
    c.oboro_error_clear(byref(e))
    raise BY_CODE.get(code, InternalError)(message)


def take_text(p: c_void_p) -> str:
    """Copies text that was handed out, and gives it back."""
    try:
        return ctypes.string_at(p.value).decode()
    finally:
        lib().oboro_free(p)


def interruptible(options: Options, work: Callable[[], None]) -> None:
    """Runs a call on another thread, so that Ctrl-C reaches this one and cancels it."""
    cancel = c_int32(0)
    options.cancel = ctypes.pointer(cancel)
    finished = threading.Event()
    failure: list[BaseException] = []

    def body() -> None:
        try:
            work()
        except BaseException as e:  # carried over to the caller's thread
            failure.append(e)
        finally:
            finished.set()

    lib()  # load on the caller's thread, where errors are easiest to read
    thread = threading.Thread(target=body, name="oboro", daemon=True)
    thread.start()
    interrupted = False
    while True:
        try:
            if finished.wait(0.1):
                break
        except KeyboardInterrupt:
            interrupted = True
            cancel.value = 1
    if interrupted:
        raise KeyboardInterrupt
    if failure:
        raise failure[0]


# What tables are exchanged by: PyCapsules with the Arrow PyCapsule interface.
_api = ctypes.pythonapi
_api.PyCapsule_New.restype = ctypes.py_object
_api.PyCapsule_New.argtypes = [c_void_p, c_char_p, c_void_p]
_api.PyCapsule_GetPointer.restype = c_void_p
_api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, c_char_p]
_STREAM, _SCHEMA = b"arrow_array_stream", b"arrow_schema"
_exported: dict[int, ArrowArrayStream] = {}  # structs behind living capsules, by address


@CFUNCTYPE(None, c_void_p)
def _drop(capsule: int) -> None:
    # The reference must be borrowed: the capsule is being destroyed.
    get = CFUNCTYPE(c_void_p, c_void_p, c_char_p)(("PyCapsule_GetPointer", _api))
    stream = _exported.pop(get(capsule, _STREAM), None)
    if stream is not None and stream.release:
        stream.release(byref(stream))


def capsule(stream: ArrowArrayStream) -> Any:
    """A capsule that owns a stream: whoever imports it takes the stream over, else it is released with it."""
    address = ctypes.addressof(stream)
    _exported[address] = stream
    return _api.PyCapsule_New(address, _STREAM, ctypes.cast(_drop, c_void_p))


def stream_of(table: Any) -> tuple[Any, Any]:
    """A pointer to a stream of the table's batches, and what keeps it alive."""
    export = getattr(table, "__arrow_c_stream__", None)
    if export is None:
        raise MisuseError(
            f"a table of type {type(table).__name__} can't be read: it has no __arrow_c_stream__; "
            "pass a pyarrow table, a pandas (2.2 or later) or polars data frame, or a DuckDB relation"
        )
    c = export()
    return ctypes.cast(_api.PyCapsule_GetPointer(c, _STREAM), POINTER(ArrowArrayStream)), c


def schema_of(table: Any) -> tuple[Any, Any]:
    """A pointer to the table's schema, and what keeps it alive."""
    for holder in (table, getattr(table, "schema", None)):
        export = getattr(holder, "__arrow_c_schema__", None)
        if export is not None:
            c = export()
            return ctypes.cast(_api.PyCapsule_GetPointer(c, _SCHEMA), POINTER(ArrowSchema)), c
    stream, keep = stream_of(table)
    schema = OwnedSchema()
    if stream.contents.get_schema(stream, byref(schema.struct)) != 0:
        raise MisuseError("the table's stream gave no schema")
    if stream.contents.release:
        stream.contents.release(stream)
    return ctypes.pointer(schema.struct), (keep, schema)


class OwnedSchema:
    """A schema struct that is released with this object."""

    def __init__(self) -> None:
        self.struct = ArrowSchema()

    def __del__(self) -> None:
        if self.struct.release:
            self.struct.release(byref(self.struct))
