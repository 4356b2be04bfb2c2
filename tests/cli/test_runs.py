"""`mixent runs` and `mixent show`: what they find, in whatever state it is."""
import csv
import fcntl
import io
import json
import os
import pty
import random
import resource
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

import pytest

from support import PROGRAM, environment

RECIPE = "name: small\nseed: {seed}\nepochs: 3\nloss: {{name: {loss}}}\ndata: mnist\n"


def epoch(number, accuracy, **more):
    return json.dumps({"epoch": number, "validation": {"images": 50, "accuracy": accuracy}, "seconds": 1.5, "best": True, **more})


def make_run(path, loss="ce", seed=0, epochs=3, accuracy=None):
    """A run as far as its files tell; finished if it has an accuracy."""
    path.mkdir(parents=True)
    (path / "recipe.yaml").write_text(RECIPE.format(loss=loss, seed=seed))
    (path / "metrics.jsonl").write_text("".join(epoch(i + 1, i / 10) + "\n" for i in range(epochs)))
    (path / "last.safetensors").touch()
    if accuracy is not None:
        scores = {"images": 100, "accuracy": accuracy, "nll": 1 - accuracy, "ece": 0.01}
        (path / "summary.json").write_text(json.dumps({"test": scores, "validation": scores, "seconds": 90, "best_epoch": 2}))
    return path


@pytest.fixture
def runs(tmp_path):
    """Six runs, two of them in studies, one damaged, one interrupted."""
    directory = tmp_path / "runs"
    make_run(directory / "ce-2", seed=2, accuracy=0.9)
    make_run(directory / "ce-10", seed=10, accuracy=0.5)
    make_run(directory / "study" / "min-ent-0", loss="min-ent", accuracy=0.925)
    make_run(directory / "study" / "mnist" / "min-ent-1", loss="min-ent", seed=1, epochs=2)
    make_run(directory / 'odd, "name"', accuracy=0.75)
    broken = make_run(directory / "broken", accuracy=0.5)
    (broken / "summary.json").write_text('{"test": {"accu')
    return directory


def names(mixent, *words):
    listed = mixent("runs", "--csv", "--columns", "run", *words)
    assert listed.code == 0, listed.err
    assert listed.err == ""
    return [row["run"] for row in csv.DictReader(io.StringIO(listed.out))]


ALL = ["broken", "ce-2", "ce-10", 'odd, "name"', "study/min-ent-0", "study/mnist/min-ent-1"]


def test_table(mixent, runs):
    listed = mixent("runs")
    lines = listed.out.splitlines()
    assert listed.code == 0 and listed.err == ""
    assert lines[0].split() == "run loss net data seed status epochs val % test % NLL ECE time when".split()
    assert [line[:len(name)] for line, name in zip(lines[1:], ALL)] == ALL
    assert lines[2].split()[:12] == ["ce-2", "ce", "vgg5", "mnist", "2", "finished", "3/3", "90.00", "90.00", "0.1000", "0.0100", "1:30"]
    assert lines[1].split()[5:10] == ["damaged", "3/3", "20.00", "-", "-"]
    assert lines[6].split()[5:10] == ["interrupted", "2/3", "10.00", "-", "-"]
    assert len({line.find(word) for line, word in zip(lines[2:5], ["finished"] * 3)}) == 1
    assert mixent("runs", "seed>1000").out == "no run in runs passes\n"
    assert (runs / "index.sqlite").exists()


def test_filters_and_order(mixent, runs):
    assert names(mixent) == ALL
    assert names(mixent, "loss.name=min-ent") == ALL[4:]
    assert names(mixent, "test.accuracy>0.6", "--sort", "test.accuracy", "--descending") == ["study/min-ent-0", "ce-2", 'odd, "name"']
    assert names(mixent, "seed<5", "status=finished", "run~CE-") == ["ce-2"]
    assert names(mixent, "--sort", "seed", "--descending", "--limit", "2") == ["ce-10", "ce-2"]
    assert names(mixent, "--sort", "test.nll")[-2:] == ["broken", "study/mnist/min-ent-1"]
    assert names(mixent, "status=damaged") == ["broken"]
    assert names(mixent, "damage~summary.json") == ["broken"]
    assert names(mixent, "run=x' OR '1'='1") == []


@pytest.mark.parametrize("words, message", [
    (["los.name=ce"], "did you mean 'loss.name'?"),
    (["learning_rate>1"], "here it is 'optimizer.learning_rate'"),
    (["lr>1"], "here it is 'optimizer.learning_rate'"),
    (["--sort", "test.acuracy"], "did you mean 'test.accuracy'?"),
    (["--columns", "run,staus"], "did you mean 'status'?"),
    (["letters"], "'letters' is no filter; write KEY=VALUE"),
    (["--columns", ","], "expected names of columns"),
    (["--columns", "all"], "--csv or --json"),
    (["--json", "--csv"], "not both"),
    (["--runs", "runs/ce-2"], "is itself a run")])
