"""Sweeps with Optuna and Ray that are killed or stopped, in part or whole: no trial is lost or run twice, and each ends with the same
bits. `make test-python` installs what this needs."""
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
pytest.importorskip("optuna")
pytest.importorskip("PIL")
from support import PROGRAM  # noqa: E402
from sweeps import children, place  # noqa: E402, F401

from mixent.sweep.program import Program  # noqa: E402
from mixent.sweep.space import read_sweep  # noqa: E402
from mixent.sweep.study import open_study  # noqa: E402
from mixent.sweep.trial import Training  # noqa: E402


def kill(number):
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        pass


def resumed(place, name):
    """Whether a trial went on from a later epoch than the first."""
    lines = [line for path in place.path(name, "trials").glob("*.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
    starts = [json.loads(line) for line in lines if line.startswith(b'{"event":"start"')]
    return any(start["first_epoch"] > 1 for start in starts)


def kill_again_and_again(place, name, kills, jobs, seed):
    """Ends the sweep by SIGKILL at random moments, sometimes its trials as well, as a power cut would; then lets it end."""
    generator = random.Random(seed)
    for turn in range(kills):
        process = place.start(name, "--jobs", jobs)
        while not (children(process) and place.at_work(name)) and process.poll() is None:
            time.sleep(0.02)
        time.sleep(generator.uniform(0, 0.5))
        trials = children(process)
        kill(process.pid)
        for trial in trials if turn % 2 else []:
            kill(trial)
        process.communicate()
    return place.records(name, "--jobs", jobs)


def test_killed_sweeps_go_on(place):
    """To the same trials as if nothing had happened: none is lost, none is run twice, and each has the same bits."""
    for name in ("whole", "killed"):
        place.write(name, trials=5, sampler="random", pruner="none", seed=4, epochs=16)
    whole = place.records("whole", "--jobs", 2)
    killed = kill_again_and_again(place, "killed", 4, 2, seed=1)
    place.check_whole("killed", killed, 5, 16)
    assert killed == whole
    for record in whole:
        assert place.lines("killed", record["number"]) == place.lines("whole", record["number"])
    assert resumed(place, "killed")


def test_a_trial_that_was_killed_before_it_drew(place):
    """It draws what it would have drawn."""
    for name in ("drawn", "early"):
        place.write(name, trials=2, sampler="random", pruner="none", seed=4, epochs=1)
    place.path("early").mkdir(parents=True)
    sweep = read_sweep(place.directory / "early.yaml", Program(str(PROGRAM)))
    open_study(sweep, place.path("early"), {"threads": 1, "ray": False}).ask()
    assert place.records("early", "--jobs", 1) == place.records("drawn", "--jobs", 1)


@pytest.mark.long
def test_killed_often_while_it_prunes(place):
    place.write("often", trials=12, sampler="tpe", pruner="hyperband", seed=2, epochs=9)
    place.check_whole("often", kill_again_and_again(place, "often", 12, 2, seed=3), 12, 9)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_every_trial(place, number):
    name = f"stopped-{number.name}"
    place.write(name, trials=3, pruner="none", epochs=20)
    process = place.start(name, "--jobs", 2)
    while not list(place.path(name, "trials").glob("*/last.safetensors")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(number)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert errors == f"mixent-sweep: stopped, every trial is saved; go on with: mixent-sweep {name}.yaml --jobs 2\n"
    said = place.run(name, "--jobs", 2)
    assert "going on with 2 interrupted trials" in said and "3 finished" in said


def test_a_trial_that_is_stopped_alone_goes_on(place):
    """Its last event says that a signal stopped it and that it has saved."""
    place.write("hit", trials=1, pruner="none", epochs=12)
    process = place.start("hit")
    while not list(place.path("hit", "trials").glob("*/last.safetensors")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(*children(process), signal.SIGTERM)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    events, = place.path("hit", "trials").glob("*.jsonl")
    told = [json.loads(line)["event"] for line in events.read_text().splitlines()]
    assert [event for event in told if event in ("start", "stopped", "finished")] == ["start", "stopped", "start", "finished"]


def test_a_last_line_that_is_cut_is_no_event(tmp_path):
    """As after a full disk: what the next event follows on one line tells nothing, and ends no sweep."""
    events = tmp_path / "0000.jsonl"
    for text, told in (('{"event":"finished","version":1}\n', {"event": "finished", "version": 1}), ('{"event":"progr{"event":"failed"}\n', {}), ("", {})):
        events.write_text(text)
        assert Training._last_event(SimpleNamespace(events=events, _begin=0)) == told


@pytest.mark.long
def test_a_ray_cluster_that_loses_a_machine(place):
    """Three nodes; one is killed with a trial at work on it, which goes on elsewhere."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    os.environ.update({key: place.environment[key] for key in ("MIXENT_PROGRAM", "PYTHONPATH")})
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        place.write("ray", trials=6, epochs=300, seed=1)  # long enough not to end while its machine goes down
        process = place.start("ray", "--ray", cluster.address)
        lost = None
        while lost is None:
            assert process.poll() is None, process.communicate()
            lost = next((node for node in nodes if trial_at_work(node)), None)
            time.sleep(0.05)
        cluster.remove_node(lost, allow_graceful=False)
        out, errors = process.communicate(timeout=1200)
        assert process.returncode == 0, out + errors
    finally:
        cluster.shutdown()
    assert "its machine or process was lost; it is resumed" in out
    records = place.records("ray", "--ray", "local")  # it is done: only told again
    place.check_whole("ray", records, 6, 300)
    assert all(record["end"] in ("finished", "pruned") for record in records)
    assert any(record["end"] == "finished" for record in records)
    assert resumed(place, "ray")


def trial_at_work(node):
    """Whether a process under that node trains, and has finished an epoch."""
    below = [node.all_processes["raylet"][0].process]
    while below:
        below = [child for process in below for child in children(process)]
        for number in below:
            try:
                words = Path(f"/proc/{number}/cmdline").read_text().split("\0")
            except FileNotFoundError:
                continue
            if "train" in words and "--run" in words:
                metrics = Path(words[words.index("--run") + 1]) / "metrics.jsonl"
                return metrics.exists() and metrics.stat().st_size > 0
        below = [SimpleNamespace(pid=number) for number in below]
    return False


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_ray_sweep_that_is_stopped_goes_on(place, number):
    pytest.importorskip("ray")
    name = f"later-{number}"
    place.write(name, trials=4, epochs=60, seed=2, pruner="none")
    process = place.start(name, "--ray", "local", "--jobs", 2)
    while not place.at_work(name):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(number)
    out, errors = process.communicate(timeout=300)
    if number == signal.SIGINT:
        assert process.returncode == 130 and f"go on with: mixent-sweep {name}.yaml --ray local --jobs 2" in errors, out + errors
    place.check_whole(name, place.records(name, "--ray", "local", "--jobs", 2), 4, 60)
    assert "differs in trials;" in place.run(name, "--ray", "local", "--jobs", 2, "--trials", 5, code=1)
