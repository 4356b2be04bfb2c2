"""Studies whose variants are tuned: the searches that compare names, what it reads of them, and which run takes which. Here the
searches are made by hand; tests/python/test_sweep.py runs them."""
import json
import re
import shutil
import subprocess

import pytest

from studies import STUDY, Place
from support import PROGRAM, environment

TUNED = STUDY.replace("seeds: 2", "seeds: 3").replace("epochs: 2", "epochs: 1").replace(", learn: [w1, w2]", "") + """\
tuned:
  trials: 2
  per: dimension
  replicates: 2
  space:
    optimizer.learning_rate: {log_uniform: [0.01, 0.3]}
    loss.w2: {uniform: [0, 1], when: {loss.name: [min-ent, mix-ent]}}
"""
FOUND = {"ce-0": {"optimizer.learning_rate": 0.02}, "ce-1": {"optimizer.learning_rate": 0.04},
         "min-ent-0": {"optimizer.learning_rate": 0.06, "loss.w2": 0.25}, "min-ent-1": {"optimizer.learning_rate": 0.08, "loss.w2": 0.75}}


def searched(place, name, *more, trials=None, keys=None):
    """What mixent-sweep leaves of a search that found FOUND[name]."""
    text = (place.directory / f"runs/small/searches/{name}.yaml").read_text()
    settings = dict(re.findall(r"^  (\S+): (.*)$", text[text.index("set:"):text.index("trials:")], re.M)) | FOUND[name]
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    base = re.search(r"^recipe: (.*)$", text, re.M)[1].strip('"')
    done = subprocess.run([PROGRAM, "train", "--recipe", base, *words, "--set", f"name={name}-best", *more, "--dry-run"],
                          cwd=place.directory, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    directory = place.directory / f"runs/small/searches/{name}"
    directory.mkdir(exist_ok=True)
    (directory / "best.yaml").write_text(f"# The best\n{done.stdout}")
    columns = keys if keys is not None else list(FOUND[name])
    rows = [f"{n},finished,0.5,1,1,1,0.1,{','.join('0.1' for _ in columns)}," for n in range(trials or 2 * len(columns))]
    head = ",".join(["number,end,value,best_epoch,epochs,planned,seconds", *columns, "message"])
    (directory / "trials.csv").write_text("".join(f"{row}\n" for row in [head, *rows]))


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path, TUNED)
    out, errors = place.run("compare", "study.yaml", code=1)
    assert errors.startswith("mixent: runs/small: 4 of 4 searches are missing; run the commands")
    assert out.splitlines() == [f"mixent-sweep runs/small/searches/{name}.yaml --directory runs/small/searches/{name}"
                                for name in ("ce-0", "min-ent-0", "ce-1", "min-ent-1")]
    return place


def rates(place, runs="runs/small"):
    """The learning rate and w2 of each run."""
    found = {}
    for path in sorted(place.directory.glob(f"{runs}/*/recipe.yaml")):
        text = path.read_text()
        found[path.parent.name] = tuple(float(re.search(rf"^  {key}: (\S+)$", text, re.M)[1]) for key in ("learning_rate", "w2"))
    return found


def test_what_a_search_is(place):
    text = (place.directory / "runs/small/searches/min-ent-1.yaml").read_text()
    for line in ("name: min-ent-1", f"recipe: {place.directory}/runs/small/base.yaml", "  batch: 20", "  loss.name: min-ent",
                 "  seed: 1000000001", "  validation.seed: 1000000001", "trials: 4", "seed: 1", "pruner: none",
                 "  optimizer.learning_rate: {log_uniform: [0.01, 0.3]}"):
        assert f"{line}\n" in text
    text = (place.directory / "runs/small/searches/ce-0.yaml").read_text()
    assert "trials: 2\n" in text and "  seed: 1000000000\n" in text  # one dimension: w2 is not one of ce
    last = place.compare(code=1)
    assert last["event"] == "failed" and last["error"] == "io" and "4 of 4 searches are missing" in last["message"]


