"""Statistics over a Spark data frame: bounded and summed where its partitions are, finished once on the driver.

    from oboro import spark
    release = spark.run(policy, frame)          # every statistics release of the policy
    release["by_city"].to_pandas()

Every task makes a partial state of its partition by `DataFrame.mapInArrow` and hands out its bytes; the driver merges
them and adds noise once. The states of a release are the same bytes as one process would have made. Rows of a unit may
lie in several partitions; the data frame is repartitioned by the unit all the same, because then the states are
smallest. Spark forks its Python workers before this package is loaded in them, so the library is loaded in each worker
for itself.

On Ray, `Dataset.map_batches(task, batch_format="pyarrow", zero_copy_batch=True)` runs the same `partition_task`, and on
Dask `DataFrame.map_partitions`; merge what comes back with `oboro.PartialState.merge` as `run` does here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Callable

from ._api import Policy, Release, Table, _policy, plan
from ._errors import PlanError
from ._partial import PartialState, new_key

__all__ = ["partition_task", "run"]


def partition_task(policy: str, release: str, key: bytes, base_dir: str = ".") -> Callable[[Iterable[Any]], Iterator[Any]]:
    """A function over the record batches of a partition that yields one batch with the bytes of their state."""

    def task(batches: Iterable[Any]) -> Iterator[Any]:
        import pyarrow

        state = None
        for batch in batches:
            if state is None:
                state = PartialState(policy, release, batch.schema, key, base_dir=base_dir, workers=1)
            state.update(pyarrow.Table.from_batches([batch]))
        if state is not None:
            yield pyarrow.RecordBatch.from_arrays([pyarrow.array([state.to_bytes()], pyarrow.binary())], ["state"])

    return task


def run(policy: Policy, frame: Any, *, base_dir: str = ".") -> "Releases":
    """Runs the statistics releases of a policy over a Spark data frame.

    Microdata releases need all rows in one place and are refused. Files that the policy refers to must be readable
    under base_dir on every worker.
    """
    import pyarrow

    text, base = _policy(policy, base_dir)
    schema = frame.limit(0).toArrow().schema if hasattr(frame, "toArrow") else pyarrow.Schema.from_pandas(frame.limit(0).toPandas())
    found = plan(text.decode(), schema, base_dir=base)
    if any(kind != "statistics" for kind in found.releases.values()):
        raise PlanError("a microdata release needs all rows in one place; run it with oboro.run, or take it out of this policy")
    if found.unit is not None:
        frame = frame.repartition(found.unit)
    out: dict[str, Release] = {}
    for name in found.releases:
        key = new_key()
        task = partition_task(text.decode(), name, key, base)
        total = PartialState(text.decode(), name, schema, key, base_dir=base)
        for row in frame.mapInArrow(task, "state binary").toLocalIterator():
            total.merge(bytes(row.state))
        out[name] = total.finish()
    return Releases(out)


class Releases(Mapping[str, Table]):
    """The released tables by name, each with the report of its release."""

    def __init__(self, releases: dict[str, Release]) -> None:
        self._releases = releases

    def __getitem__(self, name: str) -> Table:
        return self._releases[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._releases)

    def __len__(self) -> int:
        return len(self._releases)

    @property
    def reports(self) -> dict[str, Any]:
        """The report of each release."""
        return {name: r.report for name, r in self._releases.items()}
