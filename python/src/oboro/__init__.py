"""Statistics that identify nobody, from tables of personal records.

A policy says what each column of a table is and what may be released; `run` makes the releases:

    import oboro
    release = oboro.run("policy.yaml", table)    # pyarrow, pandas, polars, DuckDB
    release["by_prefecture"].to_pandas()
    release.report                               # what is guaranteed, to whom, at what price

Nothing but the standard library is needed. The shared library is loaded at the first call, not at import, and does not
survive a fork: start worker processes with "spawn" or "forkserver".
"""

from ._api import Plan, Policy, Release, Report, Table, Verification, plan, run, verify, version
from ._partial import PartialState, new_key
from ._errors import Cancelled, DataError, InputError, InternalError, MisuseError, OboroError, PlanError

__all__ = [
    "Cancelled",
    "DataError",
    "InputError",
    "InternalError",
    "MisuseError",
    "OboroError",
    "PartialState",
    "Plan",
    "PlanError",
    "Policy",
    "Release",
    "Report",
    "Table",
    "Verification",
    "new_key",
    "plan",
    "run",
    "verify",
    "version",
]
