"""How plans, tables and reports show themselves in a notebook."""

from __future__ import annotations

import html
from typing import Any, Iterable, Sequence

_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"
_CELL = "padding:2px 10px;border-bottom:1px solid #8884"


def pre(text: str) -> str:
    return f'<pre style="line-height:1.35;white-space:pre-wrap">{html.escape(text)}</pre>'


def table(names: Sequence[str], rows: Iterable[Sequence[Any]], caption: str) -> str:
    head = "".join(f'<th style="{_CELL};text-align:left">{html.escape(n)}</th>' for n in names)
    body = "".join("<tr>" + "".join(_cell(v) for v in row) + "</tr>" for row in rows)
    return (
        f'<table style="{_TABLE}"><caption style="text-align:left;opacity:.7">{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell(v: Any) -> str:
    side = "right" if isinstance(v, (int, float)) and not isinstance(v, bool) else "left"
    shown = '<span style="opacity:.5">null</span>' if v is None else html.escape(str(v))
    return f'<td style="{_CELL};text-align:{side}">{shown}</td>'


def frame(document: str) -> str:
    """A whole HTML page inside a notebook cell, kept apart from the notebook's own styles."""
    return (
        f'<iframe srcdoc="{html.escape(document)}" sandbox="" loading="lazy" '
        'style="width:100%;height:640px;border:1px solid #8884;border-radius:6px;background:white"></iframe>'
    )
