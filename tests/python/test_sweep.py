"""Sweeps with Optuna, on data and a network so small that a trial takes about a second: what they find, what pruning saves, what is
refused, and what fails. test_sweep_stopped.py kills them. `make test-python` installs what this needs."""
import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
optuna = pytest.importorskip("optuna")
pytest.importorskip("PIL")
from support import PROGRAM, environment, make_dataset  # noqa: E402
from sweeps import children, place  # noqa: E402, F401

from mixent.sweep.main import main  # noqa: E402
from mixent.sweep.program import Program  # noqa: E402
from mixent.sweep.space import read_sweep  # noqa: E402
from mixent.sweep.study import choose, make_sampler  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def test_what_a_sweep_leaves(place):
    place.write("first", trials=6, seed=1, pruner="none")
    said = place.run("first", "--jobs", 2)
    records = place.records("first")  # it is done: only told again
    place.check_whole("first", records, 6, 3)
    best = max(records, key=lambda record: record["value"])
    assert f"Trial {best['number']} is best" in said and "6 finished" in said and "optimizer.learning_rate" in said
    table = list(csv.DictReader(place.path("first", "trials.csv").open()))
    assert [float(row["value"]) for row in table] == [record["value"] for record in records]
    for record, row in zip(records, table):
        learned = record["chosen"]["loss.learn"] == "w1 w2"
        assert ("loss.weight_learning_rate" in record["chosen"]) == learned == bool(row["loss.weight_learning_rate"])
        recipe = place.path("first", "trials", f"{record['number']:04}", "recipe.yaml").read_text()
        assert f"  learn: {record['chosen']['loss.learn']}\n" in recipe
    assert {record["chosen"]["loss.learn"] for record in records} == {"none", "w1 w2"}
    for name in ("history.svg", "history.png"):
        assert place.path("first", name).stat().st_size > 1000
    # best.yaml trains to the bits of the trial
    done = subprocess.run([PROGRAM, "train", "--recipe", place.path("first", "best.yaml"), "--threads", "1", "--run", "again"],
                          cwd=place.directory, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (place.directory / "again" / "metrics.jsonl").read_text().splitlines()]
    assert [{key: value for key, value in line.items() if key not in ("seconds", "images_per_second")} for line in lines] == place.lines(
        "first", best["number"])


def test_the_test_images_do_not_matter(place):
    """Another test set, the same sweep: nothing is chosen by it."""
    make_dataset(place.directory / "others", train=1000, test=40)
    for part in ("images-idx3", "labels-idx1"):
        (place.directory / "others" / f"test-{part}-ubyte").unlink()
    make_dataset(place.directory / "more", train=10, test=60, classes=4, seed=9)
    for path in (place.directory / "more").glob("test-*"):
        path.rename(place.directory / "others" / path.name)
    place.write("these", trials=3, sampler="tpe", pruner="none")
    place.write("those", trials=3, sampler="tpe", pruner="none")
    these, those = place.records("these", "--jobs", 1), place.records("those", "--jobs", 1, "--set", "data=others")
    assert these == those
    scores = [json.loads(place.path(name, "trials", "0000", "summary.json").read_text())["test"] for name in ("these", "those")]
    assert scores[0]["images"] != scores[1]["images"]


def test_pruning_saves_epochs(place):
    """One good learning rate, then hopeless ones, which are cut short; their processes save and end."""
    rates = "space: {optimizer.learning_rate: {choice: [0.1, 1e-7, 2e-7, 3e-7, 4e-7, 5e-7]}}\n"
    place.write("cut", rates, epochs=27, sampler="grid", pruner="hyperband")
    said = place.run("cut", "--jobs", 1)
    records = place.records("cut")
    place.check_whole("cut", records, 6, 27)
    pruned = [record for record in records if record["end"] == "pruned"]
    assert records[0]["end"] == "finished" and len(pruned) >= 2
    saved = sum(27 - record["epochs"] for record in pruned) / (6 * 27)
    assert saved > 0.2 and f"Pruning saved {100 * saved:.0f} % of the epochs." in said
    for record in pruned:
        run = place.path("cut", "trials", f"{record['number']:04}")
        assert not (run / "summary.json").exists() and "stopped and saved" in run.with_suffix(".log").read_text()


