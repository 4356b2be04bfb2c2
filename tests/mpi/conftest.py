"""Where there is no MPI, the tests on several ranks are skipped."""
import pytest

import ranks


@pytest.fixture(autouse=True)
def mpi():
    if not ranks.MPIRUN:
        pytest.skip("mpirun is not installed ('tools/install-dependencies mpi' does it)")
    if not ranks.PEERS.exists():
        pytest.skip(f"{ranks.PEERS} is not built ('make mpi' builds it)")


@pytest.fixture
def start(tmp_path):
    """start(RANKS, WORD...) starts a job, or that of another command; it is ended with the test."""
    jobs = []

    def begin(count, *words, command=None):
        jobs.append(ranks.Job(tmp_path, count, command or ranks.command(count, *words)))
        return jobs[-1]

    yield begin
    for job in jobs:
        job.end()