def test_wrong_use(mixent, runs, words, message):
    done = mixent("runs", *words)
    assert done.code == 2
    assert message in done.message
    assert done.out == ""


def test_no_runs(mixent, tmp_path):
    done = mixent("runs")
    assert done.code == 1 and "no such directory" in done.message
    (tmp_path / "runs").mkdir()
    assert mixent("runs").out == "no run in runs\n"
    assert mixent("runs", "--json").out == ""
    assert mixent("runs", "test.accuracy>0.5").code == 0


def test_json_and_csv(mixent, runs):
    lines = [json.loads(line) for line in mixent("runs", "--json").out.splitlines()]
    assert [line["run"] for line in lines] == ALL
    best = lines[4]
    assert best["study"] == "study" and best["test.accuracy"] == 0.925 and best["seed"] == 0
    assert best["optimizer.nesterov"] is True and best["optimizer.learning_rate"] == 0.15
    assert best["epochs_done"] == 3 and best["last.validation.accuracy"] == 0.2
    assert best["last.best"] is True
    some = [json.loads(line) for line in mixent("runs", "--json", "--columns", "run,test.nll").out.splitlines()]
    assert some[5] == {"run": ALL[5], "test.nll": None}
    rows = list(csv.DictReader(io.StringIO(mixent("runs", "--csv", "--columns", "all").out)))
    assert [row["run"] for row in rows] == ALL
    for row, line in zip(rows, lines):
        for key, value in row.items():
            known = line.get(key, "")
            assert value == known if isinstance(known, str) else json.loads(value) == pytest.approx(known, rel=1e-14)


def test_names_that_are_no_text(mixent, runs):
    make_run(Path(os.fsdecode(os.fsencode(runs) + b"/\xff\x1b[31m")))
    listed = subprocess.run([PROGRAM, "runs"], cwd=runs.parent, env=environment(), capture_output=True)
    assert listed.returncode == 0 and b"\x1b" not in listed.stdout
    assert [json.loads(line)["run"] for line in mixent("runs", "--json", "loss=ce", "test.accuracy!=1").out.splitlines()]
    assert any(json.loads(line)["run"].startswith("?") for line in mixent("runs", "--json").out.splitlines())


