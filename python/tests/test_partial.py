"""Partial states, by hand and on local Spark."""

import os
import shutil

import pytest

import oboro
from conftest import CITIES, POLICY, columns

STATISTICS = POLICY[: POLICY.index("  - name: rows")]


def test_parts_make_the_state_of_the_whole(trips):
    key = oboro.new_key()
    whole = oboro.PartialState(STATISTICS, "by_city", trips.schema, key).update(trips).to_bytes()
    joined = oboro.PartialState(STATISTICS, "by_city", trips.schema, key)
    for start in (4000, 0, 1000):
        part = trips.slice(start, {0: 1000, 1000: 3000, 4000: 2000}[start])
        joined.merge(oboro.PartialState(STATISTICS, "by_city", trips, key).update(part).to_bytes())
    assert joined.to_bytes() == whole
    rows = list(joined.finish()["by_city"].rows())
    assert len(rows) == 3 and all(abs(r[1] - 500) < 80 for r in rows)
    with pytest.raises(oboro.OboroError):
        joined.to_bytes()
    with pytest.raises(oboro.InputError):
        oboro.PartialState(STATISTICS, "by_city", trips, key).merge(whole[:100])
    with pytest.raises(oboro.PlanError, match="statistics"):
        oboro.PartialState(POLICY, "rows", trips, key)


def test_spark_gives_the_bytes_of_one_process(trips, monkeypatch):
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("no java, which Spark needs (17 or later)")
    from pyspark.sql import SparkSession

    from oboro import spark

    monkeypatch.setenv("PYSPARK_PYTHON", os.sys.executable)
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "3")
        .getOrCreate()
    )
    try:
        data = columns()
        frame = session.createDataFrame(list(zip(*data.values())), "rider bigint, city string, age bigint, fare bigint")
        key = oboro.new_key()
        one = oboro.PartialState(STATISTICS, "by_city", trips.schema, key).update(trips).to_bytes()
        task = spark.partition_task(STATISTICS, "by_city", key)
        states = [bytes(r.state) for r in frame.repartition(5, "rider").mapInArrow(task, "state binary").collect()]
        assert len(states) > 1
        merged = oboro.PartialState(STATISTICS, "by_city", trips.schema, key)
        for state in states:
            merged.merge(state)
        assert merged.to_bytes() == one
        release = spark.run(STATISTICS, frame)
        rows = list(release["by_city"].rows())
        assert sorted(r[0] for r in rows) == sorted(CITIES) and all(abs(r[1] - 500) < 80 for r in rows)
        assert release.reports["by_city"]["total"]["epsilon"] == "4"
        with pytest.raises(oboro.PlanError, match="microdata"):
            spark.run(POLICY, frame)
    finally:
        session.stop()
