"""Runs that are killed beside each write (test_kills.py: at random moments), or whose disk is full, go on and end with the bytes of an undisturbed run."""
import json
import os
import shutil
import signal
import subprocess

import pytest

from support import PROGRAM, environment, make_dataset

# Kills the process at its KILL_AT-th passage through rename or fsync, before or after the call itself: the moments at
# which a file has just become safe or visible. Counts them in the file KILL_COUNT.
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int count;

static void pass(void) {
  const char *at = getenv("KILL_AT");
  count++;
  if (at && count == atoi(at)) kill(getpid(), SIGKILL);
}

int rename(const char *from, const char *to) {
  int (*next)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
  pass();
  int result = next(from, to);
  pass();
  return result;
}

int renameat2(int from_in, const char *from, int to_in, const char *to, unsigned flags) {
  int (*next)(int, const char *, int, const char *, unsigned) =
      (int (*)(int, const char *, int, const char *, unsigned))dlsym(RTLD_NEXT, "renameat2");
  if (getenv("NO_EXCHANGE")) return errno = EINVAL, -1;
  pass();
  int result = next(from_in, from, to_in, to, flags);
  pass();
  return result;
}

int fsync(int file) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  pass();
  int result = next(file);
  pass();
  return result;
}

__attribute__((destructor)) static void tell(void) {
  FILE *file = getenv("KILL_COUNT") ? fopen(getenv("KILL_COUNT"), "w") : NULL;
  if (file) fprintf(file, "%d", count), fclose(file);
}
"""

EPOCHS = 2
TIMES = ("seconds", "images_per_second")


class Course:
    """A short run that uses everything that has a state, saved after every step."""

    def __init__(self, directory):
        self.directory = directory
        make_dataset(directory / "bars", train=100, test=40)
        (directory / "net.yaml").write_text(
            "name: tiny\nlayers:\n  - conv2d: {name: c, channels: 8, kernel: 3, padding: 1}\n  - batch_norm: {name: n}\n"
            "  - relu:\n  - max_pool: {size: 2}\n  - flatten:\n  - dropout: {rate: 0.1}\n"
            "  - linear: {name: out, features: classes}\n")
        options = {"batch": 18, "validation.fraction": 0.2, "train_fraction": 0.9, "noise.fraction": 0.1, "select": "test", "save_minutes": 1e-9, "ema.decay": 0.9, "ema.estimate_batches": 2,
                   "loss.learn": "w1 w2", "loss.weight_learning_rate": 0.001, "augment.affine_rotation": 10}
        self.options = [str(word) for word in ["--data", directory / "bars", "--net", directory / "net.yaml", "--loss",
                                               "min-ent", "--epochs", EPOCHS, "--threads", 2, "--precision", "fp32"]]
        for key, value in options.items():
            self.options += ["--set", f"{key}={value}"]
        self.shim = directory / "shim.so"
        (directory / "shim.c").write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.shim, directory / "shim.c", "-ldl"], check=True)
        count = directory / "count"
        done = self.train(directory / "whole", KILL_COUNT=str(count))
        assert done.returncode == 0, done.stderr
        self.passages = int(count.read_text())
        self.expected = self.result(directory / "whole")

    def start(self, *arguments, **variables):
        return subprocess.Popen([PROGRAM, "train", *map(str, arguments)], cwd=self.directory, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=environment(LD_PRELOAD=str(self.shim), **variables))

    def wait(self, process):
        _, errors = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, stderr=errors)

    def train(self, run, *more, **variables):
        return self.wait(self.start(*self.options, *more, "--run", run, **variables))

    def go_on(self, run, **variables):
        """Resumes, or starts again if the process died before there was a run."""
        if run.exists():
            return self.wait(self.start("--resume", run, **variables))
        return self.train(run, **variables)

    @staticmethod
    def result(run):
        """All that must be the same, in the end: three files' bytes, and metrics.jsonl but for its times."""
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert [line["epoch"] for line in lines] == list(range(1, EPOCHS + 1))
        lines = [{key: value for key, value in line.items() if key not in TIMES} for line in lines]
        return [(run / f"{name}.safetensors").read_bytes() for name in ("best", "last", "predictions")], lines

    def check(self, run):
        done = self.go_on(run)
        assert done.returncode == 0, done.stderr
        assert self.result(run) == self.expected
        summary = json.loads((run / "summary.json").read_text())
        assert 0 <= summary["test"]["accuracy"] <= 1
        left = {path.name for path in run.iterdir()}
        assert left <= {"recipe.yaml", "plan.yaml", "metrics.jsonl", "last.safetensors", "best.safetensors",
                        "predictions.safetensors", "summary.json"} | {name for name in left if name.endswith(".new")}
        shutil.rmtree(run)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return Course(tmp_path_factory.mktemp("resume"))


