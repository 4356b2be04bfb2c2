"""Training on several ranks: the bytes are those of as many replicas in one process, through stops, kills and another count of ranks; what
cannot be is said once, by rank 0."""
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from ranks import ENVIRONMENT, PROGRAM, ROOT, command, run

sys.path.insert(0, str(ROOT / "tests" / "cli"))
from support import make_dataset  # noqa: E402

FILES = "best.safetensors", "last.safetensors", "predictions.safetensors"
NET = ("name: tiny\nlayers:\n  - conv2d: {name: c, channels: 8, kernel: 3, padding: 1}\n  - batch_norm: {name: n}\n  - relu:\n"
       "  - max_pool: {size: 2}\n  - flatten:\n  - dropout: {rate: 0.1}\n  - linear: {name: out, features: classes}\n")
# What has a state, or needs to know of the whole batch.
SETS = {
    "plain": ["ema.decay=0.9", "loss.name=min-ent", "loss.learn=w1 w2", "augment.mixup=0.3"],
    "ahead": ["loss.name=min-ent", "loss.style=hypergradient", "loss.held_out_fraction=0.3"],
    "pruned": ["prune.fraction=0.5", "members=2", "select=test"],
    "residual": ["net=resnet20", "progressive.side=16", "ema.decay=0.9"],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    make_dataset(directory / "bars", train=120, test=40, side=20)
    (directory / "net.yaml").write_text(NET)
    return directory


def words(data, *more):
    return ["train", "--data", data / "bars", "--net", data / "net.yaml", "batch=24", "epochs=4", "threads=4", "precision=fp32",
            "validation.fraction=0.2", *more]


def same(one, other):
    for name in FILES:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def text_of(done):
    """What mixent says of its failure: once, however many ranks there are."""
    messages = [line for line in done.stderr.splitlines() if line.startswith("mixent: ")]
    assert done.returncode != 0 and len(messages) == 1, done.stderr
    return messages[0]


@pytest.mark.parametrize("name", SETS)
def test_ranks_make_the_bytes_of_replicas(data, tmp_path, name):
    for replicas, counts in ((2, [2]), (4, [2, 4])):
        alone = tmp_path / f"alone-{replicas}"
        done = run(None, PROGRAM, *words(data, *SETS[name], f"replicas={replicas}", "--run", alone))
        assert done.returncode == 0, done.stderr
        for ranks in counts:
            there = tmp_path / f"on-{ranks}-of-{replicas}"
            asked = [] if ranks == replicas else [f"replicas={replicas}"]  # not set: one for each rank
            done = run(ranks, PROGRAM, *words(data, *SETS[name], *asked, "--run", there))
            assert done.returncode == 0, done.stderr
            assert done.stdout.count("The model is ") == 1
            same(alone, there)


@pytest.mark.parametrize("name", ["plain", "pruned"])
def test_killed_and_resumed_on_other_ranks(data, tmp_path, name):
    """Killed wherever they are, and gone on with by 2, 1 and 4 ranks in turn."""
    options = words(data, *SETS[name], "epochs=60", "replicas=4", "save_minutes=1e-9")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(None, PROGRAM, *options, "--run", whole).returncode == 0
    begin = [PROGRAM, *options, "--run", killed]
    for ranks in (4, 2, 1, 4):
        job = subprocess.Popen(command(ranks, *begin), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
        lines = (killed / "metrics.jsonl").read_text().count("\n") if killed.exists() else 0
        end = time.monotonic() + 60
        while job.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
            if killed.exists() and (killed / "metrics.jsonl").read_text().count("\n") >= lines + 3:
                break
        assert job.poll() is None, "it ended before it was killed"
        subprocess.run(["pkill", "-KILL", "-f", f"{PROGRAM} train .*{killed}"], check=False)
        job.wait(60)
        begin = [PROGRAM, "train", "--resume", killed]
    done = run(2, *begin)
    assert done.returncode == 0, done.stderr
    same(whole, killed)


@pytest.mark.parametrize("rank", [None, 0, 1])
def test_a_stop_saves_and_says_how_to_go_on(data, tmp_path, rank):
    """SIGTERM to mpirun; to one rank alone, after which all ranks say what it says."""
    there = tmp_path / "run"
    job = subprocess.Popen(command(2, PROGRAM, *words(data, "epochs=100000", "--run", there)), env=ENVIRONMENT,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (there / "metrics.jsonl").exists() or not (there / "metrics.jsonl").read_text():
        assert job.poll() is None, job.stderr.read()
        time.sleep(0.05)
    ranks = subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True, check=True).stdout.split()
    os.kill(job.pid if rank is None else int(ranks[rank]), signal.SIGTERM)
    _, err = job.communicate(timeout=60)
    assert job.returncode != 0 if rank is None else job.returncode == 128 + signal.SIGTERM
    messages = [line for line in err.splitlines() if line.startswith("mixent: ")]
    assert len(messages) == 1 and "stopped and saved after step" in messages[0]
    assert messages[0].endswith(f"go on with: mixent train --resume {there}")


def test_replicas_that_ranks_cannot_hold(data, tmp_path):
    done = run(2, PROGRAM, *words(data, "replicas=3", "--run", tmp_path / "run"))
    assert "replicas: expected a multiple of the 2 ranks, got 3;" in text_of(done)
    assert not (tmp_path / "run").exists()
    assert run(None, PROGRAM, *words(data, "epochs=1", "--run", tmp_path / "one")).returncode == 0
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two" / "summary.json").unlink()
    done = run(2, PROGRAM, "train", "--resume", tmp_path / "two")
    assert "replicas: expected a multiple of the 2 ranks, got 1;" in text_of(done)


def test_a_finished_run_is_read_back(data, tmp_path):
    assert run(2, PROGRAM, *words(data, "epochs=1", "--run", tmp_path / "run")).returncode == 0
    done = run(2, PROGRAM, "train", "--resume", tmp_path / "run")
    assert done.returncode == 0 and done.stdout.count("The model is ") == 1


def job_of_two(first, second):
    """Two ranks with words of their own."""
    both = command(1, *first) + [":", "-n", "1", *map(str, second)]
    return subprocess.run(both, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def test_ranks_that_would_not_train_the_same(data, tmp_path):
    other = tmp_path / "bars"
    make_dataset(other, train=120, test=40, side=20, seed=5)
    first = [PROGRAM, *words(data, "--run", tmp_path / "run")]
    second = [PROGRAM, *words(data, "--data", other, "--run", tmp_path / "run")]
    assert " on " in text_of(job_of_two(first, second)) and "its data are not rank 0's" in text_of(job_of_two(first, second))
    assert "its recipe is not rank 0's" in text_of(job_of_two(first, first + ["ema.decay=0.5"]))
    missing = [PROGRAM, *words(data, "--data", tmp_path / "nowhere", "--run", tmp_path / "run")]
    message = text_of(job_of_two(first, missing))
    assert message.startswith("mixent: rank 1 on ") and "nowhere" in message
    assert not (tmp_path / "run").exists()


def test_rank_0_fails_for_all(data, tmp_path):
    """A run that exists is rank 0's to find, and a loss that is not finite everybody's."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "file").write_text("")
    assert f"{tmp_path}/run" in text_of(run(2, PROGRAM, *words(data, "--run", tmp_path / "run")))
    done = run(2, PROGRAM, *words(data, "optimizer.learning_rate=1000", "optimizer.momentum=0.99", "epochs=60", "schedule.name=constant", "--run", tmp_path / "wild"))
    assert "not finite at step" in text_of(done)
    assert (tmp_path / "wild" / "failure.txt").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk needs root")
def test_a_full_disk_ends_all(data, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=260k", "none", disk], check=True)
    try:
        begin = time.monotonic()
        message = text_of(run(2, PROGRAM, *words(data, "net=conv3", "--run", disk / "run")))
        assert "No space left" in message and time.monotonic() - begin < 30
    finally:
        subprocess.run(["umount", disk], check=True)
