"""Exceptions by kind, as the command line's exit codes and oboro.h have them."""

from __future__ import annotations


class OboroError(Exception):
    """Any error of the library. Texts name the column, the rule and the remedy, never a value of the data."""

    code = 6


class InputError(OboroError):
    """Unreadable input, or another failure to read or write."""

    code = 1


class PlanError(OboroError):
    """Refused before the first row is used: the policy, the schema, an unsafe plan, a budget that does not fit."""

    code = 2


class DataError(OboroError):
    """Found in the rows: a guarantee that can't be met, unlisted values, a folder that does not verify."""

    code = 3


class Cancelled(OboroError):
    """The call was cancelled."""

    code = 4


class MisuseError(OboroError):
    """The interface was used against its rules, for instance after a fork."""

    code = 5


class InternalError(OboroError):
    """A defect of the library; please report it."""

    code = 6


BY_CODE = {c.code: c for c in (InputError, PlanError, DataError, Cancelled, MisuseError, InternalError)}
