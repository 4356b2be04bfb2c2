"""Signals and limits: each ends a run in a documented way, and the run goes on afterwards to the bytes of one that was left alone."""
import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from events import await_event
from support import PROGRAM, TINY_NET, environment, make_dataset, read_safetensors

EPOCHS = 25


class Place:
    """A directory with a small data set, a network, and what a run of it ends with when it is left alone."""

    def __init__(self, directory):
        self.directory = directory
        self.words = ["--data", make_dataset(directory / "bars", train=120, test=40), "--net", directory / "tiny.yaml", "--epochs", EPOCHS,
                      "--set", "batch=20", "--set", "optimizer.learning_rate=0.1", "--precision", "fp32", "--threads", 1]
        (directory / "tiny.yaml").write_text(TINY_NET)
        error = self.start("whole").communicate()[1]
        self.whole = (directory / "whole" / "last.safetensors").read_bytes()
        assert not error

    def start(self, run, *more, stdout=subprocess.DEVNULL, before=None):
        words = [str(PROGRAM), "train", "--run", run, *map(str, self.words), *more]
        return subprocess.Popen(words, cwd=self.directory, env=environment(), stdin=subprocess.DEVNULL, stdout=stdout,
                                stderr=subprocess.PIPE, text=True, preexec_fn=before)

    def resume(self, run, before=None):
        return subprocess.run([str(PROGRAM), "train", "--resume", run], cwd=self.directory, env=environment(), capture_output=True,
                              text=True, preexec_fn=before)

    def assert_goes_on(self, run):
        place = self.directory / run
        assert 1 <= lines_of(place) < EPOCHS and not (place / "summary.json").exists()
        done = self.resume(run)
        assert done.returncode == 0, done.stderr
        assert (place / "last.safetensors").read_bytes() == self.whole


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("signals"))


def lines_of(run):
    try:
        return (run / "metrics.jsonl").read_text().count("\n")
    except (FileNotFoundError, NotADirectoryError):
        return 0


def wait_for_epochs(process, run, epochs):
    while lines_of(run) < epochs:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGXCPU], ids=lambda number: number.name)
def test_signals_that_save_and_stop(place, number):
    process = place.start(number.name)
    wait_for_epochs(process, place.directory / number.name, 1)
    process.send_signal(number)
    if number in (signal.SIGHUP, signal.SIGXCPU):  # the kernel and the shell may both send it
        process.send_signal(number)
    error = process.communicate()[1]
    assert process.returncode == 128 + number and f"--resume {number.name}" in error and error.count("finishing this step") == 1
    place.assert_goes_on(number.name)


def test_nobody_reads_any_more(place):
    """As `mixent train | head -1`."""
    process = place.start("pipe", "--json", stdout=subprocess.PIPE)
    assert await_event(process, "epoch")["epoch"] == 1
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait() == 128 + signal.SIGPIPE and "--resume pipe" in error and error.count("mixent: ") == 1
    place.assert_goes_on("pipe")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGPIPE], ids=lambda number: number.name)
def test_what_is_ignored_stays_ignored(place, number):
    """As under nohup: the run comes to its end."""
    run = f"ignored-{number.name}"
    process = place.start(run, before=lambda: signal.signal(number, signal.SIG_IGN))
    wait_for_epochs(process, place.directory / run, 1)
    process.send_signal(number)
    error = process.communicate()[1]
    assert process.returncode == 0, error
    assert lines_of(place.directory / run) == EPOCHS