def test_runs_take_what_their_replicate_found(place):
    for name in list(FOUND)[:3]:
        searched(place, name)
    searched(place, "min-ent-1", trials=3)  # the budget is four
    out, errors = place.run("compare", "study.yaml", code=1)
    assert "1 of 4 searches are missing" in errors
    assert out == "mixent-sweep runs/small/searches/min-ent-1.yaml --directory runs/small/searches/min-ent-1\n"
    searched(place, "min-ent-1")
    out, _ = place.run("compare", "study.yaml")
    assert "6 of 6 runs are finished" in out
    assert "Each variant is tuned by 2 searches, of 2 trials for each option that it searches" in " ".join(out.split())
    assert "Runs of one search are not independent: the first 2 of a variant are compared." in " ".join(out.split())
    compared = place.compare("--no-train")["comparison"]
    assert compared["seeds"] == ["0", "1"] and compared["data"][0]["comparisons"][0]["measures"]["accuracy"]["count"] == 2
    expected = {"ce-0": 0.02, "ce-1": 0.04, "ce-2": 0.02, "min-ent-0": 0.06, "min-ent-1": 0.08, "min-ent-2": 0.06}
    assert {run: rate for run, (rate, _) in rates(place).items()} == expected
    assert [w2 for run, (_, w2) in rates(place).items() if run.startswith("min-ent")] == [0.25, 0.75, 0.25]
    # what was found stays with the study, also on another machine
    shutil.rmtree(place.directory / "runs/small/searches")
    place.run("study", "export", "runs/small", "all.jsonl")
    assert "6 runs came in" in place.run("study", "import", "all.jsonl", "--runs", "other")[0]
    out, _ = place.run("compare", "other/small", "--seeds", "4")
    assert rates(place, "other/small")["min-ent-3"] == (0.08, 0.75)
    place.write(TUNED.replace("trials: 2", "trials: 3"))
    assert "runs/small holds a study with another 'tuned'" in place.run("compare", "study.yaml", code=2)[1]
    lines = (place.directory / "all.jsonl").read_text()
    old = '"optimizer.learning_rate":"0.02"'
    assert lines.count(old) == 1
    for new, why in (('"optimizer.learning_rate":"0.03"', "the run has optimizer.learning_rate 0.02"),
                     ('"seed":"3"', "'tuned' is not what searches find"),
                     ('"optimizer.learning_rate":0.02', "'tuned' is not what searches find")):
        (place.directory / "lie.jsonl").write_text(lines.replace(old, new))
        assert why in place.run("study", "import", "lie.jsonl", "--runs", "lies", code=1)[1]
    state = json.loads((place.directory / "other/small/study.json").read_text())
    state["tuned"]["ce"][0]["optimizer.learning_rate"] = "0.5"
    for run in ("ce-0", "ce-2"):
        shutil.rmtree(place.directory / f"other/small/{run}")
    (place.directory / "other/small/study.json").write_text(json.dumps(state))
    assert "other/small holds what other searches of ce found" in place.run("study", "import", "all.jsonl", "--runs", "other", code=2)[1]


def test_a_list_of_entries(tmp_path):
    """Of which a variant searches the one whose condition holds."""
    entry = "{uniform: [0, 1], when: {loss.name: [min-ent, mix-ent]}}"
    assert entry in TUNED
    place = Place(tmp_path, TUNED.replace(entry, "[{uniform: [0, 1], when: {loss.name: min-ent}}, {uniform: [0, 2], when: {loss.name: mix-ent}}]"))
    assert "4 of 4 searches are missing" in place.run("compare", "study.yaml", code=1)[1]
    trials = {name: (tmp_path / f"runs/small/searches/{name}.yaml").read_text() for name in ("ce-0", "min-ent-0")}
    assert "trials: 2\n" in trials["ce-0"] and "trials: 4\n" in trials["min-ent-0"] and "uniform: [0, 2]" in trials["min-ent-0"]


