"""The README's first example runs as it stands, in at most eight lines."""

import pathlib
import re

import pytest


def test_first_example():
    pandas = pytest.importorskip("pandas")
    from conftest import CITIES, columns

    readme = pathlib.Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", readme, re.S).group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 8
    *body, last = code.strip().splitlines()
    names = {"frame": pandas.DataFrame(columns())[["rider", "city"]]}
    exec("\n".join(body), names)
    table = eval(last, names)
    assert list(table.columns) == ["city", "riders"] and sorted(table.city) == sorted(CITIES)