def kill_at_passages(course, passages):
    for passage in passages:
        run = course.directory / f"passage-{passage}"
        done = course.train(run, KILL_AT=str(passage))
        assert done.returncode == -signal.SIGKILL, f"passage {passage}: {done.stderr}"
        course.check(run)


def test_kills_between_the_writes(course):
    assert course.passages > 60
    kill_at_passages(course, range(2, course.passages, course.passages // 7))


def test_killed_again_and_again(course):
    """A process that dies over and over still comes to the end: each gets past one save at least."""
    run = course.directory / "again"
    deaths = 0
    while (done := course.go_on(run, KILL_AT="31")).returncode == -signal.SIGKILL:
        deaths += 1
        assert deaths < 100
    assert done.returncode == 0 and deaths > 2
    course.check(run)


def test_kills_while_a_run_is_overwritten(course):
    """At every moment there is either the old or the new run at the place, complete."""
    run, new = course.directory / "overwritten", "\nseed: 1\n"
    after = 0  # passages at which the new one had the place
    for passage in range(1, 100):
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(course.directory / "whole", run)
        done = course.train(run, "--overwrite", "--seed", 1, KILL_AT=str(passage))
        assert done.returncode == -signal.SIGKILL, done.stderr
        if new in (run / "recipe.yaml").read_text():
            assert (run / "last.safetensors").exists() and (run / "metrics.jsonl").exists()
            after += 1
            if after == 4:
                break
        else:
            assert not after
            assert course.result(run) == course.expected and (run / "summary.json").exists()
    assert passage > 15 and after == 4
    assert course.go_on(run).returncode == 0
    assert course.train(run, "--overwrite").returncode == 0  # takes away what the dead ones left
    assert course.result(run) == course.expected
    assert not list(course.directory.glob(".overwritten*"))


def test_overwriting_where_names_cannot_be_exchanged(course):
    run = course.directory / "moved"
    shutil.copytree(course.directory / "whole", run)
    done = course.train(run, "--overwrite", "--seed", 1, NO_EXCHANGE="1")
    assert done.returncode == 0, done.stderr
    assert "\nseed: 1\n" in (run / "recipe.yaml").read_text()
    assert not list(course.directory.glob(".moved*"))


@pytest.mark.long
def test_kills_at_every_passage(course):
    kill_at_passages(course, range(1, course.passages + 1))


@pytest.fixture
def small_disk(tmp_path):
    """A directory on a disk of its own of 512 KiB: a tmpfs in a mount namespace, seen through /proc."""
    place = tmp_path / "disk"
    place.mkdir()
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        process = subprocess.Popen([*unshare, "sh", "-c", f"mount -t tmpfs -o size=512k tmpfs '{place}' && echo ready && cat"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        pytest.skip("no unshare here, so no small disk")
    if process.stdout.readline() != "ready\n":
        pytest.skip(f"no small disk can be mounted here: {process.communicate()[1].strip()}")
    yield type(place)(f"/proc/{process.pid}/root{place}")
    process.communicate("")


def test_a_full_disk(course, small_disk):
    """However much room is left: the failure says so, and with more room the run goes on to the same end."""
    run, filler = small_disk / "run", small_disk / "filler"
    failed_within = 0
    for room in range(4, 400, 8):
        filler.write_bytes(bytes((512 - room) * 1024))
        done = course.train(run)
        filler.unlink()
        if done.returncode == 0:
            break
        assert done.returncode == 1
        assert "No space left" in done.stderr and "free some space" in done.stderr
        failed_within += run.exists()
        course.check(run)
    assert done.returncode == 0 and failed_within > 0
