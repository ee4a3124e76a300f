"""run, plan, verify and what they return."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
from collections.abc import Mapping
from ctypes import byref, c_void_p
from typing import Any, Iterator, Optional, Union

from . import _html, _lib, _progress
from ._rows import Stream

Policy = Union[str, "os.PathLike[str]", Mapping[str, Any]]
"""A policy: a mapping, YAML or JSON text, or the path of a policy file."""


def _policy(policy: Policy, base_dir: Union[None, str, "os.PathLike[str]"]) -> tuple[bytes, str]:
    """The policy's text, and the folder that its relative paths start from."""
    if isinstance(policy, Mapping):
        return json.dumps(policy, ensure_ascii=False).encode(), os.fspath(base_dir or ".")
    if isinstance(policy, os.PathLike) or _names_a_file(policy):
        path = pathlib.Path(policy)
        try:
            text = path.read_bytes()
        except OSError as e:
            raise _lib.BY_CODE[2](f"the policy {path.name} can't be read: {e.strerror}; name an existing file") from None
        return text, os.fspath(base_dir or path.parent)
    return policy.encode(), os.fspath(base_dir or ".")


def _names_a_file(text: str) -> bool:
    return "\n" not in text and text.lower().endswith((".yaml", ".yml", ".json"))


def _memory(memory: Union[None, int, str]) -> int:
    if memory is None:
        return 0
    if isinstance(memory, int):
        return memory
    units = {"k": 10, "m": 20, "g": 30, "t": 40}
    text = memory.strip().lower().removesuffix("b").removesuffix("i")
    if text and text[-1] in units:
        return int(float(text[:-1]) * (1 << units[text[-1]]))
    return int(text)


class _Call:
    """The options of one call."""

    def __init__(self, base_dir: str, workers: int = 0, memory: Union[None, int, str] = None, progress: Any = False, ledger: Any = None) -> None:
        callback, self.close = _progress.choose(progress)
        self._callback = callback
        self._failure: Optional[BaseException] = None
        self._keep = _lib.Progress(self._tell) if callback else _lib.Progress()
        self.options = _lib.Options(
            ctypes.sizeof(_lib.Options), workers, _memory(memory), os.fsencode(base_dir), None, self._keep, None, None if ledger is None else os.fsencode(ledger)
        )

    def _tell(self, _data: Any, release: bytes, stage: bytes, done: int, total: int) -> int:
        try:
            self._callback(release.decode(), stage.decode(), done, total)  # type: ignore[misc]
        except BaseException as e:  # an error in the callback cancels the call and is raised from it
            self._failure = e
            return 1
        return 0

    def make(self, function: str, *arguments: Any) -> None:
        try:
            _lib.interruptible(self.options, lambda: _lib.call(function, *arguments))
        except _lib.BY_CODE[4]:
            raise self._failure or _lib.BY_CODE[4]("the call was cancelled") from None
        finally:
            self.close()


def version() -> str:
    """The version of the library."""
    return _lib.lib().oboro_version().decode()


class Plan:
    """What a policy would do, claim and spend. `str(plan)` is the text; a notebook shows it."""

    def __init__(self, outline: Mapping[str, Any]) -> None:
        self.text: str = outline["text"]
        self.title: str = outline["title"]
        self.unit: Optional[str] = outline["unit"]
        """The column that names the person; None where every row is one."""
        self.releases: dict[str, str] = {r["name"]: r["kind"] for r in outline["releases"]}
        """The kind of each release, "microdata" or "statistics", by name."""

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _html.pre(self.text)


def plan(policy: Policy, table: Any = None, *, base_dir: Union[None, str, "os.PathLike[str]"] = None) -> Plan:
    """Explains what would be done, claimed and spent, without reading a row.

    table may be anything with an Arrow schema; without one, what the policy alone tells is checked. Raises PlanError
    with every problem found.
    """
    text, base = _policy(policy, base_dir)
    schema, keep = _lib.schema_of(table) if table is not None else (None, None)
    out = c_void_p()
    _lib.call("oboro_plan", text, schema, b"json", byref(_Call(base).options), byref(out))
    del keep
    return Plan(json.loads(_lib.take_text(out)))


def run(
    policy: Policy,
    table: Any,
    *,
    base_dir: Union[None, str, "os.PathLike[str]"] = None,
    workers: int = 0,
    memory: Union[None, int, str] = None,
    progress: Union[None, bool, _progress.Callback] = None,
    ledger: Union[None, str, "os.PathLike[str]"] = None,
) -> "Release":
    """Runs every release of a policy over a table and returns the released tables by name.

    table is anything with __arrow_c_stream__: a pyarrow table or reader, a pandas or polars data frame, a DuckDB
    relation. It is not copied. workers is the number of threads (0: one per processor), memory a limit in bytes or
    like "2GiB", progress a callback (release, stage, done, total), or True or False; by default a line is shown on
    terminals and in notebooks. Ctrl-C cancels the run; nothing is released then. ledger is the file of a budget that
    is kept over runs, made by `oboro ledger create`; the run pays from it before it reads a row, or is refused.
    """
    text, base = _policy(policy, base_dir)
    stream, keep = _lib.stream_of(table)
    call, out = _Call(base, workers, memory, progress, ledger), c_void_p()
    call.make("oboro_run", text, stream, byref(call.options), byref(out))
    del keep
    return Release(_Handle(out.value))


