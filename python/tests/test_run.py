"""The public functions on tables of every kind."""

import hashlib
import json
import resource
import subprocess
import sys

import pytest

import oboro
from conftest import CITIES, POLICY, columns, count_policy


def make(name, module, arrow):
    if name == "duckdb":
        return module.sql("select * from arrow")  # DuckDB finds the variable by its name
    return module.table(columns()) if name == "pyarrow" else module.DataFrame(columns())


@pytest.mark.parametrize("name", ["pyarrow", "pandas", "polars", "duckdb"])
def test_every_table_library_goes_in(name):
    module = pytest.importorskip(name)
    release = oboro.run(POLICY, make(name, module, pytest.importorskip("pyarrow").table(columns())))
    assert list(release) == ["by_city", "rows"] and len(release) == 2
    rows = list(release["by_city"].rows())
    assert [r[0] for r in rows] == sorted(CITIES, key=str.encode)
    # 500 riders a city; discrete Laplace noise of scale at most 2: beyond 80 with probability below 1e-17.
    assert all(abs(r[1] - 500) < 80 for r in rows)
    assert release["rows"].columns == ["city", "age", "fare"]


@pytest.mark.keeps
def test_what_comes_out_goes_into_every_library(trips):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    import pyarrow

    release = oboro.run(POLICY, trips)
    table = release["rows"]
    assert isinstance(table.to_pandas(), pandas.DataFrame)
    assert isinstance(table.to_polars(), polars.DataFrame)
    arrow = table.to_pyarrow()
    assert isinstance(arrow, pyarrow.Table)
    arrow.validate(full=True)
    assert sorted(tuple(r.values()) for r in arrow.to_pylist()) == sorted(table.rows())
    again = oboro.run(count_policy(public=None), table)  # its own output is valid input
    assert len(list(again["n"].rows())) == 3


def test_input_is_not_copied():
    """A table with 200 MB of text that no release reads goes in without that much memory being taken."""
    pyarrow = pytest.importorskip("pyarrow")
    n = 200_000
    table = pyarrow.table({"city": ["a"] * n, "age": ["x" * 1000] * n, "fare": [1] * n})
    oboro.run(count_policy(), table.slice(0, 10))  # loads the library
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    oboro.run(count_policy(), table)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert grown < table.nbytes / 2


def test_policies_come_as_text_mapping_and_path(trips, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    assert len({str(oboro.plan(p, trips)) for p in (POLICY, path, str(path))}) == 1
    with pytest.raises(oboro.PlanError, match="can't be read"):
        oboro.plan(str(tmp_path / "none.yaml"))


def test_errors_have_kinds_and_hold_no_values(trips):
    with pytest.raises(oboro.PlanError, match="role"):
        oboro.run(POLICY.replace("role: identifier", "role: none"), trips)
    with pytest.raises(oboro.PlanError, match="rider"):
        oboro.run(POLICY, trips.drop_columns(["rider"]))
    with pytest.raises(oboro.DataError) as e:
        oboro.run(POLICY.replace("k: 5", "k: 100000"), trips)
    assert not any(city in str(e.value) for city in CITIES)
    with pytest.raises(oboro.MisuseError, match="__arrow_c_stream__"):
        oboro.run(POLICY, [1, 2, 3])


def test_reports_and_pictures(trips):
    release = oboro.run(POLICY, trips)
    report = release.report
    assert report["oboro"] == 1 and json.loads(report.json)["title"] == "Trips"
    assert report.markdown.startswith("# ") and "<svg" in report.html
    assert "<iframe" in report._repr_html_()
    assert "<table" in release["by_city"]._repr_html_() and "東京" in release["by_city"]._repr_html_()
    assert "<pre" in oboro.plan(POLICY, trips)._repr_html_()


def test_a_release_is_written_and_verified(trips, tmp_path):
    release = oboro.run(POLICY, trips)
    for format in ("parquet", "csv", "ipc"):
        release.write(tmp_path / format, format=format)
        checks = oboro.verify(tmp_path / format).checks
        assert {c["By"] for c in checks} <= {"output", "input", "no"} and len(checks) > 5
    with pytest.raises(oboro.PlanError, match="(?i)replace"):
        release.write(tmp_path / "csv", format="csv")
    release.write(tmp_path / "csv", format="csv", replace=True)
    table = tmp_path / "csv" / "rows.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[1] = "無人島,99,1"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(oboro.DataError):
        oboro.verify(tmp_path / "csv")
    with pytest.raises(oboro.MisuseError, match="parquet"):
        release.write(tmp_path / "x", format="xlsx")


def test_progress_is_told_and_may_cancel(trips):
    class Stop(Exception):
        pass

    def stop(release, stage, done, total):
        assert isinstance(release, str) and isinstance(stage, str) and done >= 0
        raise Stop

    with pytest.raises(Stop):
        oboro.run(POLICY, trips.take(list(range(len(trips))) * 300), progress=stop)


def test_import_loads_nothing():
    subprocess.run([sys.executable, "-c", "import oboro; from oboro import _lib; assert _lib._loaded is None"], check=True)


def test_a_ledger_adds_up_runs(tmp_path):
    """Two runs fit into the ledger, the third is refused; the same state is finished once."""
    table = pytest.importorskip("pyarrow").table(columns()).drop_columns(["rider"])
    ledger = tmp_path / "people.ledger"
    body = b'{"oboro_ledger":1,"unit":"row","epsilon":"2"}'
    ledger.write_bytes(hashlib.sha256(b"0" * 64 + b" " + body).hexdigest().encode() + b" " + body + b"\n")
    for total in ("1", "2"):
        release = oboro.run(count_policy(), table, ledger=ledger)
        assert release.report["ledger"]["total"]["epsilon"] == total
    with pytest.raises(oboro.PlanError, match="remains"):
        oboro.run(count_policy(), table, ledger=ledger)
    with pytest.raises(oboro.PlanError, match="does not exist"):
        oboro.run(count_policy(), table, ledger=tmp_path / "absent.ledger")
