"""The memory there is, and what a container leaves of it."""

import subprocess
import sys

import numpy as np
import psutil
import pytest

from genreclass import memory
from genreclass.memory import available_memory, kept_memory, process_memory

MIB = 2**20


@pytest.fixture
def cgroup(tmp_path, monkeypatch):
    """Stands for /sys/fs/cgroup on a machine with a GiB to spare."""
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    machine = psutil.virtual_memory()._replace(available=1024 * MIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    return tmp_path


def _limit(cgroup, *, limit, used, cache):
    (cgroup / "memory.max").write_text(f"{limit}\n")
    (cgroup / "memory.current").write_text(f"{used}\n")
    (cgroup / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\nactive_file 7\n")


def test_the_process_takes_more_once_it_holds_an_array():
    before = process_memory()
    array = np.ones(64 * MIB, dtype=np.uint8)
    assert process_memory() - before > 48 * MIB
    assert array.all()


def test_without_a_container_the_machine_is_the_limit(cgroup):
    assert available_memory() == 1024 * MIB


def test_a_container_leaves_its_limit_less_what_is_taken(cgroup):
    _limit(cgroup, limit=512 * MIB, used=200 * MIB, cache=0)
    assert available_memory() == 312 * MIB


def test_file_cache_that_gives_way_counts_as_free(cgroup):
    _limit(cgroup, limit=512 * MIB, used=200 * MIB, cache=50 * MIB)
    assert available_memory() == 362 * MIB


def test_a_container_cannot_have_more_than_the_machine(cgroup):
    _limit(cgroup, limit=8192 * MIB, used=0, cache=0)
    assert available_memory() == 1024 * MIB


def test_a_container_without_a_limit_has_the_machine(cgroup):
    _limit(cgroup, limit="max", used=200 * MIB, cache=0)
    assert available_memory() == 1024 * MIB


def test_beyond_the_limit_nothing_is_left(cgroup):
    _limit(cgroup, limit=100 * MIB, used=101 * MIB, cache=0)
    assert available_memory() == 0


def test_limits_of_the_first_version_of_control_groups_hold_too(cgroup):
    (cgroup / "memory").mkdir()
    (cgroup / "memory" / "memory.limit_in_bytes").write_text(f"{512 * MIB}\n")
    (cgroup / "memory" / "memory.usage_in_bytes").write_text(f"{200 * MIB}\n")
    (cgroup / "memory" / "memory.stat").write_text(
        f"inactive_file 0\ntotal_inactive_file {50 * MIB}\n"
    )
    assert available_memory() == 362 * MIB


def test_this_machine_has_memory_left():
    assert 0 < available_memory() <= psutil.virtual_memory().total


needs_glibc = pytest.mark.skipif(memory._glibc() is None, reason="needs glibc's malloc")


# Both in a process of its own, whose heap nobody used before.
_FAULTS = """
import resource
import numpy as np
from genreclass.memory import kept_memory

def faults_of_batches():
    # Pages asked of the system while tensors of 40 MB come and go.
    np.ones(5_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(5_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults_of_batches())
with kept_memory():
    print(faults_of_batches())
    with kept_memory():
        pass
    print(faults_of_batches())
print(faults_of_batches())
"""

_SIZES = """
import numpy as np
from genreclass.memory import kept_memory, process_memory

print(process_memory())
with kept_memory():
    arrays = [np.ones(5_000_000) for _ in range(5)]
    print(process_memory())
    del arrays
    print(process_memory())
print(process_memory())
"""


def _numbers_printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return map(int, done.stdout.split())


@needs_glibc
def test_kept_memory_is_not_asked_for_again_until_the_last_one_is_done():
    without, within, still, afterwards = _numbers_printed(_FAULTS)
    assert without > 1000
    assert within < without / 5
    assert still < without / 5
    assert afterwards > without / 2


@needs_glibc
def test_kept_memory_is_given_back():
    before, held, freed, afterwards = _numbers_printed(_SIZES)
    assert held > before + 150e6
    assert freed > before + 150e6
    assert afterwards < before + 50e6


def test_memory_is_left_alone_where_somebody_set_it_up(monkeypatch):
    memory._glibc.cache_clear()
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    try:
        assert memory._glibc() is None
        with kept_memory():
            pass
    finally:
        memory._glibc.cache_clear()