class _Handle:
    """A release handle of the library, freed with this object."""

    def __init__(self, value: Optional[int]) -> None:
        self.value = value

    def __del__(self) -> None:
        if self.value is not None:
            _lib.lib().oboro_release_free(self.value)
            self.value = None


class Release(Mapping[str, "Table"]):
    """The released tables of a run by name, and its report."""

    def __init__(self, handle: _Handle) -> None:
        self._handle = handle
        c = _lib.lib()
        names = (c.oboro_release_name(handle.value, i) for i in range(c.oboro_release_count(handle.value)))
        self._tables = {n.decode(): Table(handle, n.decode()) for n in names}

    def __getitem__(self, name: str) -> "Table":
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    @property
    def report(self) -> "Report":
        """What the release says about itself; it may be published."""
        return Report({f: self._text(f) for f in ("json", "markdown", "html")})

    def _text(self, format: str) -> str:
        out = c_void_p()
        _lib.call("oboro_release_report", self._handle.value, format.encode(), byref(out))
        return _lib.take_text(out)

    def write(self, dir: Union[str, "os.PathLike[str]"], *, format: str = "parquet", replace: bool = False) -> None:
        """Writes the release folder: tables as "parquet", "csv" or "ipc", the report and the policy.

        The folder appears as a whole, after it has been verified, or not at all. replace allows an earlier release
        folder to be replaced.
        """
        _lib.call("oboro_release_write", self._handle.value, os.fsencode(dir), format.encode(), int(replace), None)

    def __repr__(self) -> str:
        return f"Release({', '.join(self._tables)})"

    def _repr_html_(self) -> str:
        return self.report._repr_html_() + "".join(f"<h4>{n}</h4>{t._repr_html_()}" for n, t in self._tables.items())


class Table:
    """One released table: anything that reads the Arrow C stream interface takes it."""

    def __init__(self, handle: _Handle, name: str) -> None:
        self._handle = handle
        self.name = name

    def _stream(self) -> _lib.ArrowArrayStream:
        stream = _lib.ArrowArrayStream()
        _lib.call("oboro_release_table", self._handle.value, self.name.encode(), byref(stream))
        return stream

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return _lib.capsule(self._stream())

    @property
    def columns(self) -> list[str]:
        s = Stream(self._stream())
        try:
            return s.names
        finally:
            s.close()

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as tuples of Python values, in order."""
        s = Stream(self._stream())
        try:
            yield from s.rows()
        finally:
            s.close()

    def to_pyarrow(self) -> Any:
        import pyarrow

        return pyarrow.RecordBatchReader.from_stream(self).read_all()

    def to_pandas(self) -> Any:
        return self.to_pyarrow().to_pandas()

    def to_polars(self) -> Any:
        import polars

        return polars.DataFrame(self)

    def __repr__(self) -> str:
        return f"Table({self.name}: {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        shown: list[tuple[Any, ...]] = []
        more = 0
        for row in self.rows():
            if len(shown) < 20:
                shown.append(row)
            else:
                more += 1
        return _html.table(self.columns, shown, f"{self.name}: {len(shown) + more:,} rows" + (f", the first {len(shown)}" if more else ""))


class Report(Mapping[str, Any]):
    """The report as a mapping (the keys of report.json), as Markdown and as an HTML page."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._data = json.loads(texts["json"])
        self.json, self.markdown, self.html = texts["json"], texts["markdown"], texts["html"]

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return self.markdown

    def _repr_html_(self) -> str:
        return _html.frame(self.html)


class Verification:
    """What verify looked at: `checks` is a list of mappings with Release, Claim, By and Note."""

    def __init__(self, text: str) -> None:
        found = json.loads(text)
        self.title: str = found["title"]
        self.checks: list[dict[str, str]] = found["checks"]

    def _rows(self) -> list[tuple[str, ...]]:
        return [(c["Release"] or "folder", c["Claim"], c["By"], c["Note"]) for c in self.checks]

    def __repr__(self) -> str:
        return "\n".join(f"{r}: {claim} [{by}]" for r, claim, by, _ in self._rows())

    def _repr_html_(self) -> str:
        return _html.table(("release", "claim", "checked from", "note"), self._rows(), f"{self.title}: verified")


def verify(dir: Union[str, "os.PathLike[str]"]) -> Verification:
    """Re-checks a release folder as a sceptic would; raises DataError where it does not hold."""
    call, out = _Call("."), c_void_p()
    call.make("oboro_verify", os.fsencode(dir), byref(call.options), byref(out))
    return Verification(_lib.take_text(out))
