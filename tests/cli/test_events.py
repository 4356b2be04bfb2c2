"""Events: each line fits the schema, the last one says how it ended, a progress comes every other second, and a study tells those of its
runs (docs/EVENTS.md)."""
import json
import os
import signal
import subprocess
import time

import pytest

from events import await_event, pick, read_events, read_last, validator
from studies import STUDY, Place
from support import PROGRAM, environment, inject

SAVED = {"event": "saved", "version": 1, "command": "train", "checkpoint": "run/last.safetensors", "step": 20}


def test_the_schema_is_strict():
    assert validator().is_valid(SAVED)
    assert validator().is_valid(SAVED | {"run": "ce-0", "variant": "ce", "seed": 0})
    for wrong in ({"event": "renamed"}, {"command": "demo"}, {"version": 2}, {"step": -1}, {"step": "20"}, {"more": 1}, {"run": "ce-0"},
                  {"command": "tune"}):
        assert not validator().is_valid(SAVED | wrong), wrong
    for key in SAVED:
        assert not validator().is_valid({other: SAVED[other] for other in SAVED if other != key}), key


def start(directory, *words):
    return subprocess.Popen([PROGRAM, *map(str, words)], cwd=directory, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def test_a_training_from_start_to_end(mixent, tiny):
    done = mixent("train", *tiny, "--loss", "min-ent", "--set", "loss.learn=w1 w2", "--set", "select=test", "--run", "run", "--json")
    assert done.code == 0 and "warning: test-selected" in done.err
    events = read_events(done.out)
    kinds = [event["event"] for event in events if event["event"] != "progress"]
    epoch = [kind for kind in kinds[2:-1] if kind != "saved"]
    assert kinds[:2] == ["warning", "start"] and epoch == ["epoch"] * 3 and kinds[-1] == "finished"
    steps = [event["step"] for event in pick(events, "saved", checkpoint="run/last.safetensors")]
    assert steps == [event["step"] for event in pick(events, "epoch")] == [19, 38, 57]  # each before its epoch
    assert kinds[2] == "saved" and kinds[-2] == "epoch"
    (begun,) = pick(events, "start")
    assert (begun["directory"], begun["epochs"], begun["first_epoch"], begun["first_step"], begun["steps"]) == ("run", 3, 1, 0, 19)
    assert events[-1]["exit_code"] == 0 and events[-1]["best_epoch"] in (1, 2, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_stopped(mixent, tmp_path, tiny, number):
    process = start(tmp_path, "train", *tiny, "--epochs", "100000", "--run", "run", "--json")
    await_event(process, "epoch")
    times, told = [], []
    for _ in range(3):
        told.append(await_event(process, "progress"))
        times.append(time.monotonic())
    assert min(times[1] - times[0], times[2] - times[1]) < 2
    fractions = [progress["fraction"] for progress in told]
    assert 0 < fractions[0] < fractions[2] < 1 and {progress["phase"] for progress in told} <= {"train", "score"}
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    last = read_last(out)
    assert last["event"] == "stopped" and last["exit_code"] == process.returncode == 128 + number
    assert errors.endswith(f"mixent: {last['message']}\n")
    saved = json.loads([line for line in out.splitlines() if '"saved"' in line][-1])["step"]
    resumed = start(tmp_path, "train", "--resume", "run", "--json")
    begun = await_event(resumed, "start")
    resumed.kill()
    resumed.communicate()
    assert 19 * (begun["first_epoch"] - 1) + begun["first_step"] == saved > 0


@pytest.mark.parametrize("words, code, error", [
    (["--set", "optimizer.learning_rate=1000", "--set", "loss.w1=1e6", "--loss", "min-ent"], 1, "numeric"),
    (["--data", "nowhere"], 2, "argument"),
    (["--net", "cut.yaml"], 1, "format"),
    (["--epochs", "0"], 2, "argument"),
    (["--epochz", "2"], 2, "argument"),
    (["--set", "epochs"], 2, "argument"),
    (["more"], 2, "argument"),
])
def test_a_training_that_fails(mixent, tmp_path, tiny, words, code, error):
    """Whatever is wrong, be it before or after --json: the message of standard error."""
    (tmp_path / "cut.yaml").write_text("name: cut\nlayers:\n  - conv2d: {")
    usual = [*tiny, "--run", "run", "--overwrite"]
    for place in (["--json", *usual, *words], [*usual, *words, "--json"]):
        done = mixent("train", *place)
        last = read_last(done.out)
        assert (last["event"], last["error"], last["exit_code"], done.code) == ("failed", error, code, code)
        assert done.err.endswith(f"mixent: {last['message']}\n")


def test_a_dry_run_has_no_events(mixent, tmp_path):
    assert set(json.loads(mixent("train", "--dry-run", "--json").out)) == {"name", "options"}
    assert mixent("train", "--dry-run", "--json", "--epochs", "0").out == ""
    assert not mixent("train", "--json", "--help").out.startswith("{")
    text = mixent("train", "--run", "--json", "--data", "nowhere")  # a directory of that name
    assert text.code == 2 and text.out == ""


def test_progress_while_data_are_read(strace, tmp_path, tiny):
    """They take 2.6 seconds here."""
    words = ["train", *tiny, "--epochs", "1", "--run", "run", "--json"]
    code, out, _ = inject("openat:delay_enter=2600000:when=1", *words, directory=tmp_path, path=tmp_path / "bars" / "train-images-idx3-ubyte")
    events = read_events(out)
    assert code == 0 and [event.get("phase") for event in events[:2]] == ["prepare", "prepare"] and events[-1]["event"] == "finished"


def test_progress_is_not_behind_an_epoch(strace, tmp_path, tiny):
    """Reading the best model for the last scores takes 1.6 seconds here, in which the progress of the last step would be repeated."""
    words = ["train", *tiny, "--epochs", "1", "--run", "run", "--json"]
    code, out, _ = inject("openat:delay_enter=1600000:when=1", *words, directory=tmp_path, path="run/best.safetensors")
    events = read_events(out)
    last = events[-2]
    assert code == 0 and last["event"] == "progress" and last["phase"] in ("train", "score")
    assert (last["fraction"], last["epoch"]) == (1, 1) and last.get("step") == last.get("steps")


def test_tuning(mixent, tiny_net):
    shape = ["--side", "16", "--classes", "4", "--batch", "20", "--precision", "fp32", "--threads", "1", "--json", "--output"]
    events = read_events(mixent("tune", tiny_net, *shape, "plan.yaml", "--repetitions", "1").out)
    (begun,) = pick(events, "start")
    assert begun["net"] == "tiny" and events[-1]["event"] == "finished"
    failed = mixent("tune", tiny_net, *shape, "missing/plan.yaml", "--repetitions", "1")
    last = read_last(failed.out)
    assert (last["event"], last["error"], last["exit_code"], failed.code) == ("failed", "io", 1, 1) and last["message"] in failed.err


# Studies


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def events_by_run(events):
    runs = {}
    for event in events:
        if "run" in event:
            runs.setdefault(event["run"], []).append(event)
    return runs


def test_a_study_tells_of_its_runs(place):
    place.write(STUDY + "  wild: {optimizer: {learning_rate: 1000}, loss: {name: min-ent, w1: 1e6}}\n")
    out, errors = place.run("compare", "study.yaml", "--json", code=1)
    events = read_events(out)
    (begun,) = pick(events, "start", command="compare")
    assert begun["variants"] == ["ce", "min-ent", "wild"] and begun["runs"] == 6
    runs = events_by_run(events)
    assert sorted(runs) == ["ce-0", "ce-1", "min-ent-0", "min-ent-1", "wild-0", "wild-1"]
    for name, told in runs.items():
        kinds = [event["event"] for event in told]
        assert all(f"{event['variant']}-{event['seed']}" == name for event in told)
        assert kinds.count("start") == 1 and kinds[-1] == ("failed" if "wild" in name else "finished")
        if kinds[-1] == "finished":
            lines = [json.loads(line) for line in (place.directory / f"runs/small/{name}/metrics.jsonl").read_text().splitlines()]
            assert [event["seconds"] for event in told if event["event"] == "epoch"] == [line["seconds"] for line in lines]
        else:
            assert told[-1]["error"] == "numeric" and f"mixent: run {name} failed: {told[-1]['message']}\n" in errors
            assert events[-1]["failed"][name] == told[-1]["message"]
    assert events[-1]["event"] == "finished" and events[-1]["exit_code"] == 1 and events[-1]["finished"] == 4
    again = read_events(place.run("compare", "study.yaml", "--json", "--no-train")[0])
    assert [event["event"] for event in again if event["event"] != "progress"] == ["start", "finished"] and again[-1]["exit_code"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_somebody_ends(place, number):
    """One that is asked to stop has not failed; one that is killed has, and says nothing."""
    place.write(STUDY.replace("epochs: 2", "epochs: 15"))
    process = place.start("compare", "study.yaml", "--json", "--jobs", "1")
    await_event(process, "epoch")
    (child,) = place.trainers()
    os.kill(child, number)
    out, errors = process.communicate(timeout=120)
    events = read_events(out)
    runs = events_by_run(events)
    name = next(iter(runs))
    last, end = runs[name][-1], events[-1]
    assert [told[-1]["event"] for told in runs.values()] == [last["event"], *["finished"] * 3]
    assert end["exit_code"] == process.returncode
    if number == signal.SIGTERM:
        assert last["event"] == "stopped" and last["exit_code"] == 128 + number
        assert end["event"] == "stopped" and f"mixent: run {name} was stopped by signal 15" in errors
        assert place.compare()["finished"] == 4
    else:
        assert (last["event"], last["error"], last["exit_code"]) == ("failed", "process", 128 + number) and "signal 9" in last["message"]
        assert end["event"] == "finished" and end["exit_code"] == 1 and end["failed"] == {name: last["message"]}


def test_a_study_that_is_stopped(place):
    place.write(STUDY.replace("epochs: 2", "epochs: 100000"))
    process = place.start("compare", "study.yaml", "--json", "--jobs", "1")
    await_event(process, "epoch")
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=60)
    events = read_events(out)
    assert events[-1]["event"] == "stopped" and events[-1]["exit_code"] == process.returncode == 128 + signal.SIGTERM
    assert errors.endswith(f"mixent: {events[-1]['message']}\n") and "mixent compare runs/small" in errors
    assert {told[-1]["event"] for told in events_by_run(events).values()} == {"stopped"}


def test_a_study_that_is_wrong(place):
    place.write(STUDY.replace("baseline: ce", "baseline: nothing"))
    for words in (["study.yaml"], ["missing.yaml"], ["study.yaml", "--jobs", "0"]):
        out, errors = place.start("compare", *words, "--json").communicate()
        last = read_last(out)
        assert last["event"] == "failed" and last["command"] == "compare" and errors == f"mixent: {last['message']}\n"
