"""A progress line on a terminal or in a notebook; nothing elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Callable, Optional, Union

Callback = Callable[[str, str, int, int], Any]


def in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    kernel = shell.get_ipython() if shell is not None else None
    return kernel is not None and hasattr(kernel, "kernel")


class Line:
    """One line on stderr that is rewritten a few times a second and wiped at the end."""

    def __init__(self) -> None:
        self._last = 0.0
        self._width = 0
        self._lock = threading.Lock()

    def __call__(self, release: str, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._last < 0.2:
                return
            self._last = now
            share = f" {100 * done // total}%" if total else ""
            self._write(f"oboro: {release + ': ' if release else ''}{stage} {done:,}{share}")

    def _write(self, text: str) -> None:
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)

    def close(self) -> None:
        with self._lock:
            if self._width:
                sys.stderr.write("\r" + " " * self._width + "\r")
                sys.stderr.flush()


def choose(progress: Union[None, bool, Callback]) -> tuple[Optional[Callback], Callable[[], None]]:
    """The callback for a `progress` argument, and what to call at the end."""
    if callable(progress):
        return progress, lambda: None
    if progress is False or (progress is None and not (sys.stderr.isatty() or in_notebook())):
        return None, lambda: None
    line = Line()
    return line, line.close