def on_terminal(columns, *words, directory):
    """What the program writes on a terminal so wide."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([PROGRAM, *words], cwd=directory, env=environment(), stdout=follower, stdin=subprocess.DEVNULL)
    os.close(follower)
    data = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    os.close(leader)
    assert process.wait() == 0
    return data.decode().replace("\r", "").splitlines()


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 160])
def test_fits_the_terminal(mixent, runs, columns):
    make_run(runs / ("long-" * 12 + "7"), accuracy=0.5)
    lines = on_terminal(columns, "runs", directory=runs.parent)
    assert len(lines) == 8
    assert max(map(len, lines)) <= columns
    assert lines[0].startswith("run") and "test %" in lines[0]
    assert sum("…" in line and "-7 " in line for line in lines) == 1


def test_what_changes_is_seen(mixent, runs):
    assert names(mixent) == ALL
    shutil.rmtree(runs / "ce-2")
    make_run(runs / "a" / "b" / "c", accuracy=0.25)
    make_run(runs / "a" / "b" / "d" / "too-deep")
    make_run(runs / ".hidden")
    (runs / "broken" / "summary.json").unlink()
    with (runs / "study" / "mnist" / "min-ent-1" / "metrics.jsonl").open("a") as file:
        file.write(epoch(3, 0.875, warnings=["collapse: words"]) + "\n" + '{"epo')
    assert names(mixent) == ["a/b/c", "broken", *ALL[2:]]
    assert names(mixent, "status=interrupted") == ["broken", ALL[5]]
    assert names(mixent, "warnings~collapse", "validation.accuracy=0.875", "epochs_done=3") == [ALL[5]]
    kept = mixent("runs", "--json").out
    assert mixent("runs", "--json", "--rebuild").out == kept
    (runs / "index.sqlite").unlink()
    assert mixent("runs", "--json").out == kept


def test_damaged_index(mixent, runs):
    expected = mixent("runs", "--json").out
    (runs / "index.sqlite").write_bytes(random.Random(1).randbytes(20000))
    done = mixent("runs", "--json")
    assert done.code == 0 and done.out == expected
    assert done.err.startswith("mixent: warning: index-damaged: runs/index.sqlite") and (runs / "index.sqlite.damaged").exists()
    assert mixent("runs", "--json").err == ""


def test_directory_that_cannot_be_written(runs):
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        shutil.copytree(runs, Path(name) / "runs")
        os.chmod(Path(name) / "runs", 0o555)
        user = 65534 if os.getuid() == 0 else None
        program = shutil.copy2(PROGRAM, name)
        try:
            subprocess.run(["true"], user=user, check=True)
        except PermissionError:  # a root directory that only root may enter, as some containers have
            pytest.skip("no other user can run anything here")
        done = subprocess.run([program, "runs", "--csv", "--columns", "run"], cwd=name, env=environment(), user=user,
                              capture_output=True, text=True)
        os.chmod(Path(name) / "runs", 0o755)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 7
    assert done.stderr.startswith("mixent: warning: index-unused: ")


def test_full_disk(mixent, runs):
    expected = mixent("runs", "--json").out
    (runs / "index.sqlite").unlink()

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    done = subprocess.run([PROGRAM, "runs", "--json"], cwd=runs.parent, env=environment(), preexec_fn=limit, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0 and done.stdout == expected
    assert done.stderr.startswith("mixent: warning: index-unused: ")
    after = mixent("runs", "--json")
    assert after.out == expected and after.err == ""


def test_many_at_once(mixent, runs):
    words = [PROGRAM, "runs", "--json", "--columns", "run"]
    for _ in range(5):
        (runs / "index.sqlite").unlink(missing_ok=True)
        started = [subprocess.Popen(words + ["--rebuild"] * (i == 3), cwd=runs.parent, env=environment(), stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True) for i in range(6)]
        for process in started:
            out, err = process.communicate()
            assert process.returncode == 0 and err == ""
            assert len(out.splitlines()) == 6


def kill_again_and_again(mixent, runs, times):
    for i in range(40):
        make_run(runs / "more" / f"ce-{i}", seed=i, accuracy=i / 40)
    expected = mixent("runs", "--json").out
    moment = random.Random(2)
    for _ in range(times):
        process = subprocess.Popen([PROGRAM, "runs", "--rebuild"], cwd=runs.parent, env=environment(), stdout=subprocess.DEVNULL)
        time.sleep(moment.uniform(0, 0.06))
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = mixent("runs", "--json")
        assert done.code == 0 and done.err == "" and done.out == expected


def test_killed(mixent, runs):
    kill_again_and_again(mixent, runs, 10)


@pytest.mark.long
def test_killed_often(mixent, runs):
    kill_again_and_again(mixent, runs, 300)


def test_show_finds(mixent, runs):
    shown = mixent("show", "study/min-ent-0")
    assert shown.code == 0 and shown.err == ""
    assert shown.out.startswith("runs/study/min-ent-0: finished\n")
    assert mixent("show", "runs/study/min-ent-0/").out == shown.out
    for word, message in [("ce-3", "did you mean 'ce-2'?"), ("min-ent-0", "did you mean 'study/min-ent-0'?"),
                          ("study", "'mixent runs --runs runs/study' lists the runs in it"), ("xyzzy", "'mixent runs' lists them")]:
        done = mixent("show", word)
        assert done.code == 2 and message in done.message
    broken = mixent("show", "broken")
    assert broken.code == 0 and broken.out.startswith("runs/broken: damaged\nruns/broken/summary.json:1:")
    assert json.loads(mixent("show", "broken", "--json").out)["facts"]["damage"].startswith("runs/broken/summary.json:1:")


@pytest.mark.parametrize(("key", "value"), [("ece", 65536), ("accuracy", 2), ("accuracy", None), ("nll", -1)])
def test_scores_that_cannot_be(mixent, runs, key, value):
    path = runs / "ce-2" / "summary.json"
    summary = json.loads(path.read_text())
    summary["validation"][key] = value
    path.write_text(json.dumps(summary))
    shown = mixent("show", "ce-2")
    assert shown.out.startswith(f"runs/ce-2: damaged\nsummary.json: {key} of the validation part: expected a number from 0")
    assert "65536.0000" not in shown.out and "200.00" not in shown.out
    assert "ce-2" in names(mixent, "status=damaged")
    reported = mixent("report", "runs/ce-2")
    assert "warning: result-unread: runs/ce-2/summary.json: " in reported.err


def test_show_of_a_run_under_way(mixent, runs):
    place = runs / "study" / "mnist" / "min-ent-1"
    shown = mixent("show", "study/mnist/min-ent-1").out
    assert "interrupted" in shown and "2 of 3 epochs" in shown
    assert "\n  mixent train --resume runs/study/mnist/min-ent-1\n" in shown
    directory = os.open(place, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    shown = json.loads(mixent("show", place, "--json").out)
    assert shown["status"] == "running" and shown["resume"] is None and len(shown["epochs"]) == 2
    assert names(mixent, "status=running") == ["study/mnist/min-ent-1"]
    os.close(directory)
    assert names(mixent, "status=running") == []
    study = os.open(runs / "study", os.O_RDONLY)  # as while it is trained
    fcntl.flock(study, fcntl.LOCK_EX)
    assert names(mixent, "--runs", "runs/study") == ["min-ent-0", "mnist/min-ent-1"]
    os.close(study)


@pytest.mark.parametrize("options", [["--loss", "min-ent", "--seed", "3", "--set", "loss.w2=0.25"],
                                     ["--recipe", "demo", "--set", "augment.rotation=-0", "--set", "ema.decay=0.5"],
                                     ["--recipe", "own.yaml", "--set", "transpose=true", "--plan", "winograd-4"]])
def test_the_command_repeats_the_run(mixent, tiny, tmp_path, options):
    (tmp_path / "own.yaml").write_text("loss: {name: min-ent}\nlosses: {min-ent: {w1: 0.5}}\ntest: {views: 2}\n")
    run = "runs/a run's place"
    assert mixent("train", *options[:2], *tiny, *options[2:], "--run", run).code == 0
    command = json.loads(mixent("show", run, "--json").out)["command"]
    assert command in mixent("show", run).out
    words = shlex.split(command)
    assert words[:2] == ["mixent", "train"] and words[-2:] == ["--run", f"{run}-again"]
    keys = [word.partition("=")[0] for word in words if "=" in word]
    assert "name" not in keys and ("data" in keys) == (options[1] != "own.yaml")
    done = mixent(*words[1:], directory=tmp_path)
    assert done.code == 0 and done.err == ""
    first, second = tmp_path / run, tmp_path / f"{run}-again"
    for name in ["last.safetensors", "best.safetensors", "predictions.safetensors"]:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_looking_disturbs_no_training(mixent, tiny, tmp_path):
    assert mixent("train", *tiny, "--run", "runs/a").code == 0
    wanted = (tmp_path / "runs" / "a" / "last.safetensors").read_bytes()
    loop = f"while :; do {shlex.quote(str(PROGRAM))} runs >/dev/null || kill $$; done"
    lookers = [subprocess.Popen(["sh", "-c", loop], cwd=tmp_path, env=environment(), start_new_session=True) for _ in range(3)]
    try:
        for _ in range(4):
            (tmp_path / "runs" / "a" / "summary.json").unlink()
            done = mixent("train", "--resume", "runs/a")
            assert done.code == 0, done.err
        assert [looker.poll() for looker in lookers] == [None] * 3
    finally:
        for looker in lookers:
            os.killpg(looker.pid, signal.SIGKILL)
            looker.wait()
    assert (tmp_path / "runs" / "a" / "last.safetensors").read_bytes() == wanted
    assert mixent("runs").err == ""


def test_show_of_a_finished_run(mixent, tiny):
    trained = mixent("train", *tiny, "--run", "runs/a", "--loss", "mix-ent", "--set", "loss.learn=b2", "--set", "loss.base_learning_rate=5")
    warning = trained.err.split("mixent: warning: ")[1].splitlines()[0]
    assert warning.startswith("base-at-bound: base b2")
    shown = mixent("show", "a").out
    table = trained.out[trained.out.index("loss, CE, H"):trained.out.index("Trained for")]
    assert table.replace("\n\n", "\n") in shown.replace(f"warning: {warning}\n", "").replace("\n\n", "\n")
    assert f"\nwarning: {warning}\n" in shown
    facts = json.loads(mixent("show", "a", "--json").out)["facts"]
    assert facts["warnings"] == "base-at-bound"
    if facts["temperature.found"] == "true":
        assert f"At temperature {facts['temperature.temperature']:.3f}" in shown
    assert mixent("runs", "--csv", "--columns", "run,warnings,test_calibrated.nll").out.splitlines()[1].startswith("a,base-at-bound,")


def test_a_run_that_failed(mixent, tiny, tmp_path):
    words = ["train", *tiny, "--set", "optimizer.learning_rate=1000", "--set", "optimizer.momentum=0.99", "--run", "runs/a", "--epochs", "20"]
    failed = mixent(*words)
    assert failed.code == 1 and "not finite" in failed.err
    why = (tmp_path / "runs" / "a" / "failure.txt").read_text().strip()
    assert why in failed.err
    assert names(mixent, "status=failed", "failure~finite") == ["a"]
    assert mixent("show", "a").out.startswith(f"runs/a: failed\n{why}\n")