@pytest.mark.parametrize("more, keys, message", [
    (["--set", "dropout=0.3"], None, "ce-0/best.yaml: its trials had dropout 0.3, but the study says 0.1"),
    (["--set", "validation.seed=7"], None, "its trials had validation.seed 7, but the study says 1000000000"),
    ([], ["loss.w2"], "ce-0/trials.csv: expected the columns number,end,value,best_epoch,epochs,planned,seconds,optimizer.learning_rate,"),
])
def test_a_search_of_something_else_is_refused(place, more, keys, message):
    searched(place, "ce-0", *more, keys=keys)
    assert message in place.run("compare", "study.yaml", code=1)[1]


@pytest.mark.parametrize("old, new, message", [
    ("  trials: 2\n", "", "tuned: 'trials' is missing"),
    ("per: dimension", "per: study", "tuned: per: expected dimension"),
    ("replicates: 2", "replicates: 1", "replicates: expected a whole number from 2"),
    ("loss.w2:", "loss.w9:", "tuned: unknown option 'loss.w9'"),
    ("loss.w2:", "batch:", "tuned: batch cannot be searched in a study: all runs of a variant share their plan"),
    ("loss.w2:", "validation.seed:", "validation.seed cannot be searched in a study: all trials are scored on the same images"),
    ("[0.01, 0.3]", "[0, 0.3]", "tuned: log_uniform: expected a first number above 0 and below the second"),
    ("uniform: [0, 1]", "uniform: [1, 0]", "tuned: uniform: expected a first number below the second"),
    ("uniform: [0, 1]", "uniform: [0, 1, 2]", "tuned: uniform: expected two numbers, as [1, 10]"),
    ("{uniform: [0, 1], when: {loss.name: [min-ent, mix-ent]}}",
     "[{uniform: [0, 1], when: {loss.name: min-ent}}, {uniform: [1, 0], when: {loss.name: mix-ent}}]", "tuned: uniform: expected a first"),
    ("uniform: [0, 1]", "choice: []", "tuned: choice: expected a list of values"),
    ("uniform: [0, 1]", "normal: [0, 1]", "tuned: loss.w2: expected one of uniform, log_uniform, integer, log_integer, choice"),
    ("{log_uniform: [0.01, 0.3]}", "0.1", "tuned: optimizer.learning_rate: expected one of uniform"),
    (TUNED[TUNED.index("    optimizer.learning_rate"):], "    {}\n", "tuned: space: expected 1 to 64 options"),
])
def test_mistakes(tmp_path, old, new, message):
    assert old in TUNED
    place = Place(tmp_path, TUNED.replace(old, new))
    _, errors = place.run("compare", "study.yaml", code=1)
    assert errors.startswith("mixent: study.yaml:") and message in errors


def test_cross_entropy_scaled(tmp_path):
    """mix-ent-split without its other terms is cross entropy times w1, the control for losses whose scale acts as a learning rate."""
    place = Place(tmp_path, STUDY[:STUDY.index("  min-ent:")] + """\
  scaled: {loss: {name: mix-ent-split, w1: 1, w2: 0, w3: 0}}
  doubled: {loss: {name: mix-ent-split, w1: 2, w2: 0, w3: 0}, optimizer: {learning_rate: 0.05, weight_decay: 1e-3}}
""")
    place.compare()
    scores = place.scores()
    for run in ("scaled-0", "doubled-0"):
        for key in ("accuracy", "nll"):
            assert scores[run]["test"][key] == pytest.approx(scores["ce-0"]["test"][key], rel=1e-3)
    assert scores["doubled-0"]["test"]["loss"] == pytest.approx(2 * scores["ce-0"]["test"]["loss"], rel=1e-3)
