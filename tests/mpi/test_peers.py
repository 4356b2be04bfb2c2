"""Ranks of an MPI job: the mean over replicas, which no count of ranks changes; what they tell each other; ranks that fail and ranks that
are lost."""
import signal
import subprocess
import time

import pytest

from ranks import PEERS, PROGRAM, run

WITHIN = 30  # seconds in which a lost rank ends all others


def get_mean(ranks, *words):
    done = run(ranks, PEERS, "mean", *words)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 1
    return done.stdout.strip()


@pytest.mark.parametrize("replicas, counts", [(2, [2]), (3, [3]), (4, [2, 4]), (6, [1, 2, 3, 6]), (8, [2, 4])])
@pytest.mark.parametrize("size, bucket, steps", [(100003, 0, 3), (100003, 7001, 3), (5, 2, 4), (1, 1, 2)])
def test_the_mean_has_the_same_bits_on_every_count_of_ranks(replicas, counts, size, bucket, steps):
    alone = get_mean(None, replicas, size, bucket, steps)
    assert get_mean(None, replicas, size, bucket, steps, "in-place") == alone
    for ranks in counts:
        assert get_mean(ranks, replicas, size, bucket, steps) == alone
    assert get_mean(counts[-1], replicas, size, bucket, steps, "in-place") == alone


def test_large_buckets():
    """Messages that MPI does not send at once, several at a time."""
    assert get_mean(4, 4, 3_000_001, 400_000, 3) == get_mean(None, 4, 3_000_001, 400_000, 3)


def test_replicas_that_ranks_cannot_share():
    done = run(2, PEERS, "mean", 3, 10, 0, 1)
    assert done.returncode == 1
    assert "rank 0: expected a multiple of 2 ranks as the number of replicas, got 3" in done.stderr


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_gather(ranks):
    assert run(ranks, PEERS, "gather").stdout.splitlines() == [f"{rank} of {ranks}" for rank in range(ranks)]


def test_agree():
    def get_messages(*failing):
        done = run(3, PEERS, "agree", *failing)
        assert (done.returncode != 0) == bool(failing)
        return sorted(line for line in done.stderr.splitlines() if line.startswith("rank "))

    host = subprocess.run(["uname", "-n"], capture_output=True, text=True).stdout.strip()
    assert get_messages() == []
    assert get_messages(0, 1, 2) == [f"rank {rank}: the loss of rank 0 is not finite" for rank in range(3)]
    assert get_messages(2) == [
        f"rank {rank}: rank 2 on {host}: the loss of rank 2 is not finite" for rank in range(3)]
    assert get_messages(1, 2)[0] == f"rank 0: rank 1 on {host}: the loss of rank 1 is not finite"


def test_a_rank_that_fails_without_the_others_ends_them():
    begin = time.monotonic()
    done = run(3, PEERS, "fail", 1, timeout=WITHIN)
    assert done.returncode != 0 and time.monotonic() - begin < WITHIN
    messages = [line for line in done.stderr.splitlines() if line.startswith("mixent: ")]
    assert len(messages) == 1 and messages[0].startswith("mixent: rank 1 on ")
    assert messages[0].endswith(" failed while others went on: the disk is full")


@pytest.mark.parametrize("killed", [0, 2])
def test_a_killed_rank_ends_all(start, killed):
    """Open MPI notices and says so."""
    job = start(3, PEERS, "work", 120)
    job.signal(signal.SIGKILL, killed)
    code, _, text = job.wait(WITHIN)
    assert code != 0 and f"process rank {killed}" in text and "Killed" in text
    assert not job.left()


@pytest.mark.parametrize("stopped, lost", [([1], "rank 1 on "), ([0], "rank 0 on "), ([1, 2], ", rank 2 on ")])
def test_a_rank_that_falls_silent_ends_all(start, stopped, lost):
    """As a node does that is lost: the heartbeat notices, while no rank calls MPI."""
    job = start(3, PEERS, "work", 120)
    job.signal(signal.SIGSTOP, *stopped)
    code, messages, text = job.wait(WITHIN)
    assert code != 0 and len(messages) == 1, text
    assert messages[0].startswith("mixent: lost rank ") and lost in messages[0] and "--resume" in messages[0]
    assert not job.left()


def test_a_job_that_was_suspended_goes_on(start):
    job = start(2, PEERS, "work", 25)
    job.signal(signal.SIGSTOP, 0, 1)
    time.sleep(18)
    job.signal(signal.SIGCONT, 0, 1)
    code, messages, text = job.wait(WITHIN)
    assert code == 0 and not messages, text


def test_rank_0_alone_speaks():
    done = run(2, PROGRAM, "eval", "nothing.safetensors")
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if line.startswith("mixent: ")] == [
        "mixent: eval does not run on several ranks; run it without mpirun"]
    assert run(2, PROGRAM, "train", "--help").stdout == run(None, PROGRAM, "train", "--help").stdout
    assert "Open MPI v" in run(None, PROGRAM, "version").stdout