def test_two_at_once_and_a_changed_file_are_refused(place):
    place.write("alone", trials=2, pruner="none", epochs=20)
    process = place.start("alone")
    while not place.at_work("alone"):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    trials = children(process)
    for trial in trials:  # else they may be done before another has started
        os.kill(trial, signal.SIGSTOP)
    assert "another mixent-sweep is at work there" in place.run("alone", code=1)
    for trial in trials:
        os.kill(trial, signal.SIGCONT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 143
    place.write("alone", trials=2, pruner="none", epochs=21)
    assert "differs in settings, epochs;" in place.run("alone", code=1)
    place.write("alone", trials=1, pruner="none", epochs=20)  # other trials are fine
    place.run("alone")


def test_a_changed_recipe_is_refused(place):
    recipe = place.directory / "own-recipe.yaml"
    recipe.write_text("name: own\nschedule: {warmup: 0.25}\n")
    place.write("own", trials=1, pruner="none", recipe="./own-recipe.yaml")
    place.run("own")
    place.run("own")
    recipe.write_text("name: own\nschedule: {warmup: 0.5}\n")
    assert "differs in recipe_options;" in place.run("own", code=1)


def test_trials_that_fail_at_once_end_the_sweep(place):
    place.write("wrong", trials=9)
    errors = place.run("wrong", "--set", "data=nowhere", code=1)
    assert "trials failed; the last one said:" in errors and "nowhere" in errors


def test_trials_that_run_away_are_told_as_such(place):
    place.write("away", "space: {optimizer.learning_rate: {choice: [0.05, 900]}}\n", sampler="grid")
    assert [record["end"] for record in place.records("away", "--set", "loss.name=ce")] == ["finished", "diverged"]


def test_a_sweep_whose_trials_all_run_away_fails(place):
    place.write("lost", "space: {optimizer.learning_rate: {choice: [800, 900]}}\n", sampler="grid")
    errors = place.run("lost", "--set", "loss.name=ce", code=1)
    assert errors.startswith("mixent-sweep: all 2 trials diverged, so there is no best one; search lower learning rates") and "Traceback" not in errors
    assert not place.path("lost", "best.yaml").exists() and len(place.path("lost", "trials.csv").read_text().splitlines()) == 3
    process = place.start("lost", "--set", "loss.name=ce", "--json")
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 1 and [trial["end"] for trial in json.loads(out)["trials"]] == ["diverged"] * 2 and "all 2 trials diverged" in errors


@pytest.fixture(scope="module")
def done(place):
    """A sweep of one trial, done."""
    place.write("done", trials=1, pruner="none", epochs=1)
    place.run("done")
    return place.path("done")


def again(place, monkeypatch, capsys, code):
    """The same call in this process; what it says."""
    monkeypatch.chdir(place.directory)
    monkeypatch.setenv("MIXENT_PROGRAM", str(PROGRAM))
    result, said = main(["done.yaml", "--directory", "copy"]), capsys.readouterr().err
    assert result == code, said
    return said


def replaced(content):
    def change(path):
        path.write_bytes(content(path.read_bytes()))
    return change


def a_directory(path):
    path.unlink()
    path.mkdir()


def without_trials(path):
    with sqlite3.connect(path) as connection:
        connection.execute("delete from trials")


DAMAGES = [
    (replaced(lambda whole: whole[: len(whole) // 2]), "sweep.db is damaged (database disk image is malformed)"),
    (replaced(lambda whole: whole[:50]), "sweep.db is damaged ("), (replaced(lambda whole: b"no database" * 90), "sweep.db is damaged (file is not a database)"),
    (replaced(lambda whole: whole[:4096] + bytes(len(whole) // 2) + whole[4096 + len(whole) // 2 :]), "sweep.db is damaged ("),
    (replaced(lambda whole: b""), "sweep.db is new or damaged: it does not know 1 of the 1 trials"),
    (without_trials, "sweep.db is new or damaged: it does not know 1 of the 1 trials"),
    (Path.unlink, "sweep.db is new or damaged: it does not know 1 of the 1 trials"),
    (a_directory, "sweep.db cannot be used: unable to open database file"),
]


@pytest.mark.parametrize("damage, message", DAMAGES, ids=range(len(DAMAGES)))
def test_a_damaged_file_is_one_message(place, done, monkeypatch, capsys, damage, message):
    copy = place.directory / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(done, copy)
    damage(copy / "sweep.db")
    said = again(place, monkeypatch, capsys, 1)
    assert said.startswith("mixent-sweep: copy/") and message in said and said.count("\n") == 1


def test_a_locked_file_is_one_message(place, done, monkeypatch, capsys):
    copy = place.directory / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(done, copy)
    monkeypatch.setattr("mixent.sweep.study.LOCK_SECONDS", 0.2)
    holder = sqlite3.connect(copy / "sweep.db", isolation_level=None)
    holder.execute("begin exclusive")
    said = again(place, monkeypatch, capsys, 1)
    assert said == ("mixent-sweep: copy/sweep.db was locked by another program for 0.2 seconds; end that program, then start the sweep again: "
                    "it goes on with the trials that are saved\n")
    holder.execute("rollback")
    holder.close()
    assert again(place, monkeypatch, capsys, 0) == ""


def test_files_that_are_in_the_way(place, done, monkeypatch, capsys):
    copy = place.directory / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.write_text("no directory")
    assert again(place, monkeypatch, capsys, 1) == "mixent-sweep: copy: File exists\n"
    copy.unlink()


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "random"])
def test_samplers_go_on_as_if_never_stopped(place, sampler):
    """The draws of a trial depend on the seed, its number and what came before, not on when the sweep was started."""
    if sampler == "qmc":
        pytest.importorskip("scipy")
    place.write("draw", sampler=sampler, seed=5)
    sweep = read_sweep(place.directory / "draw.yaml", Program(str(PROGRAM)), {"data": "bars"})

    def draw(stops):
        study = optuna.create_study(direction="maximize")
        drawn = []
        for number in range(16):
            study.sampler = make_sampler(sweep, number)
            if number in stops:
                study.sampler = make_sampler(sweep, number)
            trial = study.ask()
            drawn.append(choose(sweep, trial))
            study.tell(trial, -abs(drawn[-1]["optimizer.learning_rate"] - 0.1))
        return drawn

    drawn = draw([])
    assert drawn == draw([3, 7, 8])
    assert len({row["optimizer.learning_rate"] for row in drawn}) == 16


@pytest.mark.parametrize("name", ["paper-min-ent", "paper-mix-ent"])
def test_the_program_takes_all_that_is_drawn(name):
    program = Program(str(PROGRAM))
    sweep = read_sweep(ROOT / "recipes" / "sweeps" / f"{name}.yaml", program)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(60):
        program.recipe_text(sweep.recipe, sweep.settings_of(choose(sweep, study.ask())))


@pytest.mark.long
def test_a_study_whose_variants_are_tuned(place):
    """`mixent compare` names the searches, mixent-sweep runs them, and each run has what its replicate found."""
    (place.directory / "study.yaml").write_text("""name: tuned
recipe: demo
seeds: 4
set: {data: bars, net: tiny.yaml, epochs: 1, batch: 20, precision: fp32, validation: {fraction: 0.2}}
tuned:
  trials: 2
  per: variant
  replicates: 2
  space:
    optimizer.learning_rate: {log_uniform: [0.001, 0.3]}
    loss.w1: {log_uniform: [0.5, 2], when: {loss.name: mix-ent-split}}
variants:
  ce: {loss: {name: ce}}
  scaled-ce: {loss: {name: mix-ent-split, w2: 0, w3: 0}}
""")

    def compare(code):
        done = subprocess.run([PROGRAM, "compare", "study.yaml"], cwd=place.directory, env=environment(), capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout
    commands = compare(1).splitlines()
    assert len(commands) == 4
    for command in commands:
        assert command.startswith("mixent-sweep ")
        subprocess.run([sys.executable, "-m", "mixent.sweep", *command.split()[1:]], cwd=place.directory, env=place.environment, check=True,
                       capture_output=True)
    assert "8 of 8 runs are finished" in compare(0)
    for variant in ("ce", "scaled-ce"):
        for seed in range(4):
            directory = place.directory / f"runs/tuned/searches/{variant}-{seed % 2}"
            trials = list(csv.DictReader((directory / "trials.csv").open()))
            best = max(trials, key=lambda trial: float(trial["value"]))
            recipe = (place.directory / f"runs/tuned/{variant}-{seed}/recipe.yaml").read_text()
            assert len(trials) == 2 and f"  learning_rate: {best['optimizer.learning_rate']}\n" in recipe
            assert variant == "ce" or f"  w1: {best['loss.w1']}\n" in recipe
            assert f"\nseed: {seed}\n" in recipe
            assert (directory / "trials/0000/recipe.yaml").read_text().count(f"seed: {10**9 + seed % 2}\n") == 2