def test_limit_on_files(place):
    """As with `ulimit -f`: a failed write with a message, not the end by SIGXFSZ."""
    run = place.directory / "limit"
    process = place.start("limit")
    wait_for_epochs(process, run, 1)
    process.terminate()
    process.communicate()
    before = (run / "last.safetensors").read_bytes()
    limit = len(before) // 2
    done = place.resume("limit", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert done.returncode == 1 and "File too large; raise the limit" in done.stderr and "limit/" in done.stderr, done.stderr
    assert (run / "last.safetensors").read_bytes() == before
    assert not list(run.glob(".mixent-*"))
    place.assert_goes_on("limit")


def test_time_in_which_it_was_stopped(place):
    """As by Ctrl-Z: it is no training time, neither in summary.json nor in metrics.jsonl."""
    run = place.directory / "stopped"
    begin, stopped = time.monotonic(), 0
    process = place.start("stopped")
    for epoch in (1, 3):
        wait_for_epochs(process, run, epoch)
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        at = time.monotonic()
        time.sleep(1)
        stopped += time.monotonic() - at
        process.send_signal(signal.SIGCONT)
    error = process.communicate()[1]
    ran = time.monotonic() - begin - stopped
    assert process.returncode == 0, error
    summary = json.loads((run / "summary.json").read_text())
    metrics = [json.loads(line)["seconds"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert 0 < summary["seconds"] < ran and 0 < min(metrics) and max(metrics) < ran


def test_signals_at_once_are_one(place):
    """As from `timeout`, which signals its command and then the process group; later, once more ends at once."""
    process = place.start("twice")
    wait_for_epochs(process, place.directory / "twice", 1)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    error = process.communicate()[1]
    assert process.returncode == 143 and error.count("finishing this step") == 1, error
    place.assert_goes_on("twice")


@pytest.fixture
def study(place, request):
    """The words that train a study of four runs, how, and where the runs go."""
    name = request.node.name.translate(str.maketrans("[]", "-."))
    (place.directory / f"{name}.yaml").write_text(
        f"name: {name}\nrecipe: emnist-letters-short\nseeds: 2\nbaseline: ce\n"
        "variants:\n  ce: {loss: {name: ce}}\n  mix: {loss: {name: mix-ent}}\n"
        f"set: {{data: {place.directory / 'bars'}, net: {place.directory / 'tiny.yaml'}, epochs: {EPOCHS}, batch: 20, precision: fp32}}\n")
    how = dict(cwd=place.directory, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return [str(PROGRAM), "compare", f"{name}.yaml", "--threads", "1", "--jobs", "1"], how, place.directory / "runs" / name


def start_study(words, how, runs):
    """Returns once one of its runs has made an epoch."""
    process = subprocess.Popen(words, **how)
    while not any(lines_of(run) for run in runs.glob("*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    return process


def trainer_of(process):
    """The one process that it has started."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())


def assert_study_goes_on(words, how, runs):
    done = subprocess.run(words, **how)
    assert done.returncode == 0, done.stderr
    assert len(list(runs.glob("*/summary.json"))) == 4


@pytest.mark.parametrize("to_all", [False, True], ids=["parent", "all"])
def test_a_study_is_stopped(study, to_all):
    """Its runs are saved, also where each gets the signal twice, as from a batch system; the same command goes on."""
    number = signal.SIGTERM if to_all else signal.SIGHUP
    process = start_study(*study)
    trainer = trainer_of(process)
    process.send_signal(number)
    if to_all:
        os.kill(trainer, number)
    error = process.communicate()[1]
    assert process.returncode == 128 + number and "go on by" in error and "failed" not in error, error
    assert not list(study[2].glob("*/summary.json"))
    stopped, = study[2].glob("*/last.safetensors")
    assert read_safetensors(stopped)[0]["state.position"].any()
    assert_study_goes_on(*study)


def test_a_run_of_a_study_is_stopped(study):
    """It is saved and has not failed; the others come to their end, and the exit code says that one is to go on."""
    process = start_study(*study)
    os.kill(trainer_of(process), signal.SIGTERM)
    error = process.communicate()[1]
    assert process.returncode == 143 and "was stopped by signal 15" in error and "failed" not in error, error
    assert "interrupted with 3 of 4 runs finished" in error and json.loads((study[2] / "study.json").read_text())["failed"] == {}
    assert len(list(study[2].glob("*/summary.json"))) == 3
    assert_study_goes_on(*study)


def close_standard_descriptors():
    for descriptor in range(3):
        os.close(descriptor)


def test_closed_standard_descriptors(place):
    """No file takes the place of one, so that nothing is printed into it."""
    process = place.start("closed", before=close_standard_descriptors)
    wait_for_epochs(process, place.directory / "closed", 1)
    assert {os.readlink(f"/proc/{process.pid}/fd/{descriptor}") for descriptor in range(3)} == {"/dev/null"}
    process.communicate()
    assert process.returncode == 1  # what was printed has not arrived
    assert (place.directory / "closed" / "last.safetensors").read_bytes() == place.whole


def test_a_study_without_standard_descriptors(place, study):
    """Its runs say what they have to say through pipes of its own."""
    words, how, runs = study
    file = place.directory / words[2]
    file.write_text(file.read_text().replace(f"epochs: {EPOCHS}", "epochs: 2"))
    assert subprocess.run(words, **how, preexec_fn=close_standard_descriptors).returncode == 1
    assert len(list(runs.glob("*/summary.json"))) == 4 and json.loads((runs / "study.json").read_text())["failed"] == {}
