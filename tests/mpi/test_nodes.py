"""Ranks on several nodes: network namespaces with lines of 1 Gbit/s and 1 ms, of which one is lost."""
import json
import sys
import time

import pytest

from ranks import PEERS, ROOT, run

sys.path.insert(0, str(ROOT / "bench"))
import scale  # noqa: E402
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
    assert code != 0
    assert f"on node node{lost}" in text or f"rank {lost} on node{lost}" in text
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


FACTS = {"line": {"rate": 1e9, "delay": 5e-4, "goodput": 1e8, "latency": 3e-3, "message": 5e-6},
         "networks": {"some": {"parameters": 4_000_000, "step": 0.6}}}


def test_the_model_of_many_ranks(tmp_path):
    """Where next to nothing is exchanged, or the backward pass hides it, a step takes what is computed; else what the line takes."""
    line = FACTS["line"]
    assert scale.predict(line, 4_000_000, 0.6, 1) == 0.6
    hidden = scale.predict(dict(line, goodput=1e12), 4_000_000, 0.6, 4)
    assert 0.6 < hidden < 0.6 + 2 * line["latency"]
    bare = scale.predict(line, 4_000_000, 0, 4, gathered=0)  # 24 MB at 100 MB/s
    assert scale.exchanged_bytes(4_000_000, 4) == 24_000_000 and abs(bare - 0.243) < 0.001
    last = scale.predict(line, 4_000_000, 1.2, 4, gathered=0) - 1.2  # the last bucket cannot be hidden
    assert 0.003 < last < 0.003 + 4 * 2 * 512 * 1024 * 2 * 0.75 / 1e8
    (tmp_path / "facts.json").write_text(json.dumps(FACTS))
    done = run(None, sys.executable, ROOT / "bench" / "scale.py", "--model", tmp_path / "facts.json", "--rates", "1,100")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()[:1].isdigit() and "Gbit" not in line]
    assert [int(row[0]) for row in rows] == 2 * [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert float(rows[9 + 3][5]) > float(rows[3][5])  # the faster line: more speed from 8 ranks
    for wrong in ("{}", "[]", "no JSON"):
        (tmp_path / "facts.json").write_text(wrong)
        done = run(None, sys.executable, ROOT / "bench" / "scale.py", "--model", tmp_path / "facts.json")
        assert done.returncode == 1 and done.stderr.startswith(f"scale.py: {tmp_path}/facts.json: expected a file that --out has written")


def test_what_the_exchange_costs(nodes):
    """The measurement runs; its times mean nothing on a machine that tests."""
    line = scale.measure_line(nodes)
    assert 1e6 < line["goodput"] < 130e6 and line["latency"] > 3 * 5e-4
    found = scale.wait_steps(nodes, 2, 100_000, compute=0.05, steps=3)
    assert found["ranks"] == 2 and found["step"] > 0.05 + found["after"] - 1e-6
