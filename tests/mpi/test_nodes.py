"""Ranks on several nodes: network namespaces with lines of 1 Gbit/s and 1 ms, of which one is lost."""
import sys
import time

import pytest

from ranks import PEERS, ROOT, run

sys.path.insert(0, str(ROOT / "bench"))
from nodes import Nodes, why_not  # noqa: E402

WITHIN = 30


@pytest.fixture
def nodes():
    if why_not():
        pytest.skip(why_not())
    with Nodes(3) as made:
        yield made


def test_the_mean_has_the_same_bits_over_a_network(nodes):
    words = [PEERS, "mean", 6, 200_001, 50_000, 3]
    alone = run(None, *words)
    assert len(alone.stdout.strip()) == 64
    for ranks in (2, 3):
        done = run(None, *nodes.mpirun(*words, ranks=ranks))
        assert done.stdout == alone.stdout, done.stderr


@pytest.mark.parametrize("lost", [1, 2])
def test_a_lost_node_ends_all(nodes, start, lost):
    """With the options of docs/SCALE.md mpirun notices, and nothing stays on any node."""
    job = start(3, command=nodes.mpirun(PEERS, "work", 120))
    time.sleep(1)  # what was printed has arrived
    nodes.cut(lost)
    code, _, text = job.wait(WITHIN)
    assert code != 0 and f"on node node{lost}" in text or f"rank {lost} on node{lost}" in text
    end = time.monotonic() + WITHIN
    while any(nodes.processes(node) for node in range(3)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(nodes.processes(node) for node in range(3))


def test_without_these_options_the_ranks_end(nodes, start):
    """The heartbeat ends the ranks of both sides; mpirun waits on for the node."""
    job = start(3, command=nodes.mpirun(PEERS, "work", 120, options=()))
    nodes.cut(1)
    end = time.monotonic() + WITHIN
    while job.left() and time.monotonic() < end:
        time.sleep(0.1)
    assert not job.left()
    messages = [line for line in job.err.read_text().splitlines() if line.startswith("mixent: ")]
    assert len(messages) == 1 and messages[0].startswith("mixent: lost rank 1 on node1: "), messages
