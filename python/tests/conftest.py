import gc

import pytest

from oboro import _lib

POLICY = """
oboro: 1
title: Trips
unit: rider
columns:
  rider: {role: identifier}
  city: {role: quasi-identifier}
  age: {role: quasi-identifier, type: integer, hierarchy: {intervals: [10, 50]}}
  fare: {role: insensitive, type: integer}
releases:
  - name: by_city
    kind: statistics
    group-by: [city]
    groups: private
    bounds: {groups-per-unit: 2}
    aggregates:
      - count-units: {as: riders}
      - sum: {column: fare, as: fares, range: [0, 1000]}
    budget: {epsilon: 4, delta: 1e-8}
  - name: rows
    kind: microdata
    basis: test
    columns: [city, age, fare]
    models: [{k-anonymity: {k: 5}}]
    suppression-limit: 0.1
"""

CITIES = ["東京", "大阪", "札幌"]


def columns(n=6000):
    """Columns of a table of trips: every rider has one city and one age."""
    riders = [i % 1500 for i in range(n)]
    return {
        "rider": riders,
        "city": [CITIES[r % 3] for r in riders],
        "age": [20 + r % 40 for r in riders],
        "fare": [(7 * i) % 50 for i in range(n)],
    }


def count_policy(unit="row", public=("a",)):
    """A policy that counts the rows of each city."""
    groups = "private" if public is None else {"public": {"city": list(public)}}
    return {
        "oboro": 1,
        "title": "t",
        "unit": unit,
        "columns": {"city": {"role": "quasi-identifier"}, "age": {"role": "insensitive"}, "fare": {"role": "insensitive"}},
        "releases": [
            {
                "name": "n",
                "kind": "statistics",
                "group-by": ["city"],
                "groups": groups,
                "bounds": {"groups-per-unit": 1},
                "aggregates": [{"count-units": {"as": "n"}}],
                "budget": {"epsilon": 1} if public is not None else {"epsilon": 1, "delta": 1e-8},
            }
        ],
    }


@pytest.fixture
def trips():
    return pytest.importorskip("pyarrow").table(columns())


@pytest.fixture(autouse=True)
def nothing_is_left(request):
    """After every test all handles and all C memory have been given back.

    Not where a test is marked `keeps`: polars holds on to the categories of dictionaries it has seen.
    """
    lib = _lib.lib()
    gc.collect()
    before = lib.oboro_live_handles(), lib.oboro_live_bytes()
    yield
    gc.collect()
    if request.node.get_closest_marker("keeps"):
        return
    assert (lib.oboro_live_handles(), lib.oboro_live_bytes()) == before, "handles or C memory are left"
