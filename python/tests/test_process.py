"""Forks, Ctrl-C and many calls."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import oboro
from conftest import count_policy
from oboro import _lib


def script(body):
    head = f"import sys\nsys.path[:0] = {sys.path!r}\nfrom conftest import POLICY, columns\nimport oboro, os, pyarrow\n"
    return [sys.executable, "-c", head + textwrap.dedent(body)]


fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")


@fork
def test_a_forked_child_gets_an_error_not_a_hang():
    body = """
    table = pyarrow.table(columns())
    release = oboro.run(POLICY, table)
    child = os.fork()
    if child == 0:
        try:
            oboro.run(POLICY, table)
        except oboro.MisuseError as e:
            os._exit(7 if "spawn" in str(e) else 8)
        os._exit(9)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7, status
    """
    subprocess.run(script(body), check=True, timeout=120)


@fork
def test_a_child_that_loads_the_library_itself_is_fine():
    body = """
    child = os.fork()
    if child == 0:
        oboro.run(POLICY, pyarrow.table(columns()))
        os._exit(7)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7, status
    """
    subprocess.run(script(body), check=True, timeout=120)


def test_ctrl_c_cancels():
    body = """
    table = pyarrow.concat_tables([pyarrow.table(columns(600_000))] * 20)
    oboro.run(POLICY, table.slice(0, 6000))
    print("ready", flush=True)
    try:
        while True:
            oboro.run(POLICY, table)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    """
    p = subprocess.Popen(script(body), stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    time.sleep(0.3)
    p.send_signal(signal.SIGINT)
    out, _ = p.communicate(timeout=120)
    assert out == "interrupted\n" and p.returncode == 0


def test_many_calls_leave_nothing():
    """Live handles and bytes return to what they were, on success and on error paths.

    20,000 calls with OBORO_LONG set, 600 without.
    """
    pyarrow = pytest.importorskip("pyarrow")
    lib = _lib.lib()
    small = pyarrow.table({"city": ["a", "b"] * 4, "age": [1] * 8, "fare": [2] * 8})
    good, bad = count_policy(), count_policy(unit="nobody")
    gc.collect()
    before = lib.oboro_live_handles(), lib.oboro_live_bytes()
    for _ in range(10_000 if os.environ.get("OBORO_LONG") else 300):
        release = oboro.run(good, small)
        assert len(list(release["n"].rows())) == 1
        with pytest.raises(oboro.PlanError):
            oboro.run(bad, small)
    del release
    gc.collect()
    assert (lib.oboro_live_handles(), lib.oboro_live_bytes()) == before


def test_version_costs_next_to_nothing():
    """Less than a hundred times what an empty Python function costs, in one run: far below ten microseconds."""
    lib = _lib.lib()

    def best(f):
        times = []
        for _ in range(2000):
            start = time.perf_counter_ns()
            f()
            times.append(time.perf_counter_ns() - start)
        return min(times)

    assert best(lib.oboro_version) < 100 * max(best(lambda: None), 10)
